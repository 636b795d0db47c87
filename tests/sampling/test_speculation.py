"""Speculative decoding: whatever the draft, the text follows the model."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from labkit.core.errors import ModelError, OptionError
from labkit.sampling import ModelDraft, NgramDraft, Speculation, first_layers, sample, settle, speculate

A = "abcabcabcab"


class StubbornDraft:
    """Always sure of the same token, as bad as a draft can be."""

    def __init__(self, token, vocab):
        self.token, self.vocab = token, vocab

    def guess(self, prompt, drawn, ahead, rng):
        sure = torch.zeros(ahead, self.vocab)
        sure[:, self.token] = 1.0
        return [self.token] * ahead, sure


@pytest.fixture
def drafts(lm):
    return {"one layer": lambda **o: ModelDraft(first_layers(lm, 1), **o), "itself": lambda **o: ModelDraft(lm, **o),
            "n-grams": lambda **o: NgramDraft(258), "stubborn": lambda **o: StubbornDraft(65, 258)}  # fmt: skip


NAMES = ["one layer", "itself", "n-grams", "stubborn"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ahead", [1, 4])
def test_without_chance_it_is_the_greedy_text(lm, drafts, name, ahead):
    got = speculate(lm, A, draft=drafts[name](temperature=0), ahead=ahead, max_tokens=30, temperature=0)
    greedy = sample(lm, A, max_tokens=30, temperature=0)
    assert got.samples.ids == greedy.ids and got.samples.ended == greedy.ended
    np.testing.assert_allclose(got.samples.logprobs[0], greedy.logprobs[0], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_second_token_follows_the_models_distribution(lm, drafts, name):
    """The second token is mostly a draft's guess that stood or its replacement; both must be fair."""
    options, count = {"temperature": 0.4, "top_k": 8, "stop_at_eos": False}, 500
    pairs = [
        speculate(lm, A, draft=drafts[name](**options), ahead=3, max_tokens=3, seed=seed, **options).samples.ids[0][:2]
        for seed in range(count)
    ]
    expected = exact_pairs(lm, options)
    often = [pair for pair, p in expected.items() if p * count >= 5]
    seen = [pairs.count(pair) for pair in often]
    rest = 1 - sum(expected[pair] for pair in often)
    if rest * count >= 5:
        seen.append(count - sum(seen))
    chances = np.array([expected[p] for p in often] + [rest] * (len(seen) > len(often)))
    assert set(pairs) <= set(expected)
    assert chisquare(seen, chances / chances.sum() * sum(seen)).pvalue > 1e-3


def exact_pairs(lm, options):
    """{(first, second): probability} from the model itself."""
    prompt = lm.tokenizer(A)["input_ids"]

    def after(ids):
        with torch.no_grad():
            values, tokens = (lm.model(torch.tensor([ids])).logits[0, -1] / options["temperature"]).topk(
                options["top_k"]
            )
        return list(zip(tokens.tolist(), values.softmax(-1).tolist(), strict=True))

    return {(a, b): p * q for a, p in after(prompt) for b, q in after([*prompt, a])}


def test_the_model_as_its_own_draft_is_always_believed(lm):
    options = {"temperature": 0.7, "stop_at_eos": False}
    got = speculate(lm, A, draft=ModelDraft(lm, **options), ahead=4, max_tokens=40, **options)
    assert got.rate == 1.0 and got.tokens_per_pass == 5.0


def test_a_draft_that_is_never_right_costs_a_pass_for_each_token(lm):
    greedy = sample(lm, A, max_tokens=10, temperature=0, stop_at_eos=False)
    never = next(i for i in range(258) if i not in greedy.ids[0])
    got = speculate(lm, A, draft=StubbornDraft(never, 258), max_tokens=10, temperature=0, stop_at_eos=False)
    assert got.rate == 0 and got.tokens_per_pass == 1 and len(got.guessed) == 10


def test_the_lookup_repeats_what_followed_the_newest_same_ending():
    draft = NgramDraft(10)
    assert draft.guess([1, 2, 3, 4, 1, 2], [3], 2, None)[0] == [4, 1]
    assert draft.guess([1, 2, 3], [4], 2, None)[0] == []
    assert draft.guess([5, 1, 9, 5], [1], 8, None)[0] == [9, 5, 1]


def test_first_layers_share_the_weights_and_all_of_them_are_the_model(lm, gpt2):
    whole, one = first_layers(lm, 3), first_layers(lm, 1)
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        assert torch.equal(whole.model(ids).logits, lm.model(ids).logits)
        assert not torch.allclose(one.model(ids).logits, lm.model(ids).logits)
    assert one.model.lm_head.weight.data_ptr() == lm.model.lm_head.weight.data_ptr()
    with pytest.raises(OptionError, match="3 layers"):
        first_layers(lm, 4)
    with pytest.raises(ModelError, match="LlamaForCausalLM"):
        first_layers(gpt2, 1)


def test_a_full_context_ends_the_text(lm):
    got = speculate(lm, A, draft=NgramDraft(258), max_tokens=500, stop_at_eos=False)
    assert got.samples.ended == ("context",) and len(got.samples.ids[0]) == 64 - len(A)


def test_what_it_cannot_do_is_refused(lm):
    for bad in ({"regex": "a"}, {"overflow": "slide"}):
        with pytest.raises(OptionError, match="use sample"):
            speculate(lm, A, draft=NgramDraft(258), **bad)


@pytest.mark.parametrize("seed", range(3))
def test_what_comes_of_a_guess_follows_the_model_and_stands_as_often_as_they_overlap(seed):
    rng, count = np.random.default_rng(seed), 3000
    p, q = (torch.tensor(rng.dirichlet(np.ones(6)), dtype=torch.float32) for _ in range(2))
    guesses = rng.choice(6, count, p=(q.double() / q.double().sum()).numpy())
    tokens = np.array([settle(int(guess), p, q, rng) for guess in guesses])
    expected = p.double().numpy() / p.double().sum().item() * count
    assert chisquare(np.bincount(tokens, minlength=6), expected).pvalue > 1e-4
    assert (tokens == guesses).mean() == pytest.approx(float(torch.minimum(p, q).sum()), abs=0.05)


def test_guesses_after_a_refusal_are_not_looked_at():
    got = Speculation(None, guessed=(4, 4, 2, 0), accepted=(4, 1, 0, 0))  # looked at: 4, 2, 1, 0
    assert got.rate == 5 / 10 and got.acceptance == 5 / 7
    assert np.isnan(Speculation(None, guessed=(0,), accepted=(0,)).acceptance)
