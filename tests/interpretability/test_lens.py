"""Lenses: the last state is the prediction, the fit is least squares, and a kept fit is one of the same weights."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from labkit.core.errors import ModelError, OptionError, ShapeError, TargetError
from labkit.interpretability import capture, lens, look
from labkit.interpretability.lenses import FIRST, RIDGE, states

from .conftest import TEXT


@pytest.fixture
def texts():
    draw = np.random.default_rng(0)
    return [draw.integers(256, size=size).tolist() for size in (24, 31, 24, 31, 40)]


def test_the_last_state_gives_the_models_own_prediction(loud, texts):
    for through in (lens(loud), lens(loud, affine=True, texts=texts)):
        found = look(through, "two banks", answer="x")
        own = capture(loud, "two banks", ("logits",))["logits"]
        number = ord("x")
        assert found.agrees[-1].all() and abs(found.distance[-1]).max() < 1e-5
        assert found.distance[:-1].min() > -1e-5 and found.distance[0].mean() > 0.1
        assert found.rank is not None and found.rank[-1].tolist() == (own > own[:, [number]]).sum(-1).tolist()
        assert len(found.said) == loud.card.layers + 1 and len(found.said[0]) == len(found.tokens)


def test_it_reads_as_transformer_lens_does(loud):
    from transformer_lens.tools.analysis import logit_readout

    seen = capture(loud, "two banks", ("resid_pre",))
    for state, vectors in enumerate(torch.tensor(seen["resid_pre"])):
        theirs = logit_readout(loud.bridge, vectors).values
        assert torch.allclose(lens(loud).logits(state, vectors), theirs, atol=1e-4)


def test_states_are_the_stream_itself(loud):
    seen = capture(loud, "two banks", ("resid_pre", "resid_mid", "attn_out", "resid_post"))
    stream = torch.cat(states(loud, [seen.ids]))
    assert np.allclose(stream[:-1], seen["resid_pre"], atol=1e-4)
    assert np.allclose(stream[-1], seen["resid_post"][-1], atol=1e-4)
    assert np.allclose(seen["resid_mid"], seen["resid_pre"] + seen["attn_out"], atol=1e-5)


def test_the_fit_is_ridge_regression_on_the_last_state(loud, texts):
    through = lens(loud, affine=True, texts=texts)
    seen = [[x[0, FIRST:].double().numpy() for x in states(loud, [ids])] for ids in texts]
    x, y = (np.concatenate([one[n] for one in seen]) for n in (1, -1))
    spread = ((x - x.mean(0)) ** 2).sum(0).mean()
    theirs = Ridge(alpha=RIDGE * spread).fit(x, y)
    assert np.allclose(through.maps[1][:-1], theirs.coef_.T, atol=1e-3)
    assert np.allclose(through.maps[1][-1], theirs.intercept_, atol=1e-3)


def test_a_fit_is_kept_for_the_same_weights_and_texts(llama, texts, monkeypatch):
    import labkit.interpretability.lenses as module

    texts = [ids[:30] for ids in texts for _ in range(2)]
    first = lens(llama, affine=True, texts=texts).maps
    monkeypatch.setattr(module, "_fitted", lambda *_: pytest.fail("it was kept"))
    assert np.array_equal(lens(llama, affine=True, texts=texts).maps, first)


def test_what_cannot_be_fitted_or_read_is_said(llama, bert):
    with pytest.raises(ModelError, match="is an encoder and predicts none"):
        lens(bert)
    with pytest.raises(ShapeError, match=r"3 tokens were given .* a state has 32 numbers"):
        lens(llama, affine=True, texts=[[1] * 8])
    with pytest.raises(OptionError, match="the logit lens is not fitted"):
        lens(llama, texts=["a"])
    with pytest.raises(TargetError, match="tokens for"):
        look(lens(llama), TEXT, answer=" the bank")
