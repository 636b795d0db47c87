"""pyproject.toml, requirements.lock and environment.yml say the same, and name no host."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler import MatchSpec

ROOT = Path(__file__).resolve().parents[2]
NOT_LOCKED = {"pip"}  # installs the lock, so it cannot be in it


def locked(root: Path) -> dict[str, str]:
    lines = (root / "requirements.lock").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def disagreements(root: Path) -> list[str]:
    """Where the three files contradict each other."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    pins = locked(root)
    faults = []
    for line in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        need = Requirement(line)
        name = canonicalize_name(need.name)
        if name in NOT_LOCKED:
            continue
        if name not in pins:
            faults.append(f"{name} is not locked")
        elif not need.specifier.contains(pins[name]):
            faults.append(f"{name}: locked {pins[name]}, wanted {need.specifier}")
    entries = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    specs = [MatchSpec(entry) for entry in entries if isinstance(entry, str)]
    for spec in specs:
        name = spec.name.normalized if spec.name else ""
        if name in pins and str(spec.version) != f"=={pins[name]}":
            faults.append(f"environment.yml: {name} {spec.version}, locked {pins[name]}")
        if name == "python" and not python_agrees(spec, project["requires-python"]):
            faults.append(f"environment.yml: python {spec.version} against {project['requires-python']}")
    pip_lines = next(entry["pip"] for entry in entries if isinstance(entry, dict))
    if "-r requirements.lock" not in pip_lines or "-e ." not in pip_lines:
        faults.append("environment.yml does not install the lock and the package")
    for line in pip_lines:
        if "==" in line and pins.get(canonicalize_name(line.split("==")[0])) != line.split("==")[1]:
            faults.append(f"environment.yml: {line} is not what is locked")
    return faults


def python_agrees(spec: MatchSpec, wanted: str) -> bool:
    """The lowest Python that conda may pick is the lowest that the project admits."""
    return str(spec.version).split(",")[0] == wanted


def test_lock_project_and_environment_agree():
    assert disagreements(ROOT) == []


def test_the_code_and_the_project_have_one_version():
    import labkit

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labkit.__version__ == project["version"]


def test_the_lock_is_exact_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    for line in text.splitlines()[1:]:
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9][\w.!]*", line), line
    assert "://" not in text


@pytest.mark.parametrize(
    "file, old, new, fault",
    [
        ("requirements.lock", "numpy==", "numpy==1.", "numpy: locked"),
        ("requirements.lock", "plotly==", "plotty==", "plotly is not locked"),
        ("environment.yml", ">=3.11", ">=3.9", "python"),
        ("environment.yml", "- -r requirements.lock", "- numpy==1.0", "does not install"),
        ("environment.yml", "- pip >=25", "- numpy ==1.0", "numpy ==1.0, locked"),
        ("environment.yml", "- pip >=25", "- numpy", "numpy None, locked"),
        ("environment.yml", "torch==", "torch==9.", "is not what is locked"),
    ],
)
def test_the_guard_sees_a_disagreement(tmp_path, file, old, new, fault):
    for name in ("pyproject.toml", "requirements.lock", "environment.yml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    assert any(fault in line for line in disagreements(tmp_path))
