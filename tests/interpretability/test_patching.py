"""Patching: the last state decides everything, one's own state changes nothing, and a pair alone is as among others."""

import numpy as np
import pytest

from labkit.core.errors import ModelError, OptionError, ShapeError
from labkit.interpretability import Edit, capture, patch

from .conftest import TEXT

PROMPTS = [TEXT, "The bank of the river", "The bank raised its"]
DONORS = ["The bank of the river was green", "The bank raised its interest", TEXT]
ENDS = [(-1, -1)] * 3


def patched(lm, prompts=PROMPTS, donors=DONORS, **options):
    return {(one.place, one.layer): one for one in patch(lm, prompts, donors, **{"at": {"end": ENDS}, **options})}


def test_after_the_last_layer_the_donors_answer_comes(decoder):
    found = patched(decoder)
    assert sorted(found) == [("end", layer) for layer in range(4)]
    assert found["end", 3].turned.all()


def test_a_text_patched_with_itself_keeps_its_own(decoder):
    found = patched(decoder, donors=PROMPTS, at={"end": ENDS, "start": [(0, 0)] * 3})
    assert all(one.kept.all() and np.allclose(one.moved, 0, atol=1e-5) for one in found.values())


def test_each_pair_is_what_an_edit_of_its_text_alone_gives(decoder):
    answers = [(" bank", " rate")] * 3
    found = patched(decoder, at={"there": [(2, 1), (1, 2), (0, 3)]}, answers=answers, layers=[2])["there", 2]
    number = [decoder.tokenizer(word)["input_ids"][0] for word in answers[0]]
    for n, (prompt, donor, (p, d)) in enumerate(zip(PROMPTS, DONORS, [(2, 1), (1, 2), (0, 3)], strict=True)):
        given = capture(decoder, donor, ("resid_post",))["resid_post"][1, d]
        edits = ([], [Edit("resid_post", given, layer=1, position=p)])
        own, other = np.array([capture(decoder, prompt, ("logits",), edits=e)["logits"][-1][number] for e in edits]).T
        assert found.moved[n] == pytest.approx(np.diff(other - own)[0], abs=1e-4)


@pytest.mark.parametrize(
    "options, error, says",
    [
        ({"prompts": [], "donors": []}, OptionError, "no pair of texts"),
        ({"at": {}}, OptionError, "no place was given"),
        ({"donors": DONORS[:2]}, ShapeError, "2 donors were given for 3 prompts"),
        ({"at": {"end": ENDS[:1]}}, ShapeError, "1 end were given for 3 prompts"),
        ({"layers": [4]}, OptionError, "not a choice of 0 to 3"),
        ({"at": {"end": [(99, 0)] * 3}}, OptionError, "position 99 is not in a text of"),
    ],
)
def test_what_cannot_be_patched_is_said(llama, options, error, says):
    with pytest.raises(error, match=says):
        patched(llama, **options)


def test_an_encoder_is_refused(bert):
    with pytest.raises(ModelError, match="is encoder-only and predicts no next token"):
        patch(bert, PROMPTS, DONORS, at={"end": ENDS})


@pytest.mark.parametrize("positions", ["rotary", "learned", "none"])
def test_every_decoder_of_ours_is_patched(positions):
    import torch

    from labkit.models import LanguageModel, build
    from labkit.models.language_model import describe
    from tests.tiny import byte_tokenizer

    torch.manual_seed(0)
    model = build("nano", vocab_size=257, context=64, layers=3, d_model=32, heads=2, positions=positions).eval()
    lm = LanguageModel("ours", model, byte_tokenizer(), describe("ours", model, None))
    found = {one.layer: one for one in patch(lm, ["abc", "xy"], ["bde", "zx"], at={"end": [(-1, -1)] * 2})}
    assert found[3].turned.all() and sorted(found) == [0, 1, 2, 3]
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())


def test_answers_that_begin_alike_are_named(decoder):
    answers = [(" bank", " bank"), (" bank", " rate"), (" rate", " bank")]
    assert all(one.apart.tolist() == [False, True, True] for one in patched(decoder, answers=answers).values())
