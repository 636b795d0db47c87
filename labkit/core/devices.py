"""Which device and which number type a model runs in, and what the machine does well.

`auto` picks cuda, then mps, then cpu. The dtype is float32 on each, for the bounds of a lesson are those of float32;
only weights of more than 2 GB are held in bfloat16, on a card that has it natively.

No other file of labkit names a number type that is short of float32: whoever wants a quick product asks `quick_type`,
for where a device has no unit for bfloat16 torch falls back to a plain loop, 20 to 500 times as slow (pytorch#146508).
"""

import os
import platform
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .errors import OptionError

DTYPES = ("float32", "bfloat16", "float16")
PRECISIONS = ("auto", "float32", "bfloat16")
"""What the products of a training may be in."""
STORED = "float16"
"""How hidden states that are kept lie in memory; they are computed with in float32."""
COMPACT = "bfloat16"
"""How fetched weights of few bits lie in the cache: exact for values of at most 8 bits, at half the room."""

COMFORTABLE = 2_000_000_000
"""Bytes of float32 weights up to which a model is held so, on any device."""


_MEANS = {"auto": "auto"}
"""What `auto` means in this process; see `use_device`."""


def use_device(device: str) -> str:
    """Let `auto` mean this device for the rest of the process, and return it; `auto` = the best one again.

    Raises:
        OptionError: the device is unknown, or is not on this machine.
    """
    if device != "auto":
        choose_device(device)  # a wrong one changes nothing
    _MEANS["auto"] = device
    return choose_device()


def choose_device(device: str = "auto") -> str:
    """`cuda`, `cuda:N`, `mps` or `cpu`; for `auto` what `use_device` was given, else the best of the machine.

    Raises:
        OptionError: the device is unknown, or is not on this machine.
    """
    import torch

    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    device = _MEANS.get(device, device)
    if device == "auto":
        return "cuda" if has_cuda else "mps" if has_mps else "cpu"
    kind, colon, index = device.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and (kind != "cuda" or not index.isdecimal())):
        raise OptionError(f"device {device!r} is unknown; use auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and not (has_cuda and int(index or 0) < torch.cuda.device_count()):
        raise OptionError(f"device {device!r} is not on this machine; use device='auto', or see `labkit doctor`")
    if kind == "mps" and not has_mps:
        raise OptionError("device 'mps' is not on this machine; use device='auto', or see `labkit doctor`")
    return device


def choose_dtype(dtype: str, device: str, elements: int = 0) -> str:
    """`float32`, `bfloat16` or `float16` for a device chosen by `choose_device`.

    Args:
        dtype: auto, or one of the three.
        device: where the model will run.
        elements: numbers in the model's weights; above `COMFORTABLE` bytes `auto` halves them where a card is quick so.

    Raises:
        OptionError: the dtype is not one of the three.
    """
    if dtype == "auto":
        large = elements * 4 > COMFORTABLE
        return quick_type(device) if large and device.startswith("cuda") else "float32"
    if dtype not in DTYPES:
        raise OptionError(f"dtype {dtype!r} is unknown; use auto, {', '.join(DTYPES)}")
    return dtype


def long_type(device: Any) -> Any:
    """The number type of sums whose border must not move with the machine: float64; float32 on mps, which has none.

    Args:
        device: a torch.device.
    """
    import torch

    return torch.float64 if device.type in ("cpu", "cuda") else torch.float32


def quick_type(device: str) -> str:
    """The number type of the fastest matrix products that are precise enough to train with.

    A fact of the device and its libraries and not a timing, so that a run repeats: bfloat16 on a card that has it
    natively (a T4 says yes by emulation) and on a processor with AMX, AVX512-BF16 or ARM's bfloat16 whose library uses
    it (`ONEDNN_MAX_CPU_ISA` and `ATEN_CPU_CAPABILITY` can forbid that), else float32.

    Law: never a type whose product is slower than float32's (tests/core/test_devices.py).
    """
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if device == "cpu" and _processor_has_bfloat16() else "float32"


def _processor_has_bfloat16() -> bool:
    import torch

    library = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    if not (torch.backends.mkldnn.is_available() and library()):
        return False
    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    known = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # without them AVX-512 emulates it
    wide = torch.backends.cpu.get_cpu_capability().startswith(("AVX512", "AMX"))
    return wide and any(getattr(torch.cpu, name, lambda: False)() for name in known)


def cost_of(dtype: str, device: str) -> str:
    """One line for whoever asked for a number type that this processor has no unit for; empty where it is quick.

    The price is measured: a product of 256 x 256 in this type against one in float32.
    """
    if device != "cpu" or dtype == "float32" or dtype == quick_type(device):
        return ""
    ratio = _seconds(dtype) / _seconds("float32")
    if ratio < 2:
        return ""
    return (
        f"{dtype} on this processor ({processor()}): a matrix product takes {ratio:.0f} x as long as in float32; "
        "it saves memory, not time. dtype='float32' is the quick one here"
    )


@cache
def _seconds(dtype: str) -> float:
    """Of one product on one thread, the best of eight after one that warms up; a second thread may have to wait."""
    from time import perf_counter

    import torch

    one, took, threads = torch.ones(256, 256, dtype=getattr(torch, dtype)), [], torch.get_num_threads()
    torch.set_num_threads(1)
    for _ in range(9):
        began = perf_counter()
        torch.mm(one, one)
        took.append(perf_counter() - began)
    torch.set_num_threads(threads)
    return min(took[1:])


@dataclass(frozen=True)
class Kind:
    """What numbers depend on beside the code: two machines of one kind compute the same to the last digits."""

    processor: str
    """torch's name of the instructions that it uses here, and whether bfloat16 is quick"""
    device: str
    """`cpu`, `mps`, or the card's name"""
    threads: int
    torch: str
    """its version"""

    def __str__(self) -> str:
        return f"{self.processor}, {self.device}, {self.threads} thread{'s'[: self.threads != 1]}, torch {self.torch}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a file; `Kind(**values)` is the way back."""
        return asdict(self)


def kind_of(device: str) -> Kind:
    """The kind of machine that a device chosen by `choose_device` makes of this process."""
    import torch

    quick = " with bfloat16" if _processor_has_bfloat16() else ""
    where = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    version = torch.__version__.partition("+")[0]
    return Kind(torch.backends.cpu.get_cpu_capability() + quick, where, torch.get_num_threads(), version)


@cache
def processor() -> str:
    """The processor's name and the instructions that torch uses, such as `AMD EPYC, AVX2`."""
    import torch

    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:  # not Linux
        pass
    quick = "bfloat16" if _processor_has_bfloat16() else "no quick bfloat16"
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}, {quick}"


@dataclass(frozen=True)
class Machine:
    """What this machine offers."""

    system: str
    python: str
    cores: int
    """Processors that this process may use."""
    memory_gb: float
    """Memory in 10⁹ bytes; the container's limit where there is one."""
    free_gb: float
    """Memory not in use now, in 10⁹ bytes."""


def describe_machine() -> Machine:
    """Cores and memory as this process may use them (containers and CPU sets included)."""
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = psutil.virtual_memory()
    total = min(memory.total, _container_limit() or memory.total)
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        cores=cores,
        memory_gb=total / 1e9,
        free_gb=min(memory.available, total) / 1e9,
    )


def _container_limit() -> int | None:
    """Bytes of memory that a Linux control group allows; None where there is no limit."""
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            return int(Path(path).read_text())
        except (OSError, ValueError):
            continue
    return None
