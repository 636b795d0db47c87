"""The replay of a run: what it shows is the run's own, and what cannot be replayed is said."""

import numpy as np
import pytest

from labkit.core.errors import OptionError, TextError
from labkit.core.results import Curves, HeadPatterns, Samples, Table
from labkit.lessons.exploring import explore
from labkit.training import begin, plan


@pytest.fixture(scope="module")
def trained(own_runs):
    run, going = begin(plan("nano", corpus="phrases", layers=2, heads=2, d_model=16, steps=20), name="replayed")
    for _ in going:
        pass
    return run


def test_each_checkpoint_shows_its_own_step_loss_and_head(trained):
    for number, step in enumerate(trained.checkpoints):
        explorer = explore("checkpoints", trained, checkpoint=number, layer=1, head=1)
        table, curves, written, head = explorer.results()
        assert isinstance(table, Table) and isinstance(curves, Curves) and isinstance(written, Samples)
        assert isinstance(head, HeadPatterns) and head.layers == (1,) and head.heads == (1,)
        assert table["step"] == [step]
        if step:
            assert table["loss, nats per token"] == [trained.steps[step - 1].loss]
            assert curves.curves[1].x.tolist() == [step]
        np.testing.assert_allclose(head.values.sum(-1), 1, rtol=1e-4)


def test_the_newest_run_is_replayed_where_none_is_named(trained):
    assert "replayed" in explore("checkpoints").note


def test_what_cannot_be_replayed_is_said(trained):
    run, going = begin(plan("nano", corpus="phrases", kind="lstm", d_model=8, steps=2), name="recurrent")
    for _ in going:
        pass
    with pytest.raises(OptionError, match="LSTM"):
        explore("checkpoints", run)
    with pytest.raises(TextError, match="2 or more"):
        explore("checkpoints", trained, text="").results()
