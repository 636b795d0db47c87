"""Contrastive search against its formula without a cache, and at its limits."""

import pytest
import torch

from labkit.core.errors import OptionError
from labkit.sampling import contrastive_search, sample

A = "The cat sat"


def by_the_formula(model, ids, top, alpha, length):
    for _ in range(length):
        with torch.no_grad():
            out = model(torch.tensor([ids]), output_hidden_states=True)
            said, (p, tokens) = out.hidden_states[-1][0], out.logits[0, -1].softmax(-1).topk(top)
            scores = []
            for chance, token in zip(p, tokens.tolist(), strict=True):
                state = model(torch.tensor([[*ids, token]]), output_hidden_states=True).hidden_states[-1][0, -1]
                likeness = max(torch.cosine_similarity(state, other, dim=0) for other in said)
                scores.append((1 - alpha) * chance - alpha * likeness)
        ids = [*ids, tokens.tolist()[max(range(top), key=scores.__getitem__)]]
    return ids


@pytest.mark.parametrize("top, alpha", [(4, 0.6), (3, 1.0), (6, 0.2)])
@pytest.mark.parametrize("which", ["lm", "gpt2"])
def test_it_equals_the_formula(which, request, top, alpha):
    lm = request.getfixturevalue(which)
    prompt = lm.tokenizer(A)["input_ids"]
    got = contrastive_search(lm, A, top=top, alpha=alpha, max_tokens=10)
    assert [*prompt, *got.ids[0]] == by_the_formula(lm.model, prompt, top, alpha, len(got.ids[0]))


@pytest.mark.parametrize("limit", [{"alpha": 0}, {"top": 1}])
def test_at_its_limits_it_is_greedy(lm, limit):
    assert contrastive_search(lm, A, max_tokens=12, **limit).ids == sample(lm, A, temperature=0, max_tokens=12).ids


@pytest.mark.parametrize("bad", [{"alpha": 2}, {"alpha": -0.1}, {"top": 0}, {"max_tokens": 0}])
def test_bad_numbers_are_refused(lm, bad):
    with pytest.raises(OptionError):
        contrastive_search(lm, A, **bad)
