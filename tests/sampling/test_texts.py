"""Measures of texts, trees, ranking, and one step taken apart."""

import math
from collections import Counter

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.core.results import ShapeError, TokenTree
from labkit.sampling import (
    best_of,
    by_prompt,
    chi_square,
    curve,
    dissect,
    perplexity,
    repetition_rate,
    sample,
    sample_tree,
    self_bleu,
)  # fmt: skip

A = "The cat sat"


@pytest.mark.parametrize("ids, rate", [([1, 2, 3, 4, 5], 0.0), ([7] * 10, 1 - 1 / 7), ([1, 2, 3, 4] * 2, 1 - 4 / 5)])
def test_repetition_is_the_share_of_runs_seen_before(ids, rate):
    assert repetition_rate(ids, 4) == pytest.approx(rate)


def test_too_short_a_text_has_no_repetition_rate():
    assert math.isnan(repetition_rate([1, 2], 4))


def test_self_bleu_at_their_limits():
    same, apart = [[1, 2, 3, 4, 5]] * 3, [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]]
    assert self_bleu(same) == pytest.approx(1) and self_bleu(apart) == 0
    assert 0 < self_bleu([[1, 2, 3, 4, 5], [1, 2, 3, 9, 8]]) < 1
    with pytest.raises(OptionError, match="two or more"):
        self_bleu([[1, 2]])


def test_self_bleu_by_hand():
    one, other = [1, 2, 3, 4], [1, 2, 5, 6]
    expected = math.exp(
        sum(map(math.log, (2 / 4, 2 / 4, 1 / 3, 1 / 2))) / 4
    )  # 2 of 4; (1+1)/(3+1); (0+1)/(2+1); (0+1)/(1+1)
    assert self_bleu([one, other]) == pytest.approx(expected)


def test_perplexity_of_a_uniform_choice_is_its_size(lm):
    got = sample(lm, A, n=2, max_tokens=4, stop_at_eos=False)
    flat = type(got)(**{**got.__dict__, "logprobs": (np.full(4, -math.log(10)),) * 2})
    assert perplexity(flat) == pytest.approx([10, 10])


def test_a_curve_has_means_and_student_intervals():
    got = curve("any", [0.0, 1.0], [[1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    assert got.low is not None and got.high is not None
    assert got.y.tolist() == [2, 5] and got.low[1] == got.high[1] == 5
    assert (got.high[0] - got.low[0]) / 2 == pytest.approx(4.302653 / 3**0.5, abs=1e-4)
    with pytest.raises(OptionError, match="two measurements"):
        curve("any", [0.0], [[1.0]])


def test_texts_are_measured_prompt_by_prompt(lm):
    both = sample(lm, [A, "ba"], n=3, max_tokens=12, stop_at_eos=False)
    got = by_prompt(both)
    for at, prompt in enumerate((A, "ba")):
        alone = sample(lm, prompt, n=3, max_tokens=12, stop_at_eos=False)
        assert got["repetition"][at] == pytest.approx(np.mean([repetition_rate(ids) for ids in alone.ids]))
        assert got["self-BLEU"][at] == pytest.approx(self_bleu(alone.ids))
        assert got["nats"][at] == pytest.approx(np.log(perplexity(alone)).mean(), abs=1e-4)


def test_the_chi_square_is_right_as_often_as_it_says_and_sees_what_is_forbidden():
    p, rng = np.array([0.5, 0.3, 0.1, 0.05, 0.05]), np.random.default_rng(0)
    values = np.array([chi_square(rng.multinomial(200, p), p) for _ in range(500)])
    assert (values < 0.05).mean() == pytest.approx(0.05, abs=0.03)
    assert chi_square(rng.multinomial(200, p[::-1]), p) < 1e-6
    assert chi_square(np.array([100, 100, 1]), np.array([0.5, 0.5, 0.0])) == 0


def test_best_of_ranks_by_likelihood_or_by_what_is_asked(lm):
    drawn = sample(lm, A, n=6, max_tokens=8)
    best = best_of(lm, A, n=6, max_tokens=8)
    means = [lp.mean() for lp in best.logprobs]
    assert means == sorted(means, reverse=True) and sorted(best.ids) == sorted(drawn.ids)
    longest = best_of(lm, A, n=6, max_tokens=8, score=len)
    assert longest.texts[0] == max(drawn.texts, key=len)
    assert longest.ended[0] == drawn.ended[drawn.ids.index(longest.ids[0])]


def test_a_tree_of_samples_counts_each_of_them_once_a_level(lm):
    samples = sample(lm, A, n=40, max_tokens=4, temperature=0.3)
    tree = sample_tree(samples, depth=3)
    assert sum(c for c, p in zip(tree.counts, tree.parents, strict=True) if p == -1) == 40
    for node, count in enumerate(tree.counts):
        children = [tree.counts[i] for i, p in enumerate(tree.parents) if p == node]
        ends = sum(ids == path_ids(tree, node, samples) for ids in samples.ids)
        assert len(tree.path(node)) == 3 or sum(children) + ends == count
    firsts = Counter(t[0] for t in samples.tokens)
    assert {t: c for t, c, p in zip(tree.tokens, tree.counts, tree.parents, strict=True) if p == -1} == firsts
    with pytest.raises(OptionError, match="one prompt"):
        sample_tree(sample(lm, [A, "x"], max_tokens=2))


def path_ids(tree, node, samples):
    names = tuple(tree.tokens[n] for n in tree.path(node))
    return next(ids[: len(names)] for ids, tokens in zip(samples.ids, samples.tokens, strict=True)
                if tokens[: len(names)] == names)  # fmt: skip


def test_a_tree_with_a_child_before_its_parent_is_refused():
    with pytest.raises(ShapeError, match="list parents first"):
        TokenTree(("a", "b"), (1, -1), np.zeros(2))


@pytest.mark.parametrize("options", [
    {}, {"temperature": 0}, {"temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.05}, {"repetition_penalty": 1.5},
    {"typical_p": 0.7, "epsilon": 0.01, "eta": 0.02},
])  # fmt: skip
def test_the_last_stage_is_what_sample_draws_from(lm, options):
    for seed in range(5):
        got, drawn = dissect(lm, A, seed=seed, **options), sample(lm, A, seed=seed, max_tokens=1, **options)
        last = got.stages[-1]
        assert last.token == drawn.tokens[0][0]
        assert math.log(last.probabilities[drawn.ids[0][0]]) == pytest.approx(drawn.truncated_logprobs[0][0], abs=1e-4)


def test_stages_add_up(lm):
    got = dissect(lm, A, temperature=0.8, top_k=30, top_p=0.7)
    assert [s.name for s in got.stages] == ["model", "temperature 0.8", "top-k 30", "top-p 0.7"]
    assert got.stages[2].kept == 30 and got.stages[3].kept < 30
    for stage, before in zip(got.stages[1:], got.stages, strict=False):
        assert stage.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert stage.removed == pytest.approx(before.probabilities[stage.probabilities == 0].sum(), abs=1e-6)
    assert got.bars().values.shape == (4, 10) and len(got.table()) == 4
