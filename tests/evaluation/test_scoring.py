"""Scoring: scikit-learn is the oracle, limits are exact, and one class alone is refused in words."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from labkit.core.errors import OptionError, ShapeError
from labkit.evaluation import auroc, compare, risk_coverage, risk_curves, score, table
from labkit.evaluation.intervals import resamples
from labkit.evaluation.scoring import auprc, prr

WRONG = np.array([True, False, True, False, False, True])


def some(seed, ties=False):
    rng = np.random.default_rng(seed)
    wrong = rng.uniform(size=60) < 0.4
    scores = rng.normal(size=60) + wrong
    return wrong, scores.round() if ties else scores


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_areas_are_those_of_scikit_learn(seed, ties):
    wrong, scores = some(seed, ties)
    assert auroc(wrong, scores) == pytest.approx(roc_auc_score(wrong, scores))
    assert auprc(wrong, scores) == pytest.approx(average_precision_score(wrong, scores))


@pytest.mark.parametrize("scores, area, rejection", [(WRONG, 1, 1), (~WRONG, 0, -1), (np.ones(6), 0.5, 0)])
def test_perfect_reversed_and_useless_scores(scores, area, rejection):
    found = score(WRONG, scores.astype(float), draws=50)
    assert found.auroc.value == pytest.approx(area)
    assert found.prr.value == pytest.approx(rejection)


def test_many_draws_at_once_are_each_scored():
    wrong, scores = some(0)
    rows = resamples(len(wrong), draws=5)
    for measure in (auroc, auprc, prr):
        together = measure(wrong[rows], scores[rows])
        assert together == pytest.approx([measure(wrong[r], scores[r]) for r in rows])


def test_risk_grows_to_the_share_of_wrong_answers():
    wrong, scores = some(1)
    coverage, risk = risk_coverage(wrong, scores)
    assert coverage[-1] == 1 and risk[-1] == pytest.approx(wrong.mean())
    assert risk_coverage(WRONG, WRONG.astype(float))[1].tolist() == pytest.approx([0, 0, 0, 1 / 4, 2 / 5, 1 / 2])


def test_equal_scores_share_their_errors():
    _, risk = risk_coverage(WRONG, np.zeros(6))
    assert risk.tolist() == pytest.approx([0.5] * 6)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, held = np.random.default_rng(0), 0
    truth = 0.7602  # two normal distributions one standard deviation apart
    for n in range(100):
        wrong = rng.uniform(size=120) < 0.5
        found = score(wrong, rng.normal(size=120) + wrong, seed=n, draws=200).auroc
        held += found.low <= truth <= found.high
    assert 86 <= held <= 100


def test_a_detector_does_not_beat_itself():
    wrong, scores = some(2)
    same = compare(wrong, scores, 2 * scores)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_pairs_make_a_small_difference_visible():
    wrong, scores = some(3)
    worse = scores + np.random.default_rng(0).normal(size=60) * 0.1
    paired = compare(wrong, scores, worse)
    apart = score(wrong, scores).auroc
    assert paired.high - paired.low < 0.5 * (apart.high - apart.low)


def test_intervals_come_from_the_seed():
    wrong, scores = some(4)
    assert score(wrong, scores, seed=1).auroc == score(wrong, scores, seed=1).auroc
    assert score(wrong, scores, seed=1).auroc != score(wrong, scores, seed=2).auroc


@pytest.mark.parametrize(
    "wrong, scores, says",
    [
        ([True] * 4, [0, 1, 2, 3], "all 4 answers are wrong.* model knows"),
        ([False] * 4, [0, 1, 2, 3], "all 4 answers are right.* does not know"),
        ([], [], "no answer was given"),
        ([True, False], [0, np.nan], "1 of 2 scores are not numbers"),
    ],
)
def test_what_cannot_be_scored_is_said(wrong, scores, says):
    with pytest.raises(OptionError, match=says):
        score(np.array(wrong, bool), scores)


def test_sizes_must_agree():
    with pytest.raises(ShapeError, match=r"\(2,\) marks and \(3,\) scores"):
        score([True, False], [1, 2, 3])


def test_the_table_is_ordered_and_compared():
    wrong, scores = some(5)
    shown = table(
        wrong, {"noise": np.random.default_rng(1).normal(size=60), "good": scores}, baseline="noise", draws=100
    )
    assert shown["detector"] == ["good", "noise"]
    assert shown["AUROC less noise's"][1] == "–"


def test_curves_can_be_shown():
    from labkit.views import figure

    wrong, scores = some(6)
    assert len(figure(risk_curves(wrong, {"a": scores, "<b>": -scores})).data) >= 2


def test_of_many_comparisons_with_noise_few_stand_and_one_with_a_real_gain_does():
    rng = np.random.default_rng(0)
    wrong = rng.random(80) < 0.5
    noise = {f"noise {n}": rng.random(80) for n in range(10)}
    shown = table(wrong, {"base": rng.random(80), "good": wrong + rng.random(80), **noise}, baseline="base", draws=50)
    stars = [row[0] for row in shown.rows if str(row[2]).endswith("*")]
    assert stars == ["good"]
    assert any("11 comparisons" in note for note in shown.notes)
