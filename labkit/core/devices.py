"""Which device and which number type a model runs in, and what the machine offers.

`auto` picks cuda, then mps, then cpu. On cpu the dtype is float32: bfloat16 halves the memory, but at the batch
sizes of a lesson its matrix products are slower on most processors. On cuda it is bfloat16 where the card has it.
"""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from .errors import OptionError

DTYPES = ("float32", "bfloat16", "float16")


def choose_device(device: str = "auto") -> str:
    """`cuda`, `cuda:N`, `mps` or `cpu`.

    Raises:
        OptionError: the device is unknown, or is not on this machine.
    """
    import torch

    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
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


def choose_dtype(dtype: str, device: str) -> str:
    """`float32`, `bfloat16` or `float16` for a device chosen by `choose_device`.

    Raises:
        OptionError: the dtype is not one of the three.
    """
    if dtype == "auto":
        import torch

        if device.startswith("cuda"):
            return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        return "float32"
    if dtype not in DTYPES:
        raise OptionError(f"dtype {dtype!r} is unknown; use auto, {', '.join(DTYPES)}")
    return dtype


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
