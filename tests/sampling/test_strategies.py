"""Each strategy against transformers' own processor, and at its limits."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.generation import logits_process as peers

from labkit.sampling import strategies

SHAPES = [(1, 5), (3, 97), (2, 2000), (4, 49152)]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
CASES = [
    (strategies.temperature, peers.TemperatureLogitsWarper, (0.2, 0.7, 1.3, 5.0)),
    (strategies.top_k, peers.TopKLogitsWarper, (1, 3, 50, 10_000_000)),
    (strategies.top_p, peers.TopPLogitsWarper, (0.05, 0.5, 0.9, 0.99)),
    (strategies.min_p, peers.MinPLogitsWarper, (0.01, 0.1, 0.9)),
    (strategies.typical, peers.TypicalLogitsWarper, (0.1, 0.5, 0.95)),
    (strategies.epsilon, peers.EpsilonLogitsWarper, (1e-4, 0.02, 0.5)),
    (strategies.eta, peers.EtaLogitsWarper, (1e-4, 0.02, 0.5)),
]


def random_logits(shape, dtype, *, spread=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (spread * torch.randn(shape, generator=generator)).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ours, theirs, values", CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_each_cut_is_the_one_of_transformers(ours, theirs, values, shape, dtype):
    for seed, value in enumerate(values):
        logits = random_logits(shape, dtype, seed=seed)
        peer = theirs(value)(None, logits.float())  # generate casts to float32 before its processors
        got = ours(logits, value)
        doubt = DOUBTS.get(ours)
        same_tokens(got, peer, doubt and at_the_border(doubt(logits.double()), logits.double().softmax(-1), value))


DOUBTS = {
    strategies.top_p: lambda logits: -logits,
    strategies.typical: lambda logits: (
        -logits.log_softmax(-1) - strategies.entropy(logits.log_softmax(-1))[:, None]
    ).abs(),
}
"""What the two cuts sort by whose border is a sum over the vocabulary; the best token has the least."""
ROUNDING = 1e-4
"""By so much float32 sums over 49,152 probabilities may disagree: adding them one by one is off by 2e-5, in another
order on another processor."""


def at_the_border(doubt, probabilities, mass):
    """(batch, vocab) whether a token, or one as good as it, is where the sum in float64 reaches the mass."""
    found = []
    for row, share in zip(doubt, probabilities, strict=True):
        _, group = row.float().unique(return_inverse=True)  # equals share a number; the best have 0
        sums = torch.zeros(int(group.max()) + 1, dtype=torch.float64).index_add_(0, group, share)
        upto = sums.cumsum(0)
        found.append(((upto - sums - ROUNDING <= mass) & (mass <= upto + ROUNDING))[group])
    return torch.stack(found)


def same_tokens(ours, theirs, border):
    """The same tokens stay, as likely as they were, but for those at the border."""
    differ = (ours > -math.inf) != (theirs > -math.inf)
    assert not (differ if border is None else differ & ~border).any()
    kept = (ours > -math.inf) & (theirs > -math.inf)
    assert kept.any(-1).all()
    shift = (ours - theirs).masked_fill(~kept, 0).sum(-1, keepdim=True) / kept.sum(-1, keepdim=True)
    assert float((ours - theirs - shift)[kept].abs().max()) < 1e-3, "temperature may shift a row, nothing may bend it"


@pytest.mark.parametrize("ours, value", [(strategies.top_p, 0.9), (strategies.typical, 0.5)])
def test_hardly_any_token_is_at_the_border(ours, value):
    """So that a cut in the wrong place is not excused as rounding."""
    logits = random_logits((4, 49152), torch.float32)
    border = at_the_border(DOUBTS[ours](logits.double()), logits.double().softmax(-1), value)
    assert 1 <= border.sum() <= 0.001 * border.numel()
    wrong = ours(logits, value * 0.99) > -math.inf
    assert ((wrong != (ours(logits, value) > -math.inf)) & ~border).any(-1).all(), "a mass of 0.99 times is noticed"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("penalty", [0.5, 1.2, 3.0])
def test_repetition_penalty_is_the_one_of_transformers(penalty, dtype):
    logits = random_logits((3, 97), dtype).float()
    ids = torch.randint(0, 97, (3, 20), generator=torch.Generator().manual_seed(1))
    seen = torch.zeros(3, 97, dtype=torch.bool).scatter_(1, ids, True)
    peer = peers.RepetitionPenaltyLogitsProcessor(penalty)(ids, logits)
    assert torch.equal(strategies.repetition(logits, seen, penalty), peer)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_ban_of_ngrams_is_the_one_of_transformers(size):
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        logits, ids = torch.randn(2, 7, generator=generator), torch.randint(0, 4, (2, 12), generator=generator)
        peer = peers.NoRepeatNGramLogitsProcessor(size)(ids, logits.clone())
        assert torch.equal(strategies.no_repeat_ngram(logits, ids.tolist(), size), peer)


def test_a_ban_of_everything_is_lifted():
    logits = torch.randn(1, 3)
    assert torch.equal(strategies.no_repeat_ngram(logits, [[0, 1, 2]], 1), logits)


def test_presence_counts_once_and_frequency_each_time():
    counts = torch.tensor([[0.0, 1.0, 3.0]])
    got = strategies.presence_frequency(torch.zeros(1, 3), counts, presence=0.5, frequency=0.25)
    assert got.tolist() == [[0.0, -0.75, -1.25]]


def test_greedy_takes_the_smallest_id_among_equals():
    assert strategies.greedy(torch.tensor([[1.0, 2.0, 2.0]])).argmax().item() == 1


@settings(max_examples=60, deadline=None)
@given(
    which=st.sampled_from(range(len(CASES))),
    share=st.floats(1e-9, 0.999999),
    scale=st.sampled_from([0.0, 1e-30, 1.0, 1e4, 1e30]),
    seed=st.integers(0, 9),
    cut=st.booleans(),
)
def test_one_token_stays_and_none_is_nan(which, share, scale, seed, cut):
    ours = CASES[which][0]
    logits = random_logits((3, 50), torch.float32, spread=scale, seed=seed)
    if cut:
        logits[:, 1:] = -math.inf
    value = max(1, int(share * 60)) if ours is strategies.top_k else share
    got = ours(logits, value)
    assert not got.isnan().any()
    assert (got > -math.inf).any(-1).all()
    probabilities = got.softmax(-1)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(3))


@pytest.mark.parametrize("value", [1e-45, 1e-30, 1e-4])
def test_a_tiny_temperature_is_greedy_not_nan(value):
    logits = random_logits((4, 100), torch.float32)
    got = strategies.temperature(logits, value).softmax(-1)
    torch.testing.assert_close(got, strategies.greedy(logits).softmax(-1), atol=1e-30, rtol=0)


def test_top_p_of_a_flat_distribution_needs_more_than_its_first_look():
    kept = strategies.top_p(torch.zeros(1, 40_000), 0.5) > -math.inf
    assert abs(int(kept.sum()) - 20_000) <= 20
