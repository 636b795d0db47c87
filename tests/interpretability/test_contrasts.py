"""Contrasts: everything put in is the clean run, nothing is the corrupt one, and the estimate is TransformerLens's."""

import copy

import numpy as np
import pytest
import torch

from labkit.core.errors import ModelError, OptionError, ShapeError, TargetError
from labkit.interpretability import Edit, attribution_patching, capture, contrast, recovered, recovery
from labkit.models import LanguageModel

CLEAN, CORRUPT = "The bank raised its rate, the bank", "The bank raised its rate, the river"
WORDS = {"answer": " bank", "instead": " rate"}


@pytest.fixture
def pair(loud):
    return contrast(loud, "two banks here", "two bands here", answer="x", instead="q")


def apart(lm, pair, ids, *edits):
    return pair.apart(capture(lm, ids, ("logits",), edits=edits)["logits"][-1].astype(float))


def test_everything_is_the_clean_run_and_nothing_the_corrupt_one(loud, pair):
    everything = [Edit("resid_pre", None, 0), Edit("resid_post", None, -1, position=-1), Edit("resid_pre", None, -1)]
    assert recovered(loud, pair, everything) == pytest.approx(1, abs=1e-3)
    nothing = [Edit("resid_pre", None, 1, position=range(pair.first)), Edit("z", None, 1, position=0)]
    assert recovered(loud, pair, nothing) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("site, positions", [("resid_pre", None), ("mlp_out", [-1, 4]), ("z", [-1])])
def test_each_part_is_what_an_edit_of_it_alone_gives(loud, pair, site, positions):
    found = recovery(loud, pair, site, positions=positions)
    clean = capture(loud, pair.clean, (site,))
    whole, none = apart(loud, pair, pair.clean), apart(loud, pair, pair.corrupt)
    places = range(len(pair.clean)) if positions is None else positions
    columns = (
        [{"head": h, "position": positions} for h in range(4)] if site == "z" else [{"position": p} for p in places]
    )
    edits = [[Edit(site, clean, layer, **column) for column in columns] for layer in range(loud.card.layers)]
    by_hand = [[apart(loud, pair, pair.corrupt, edit) for edit in row] for row in edits]
    assert np.allclose(found, (np.array(by_hand) - none) / (whole - none), atol=1e-3)
    assert abs(found).max() > 0.01
    assert np.allclose(recovery(loud, pair, site, positions=positions, layers=[1]), found[[1]], atol=1e-4)


def test_the_estimate_equals_transformer_lens(loud, pair):
    from transformer_lens.tools.analysis import attribution_patching as theirs

    clean, corrupt = (torch.tensor([one]) for one in (pair.clean, pair.corrupt))
    found = theirs.attribution_patch(loud.bridge, clean, corrupt, lambda x: pair.apart(x[0, -1])).node_scores
    gap = apart(loud, pair, pair.clean) - apart(loud, pair, pair.corrupt)
    heads, mlps = (attribution_patching(loud, pair, site) * gap for site in ("z", "mlp_out"))
    expected = {"attn_head_out": np.zeros_like(heads), "mlp_out": np.zeros_like(mlps)}
    for node, score in found.items():
        if node.kind in expected:
            place = node.head if node.kind == "attn_head_out" else node.position
            expected[node.kind][node.layer, place] += score
    assert np.allclose(heads, expected["attn_head_out"], atol=1e-4)
    assert np.allclose(mlps, expected["mlp_out"], atol=1e-4)


@pytest.mark.parametrize(
    "given, error, says",
    [
        ((CLEAN, CORRUPT + " was"), ShapeError, "the clean prompt has .* tokens and the corrupt one"),
        ((CLEAN, CLEAN), OptionError, "are the same; change one word"),
        ((CLEAN, CORRUPT, " the bank"), TargetError, "tokens for"),
        ((CLEAN, CORRUPT, " rate"), TargetError, "both prompts are given the answer ' rate'"),
    ],
)
def test_what_is_no_contrast_is_said(llama, given, error, says):
    clean, corrupt, *answer = given
    with pytest.raises(error, match=says):
        contrast(llama, clean, corrupt, **{**WORDS, **({"answer": answer[0]} if answer else {})})


def test_sites_and_models_that_cannot_be_patched_are_said(bert, llama):
    with pytest.raises(ModelError, match="is an encoder and predicts none"):
        contrast(bert, CLEAN, CORRUPT, **WORDS)
    ids = list(capture(llama, CLEAN).ids)
    pair = contrast(llama, ids, [*ids[:-1], 5], **WORDS)
    with pytest.raises(OptionError, match="'pattern' has no part for each token"):
        recovery(llama, pair, "pattern")
    model = copy.deepcopy(llama.model)
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()
    deaf = LanguageModel("deaf", model, llama.tokenizer, llama.card)
    with pytest.raises(ModelError, match="nothing can come back"):
        recovered(deaf, pair, [Edit("resid_pre", None, 0)])
