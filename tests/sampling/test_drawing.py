"""The draw: frequencies, borders, and the numbers that come with a token."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from labkit.core.errors import ModelError
from labkit.sampling.drawing import History, draw, pick
from labkit.sampling.options import make_options


@pytest.mark.parametrize("vocab", [1, 5, 256, 257, 1000, 49152])
def test_a_number_picks_the_token_at_which_the_cumulative_sum_passes_it(vocab):
    weights = torch.rand(64, vocab, generator=torch.Generator().manual_seed(0))
    chances = torch.rand(64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    upto = weights.double().cumsum(-1)
    slow = (upto <= chances[:, None] * upto[:, -1:]).sum(-1)
    near = (pick(weights, chances) - slow).abs()
    assert (near <= 1).all() and (near == 0).float().mean() > 0.95, "only rounding at a border may differ"


@pytest.mark.parametrize("chance", [0.0, 0.5, 1 - 1e-16])
def test_a_token_without_probability_is_never_drawn(chance):
    for only in (0, 255, 256, 299):
        weights = torch.zeros(1, 300)
        weights[0, only] = 1e-20
        assert pick(weights, torch.tensor([chance], dtype=torch.float64)).item() == only


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.7}, {"min_p": 0.2}, {"typical_p": 0.6}, {"eta": 0.1}],
)
def test_frequencies_follow_the_distribution_asked_for(options):
    asked = make_options(**options)
    logits = torch.tensor([[1.0, 0.2, -0.5, 2.0, 0.0, -3.0]]).expand(4000, -1)
    chances = torch.rand(4000, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    drawn = draw(logits, chances.tolist(), History([[]] * 4000, [[]] * 4000), asked)
    from labkit.sampling.drawing import shape

    expected = shape(logits[:1], History([[]], [[]]), asked).softmax(-1)[0]
    counts = np.bincount(drawn.tokens, minlength=6)
    expected = expected.double().numpy()
    on = expected > 0
    assert not counts[~on].any()
    assert chisquare(counts[on], expected[on] / expected[on].sum() * 4000).pvalue > 1e-3
    np.testing.assert_allclose(drawn.truncated, np.log(expected[drawn.tokens]), atol=1e-5)
    np.testing.assert_allclose(drawn.logprobs, logits[0].log_softmax(-1)[drawn.tokens], atol=1e-5)


def test_the_entropy_of_n_equal_tokens_is_log_n():
    drawn = draw(torch.zeros(1, 300), [0.3], History([[]], [[]]), make_options())
    assert drawn.entropies.item() == pytest.approx(math.log(300), abs=1e-4)


def test_a_token_that_the_model_itself_rules_out_costs_the_entropy_nothing():
    logits = torch.tensor([[0.0, 0.0, -math.inf]])
    drawn = draw(logits, [0.3], History([[]], [[]]), make_options())
    assert drawn.entropies.item() == pytest.approx(math.log(2), abs=1e-5)


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(ModelError, match="not finite"):
        draw(torch.tensor([[0.0, math.nan]]), [0.5], History([[]], [[]]), make_options())
