"""Edits: what is written back changes nothing, what is set is what is seen, and gradients reach what was kept."""

import numpy as np
import pytest
import torch

from labkit.core.errors import ModelError, OptionError, ShapeError
from labkit.interpretability import SITES, Edit, capture
from labkit.interpretability.edits import BY_HEAD, ORDER, SEEN

from .conftest import TEXT

EDITED = tuple(site for site in SITES if site not in SEEN)
OTHER = "The bank of the river was green, the bank of it."


def there(lm, site):
    """Whether this model has a site that can be edited."""
    kind = lm.model.config.model_type
    return not (site.endswith("rotated") and kind != "llama") and not (site == "scores" and kind == "bert")


def seen(lm, *edits, text=TEXT, site="resid_post"):
    return capture(lm, text, (site,), edits=edits)[site]


@pytest.mark.parametrize("site", EDITED)
def test_writing_back_what_was_there_changes_nothing_and_another_value_does(any_model, site):
    if not there(any_model, site):
        return
    before = capture(any_model, TEXT, (site, "resid_post"))
    if site == "pattern" and not before.causal:  # shown only after the model has used it
        with pytest.raises(ModelError, match="has no effect; change q, k, v or z"):
            seen(any_model, Edit(site, 0, layer=1))
        return
    for value in (before, before[site][1], lambda x: x * 1):
        assert np.allclose(seen(any_model, Edit(site, value, layer=1)), before["resid_post"], atol=1e-6)
    changed = seen(any_model, Edit(site, lambda x: x * 1.5 + 0.5 * torch.arange(x.shape[-1]).sin(), layer=1))
    assert not np.allclose(changed[1:], before["resid_post"][1:], atol=1e-3)
    if site != "resid_post":
        assert np.array_equal(changed[0], before["resid_post"][0]), "what came before stays"


@pytest.mark.parametrize("site", ORDER)
def test_positions_are_edited_where_the_model_has_them(any_model, site):
    kind = any_model.model.config.model_type
    if (site == "position_vectors") == (kind == "llama"):
        with pytest.raises(ModelError, match="has no"):
            seen(any_model, Edit(site, 0))
        return
    assert np.array_equal(seen(any_model, Edit(site, lambda x: x)), seen(any_model))
    assert not np.allclose(seen(any_model, Edit(site, 0.5)), seen(any_model), atol=1e-3)


@pytest.mark.parametrize("site", ["z", "pattern", "v", "resid_pre"])
def test_what_is_set_is_what_is_seen_there_and_nowhere_else(llama, site):
    choice = {"head": [1, 0], "position": [-1, 3]} if site in BY_HEAD else {"position": [-1, 3]}
    before, after = (seen(llama, *edits, site=site)[1] for edits in ((), [Edit(site, 0.25, 1, **choice)]))
    part = (np.array([[1], [0]]), [-1, 3]) if site == "pattern" else (np.array([[-1], [3]]), [1, 0])
    part = part if site in BY_HEAD else ([-1, 3],)
    assert (after[part] == 0.25).all()
    after[part] = before[part]
    assert np.array_equal(after, before)


def test_zeroing_a_head_is_switching_it_off(any_model):
    heads = [(0, 1), (1, 2), (1, 3)]
    off = capture(any_model, TEXT, ("resid_post",), off=heads)["resid_post"]
    assert np.array_equal(seen(any_model, *(Edit("z", 0, layer, head) for layer, head in heads)), off)
    assert np.array_equal(seen(any_model, Edit("z", 0, 0, 1), Edit("z", np.zeros(8), 1, [2, 3])), off)
    assert not np.allclose(off, seen(any_model), atol=1e-3)


def test_two_edits_at_once_are_one_after_the_other(any_model):
    first, second = Edit("mlp_out", lambda x: 2 * x, 0), Edit("attn_out", 0, 2, position=2)
    halfway = capture(any_model, TEXT, ("resid_post",), edits=[first])
    later = Edit("resid_post", halfway["resid_post"][0], 0)  # what the first edit led to, written in by hand
    assert np.allclose(seen(any_model, first, second), seen(any_model, later, second), atol=1e-6)
    assert np.array_equal(seen(any_model, first, second), seen(any_model, second, first))


def test_of_two_edits_at_one_place_the_later_one_stays(llama):
    assert (seen(llama, Edit("z", 1, 1), Edit("z", 2, 1), site="z")[1] == 2).all()


def test_the_donors_whole_last_state_gives_the_donors_logits(decoder):
    donor = capture(decoder, OTHER, ("resid_post", "logits"))
    edit = Edit("resid_post", donor["resid_post"][-1, -1], layer=-1, position=-1)
    found = capture(decoder, TEXT, ("logits",), edits=[edit])["logits"]
    assert np.allclose(found[-1], donor["logits"][-1], atol=1e-5)
    assert np.allclose(found[:-1], capture(decoder, TEXT, ("logits",))["logits"][:-1], atol=1e-6)


def test_another_texts_capture_is_put_in_at_the_same_place(llama):
    ids = list(capture(llama, TEXT).ids)
    donor = capture(llama, ids[::-1], ("z",))
    found = seen(llama, Edit("z", donor, layer=1, head=2, position=4), site="z")
    assert np.allclose(found[1, 4, 2], donor["z"][1, 4, 2]) and not np.allclose(found[1, 4, 1], donor["z"][1, 4, 1])


def test_gradients_reach_what_was_kept_and_numbers_stay(decoder):
    plain = capture(decoder, TEXT, ("z", "resid_post", "logits"))
    live = capture(decoder, TEXT, ("z", "resid_post", "logits"), gradients=True)
    assert np.allclose(torch.stack(live["z"]).detach(), plain["z"], atol=1e-6)
    read = live["logits"][-1].log_softmax(-1)[7]
    slopes = torch.autograd.grad(read, [*live["z"], *live["resid_post"]])
    assert all(slope.abs().max() > 0 for slope in slopes)
    step, z = 1e-2, plain["z"][1, 3, 2]
    direction = slopes[1][3, 2].numpy() / np.linalg.norm(slopes[1][3, 2])

    def moved(by):
        edit = Edit("z", z + by * direction, 1, 2, 3)
        return torch.tensor(capture(decoder, TEXT, ("logits",), edits=[edit])["logits"][-1]).double().log_softmax(-1)[7]

    assert (moved(step) - moved(-step)) / (2 * step) == pytest.approx(float(slopes[1][3, 2].norm()), rel=0.05)


@pytest.mark.parametrize(
    "edit, error, says",
    [
        (Edit("zz", 0), OptionError, "site 'zz' is unknown"),
        (Edit("logits", 0), OptionError, "seen, not edited"),
        (Edit("resid_mid", 0), OptionError, "seen, not edited; change attn_out"),
        (Edit("z", 0, layer=3), OptionError, "no layer 3; layers go from 0 to 2"),
        (Edit("z", 0, head=4), OptionError, "no head 4; heads go from 0 to 3"),
        (Edit("v", 0, head=2), OptionError, "no head 2; heads go from 0 to 1"),
        (Edit("mlp_out", 0, head=1), OptionError, "has no heads"),
        (Edit("mlp_out", 0, position=[0, 99]), OptionError, r"no position \[0, 99\]"),
        (Edit("z", np.zeros(5)), ShapeError, r"has shape \(5,\), its part has"),
        ((3, 1), OptionError, "is no edit; give Edit"),
    ],
)
def test_what_cannot_be_edited_is_said_and_leaves_no_hook(llama, edit, error, says):
    with pytest.raises(error, match=says):
        seen(llama, edit)
    assert np.array_equal(seen(llama), seen(llama, Edit("z", lambda z: z)))


def test_a_capture_that_does_not_fit_is_refused(llama):
    with pytest.raises(ShapeError, match="texts of one length fit"):
        seen(llama, Edit("z", capture(llama, OTHER + " It.", ("z",))))
    with pytest.raises(OptionError, match="layer 0 was not captured"):
        seen(llama, Edit("z", capture(llama, TEXT, ("z",), layers=[1])))
