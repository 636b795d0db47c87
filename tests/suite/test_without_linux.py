"""What only Linux has, taken away: sessions, affinity, fork, /proc and cgroups. Runs still end, and nothing stays."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from labkit.suite.outcomes import SuiteResult

ROOT = Path(__file__).resolve().parents[2]
TAKEN = """
import os, pathlib, signal, sys
for name in ("getsid", "setsid", "getpgid", "killpg", "fork", "sched_getaffinity", "getuid"):
    if hasattr(os, name):
        delattr(os, name)
read_text = pathlib.Path.read_text

def elsewhere(self, *args, **kwargs):
    if str(self).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "no such file", str(self))
    return read_text(self, *args, **kwargs)

pathlib.Path.read_text = elsewhere
"""
NAMES = ("getsid", "fork", "sched_getaffinity")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Variables under which every Python begins without what only Linux has."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(TAKEN)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def python(words: list[str], env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], env=env, cwd=cwd, capture_output=True, text=True, check=False)


def test_it_is_really_gone(elsewhere, tmp_path):
    lines = f"import os, pathlib; print([hasattr(os, n) for n in {NAMES}]); pathlib.Path('/proc/cpuinfo').read_text()"
    done = python(["-c", lines], elsewhere, tmp_path)
    assert "[False, False, False]" in done.stdout
    assert "FileNotFoundError" in done.stderr


def test_the_machine_is_still_described(elsewhere, tmp_path):
    done = python(["-m", "labkit.cli", "doctor", "--json"], elsewhere, tmp_path)
    findings = json.loads(done.stdout)
    assert findings, done.stderr
    assert "Traceback" not in done.stderr
    lines = (
        "from labkit.core.devices import describe_machine as d; m = d(); assert m.cores > 0 and m.memory_gb > 0.5, m"
    )
    assert python(["-c", lines], elsewhere, tmp_path).returncode == 0


def test_notebooks_end_as_they_should_and_leave_no_process(elsewhere, tmp_path, make_notebook):
    child = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(4321)'])"
    make_notebook(tmp_path / "good.ipynb", "import labkit as lab\nlab.claim('a/b', 1, equals=1)", minutes=5)
    make_notebook(tmp_path / "endless.ipynb", child, "while True:\n    pass", minutes=0.25)
    make_notebook(tmp_path / "dies.ipynb", "import os\nos._exit(3)", minutes=5)
    names = [f"{name}.ipynb" for name in ("good", "endless", "dies")]
    done = python(["-m", "labkit.cli", "run", *names, "-o", "run"], elsewhere, tmp_path)
    assert "Traceback" not in done.stderr, done.stderr
    outcomes = {one.topic: one for one in SuiteResult.read(tmp_path / "run").outcomes}
    assert outcomes["good"].passed, outcomes["good"].problems
    assert outcomes["good"].peak_memory > 10**7
    assert [problem.kind for problem in outcomes["endless"].problems] == ["time"]
    assert [problem.kind for problem in outcomes["dies"].problems] == ["kernel"]
    time.sleep(1)
    words = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    assert not any("time.sleep(4321)" in line for line in words)
