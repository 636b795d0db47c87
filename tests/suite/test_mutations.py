"""The guards can fail: labkit is broken on purpose, one function at a time (mutant.py), and a unit test must notice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.lessons.mutations import owner_of
from tests.suite.mutant import MUTANTS

MUTANT = Path(__file__).with_name("mutant.py")


@pytest.fixture(scope="module")
def verdicts():
    """name → (exit code, output) of the tests on mutated code, and on the code as it is."""
    done = subprocess.run([sys.executable, str(MUTANT)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", MUTANTS)
def test_a_unit_test_notices_and_passes_on_the_code_as_it_is(verdicts, name):
    code, output = verdicts[name]
    assert code == (1 if MUTANTS[name].where else 0), output


@pytest.mark.parametrize("where", [one.where for one in MUTANTS.values() if one.where])
def test_what_a_mutation_replaces_is_there(where):
    owner, name = owner_of(where)
    assert callable(vars(owner)[name])
