"""Windows in random order: each once in an epoch, none beyond the end, found without those before."""

import numpy as np
import pytest

from labkit.core.errors import TextError
from labkit.text.windows import permuted, starts


@pytest.mark.parametrize("size", [1, 2, 3, 10, 64, 1000, 1025])
@pytest.mark.parametrize("key", [0, 1, 2**62])
def test_a_permutation_holds_each_number_once(size, key):
    assert sorted(permuted(np.arange(size), size, key)) == list(range(size))


def test_a_permutation_looks_random():
    order = permuted(np.arange(4096), 4096, 7)
    assert abs(np.corrcoef(order, np.arange(4096))[0, 1]) < 0.06
    assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.06
    assert (permuted(np.arange(4096), 4096, 8) == order).mean() < 0.01


@pytest.mark.parametrize("length, context, batch", [(1000, 10, 7), (11, 10, 3), (21, 10, 3), (500, 64, 16)])
def test_an_epoch_takes_each_window_once_and_none_twice(length, context, batch):
    windows = max(1, (length - 1) // context - 1)
    found = np.concatenate([starts(i, batch=batch, context=context, length=length, seed=3) for i in range(windows)])
    assert found.min() >= 0 and found.max() + context + 1 <= length
    for epoch in range(batch):
        one = np.sort(found[epoch * windows : (epoch + 1) * windows])
        assert len(np.unique(one)) == windows and (np.diff(one) == context).all()


def test_batches_are_found_by_number_and_differ_by_seed():
    one = [starts(5, batch=4, context=8, length=10_000, seed=seed) for seed in (0, 0, 1)]
    assert (one[0] == one[1]).all() and (one[0] != one[2]).any()
    assert starts(5, batch=4, context=8, length=10_000, seed=0).tolist() == [5907, 5283, 2619, 1243]


def test_a_text_shorter_than_a_window_is_refused():
    with pytest.raises(TextError, match="50 tokens, but a window of context 64 needs 65"):
        starts(0, batch=1, context=64, length=50, seed=0)
