"""Worlds: what the mask marks follows from what stands before, and nothing else is marked."""

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.text import world
from labkit.text.worlds import FIRST, WORLDS


def copy(before, sizes):
    sign = FIRST + sizes["vocabulary"]
    return before[len(before) - before.index(sign) - 1] if sign in before else None


def repeated(before, sizes):
    earlier = [i for i in range(len(before) - 1) if before[i] == before[-1]]
    return before[earlier[-1] + 1] if earlier else None


def phrases(before, sizes):
    half = sizes["phrases"] * sizes["length"]
    starts = len(before) < half or len(before) % sizes["length"] == 0
    return None if starts else before[before.index(before[-1]) + 1]


def modular(before, sizes):
    return (before[0] + before[2] - 2 * FIRST) % sizes["modulus"] + FIRST if len(before) == 4 else None


def brackets(before, sizes):
    if FIRST + 4 not in before:
        return None
    stack = []
    for c in ("([)]=."[i - FIRST] for i in before):
        if c in "([":
            stack.append(c)
        elif c in ")]":
            assert stack.pop() + c in ("()", "[]")
    return FIRST + (5 if not stack else 2 if stack[-1] == "(" else 3)


READERS = {"copy": copy, "repeated": repeated, "phrases": phrases, "modular": modular, "brackets": brackets}
"""What an ideal reader says after some tokens, None where nobody can know; computed otherwise than the world draws."""


def answers(name, ids, sizes):
    said = {t: READERS[name](ids[:t], sizes) for t in range(1, len(ids))}
    return {t: token for t, token in said.items() if token is not None}


@pytest.mark.parametrize("name", WORLDS)
def test_what_the_mask_marks_follows_from_the_tokens_before(name):
    made = world(name)
    for seed in range(3):
        batch = made.batch(seed, batch=20, seed=seed)
        assert batch.ids.shape == (20, made.length) and batch.mask.shape == (20, made.length - 1)
        for ids, mask in zip(batch.ids.tolist(), batch.mask, strict=True):
            expected = answers(name, ids, made.sizes)
            assert sorted(expected) == [int(t) + 1 for t in np.flatnonzero(mask)]
            assert all(ids[t] == token for t, token in expected.items())


@pytest.mark.parametrize("name", WORLDS)
def test_batches_repeat_by_number_differ_by_seed_and_are_in_the_vocabulary(name):
    made = world(name)
    of = ((0, "train"), (0, "train"), (1, "train"), (0, "validation"))
    one, again, other, held = (made.batch(4, batch=3, seed=seed, split=side).ids for seed, side in of)
    assert (one == again).all() and (one != other).any() and (one != held).any()
    assert one.min() >= FIRST and one.max() < made.vocab_size == len(made.tokenizer)
    assert made.tokenizer(made.tokenizer.decode(one[0]))["input_ids"] == one[0].tolist()


def test_a_longer_context_holds_further_examples():
    made = world("modular", modulus=7)
    batch = made.batch(0, batch=4, context=12)
    assert batch.ids.shape == (4, 13) and (np.flatnonzero(batch.mask[0]) == [3, 8]).all()


def test_pairs_of_the_validation_are_never_trained_on():
    made = world("modular", modulus=11, percent=50)
    seen = {side: {(a, b) for a, _, b, _, _ in made.batch(0, batch=2000, split=side).ids.tolist()}
            for side in ("train", "validation")}  # fmt: skip
    assert not seen["train"] & seen["validation"] and len(seen["train"] | seen["validation"]) == 121


def test_no_fixed_distance_solves_repeated():
    ids = world("repeated").batch(0, batch=400)
    for back in range(1, ids.ids.shape[1] - 1):
        right = ids.ids[:, back + 1 :] == ids.ids[:, 1:-back]
        mask = ids.mask[:, back:]
        if mask.any():
            assert right[mask].mean() < 0.3, back


@pytest.mark.parametrize(
    "name, sizes, message",
    [
        ("copies", {}, "did you mean 'copy'"),
        ("copy", {"size": 3}, "no size 'size'"),
        ("copy", {"length": 0}, "length is 0"),
        ("modular", {"percent": 100}, "at most 99"),
        ("phrases", {"vocabulary": 14}, "vocabulary is 14, but must be a whole number of at least 15"),
        ("brackets", {"depth": 1.5}, "whole number"),
    ],
)
def test_what_makes_no_world_is_refused(name, sizes, message):
    with pytest.raises(OptionError, match=message):
        world(name, **sizes)


def test_a_context_too_short_for_one_example_is_refused():
    with pytest.raises(OptionError, match="does not hold one example of 'copy'; use 24 or more"):
        world("copy").batch(0, batch=1, context=10)
