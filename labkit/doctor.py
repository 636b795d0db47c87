"""`labkit doctor`: what this machine and this installation offer the lab, and for each problem the remedy.

Every check stands alone and imports what it looks at inside itself, so a missing or broken package is a finding and
never the end of the report. `python -m labkit.doctor` runs even where the command line's own packages are missing.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

REINSTALL = "set the environment up again: `make lab`, or `pip install -e .` in the lab's folder"
OLDEST_PYTHON = (3, 11)
NEEDED_MEMORY_GB, NEEDED_DISK_GB = 3.0, 3.0


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    value: str
    state: str = "ok"
    """`ok`, `note` (works, but worth knowing) or `problem`"""
    remedy: str = ""
    """what to do; empty when ok"""


def examine() -> Iterator[Finding]:
    """Every finding, one by one. Never raises: a check that fails is itself a finding."""
    for check in CHECKS:
        try:
            yield from check()
        except Exception as error:
            name = check.__name__.lstrip("_").replace("_", " ")
            yield Finding(name, f"could not be examined ({type(error).__name__}: {error})", "problem", REINSTALL)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", version, "problem", "use Python 3.11 or newer: make PYTHON=python3.12 lab")
    else:
        yield Finding("python", f"{version} ({sys.executable})")


def _packages() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    from labkit import __version__

    yield Finding("labkit", f"{__version__} ({Path(__file__).parent})")
    wanted = [Requirement(line) for line in requires("labkit") or ()]
    faults = []
    for requirement in wanted:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            faults.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            faults.append(f"{requirement.name} is {found}, {requirement.specifier} is needed")
    for fault in faults:
        yield Finding("packages", fault, "problem", REINSTALL)
    if not faults:
        yield Finding("packages", f"all {len(wanted)} that labkit declares are here")


def _libraries() -> Iterator[Finding]:
    """The large ones are imported, because a broken build shows only then."""
    from importlib import import_module

    for name in ("torch", "transformers", "transformer_lens", "plotly"):
        try:
            module = import_module(name)
            yield Finding(name, str(getattr(module, "__version__", None) or _version(name)))
        except Exception as error:
            reason = f"cannot be imported ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''})"
            yield Finding(name, reason, "problem", REINSTALL)


def _device() -> Iterator[Finding]:
    from labkit.core.devices import choose_device, choose_dtype, processor, quick_type

    device = choose_device()
    quick = f"products are quickest in {quick_type(device)}"
    yield Finding("processor", processor())
    yield Finding("device", f"{device}, models load as {choose_dtype('auto', device)}, {quick}")
    from labkit.sampling import products

    ways = "; ".join(f"{shape}: {way}" for shape, way in products.found().items())
    yield Finding("products measured", ways or "none yet; the first sampled text measures them, in some seconds")
    if device == "cpu" and shutil.which("nvidia-smi"):
        yield Finding(
            "GPU", "this machine has NVIDIA's driver, but torch does not use it", "note",
            "install the torch build for your CUDA version (README, “GPU”)",
        )  # fmt: skip


def _machine() -> Iterator[Finding]:
    from labkit.core.devices import describe_machine

    machine = describe_machine()
    yield Finding("system", machine.system)
    if machine.cores < 2:
        yield Finding("cores", "1", "note", "lessons are timed on two cores; expect about twice their minutes")
    else:
        yield Finding("cores", str(machine.cores))
    memory = f"{machine.free_gb:.1f} of {machine.memory_gb:.1f} GB free"
    if machine.free_gb < NEEDED_MEMORY_GB:
        remedy = f"lessons need about {NEEDED_MEMORY_GB:.0f} GB: close other programs and other notebooks' kernels"
        yield Finding("memory", memory, "problem", remedy)
    else:
        yield Finding("memory", memory)


def _cache() -> Iterator[Finding]:
    from labkit.core.paths import cache_folder

    folder = cache_folder()
    fault = _cannot_write(folder)
    if fault:
        yield Finding("cache", f"{folder}: {fault}", "problem", "set LABKIT_CACHE to a folder that you can write")
        return
    free = shutil.disk_usage(_nearest(folder)).free / 1e9
    yield Finding("cache", str(folder))
    if free < NEEDED_DISK_GB:
        remedy = f"all assets and converted models take about {NEEDED_DISK_GB:.0f} GB: free some, or set LABKIT_CACHE"
        yield Finding("disk", f"{free:.1f} GB free there", "problem", remedy)
    else:
        yield Finding("disk", f"{free:.1f} GB free there")


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _cannot_write(folder: Path) -> str:
    """Why nothing can be written there; empty where it can. Leaves nothing behind."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _assets() -> Iterator[Finding]:
    from labkit.assets import status

    table = status()
    by_state: dict[str, list[str]] = {}
    for name, state in zip(table["asset"], table["state"], strict=True):
        by_state.setdefault(state, []).append(name)
    if ready := by_state.pop("ready", []):
        yield Finding("assets ready", ", ".join(ready))
    if missing := by_state.pop("missing", []):
        remedy = "fetched on first use (what has terms of its own: labkit fetch NAME --accept-licence); before a room "
        remedy += "without internet: labkit fetch --all"
        yield Finding("assets missing", ", ".join(missing), "note", remedy)
    for state, names in by_state.items():
        yield Finding(f"assets {state}", ", ".join(names), "problem", f"labkit fetch {' '.join(names)}")


def _models() -> Iterator[Finding]:
    from labkit.core.paths import cache_folder

    found = sorted(p.parent.name for p in (cache_folder() / "models").glob("*/labkit.json"))
    yield Finding("models converted", ", ".join(found) or "none yet; the first lab.load makes one, in about 20 s")


def _jupyter() -> Iterator[Finding]:
    for name in ("jupyterlab", "ipywidgets", "anywidget"):
        yield Finding(name, _version(name))
    extensions = Path(sys.prefix) / "share/jupyter/labextensions"
    for name, package in (("@jupyter-widgets/jupyterlab-manager", "jupyterlab_widgets"), ("anywidget", "anywidget")):
        if not (extensions / name / "package.json").is_file():
            remedy = f"sliders would not be drawn: pip install --force-reinstall {package}"
            yield Finding("widgets in JupyterLab", f"{name} is not in {extensions}", "problem", remedy)


def _kernel() -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager

    remedy = f"{sys.executable} -m ipykernel install --sys-prefix"
    spec = KernelSpecManager().find_kernel_specs().get("python3")
    if spec is None:
        yield Finding("kernel python3", "none is installed", "problem", remedy)
        return
    command = json.loads((Path(spec) / "kernel.json").read_text(encoding="utf-8"))["argv"][0]
    runs = shutil.which(command) or ""
    # `python` alone means the interpreter that Jupyter itself runs in.
    if Path(command).name == command or (runs and Path(runs).parent.samefile(Path(sys.executable).parent)):
        yield Finding("kernel python3", command)
    else:
        yield Finding("kernel python3", f"runs another Python: {command}", "problem", remedy)


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python, _packages, _libraries, _device, _machine, _cache, _assets, _models, _jupyter, _kernel,
)  # fmt: skip
SIGNS = {"ok": "✔", "note": "○", "problem": "✘"}


def report(*, as_json: bool = False) -> bool:
    """Print every finding as it comes; as JSON `{"ok": …, "findings": […]}`. True where there is no problem."""
    found = []
    for finding in examine():
        found.append(finding)
        if not as_json:
            print(f"{SIGNS[finding.state]} {finding.what + ':':24} {finding.value}", flush=True)
            if finding.remedy:
                print(f"    → {finding.remedy}", flush=True)
    ok = not any(f.state == "problem" for f in found)
    if as_json:
        print(json.dumps({"ok": ok, "findings": [asdict(f) for f in found]}, indent=1, ensure_ascii=False))
    else:
        problems = sum(f.state == "problem" for f in found)
        print("\nThe lab can run here." if ok else f"\n{problems} problem(s); what to do stands below each.")
    return ok


def table():
    """The findings as a Table, for a lesson."""
    from labkit.core.results import Table

    rows = tuple((SIGNS[f.state], f.what, f.value, f.remedy) for f in examine())
    return Table(("", "what", "found", "what to do"), rows, title="This machine")


if __name__ == "__main__":
    sys.exit(0 if report(as_json="--json" in sys.argv[1:]) else 1)
