"""The first line of a lesson: seeds set, theme in place, and one line that says on what it runs."""

from importlib.metadata import version

from labkit.core.devices import choose_device, choose_dtype, describe_machine
from labkit.core.seeds import set_all


def begin(topic: str, *, seed: int = 0) -> None:
    """Start a lesson: seed the generators and say where it runs.

    Args:
        topic: the notebook's name without its ending, such as `02_attention`.
        seed: for Python, numpy and torch; sections that draw derive their own from it.
    """
    set_all(seed)
    print(opening_line(topic, seed))


def opening_line(topic: str, seed: int) -> str:
    """Topic, device, dtype, cores, memory and the versions that numbers depend on, on one line."""
    device, machine = choose_device(), describe_machine()
    versions = " · ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "labkit"))
    return (
        f"{topic} · {device}, {choose_dtype('auto', device)} · {machine.cores} cores, "
        f"{machine.free_gb:.0f} of {machine.memory_gb:.0f} GB free · seed {seed} · {versions}"
    )
