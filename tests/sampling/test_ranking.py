"""Samples put together, in another order, best first."""

import numpy as np

from labkit.sampling import beam_search, best_of, reorder, sample, together


def test_two_calls_together_are_one_call_of_both_prompts(lm):
    asked = {"max_tokens": 5, "seed": 2, "stop_at_eos": False}
    one, two, both = (sample(lm, prompt, **asked) for prompt in ("abc", "xyz", ["abc", "xyz"]))
    joined = together([one, two])
    assert (joined.prompts, joined.texts, joined.ids, joined.ended) == (both.prompts, both.texts, both.ids, both.ended)
    np.testing.assert_allclose(np.stack(joined.entropies), np.stack(both.entropies), atol=1e-4)


def test_what_one_call_lacks_none_has(lm):
    drawn, found = sample(lm, "abc", max_tokens=4), reorder(beam_search(lm, "abc", width=2, max_tokens=4), [0])
    joined = together([drawn, found])
    assert len(joined) == 2 and joined.entropies == () and len(joined.logprobs) == 2


def test_the_likeliest_comes_first_unless_another_score_is_given(lm):
    likely = best_of(lm, "abc", n=4, max_tokens=6, seed=1)
    means = [lp.mean() for lp in likely.logprobs]
    assert means == sorted(means, reverse=True)
    assert best_of(lm, "abc", n=4, max_tokens=6, seed=1, score=lambda text: 0.0).ids == sample(
        lm, "abc", n=4, max_tokens=6, seed=1).ids  # fmt: skip
