"""labkit broken on purpose, one function at a time, for unit tests that must notice: what `test_mutations.py` runs.

    @breaks("core.seeds:derive", "core/test_seeds.py")
    def one_seed_for_every_purpose(real, seed, *names): ...

A mutation is a function as in `labkit/lessons/mutations.py`: it gets what it replaces and the arguments. As a program
it forks a process for each, which runs the tests on the broken labkit, and prints {name: [exit code, output]}.
"""

import importlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import print_exc

from labkit.lessons.mutations import Mutation, install
from labkit.sampling.drafts import pick_one

TESTS = Path(__file__).resolve().parents[1]
PRELOADED = (
    "torch", "transformers.models.llama.modeling_llama", "transformers.generation", "hypothesis.strategies",
    "scipy.stats", "tokenizers", "papermill", "pytest",
)  # fmt: skip
BROKEN = 3
"""The exit code of a fork that could not run its tests."""


@dataclass(frozen=True)
class Mutant:
    """One fault and the tests that must notice it."""

    where: str
    """as a Mutation names it; empty = labkit as it is"""
    how: object
    files: tuple[str, ...]
    """of tests, below tests/"""
    words: str
    """which of them: pytest's -k"""


MUTANTS: dict[str, Mutant] = {}


def breaks(where, file, words=""):
    """Keep the decorated function as a mutation of `where` that the tests of `file` with `words` must notice."""

    def keep(how):
        MUTANTS[how.__name__] = Mutant(where, how, (file,), words)
        return how

    return keep


@breaks("sampling.strategies:temperature", "sampling/test_strategies.py", "each_cut")
def temperature_ignored(real, logits, value):
    return real(logits, min(value, 1))


@breaks("sampling.strategies:top_p", "sampling/test_strategies.py", "each_cut")
def softmax_over_the_wrong_axis(real, logits, p):
    return logits.masked_fill(real(logits.softmax(0).log(), p).isinf(), -float("inf"))


@breaks("sampling.llama:LlamaRunner._mask", "sampling/test_runners.py", "a_runner_gives")
def no_causal_mask(real, runner, places, end):
    mask = real(runner, places, end)
    return mask if mask is None else mask | True


@breaks("sampling.drawing:pick", "sampling/test_drawing.py", "cumulative")
def the_token_beside_the_one_drawn(real, *given, **options):
    return real(*given, **options) ^ 1


@breaks("sampling.drawing:draw", "sampling/test_drawing.py", "log_n")
def entropy_in_bits_called_nats(real, *given):
    drawn = real(*given)
    return replace(drawn, entropies=drawn.entropies / 0.6931)


@breaks("sampling.loop:uniforms", "sampling/test_sample.py", "another_seed")
def seed_ignored(real, seed, prompt, copy):
    return real(0, prompt, copy)


@breaks("sampling.strategies:repetition", "sampling/test_strategies.py", "repetition_penalty")
def penalty_rewards_what_was_seen(real, logits, seen, penalty):
    return real(logits, seen, 1 / penalty)


@breaks("sampling.speculation:settle", "sampling/test_speculation.py", "what_comes_of_a_guess")
def a_refused_guess_replaced_from_the_whole_distribution(real, guess, p, q, rng):
    return guess if rng.random() * float(q[guess]) < float(p[guess]) else pick_one(p, rng)


@breaks("sampling.drafts:Shortlist.widen", "sampling/test_drafts.py", "shared_out_evenly")
def a_drafts_rest_given_to_each_of_the_others(real, shortlist, logits):
    whole = real(shortlist, logits)
    return whole.where(whole != whole[100], logits.log_softmax(-1)[-1])


@breaks("models.prediction:encode", "models/test_prediction.py", "largest_of_the_models_softmax")
def off_by_one_position(real, lm, text):
    return real(lm, text)[:-1]


@breaks("models.prediction:next_token", "models/test_prediction.py", "largest_of_the_models_softmax")
def shuffled_labels(real, lm, text, **options):
    bars = real(lm, text, **options)
    return replace(bars, labels=bars.labels[::-1])


@breaks("core.seeds:derive", "core/test_seeds.py")
def one_seed_for_every_purpose(real, seed, *names):
    return real(seed)


@breaks("suite.claims:_holds", "suite/test_claims.py", "up_to_its_end")
def a_bound_that_always_holds(real, *given):
    return True


@breaks("suite.baselines:beside", "suite/test_baselines.py", "beyond_its_tolerance")
def a_run_compared_with_itself(real, outcome, baseline):
    beside = real(outcome, baseline)
    return replace(beside, claims=tuple(replace(claim, accepted=claim.value) for claim in beside.claims))


MUTANTS["nothing"] = Mutant(
    "", None, tuple(sorted({file for one in MUTANTS.values() for file in one.files})),
    " or ".join(sorted({one.words or "seed" for one in MUTANTS.values()})),
)  # fmt: skip
"""The same tests on labkit as it is."""


def _run_tests(one: Mutant) -> tuple[int, str]:
    """(exit code, output) of pytest in a fork with the change in place."""
    with tempfile.TemporaryFile("w+") as log:
        pid = os.fork()
        if pid == 0:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            code = BROKEN
            try:
                import pytest

                if one.where:
                    install(Mutation("", one.where, one.how))  # pyright: ignore
                options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=line"]
                options += ["-k", one.words] if one.words else []
                code = int(pytest.main([*(str(TESTS / file) for file in one.files), *options]))
            except BaseException:
                print_exc()
            sys.stdout.flush()
            os._exit(code)
        _, status = os.waitpid(pid, 0)
        log.seek(0)
        return os.waitstatus_to_exitcode(status), log.read()[-3000:]


def main() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    print(json.dumps({name: _run_tests(one) for name, one in MUTANTS.items()}))


if __name__ == "__main__":
    main()
