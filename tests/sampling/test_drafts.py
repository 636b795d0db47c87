"""Drafts: a shortlist gives a distribution over the whole vocabulary; a draft reads a text as it would guess it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from labkit.core.errors import OptionError
from labkit.sampling import ModelDraft, Shortlist, sample, speculate
from labkit.text.datasets import Batch

A = "abcabcabcab"
SEEN = [3, 3, 3, 7, 7, 250, 1, 9, 9, 9, 9]


@pytest.fixture
def three():
    return Shortlist.of(SEEN, most=3, vocab=258)


def test_the_list_holds_the_most_frequent_tokens(three):
    assert three.ids.tolist() == [3, 7, 9] and three.size == 4
    assert three.narrow([[9, 3], [250, 7]]).tolist() == [[2, 0], [3, 1]]


def test_a_draft_is_trained_on_the_batches_in_its_own_numbers(three):
    source = SimpleNamespace(batch=lambda index, *, batch: Batch(np.array(SEEN * batch).reshape(batch, -1) + index))
    got = three.narrowed(source).batch(0, batch=2).ids
    assert (got == three.narrow([SEEN, SEEN])).all()


def test_what_the_draft_gives_the_others_is_shared_out_evenly(three):
    logits = torch.tensor([1.0, 2.0, 0.0, 3.0])
    wide = three.widen(logits).exp()
    assert wide.shape == (258,) and float(wide.sum()) == pytest.approx(1, abs=1e-5)
    own = logits.softmax(-1)
    torch.testing.assert_close(wide[[3, 7, 9]], own[:3])
    assert float(wide[100]) == pytest.approx(float(own[3]) / 255, rel=1e-4)


@pytest.mark.parametrize("most", [0, 258, -1])
def test_a_list_of_nothing_or_of_everything_is_refused(most):
    with pytest.raises(OptionError, match="use 1 "):
        Shortlist.of(SEEN, most=most, vocab=258)


def test_a_draft_with_a_shortlist_still_gives_the_models_text(lm, tiny_llama, three):
    small = ModelDraft(tiny_llama(vocab=three.size, seed=1), shortlist=three, temperature=0)
    got = speculate(lm, A, draft=small, max_tokens=20, temperature=0)
    assert got.samples.ids == sample(lm, A, max_tokens=20, temperature=0).ids


def test_reading_a_text_gives_the_distributions_that_guessing_it_had(lm, tiny_llama, three):
    """The draft's own guesses, one at a time, are drawn from what `chances` tells of them afterwards."""
    small, prompt = ModelDraft(tiny_llama(vocab=three.size, seed=1), shortlist=three, temperature=0.7), [5, 3, 9]
    guesses, rows = small.guess(prompt, [], 6, np.random.default_rng(0))
    torch.testing.assert_close(small.chances(prompt, guesses), rows, atol=1e-5, rtol=1e-4)
    again, _ = small.guess(prompt, [], 6, np.random.default_rng(0))
    assert again == guesses


def test_the_model_as_its_own_draft_reads_what_it_drew(lm):
    drawn = sample(lm, A, max_tokens=12, seed=3, stop_at_eos=False)
    rows = ModelDraft(lm).chances(lm.tokenizer(A)["input_ids"], drawn.ids[0])
    got = rows.log()[range(12), list(drawn.ids[0])]
    np.testing.assert_allclose(got.numpy(), drawn.logprobs[0], atol=1e-4)
