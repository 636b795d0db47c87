"""The quick forward pass is transformers' own, to rounding."""

import pytest
import torch
from torch.nn import functional as F

from labkit.training import fused
from labkit.training.loss import forward_of
from tests.training.tiny import CONTEXT, VOCAB, Counting, model


def shaken(**overrides):
    """A tiny model whose norms are not all ones."""
    made = model(**overrides)
    with torch.no_grad():
        for name, p in made.named_parameters():
            if "norm" in name:
                p.uniform_(0.5, 1.5)
    return made


def gradients(made, logits, ids):
    made.zero_grad()
    loss = F.cross_entropy(logits.flatten(0, -2).float(), ids[:, 1:].flatten())
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in made.parameters()])


@pytest.mark.parametrize(
    "overrides",
    [{}, {"tie_word_embeddings": True}, {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}}],
)
@pytest.mark.parametrize("longest", [0, 128])
def test_logits_and_gradients_are_those_of_transformers(overrides, longest, monkeypatch):
    monkeypatch.setattr(fused, "LONGEST", longest)  # blockwise attention, or the whole table
    made, ids = shaken(**overrides), torch.from_numpy(Counting().batch(0, batch=3, context=CONTEXT).ids)
    assert fused.fits(made)
    theirs = made(input_ids=ids[:, :-1]).logits
    ours = fused.logits(made, ids[:, :-1])
    torch.testing.assert_close(ours.view_as(theirs), theirs)
    (loss, grad), (our_loss, our_grad) = gradients(made, theirs, ids), gradients(made, ours, ids)
    assert our_loss == pytest.approx(loss, rel=1e-6)
    torch.testing.assert_close(our_grad, grad)


def test_in_bfloat16_it_is_as_near_as_autocast_is():
    made, ids = shaken(), torch.from_numpy(Counting().batch(0, batch=3, context=CONTEXT).ids)
    _, exact = gradients(made, made(input_ids=ids[:, :-1]).logits, ids)
    with torch.autocast("cpu", torch.bfloat16):
        theirs = made(input_ids=ids[:, :-1]).logits
    _, cast = gradients(made, theirs, ids)
    _, ours = gradients(made, fused.logits(made, ids[:, :-1], torch.bfloat16), ids)
    assert (ours - exact).norm() < 2 * (cast - exact).norm() < 0.1 * exact.norm()


def test_other_models_go_their_own_way():
    assert not fused.fits(model(attention_bias=True))
    assert not fused.fits(model(num_key_value_heads=1))
    assert not fused.fits(model(attention_dropout=0.1))
    watched = model()
    watched.model.layers[0].register_forward_hook(lambda *_: None)
    assert not fused.fits(watched)


def test_a_watched_model_has_the_same_logits():
    one, other = model(), model()
    other.model.layers[0].register_forward_hook(lambda *_: None)
    ids = torch.from_numpy(Counting().batch(0, batch=2, context=CONTEXT).ids)
    seen = [forward_of(each)(each, {"input_ids": ids[:, :-1]}, torch.float32) for each in (one, other)]
    assert seen[0].ndim == 2 and seen[1].ndim == 3, "each went its own way"
    torch.testing.assert_close(seen[0], seen[1].flatten(0, 1))
    assert ids.max() < VOCAB
