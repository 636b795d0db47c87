"""Sweeps: each edit in one pass with the others is what it is alone."""

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.interpretability import Edit, capture
from labkit.interpretability.sweeps import sweep

EDITS = [
    Edit("mlp_out", 0, -1), Edit("z", 0.5, [0, -1], [1, 2], -1), Edit("resid_pre", lambda x: x.flip(-1), 1, position=3),
    Edit("attn_out", lambda x: -x), Edit("neurons", 0, 0, position=[2, 4]), Edit("mlp_in", 1.0, 0, position=-2),
    Edit("v", lambda x: x.flip(1), 1),
]  # fmt: skip


def alone(lm, *edits):
    return capture(lm, "two banks", ("logits",), edits=edits)["logits"][-1]


def test_a_sweep_equals_its_edits_made_one_at_a_time(loud):
    ids = list(capture(loud, "two banks").ids)
    rows = sweep(loud, ids, EDITS, lambda _, logits: logits)
    expected = np.array([alone(loud), *(alone(loud, edit) for edit in EDITS)])
    assert np.allclose(rows, expected, atol=1e-4)
    assert all(abs(row - rows[0]).max() > 1e-2 for row in rows[1:])


def test_without_edits_it_is_the_text_untouched(loud):
    rows = sweep(loud, list(capture(loud, "two banks").ids), [], lambda _, logits: logits)
    assert rows.shape[0] == 1 and np.allclose(rows[0], alone(loud), atol=1e-5)


def test_what_all_rows_share_is_refused(llama):
    with pytest.raises(OptionError, match="all edits of a sweep share 'rotation_cos'"):
        sweep(llama, [1, 2, 3], [Edit("rotation_cos", 1)], lambda _, logits: logits)
