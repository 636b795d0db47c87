"""Lesson 08, sampling: top-p, a ban on loops, how many guesses of a draft stand."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from labkit.explorers.controls import Action, Choice, Slider, Text
from labkit.explorers.panel import KEPT, Explorer, explorer
from labkit.suite.exercises import array, call, exercise, number, require

from .mutations import mutation


def sorted_by_weight(probabilities):
    """(the ids, the most likely first, and the mass of those more likely than each)."""
    order = np.argsort(-probabilities, kind="stable")
    return order, np.cumsum(probabilities[order]) - probabilities[order]


def only(probabilities, ids):
    """What is left of `probabilities` at `ids`, shared out to 1."""
    kept = np.where(np.isin(np.arange(len(probabilities)), ids), probabilities, 0)
    return kept / max(kept.sum(), 1e-9)


def nucleus(probabilities: np.ndarray, p: float) -> np.ndarray:
    """Top-p by definition."""
    order, before = sorted_by_weight(probabilities)
    return only(probabilities, order[before < p - 1e-12])


def without_the_crossing_token(probabilities, p):
    order, before = sorted_by_weight(probabilities)
    return only(probabilities, order[before + probabilities[order] <= p])


def without_sharing_out(probabilities, p):
    return np.where(nucleus(probabilities, p) > 0, probabilities, 0)


def from_the_wrong_end(probabilities, p):
    order, before = sorted_by_weight(-probabilities)
    return only(probabilities, order[-before < p])


def in_the_order_given(probabilities, p):
    return only(probabilities, np.flatnonzero(np.cumsum(probabilities) - probabilities < p))


def one_too_many(probabilities, p):
    order, before = sorted_by_weight(probabilities)
    return only(probabilities, order[before <= p])


def in_equal_shares(probabilities, p):
    kept = nucleus(probabilities, p) > 0
    return kept / kept.sum()


def in_place(probabilities, p):
    probabilities[:] = nucleus(probabilities, p)
    return probabilities


@exercise(
    "08.1",
    "Top-p",
    wrong=[
        (without_the_crossing_token, "nothing is left"),
        (without_sharing_out, "share it out to 1 again"),
        (from_the_wrong_end, "the tail is the unlikely end"),
        (in_the_order_given, "tokens are left"),
        (one_too_many, "2 tokens are left, 1 reach p"),
        (in_equal_shares, "the shares among the kept tokens changed"),
        (in_place, "changes the array that it is given"),
    ],
)
def top_p(answer):
    rng = np.random.default_rng(8)
    given = [(np.array([0.1, 0.6, 0.3]), 0.3), (np.array([0.2, 0.5, 0.3]), 0.7), (np.array([0.25] * 4), 1.0)]
    given += [(np.array([0.25, 0.5, 0.25]), 0.5)]  # reached exactly
    given += [(rng.dirichlet(np.full(20, 0.3)), p) for p in (0.3, 0.6, 0.9, 0.99)]
    for probabilities, p in given:
        before = probabilities.copy()
        found = array(call(answer, probabilities, p), shape=probabilities.shape)
        shown = f"of {np.round(before, 2).tolist()[:6]} and p = {p}"
        require(
            bool((probabilities == before).all()), "your function changes the array that it is given; work on a copy"
        )
        require(bool((found >= 0).all()), f"{shown} a probability became negative")
        kept, right = found > 0, nucleus(before, p)
        require(bool(kept.any()), f"{shown} nothing is left; the most likely token always stays")
        require(bool(kept[before.argmax()]), f"{shown} the most likely token was cut; the tail is the unlikely end")
        mass = before[kept].sum()
        require(mass >= p - 1e-9, f"{shown} what is left has mass {mass:.2f}; the token that crosses p must stay")
        require(kept.sum() <= (right > 0).sum(), f"{shown} {kept.sum()} tokens are left, {(right > 0).sum()} reach p")
        require(abs(found.sum() - 1) < 1e-6, f"{shown} what is left sums to {found.sum():.3f}; share it out to 1 again")
        require(bool(np.allclose(found, right, atol=1e-6)), f"{shown} the shares among the kept tokens changed")
    return f"the smallest set that reaches p, in {len(given)} cases, and it sums to 1"


def every_token_seen(ids, size):
    return set(ids)


def only_the_first_place(ids, size):
    ending = ids[len(ids) - size + 1 :]
    for i in range(len(ids) - size + 1):
        if ids[i : i + size - 1] == ending:
            return {ids[i + size - 1]}
    return set()


def whole_run_must_match(ids, size):
    return {ids[i] for i in range(len(ids) - size) if ids[i : i + size] == ids[len(ids) - size :]}


def without_runs_of_one(ids, size):
    ending = ids[-(size - 1) :]  # of size 1: everything
    return {ids[i + size - 1] for i in range(len(ids) - size + 1) if ids[i : i + size - 1] == ending}


def a_list(ids, size):
    ending = ids[len(ids) - size + 1 :]
    return [ids[i + size - 1] for i in range(len(ids) - size + 1) if ids[i : i + size - 1] == ending]


@exercise(
    "08.2",
    "Break a loop",
    wrong=[
        (every_token_seen, "did not stand there before"),
        (only_the_first_place, "but it is allowed"),
        (whole_run_must_match, "would repeat (1, 2, 3), but it is allowed"),
        (without_runs_of_one, "would repeat (7,), but it is allowed"),
        (a_list, "expected a set"),
    ],
)
def banned(answer):
    rng = np.random.default_rng(8)
    cases = [([1, 2, 3, 1, 2], 3), ([1, 2, 3, 4], 3), ([5, 5, 5], 2), ([1, 2], 4), ([1, 2, 3, 1, 2, 4, 1, 2], 3)]
    cases += [([7], 1)]
    cases += [(rng.integers(0, 3, 15).tolist(), size) for size in (1, 2, 3, 4)]
    for ids, size in cases:
        given = list(ids)
        found = call(answer, given, size)
        require(given == ids, "your function changes the list that it is given; work on a copy")
        require(isinstance(found, (set, frozenset)), f"for {ids} and size {size} expected a set, got {found!r}")
        runs = {tuple(ids[i : i + size]) for i in range(len(ids) - size + 1)}
        for token in found:
            done = tuple((*ids, token)[-size:])
            require(done in runs, f"{token} is banned after {ids}, but the run {done} did not stand there before")
        for run in runs:
            if (*ids, run[-1])[-size:] == run and len(ids) >= size - 1:
                require(run[-1] in found, f"after {ids} the token {run[-1]} would repeat {run}, but it is allowed")
    return f"no run comes twice, and nothing else is forbidden, in {len(cases)} texts"


def twice(p, q):
    return float(1 - np.abs(p - q).sum())


@exercise(
    "08.3",
    "The acceptance rate",
    wrong=[
        (lambda p, q: float((p * q).sum()), "that is how often two draws agree"),
        (lambda p, q: float(np.minimum(1, p / np.maximum(q, 1e-12)).mean()), "a token counts as often as q guesses it"),
        (lambda p, q: float(np.maximum(p, q).sum()), "a share lies between 0 and 1"),
        (twice, "that takes each difference twice: what q has too much of one token, it lacks of others"),
        (lambda p, q: float(p[q.argmax()]), "stands with chance min(1, p/q)"),
    ],
)
def acceptance(answer):
    rng = np.random.default_rng(8)
    half, first, second = np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    cases = [(np.array([0.7, 0.3]), np.array([0.4, 0.6]), "a draft that leans the other way")]
    cases += [(half, half, "a draft that equals the model"), (first, second, "a draft that is always wrong")]
    cases += [(half, first, "a draft that is too sure"), (first, half, "a draft that is not sure enough")]
    cases += [(rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6)), "two random distributions") for _ in range(4)]
    for p, q, what in cases:
        found = number(call(answer, p.copy(), q.copy()))
        right = float(np.minimum(p, q).sum())
        says = f"{what} has {found:.3f} of its guesses accepted, says your function"
        require(0 <= found <= 1 + 1e-9, f"{says}; a share lies between 0 and 1")
        require(
            abs(found - right) < 1e-6, f"{says}; count: a guess comes with chance q and stands with chance min(1, p/q)"
        )
    return f"right for {len(cases)} pairs; it is the overlap of the two distributions"


@explorer
def branches(lm: object = None) -> Explorer:
    """The tree of a beam search or of samples after a prompt. `lm`: a LanguageModel."""
    from labkit.models import load
    from labkit.sampling import beam_tree, sample, sample_tree

    model = lm or load("smollm2-135m")

    @lru_cache(KEPT)
    def draw(prompt: str, grown: str, width: int, depth: int) -> list:
        if grown == "beam search":
            return [beam_tree(model, prompt, width=width, depth=depth)]
        texts = sample(model, prompt, n=4 * width, max_tokens=depth)
        return [sample_tree(texts, depth=depth)]

    return Explorer(
        title="The roads not taken",
        note="Click a token, or move to it with Tab and press Enter: its text becomes the prompt.",
        controls=(
            Text("prompt", "The scientist looked at the result and", label="Prompt"),
            Choice("grown", "beam search", ("beam search", "samples"), label="Grown by"),
            Slider("width", 3, 1, 8, label="Width"),
            Slider("depth", 5, 1, 8, label="Depth"),
        ),
        draw=draw,
    )


@explorer
def sampling(lm: object = None) -> Explorer:
    """Move a control, see the next token's distribution and four texts. `lm`: a LanguageModel."""
    from labkit.models import load
    from labkit.sampling import dissect, sample

    model = lm or load("smollm2-135m")
    drawn = lru_cache(KEPT)(partial(sample, model, n=4))

    def draw(prompt: str, length: int, again: int, **options: float) -> Iterator[list]:
        stages = dissect(model, prompt, seed=again, top=10, **options)
        below = [stages.bars(first_and_last=True), stages.table()]
        for tokens in sorted({min(3, length), length}):  # their beginnings at once, so that nothing moves later
            yield [drawn(prompt, max_tokens=tokens, seed=again, **options), *below]

    return Explorer(
        title="The sampler, live",
        note="Four texts of this seed. Below: what the model says of their first token, and what is left to draw from.",
        controls=(
            Text("prompt", "The old lighthouse keeper opened the door and", label="Prompt"),
            Slider("temperature", 0.8, 0.0, 2.0, 0.05, label="Temperature (0 = greedy)"),
            Slider("top_k", 0, 0, 100, label="Top-k (0 = all)"),
            Slider("top_p", 0.95, 0.05, 1.0, 0.05, label="Top-p"),
            Slider("min_p", 0.0, 0.0, 0.5, 0.01, label="Min-p"),
            Slider("typical_p", 1.0, 0.05, 1.0, 0.05, label="Typical"),
            Slider("repetition_penalty", 1.0, 1.0, 2.0, 0.05, label="Repetition penalty"),
            Slider("frequency_penalty", 0.0, 0.0, 2.0, 0.1, label="Frequency penalty"),
            Slider("no_repeat_ngram", 0, 0, 6, label="No repeated n-gram"),
            Slider("length", 24, 4, 80, label="Tokens"),
            Action("again", label="Another seed"),
        ),
        draw=draw,
    )


@mutation("sampling/perplexity_ratio", "sampling.strategies:temperature")
def temperature_ignored(real, logits, value):
    return real(logits, min(value, 1) and 1)


@mutation("sampling/top_p_removes", "sampling.strategies:top_p")
def top_p_cuts_the_token_that_crosses_p(real, logits, p):
    best, index = logits.float().softmax(-1).sort(descending=True)
    cut = best.double().cumsum(-1) >= p
    cut[:, 0] = False
    return logits.float().masked_fill(cut.gather(-1, index.argsort(-1)), -np.inf)


@mutation("sampling/least_p_value", "sampling.strategies:top_p")
def top_p_halved(real, logits, p):
    return real(logits, p / 2)


@mutation("sampling/least_p_value", "sampling.strategies:temperature")
def temperature_inverted(real, logits, value):
    return real(logits, value and 1 / value)


@mutation("sampling/read_again", "sampling.sample:_gather")
def log_probabilities_in_bits(real, *given):
    samples = real(*given)
    return replace(samples, logprobs=tuple(one / np.log(2) for one in samples.logprobs))


@mutation("sampling/read_again", "sampling.loop:read_together")
def rows_of_a_batch_mixed_up(real, *given):
    return real(*given).flip(0)


@mutation("sampling/speculation_p_value", "sampling.speculation:settle")
def a_refused_guess_replaced_from_the_whole_distribution(real, guess, p, q, rng):
    from labkit.sampling.drafts import pick_one

    return guess if rng.random() * float(q[guess]) < float(p[guess]) else pick_one(p, rng)


@mutation("sampling/same_greedy_text", "sampling.llama:LlamaRunner.crop")
def refused_guesses_stay_in_the_cache(real, runner, new):
    return real(runner, 0)
