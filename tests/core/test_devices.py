"""The device and number type asked for, or an error that says what to ask for instead."""

import json
import os
import subprocess
import sys
from time import perf_counter

import pytest
import torch

from labkit.core import devices
from labkit.core.devices import choose_device, choose_dtype, describe_machine
from labkit.core.errors import LabError, OptionError


@pytest.fixture
def machine(monkeypatch):
    """A machine with as many CUDA cards, and mps or not, as told."""

    def have(cards: int = 0, mps: bool = False, bfloat16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
        emulated = lambda including_emulation=True: bfloat16 or including_emulation  # as a T4 says  # noqa: E731
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", emulated)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    have()
    return have


@pytest.mark.parametrize(
    "cards, mps, best", [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda"), (2, True, "cuda")]
)
def test_auto_prefers_cuda_then_mps_then_cpu(machine, cards, mps, best):
    machine(cards, mps)
    assert choose_device("auto") == choose_device() == best


@pytest.mark.parametrize("device", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "cpu:0", "mps:1", "CPU", "tpu"])
def test_an_unknown_device_is_refused_with_the_known_ones(machine, device):
    machine(2, True)
    with pytest.raises(OptionError, match=f"{device!r} is unknown; use auto, cpu, cuda, cuda:N or mps"):
        choose_device(device)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7", "mps"])
def test_a_device_that_is_not_there_is_refused_with_a_remedy(machine, device):
    with pytest.raises(OptionError, match=r"not on this machine; use device='auto', or see `labkit doctor`"):
        choose_device(device)


def test_a_card_beyond_the_last_is_refused(machine):
    machine(2)
    assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(OptionError, match="'cuda:2' is not on this machine"):
        choose_device("cuda:2")


@pytest.mark.parametrize("device, native, large", [
    ("cpu", True, "float32"), ("mps", True, "float32"), ("cuda", True, "bfloat16"), ("cuda:1", False, "float32"),
])  # fmt: skip
def test_auto_is_float32_where_it_fits_comfortably_and_what_the_card_has_natively_above(machine, device, native, large):
    machine(2, True, native)
    assert choose_dtype("auto", device, 135_000_000) == choose_dtype("auto", device) == "float32"
    assert choose_dtype("auto", device, 501_000_000) == large


@pytest.mark.parametrize("dtype", devices.DTYPES)
def test_a_dtype_asked_for_is_given_and_torch_has_it(dtype):
    assert choose_dtype(dtype, "cpu") == dtype
    assert isinstance(getattr(torch, dtype), torch.dtype)


@pytest.mark.parametrize("dtype", ["int8", "bf16", "", "float64"])
def test_an_unknown_dtype_is_refused_with_the_known_ones(dtype):
    with pytest.raises(LabError, match=f"{dtype!r} is unknown; use auto, float32, bfloat16, float16"):
        choose_dtype(dtype, "cpu")


SHAPE = (4, 256, 256)


def product_seconds(dtype):
    one, took, threads = torch.ones(SHAPE, dtype=getattr(torch, dtype)), [], torch.get_num_threads()
    torch.set_num_threads(1)  # a second thread may have to wait on a busy machine
    for _ in range(9):
        began = perf_counter()
        one @ one
        took.append(perf_counter() - began)
    torch.set_num_threads(threads)
    return min(took)


def test_the_quick_type_is_quick_and_the_other_is_told_its_price():
    """A ratio within one run, on whatever processor this is; without a unit bfloat16 is far slower."""
    ratio = product_seconds("bfloat16") / product_seconds("float32")
    if devices.quick_type("cpu") == "bfloat16":
        assert ratio < 1.2 and devices.cost_of("bfloat16", "cpu") == ""
    else:
        assert ratio > 1.5
        assert "bfloat16 on this processor" in devices.cost_of("bfloat16", "cpu")
    assert devices.cost_of("float32", "cpu") == devices.cost_of("bfloat16", "cuda") == ""


OLD = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def test_a_processor_that_is_told_to_act_like_an_old_one_has_float32_alone():
    code = (
        "from labkit.core.devices import cost_of, kind_of, quick_type; k = kind_of('cpu')\n"
        "print(quick_type('cpu'), 'bfloat16' in k.processor, cost_of('bfloat16', 'cpu'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | OLD
    )
    assert done.stdout.startswith("float32 False bfloat16 on this processor ("), done.stdout
    assert "x as long as in float32" in done.stdout


def test_a_card_that_only_emulates_bfloat16_has_float32(monkeypatch):
    for native, best in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True, n=native: n)
        assert devices.quick_type("cuda:0") == best
    assert devices.quick_type("mps") == "float32"


def test_a_kind_is_read_back_as_it_was_written():
    kind = devices.kind_of("cpu")
    assert devices.Kind(**json.loads(json.dumps(kind.as_dict()))) == kind
    assert kind.threads == torch.get_num_threads() and f"{kind.threads} thread" in str(kind)


def test_this_machine_is_described_within_its_limits():
    machine = describe_machine()
    assert 1 <= machine.cores <= (os.cpu_count() or 1)
    assert 0 < machine.free_gb <= machine.memory_gb


def test_a_containers_memory_limit_counts(monkeypatch):
    monkeypatch.setattr(devices, "_container_limit", lambda: 10**8)
    machine = describe_machine()
    assert machine.memory_gb == pytest.approx(0.1)
    assert machine.free_gb <= 0.1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to processors")
def test_only_processors_that_this_process_may_use_are_counted():
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from labkit.core.devices import describe_machine; print(describe_machine().cores)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
