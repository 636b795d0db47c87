"""Every verb on a device that is not the CPU, without one: tensors of a pretended device meet no others.

`pretend.py` says where the pretence must step aside. All verbs run in one process of their own, for it changes torch.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.timeout(600)


@cache
def outcomes(*faults: str) -> dict[str, str]:
    """Verb to what went wrong; empty where it gives what the CPU gives."""
    path = os.pathsep.join((str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, str(HERE / "verbs.py"), *faults],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_verb_gives_there_what_it_gives_on_the_cpu():
    found = outcomes()
    assert len(found) >= 25
    assert {verb: said for verb, said in found.items() if said} == {}


def test_random_numbers_that_stay_on_the_cpu_are_caught():
    """A fault put back: uniforms that meet the model's logits where those are not."""
    assert "a CPU tensor of shape" in outcomes("pick")["sample"]
    assert outcomes("pick")["next_token"] == ""
