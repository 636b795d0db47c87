"""The doctor: it sees what is broken, says what to do, and survives whatever is missing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import doctor


def findings(check) -> list[doctor.Finding]:
    return list(check())


def test_every_problem_and_note_has_a_remedy(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(doctor, "NEEDED_MEMORY_GB", 1e6)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    found = list(doctor.examine())
    assert {f.state for f in found} <= set(doctor.SIGNS)
    assert all(bool(f.remedy) == (f.state != "ok") for f in found)
    problems = {f.what for f in found if f.state == "problem"}
    assert {"cache", "memory", "widgets in JupyterLab"} <= problems


def test_all_that_a_lesson_depends_on_is_looked_at():
    looked_at = {f.what for f in doctor.examine()}
    assert {"python", "torch", "device", "cores", "memory", "cache", "jupyterlab", "ipywidgets"} <= looked_at
    assert any(what.startswith("assets") for what in looked_at)


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(monkeypatch):
    def _broken_part():
        raise RuntimeError("boom")
        yield

    monkeypatch.setattr(doctor, "CHECKS", (_broken_part, doctor._python))
    first, second = doctor.examine()
    assert (first.what, first.state) == ("broken part", "problem")
    assert "boom" in first.value
    assert second.what == "python"


BREAK = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ImportError(name + " is broken here")
sys.meta_path.insert(0, Broken())
sys.argv = ["doctor", "--json"]
import runpy
runpy.run_module("labkit.doctor", run_name="__main__")
"""


@pytest.mark.parametrize("names", [
    ["torch"],
    ["numpy", "psutil", "platformdirs", "packaging", "jupyter_client", "typer", "rich", "torch", "plotly"],
])  # fmt: skip
def test_broken_packages_are_findings_not_a_crash(names):
    done = subprocess.run(
        [sys.executable, "-c", BREAK.format(names=names)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is False
    problems = {f["what"]: f for f in report["findings"] if f["state"] == "problem"}
    assert "torch is broken here" in problems["torch"]["value"]
    assert "python" in {f["what"] for f in report["findings"] if f["state"] == "ok"}


def test_a_package_too_old_or_missing_is_named(monkeypatch):
    monkeypatch.setattr("importlib.metadata.requires", lambda name: ["numpy>=99", "no-such-thing-here", "pytest>=1"])
    _, *values = [f.value for f in findings(doctor._packages)]
    assert len(values) == 2
    assert values[0].startswith("numpy is ") and ">=99" in values[0]
    assert values[1] == "no-such-thing-here is missing"


def test_looking_at_the_cache_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "deep" / "cache"))
    assert [f.state for f in findings(doctor._cache)] == ["ok", "ok"]
    assert list(tmp_path.iterdir()) == []


def test_assets_that_are_not_here_are_a_note(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    (only,) = findings(doctor._assets)
    assert (only.what, only.state) == ("assets missing", "note")
    assert "labkit fetch --all" in only.remedy


def test_a_kernel_of_another_python_is_a_problem(monkeypatch, tmp_path):
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    other = tmp_path / "bin" / "python"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    (spec / "kernel.json").write_text(json.dumps({"argv": [str(other)], "display_name": "x", "language": "python"}))
    monkeypatch.setattr(
        "jupyter_client.kernelspec.KernelSpecManager.find_kernel_specs", lambda self: {"python3": str(spec)}
    )
    (found,) = findings(doctor._kernel)
    assert found.state == "problem" and "ipykernel install" in found.remedy


def test_the_exit_code_says_whether_there_is_a_problem(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([doctor.Finding("a", "b")]),))
    assert doctor.report() is True
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([doctor.Finding("a", "b", "problem", "do c")]),))
    assert doctor.report() is False
    assert "→ do c" in capsys.readouterr().out


def test_the_command_prints_json(tmp_path):
    command = [str(Path(sys.executable).with_name("labkit")), "doctor", "--json"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "LABKIT_CACHE": str(tmp_path)}
    )
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["ok"] else 1)
    assert {"what", "value", "state", "remedy"} == set(report["findings"][0])


def test_the_version_is_that_of_the_code_that_runs(monkeypatch):
    """A clone on the path, while another version is installed."""
    from labkit.suite import runner

    monkeypatch.setattr("labkit.__version__", "9.9.9")
    assert next(doctor._packages()).value.startswith("9.9.9 (")
    monkeypatch.setattr(runner, "__version__", "9.9.9")
    assert runner._versions()["labkit"] == "9.9.9"
