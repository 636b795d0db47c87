"""One seed in, the same numbers out; different purposes, unrelated numbers."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core import seeds

NAMES = st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=4)


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_a_derived_seed_is_the_same_in_every_process(hash_seed):
    code = "from labkit.core.seeds import derive; print(derive(0), derive(7, 'split', 3), derive(-1, 'é'))"
    surroundings = os.environ | {"PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=surroundings)
    assert done.stdout.split() == ["2631537505891389924", "6495658142186399534", "7263088385363231536"]


@given(st.integers(), NAMES)
def test_a_derived_seed_has_63_bits(seed, names):
    assert 0 <= seeds.derive(seed, *names) < 2**63


@given(st.integers(), NAMES, st.integers(), NAMES)
def test_derived_seeds_agree_only_where_seed_and_names_do(seed, names, other, others):
    same = (seed, [*map(str, names)]) == (other, [*map(str, others)])
    assert (seeds.derive(seed, *names) == seeds.derive(other, *others)) == same


@pytest.mark.parametrize("one, two", [((1, "23"), (12, "3")), ((0, "a", "b"), (0, "ab")), ((0, "a"), (0, "a", ""))])
def test_names_that_read_alike_when_joined_give_different_seeds(one, two):
    assert seeds.derive(*one) != seeds.derive(*two)


def test_derived_seeds_spread_evenly_over_their_range():
    drawn = np.array([seeds.derive(0, number) for number in range(4000)]) / 2**63
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    chi_square = ((counts - 200) ** 2 / 200).sum()
    assert chi_square < 50, f"19 degrees of freedom, got {chi_square:.1f}"


def draw() -> list[float]:
    import torch

    return [random.random(), float(np.random.rand()), float(torch.rand(1))]


@pytest.mark.parametrize("seed", [0, 5, 2**32 + 1, 2**62])
def test_set_all_repeats_python_numpy_and_torch(seed):
    seeds.set_all(seed)
    first = draw()
    second = draw()
    seeds.set_all(seed)
    assert draw() == first
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_other_seeds_give_other_numbers():
    drawn = []
    for seed in range(5):
        seeds.set_all(seed)
        drawn.append(draw())
    assert all(len(set(column)) == 5 for column in zip(*drawn, strict=True))
