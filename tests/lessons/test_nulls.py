"""Each claim of a lesson on noise: it passes in at most 5 % of draws; a planted effect breaks a claim of absence.

LABKIT_LONG=1 python -m pytest -s tests/lessons/test_nulls.py        # ten times the draws, and the table
"""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from labkit.evaluation import auroc
from tests.lessons.nulls import NOTEBOOKS, claimed, luck, passing

LESSONS = {path.stem.rpartition("_")[2]: path.stem for path in sorted(Path(__file__).parent.glob("nulls_*.py"))}
MODULES = {number: import_module(f"tests.lessons.{stem}") for number, stem in LESSONS.items()}
DRAWN = [
    pytest.param(number, kind, name, id=f"{number}-{name}")
    for number, module in MODULES.items()
    for kind in ("NULLS", "PLANTED")
    for name in getattr(module, kind)
]
MANY = pytest.mark.parametrize("draws", [200, pytest.param(3000, marks=pytest.mark.long)])


def bounds(number: str) -> dict:
    """Every claim of a lesson, read and computed."""
    (notebook,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return claimed(notebook.stem) | getattr(MODULES[number], "COMPUTED", {})


@pytest.mark.parametrize("number", MODULES)
def test_every_claim_of_the_lesson_has_a_null(number):
    module = MODULES[number]
    assert sorted(bounds(number)) == sorted([*module.NULLS, *module.PLANTED, *module.EXACT])


@MANY
@pytest.mark.parametrize("number, kind, name", DRAWN)
def test_noise_or_a_planted_effect_passes_in_at_most_one_of_twenty(number, kind, name, draws):
    bound = bounds(number)[name]
    share = passing(getattr(MODULES[number], kind)[name], bound, draws)
    what = "draws of noise" if kind == "NULLS" else "draws with an effect"
    print(f"{number} {name:20} {bound[0]} {bound[1]}: {share:.1%} of {draws} {what} pass")
    assert share <= 0.05 + luck(0.05, draws)


def test_the_old_bounds_were_passed_by_noise():
    """The tool can fail: a value alone, without its interval, at a bound below chance."""

    def useless(rng: np.random.Generator) -> float:
        told = np.arange(28) < 10
        return auroc(told, rng.random(28))

    assert passing(useless, ("at_least", 0.4), 200) > 0.7
