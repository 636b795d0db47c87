"""Swapping states: a state put where it already is changes nothing, and the last one decides everything."""

from itertools import pairwise

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.hallucination import Question
from labkit.hallucination.closed_world import about, told
from labkit.hallucination.where import curves, patch
from labkit.text.people import people


@pytest.fixture(scope="module")
def pupil():
    world = people(each=6, exposures=(60,), one_way=0, strangers=0, seed=0)
    return told(world, steps=60), world


def pairs_of(world):
    births = [q for q in about(world.persons) if q.topic == "birthplace"]
    return [(a, b) for a, b in pairwise(births) if a.answer != b.answer]


def test_pairs_whose_answers_begin_alike_are_left_out(pupil):
    lm, world = pupil
    pairs = pairs_of(world)
    same = (pairs[0][0], pairs[0][0])
    found, without = patch(lm, [same, *pairs]), patch(lm, pairs)
    assert all((found[place][layer] == marks).all() for place, rows in without.items() for layer, marks in rows.items())
    with pytest.raises(OptionError, match="begin with the same token"):
        patch(lm, [same])


def test_the_last_state_of_the_prompt_decides(pupil):
    lm, world = pupil
    found = patch(lm, pairs_of(world))
    assert list(found["prompt"]) == [0, 1, 2]
    assert found["prompt"][2].all(), "after the last layer nothing else is read"
    assert not found["prompt"][0].any(), "the last word is the same in both, so its embedding changes nothing"
    assert found["entity"][2].mean() <= 0.2, "a name's state after the last layer is read by nobody"
    assert [curve.y[-1] for curve in curves(found).curves] == [found["entity"][2].mean(), 1.0]


def test_no_hook_is_left_behind_and_nothing_changes_after(pupil):
    lm, world = pupil
    pairs = pairs_of(world)
    first, second = patch(lm, pairs), patch(lm, pairs)
    assert all(np.array_equal(first[place][layer], second[place][layer]) for place in first for layer in first[place])
    assert all(not module._forward_hooks for module in lm.model.modules())


def test_nonsense_is_refused(pupil):
    lm, world = pupil
    pairs = pairs_of(world)
    with pytest.raises(OptionError, match="no pair"):
        patch(lm, [])
    with pytest.raises(OptionError, match="0 to 2"):
        patch(lm, pairs, layers=[3])
    nobody = Question("Aldan Barik was born in", "Ostburg", entity="Zeno", prompt="Aldan Barik was born in")
    with pytest.raises(OptionError, match="Zeno"):
        patch(lm, [(nobody, pairs[0][1])])
