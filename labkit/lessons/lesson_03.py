"""Lesson 03: the norm, shares that add up, normalised recovery, the mean-shift lens; its prompts and its explorer."""

import tomllib
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np
from scipy.special import softmax

from labkit.core.errors import TextError
from labkit.core.paths import shipped
from labkit.core.results import Bars, ChoiceGrid, LayerGrid
from labkit.explorers.controls import Slider, Text
from labkit.explorers.panel import KEPT, Explorer, explorer
from labkit.suite.exercises import array, call, exercise, require

from .mutations import mutation


@cache
def data() -> dict[str, Any]:
    """What the prompts are made of: data/inside.toml."""
    return tomllib.loads((shipped("data") / "inside.toml").read_text("utf-8"))


def rms(x):
    return np.sqrt((x**2).mean(-1, keepdims=True))


@exercise(
    "03.1",
    "RMSNorm",
    wrong=[
        (lambda x, w, eps: (x - x.mean(-1, keepdims=True)) / rms(x - x.mean(-1, keepdims=True)) * w, "takes the mean"),
        (lambda x, w, eps: x / (rms(x) + eps) * w, "inside the root"),
        (lambda x, w, eps: x / np.linalg.norm(x, axis=-1, keepdims=True) * w, "the mean of the squares, not their sum"),
        (lambda x, w, eps: x / np.sqrt((x**2).mean(0) + eps) * w, "each row has its own length"),
        (lambda x, w, eps: x / np.sqrt((x**2).mean(-1, keepdims=True) + eps), "its own weight"),
    ],
)
def rms_norm(answer):
    """`answer(x, weight, eps)` → (seq, d_model)."""
    x, ones = np.random.default_rng(0).normal(1, 2, (3, 8)), np.ones(8)
    found = array(call(answer, x, ones, 0.0), shape=(3, 8), what="the norm of 3 vectors")
    moved = array(call(answer, x + 5, ones, 0.0), shape=(3, 8), what="the norm of 3 vectors")
    require(not np.allclose(found, moved), "x and x + 5 come out the same: yours takes the mean away, RMSNorm does not")
    alone = array(call(answer, x[:1], ones, 0.0), shape=(1, 8), what="the norm of 1 vector")
    require(np.allclose(found[:1], alone), "a row changes with its neighbours; each row has its own length")
    require(np.allclose(rms(found), 1), "the mean square of a row is not 1; divide by the root of the mean of the "
            "squares, not their sum")  # fmt: skip
    louder = array(call(answer, 100 * x, ones, 0.0), shape=(3, 8), what="the norm of louder vectors")
    require(np.allclose(found, louder), "x and 100 · x come out different; only the direction counts")
    weighted = array(call(answer, x, 2 * ones, 0.0), shape=(3, 8), what="the norm with weights of 2")
    require(np.allclose(weighted, 2 * found), "weights of 2 do not double it; each dimension has its own weight")
    small = array(call(answer, 1e-3 * x, ones, 1e-2), shape=(3, 8), what="the norm of quiet vectors")
    right = 1e-3 * x / np.sqrt((1e-6 * x**2).mean(-1, keepdims=True) + 1e-2)
    require(
        np.allclose(small, right), "a quiet vector comes out wrong; eps is added to the mean square, inside the root"
    )
    return "the same for x and 100 · x, another for x + 5, and eps inside the root"


@exercise(
    "03.2",
    "Shares that add up",
    wrong=[
        (lambda parts, w, towards: parts / rms(parts) * w @ towards, "one scale for all parts"),
        (lambda parts, w, towards: parts * w @ towards, "divide by the length of the whole"),
        (lambda parts, w, towards: parts / rms(parts.sum(0)) @ towards, "the norm's weight"),
        (lambda parts, w, towards: parts.sum(0) / rms(parts.sum(0)) * w @ towards, "should have shape (5,)"),
    ],
)
def shares(answer):
    """`answer(parts, weight, towards)` → (part,)."""
    draw = np.random.default_rng(1)
    parts, weight, towards = (
        draw.normal(size=(5, 8)) * np.arange(1, 6)[:, None],
        draw.uniform(1, 3, 8),
        draw.normal(size=8),
    )
    found = array(call(answer, parts, weight, towards), shape=(5,), what="the shares of 5 parts")
    whole = parts.sum(0) / rms(parts.sum(0)) * weight @ towards
    require(np.allclose(found.sum(), whole), f"the shares add up to {found.sum():.3f}, the whole gives {whole:.3f}; "
            "divide by the length of the whole, one scale for all parts, and mind the norm's weight")  # fmt: skip
    right = parts / rms(parts.sum(0)) * weight @ towards
    require(np.allclose(found, right), "they add up, but a part has another's share; each is its own vector · towards")
    return "each part alone, scaled as the whole is, and together they are the whole"


@exercise(
    "03.3",
    "How much comes back",
    wrong=[
        (lambda clean, corrupt, patched: (clean - patched) / (clean - corrupt), "the corrupt run gives 0"),
        (lambda clean, corrupt, patched: np.clip((patched - corrupt) / (clean - corrupt), 0, 1), "beyond 0 and 1"),
        (lambda clean, corrupt, patched: patched / clean, "the corrupt run gives 0"),
        (lambda clean, corrupt, patched: patched - corrupt, "the clean run gives 1"),
    ],
)
def comes_back(answer):
    """`answer(clean, corrupt, patched)` → (place,)."""
    given = np.array([-2.0, 3.0, 0.5, 4.0, -3.0])
    found = array(call(answer, 3.0, -2.0, given), shape=(5,), what="what comes back at 5 places")
    require(abs(found[0]) < 1e-9, f"a place with the difference of the corrupt run gives 0, not {found[0]:.3g}")
    require(abs(found[1] - 1) < 1e-9, f"a place with the difference of the clean run gives 1, not {found[1]:.3g}")
    require(
        np.allclose(found, (given + 2) / 5), "some places come out wrong; it is a straight line, beyond 0 and 1 too"
    )
    return "0 for the corrupt run, 1 for the clean one, and a straight line through both"


@exercise(
    "03.4",
    "The mean-shift lens",
    wrong=[
        (lambda x, states, last: x + (last - states).mean(1).mean(), "each dimension has its own shift"),
        (lambda x, states, last: x + (states - last).mean(0), "the wrong way"),
        (lambda x, states, last: np.tile(last.mean(0), (len(x), 1)), "what differed before still differs"),
        (lambda x, states, last: x - x.mean(0) + last.mean(0), "one at a time or together"),
    ],
)
def mean_shift(answer):
    """`answer(x, states, last)` → (seq, d_model)."""
    draw = np.random.default_rng(2)
    x, states = draw.normal(size=(3, 6)), draw.normal(size=(20, 6))
    last = states + np.arange(6)
    found = array(call(answer, x, states, last), shape=(3, 6), what="3 moved states")
    require(not np.allclose(found, x - np.arange(6)), "it moves the wrong way: from the states to the last ones")
    require(
        np.allclose(found - found[:1], x - x[:1]), "all states are moved alike, so what differed before still differs"
    )
    alone = array(call(answer, x[:1], states, last), shape=(1, 6), what="1 moved state")
    require(
        np.allclose(alone, found[:1]), "a state is moved elsewhere beside others; one at a time or together, the same"
    )
    require(
        np.allclose(found, x + np.arange(6)),
        "the shift is wrong; each dimension has its own shift, the mean over tokens",
    )
    return "what the later layers add on average, to every state alike"


CLEAN, CORRUPT, THIRD = (f"The capital of {country} is the city of" for country in ("France", "Italy", "Spain"))
STEP, SHOWN, MOST_TOKENS = 3, 6, 24
"""Every third state; so many next tokens; a longer prompt would make a reader wait."""


@explorer
def inside(lm=None, fair=None) -> Explorer:
    """Two sentences, and one state of the first put into the second. `fair`: the affine lens of `lm`."""
    from labkit.interpretability import Edit, capture, lens
    from labkit.models import load

    lm = lm or load("smollm2-135m")
    lenses = (lens(lm), fair or lens(lm, affine=True))
    states = list(range(0, lm.card.layers, STEP))
    told = lru_cache(KEPT)(lambda clean, corrupt: _compared(lm, lenses, states, (clean, corrupt)))

    def draw(clean: str, corrupt: str, state: int, token: int) -> list:
        pair, grid, looked = told(clean, corrupt)
        token = min(token, len(pair.clean) - 1)
        swapped = Edit("resid_pre", capture(lm, pair.clean, ("resid_pre",)), states[state], position=token)
        runs = ("the first sentence", "the second", "the second with the state")
        given = ((pair.clean, []), (pair.corrupt, []), (pair.corrupt, [swapped]))
        bars = np.stack([softmax(capture(lm, ids, ("logits",), edits=e)["logits"][-1]) for ids, e in given])
        best = np.argsort(-bars.max(0), kind="stable")[:SHOWN]
        names = tuple(lm.tokenizer.decode([n]) for n in best)
        return [
            ChoiceGrid.of(grid, (state, token), ("State", "Token")),
            Bars(names, bars[:, best], "probability", "What comes next", runs, label_name="next token"),
            *looked,
        ]

    return Explorer(
        title="Where does the difference between two sentences stand?",
        controls=(
            Text("clean", CLEAN, label="A sentence", fits=(THIRD,)),
            Text("corrupt", CORRUPT, label="One with another answer", fits=(THIRD,)),
            Slider("state", min(7, len(states) - 1), 0, len(states) - 1, label="State"),
            Slider("token", 3, 0, MOST_TOKENS - 1, label="Token"),
        ),
        draw=draw,
        note="Click a cell: that state of the first sentence goes into the second. Both must have as many tokens.",
    )


def _compared(lm, lenses, states, texts: tuple[str, str]) -> tuple:
    """The contrast of two sentences, what each state of the first brings back, and both lenses on it."""
    from labkit.interpretability import capture, contrast, look, recovery
    from labkit.interpretability.inputs import count_tokens

    if (count := max(count_tokens(lm, text) for text in texts)) > MOST_TOKENS:
        raise TextError(f"a sentence has {count} tokens; at most {MOST_TOKENS} are compared: shorten it")
    said = [capture(lm, text, ("logits",))["logits"][-1] for text in texts]
    answer, instead = (int(one.argmax()) for one in said)
    if answer == instead:  # both go on alike: what sets them apart most is followed instead
        answer, instead = int((said[0] - said[1]).argmax()), int((said[1] - said[0]).argmax())
    pair = contrast(lm, *texts, answer=answer, instead=instead)
    looked = [look(through, texts[0], at=states) for through in lenses]
    axes = ("layers passed", "token", tuple(map(str, states)), looked[0].tokens)
    back = LayerGrid(recovery(lm, pair, layers=states), "comes back", "", "Each state put in", *axes, True)
    titles = ("Logit lens, first sentence", "Affine lens, first sentence")
    return pair, back, [LayerGrid(seen.distance, "distance from the end", "nats", title, *axes, text=seen.said)
                        for seen, title in zip(looked, titles, strict=True)]  # fmt: skip


@mutation("inside/by_hand", "interpretability.lenses:states")
def states_after_the_last_norm(real, lm, windows):
    return [*real(lm, windows)[:-1], lm.bridge.ln_final(real(lm, windows)[-1])]


@mutation("inside/shares_add_up", "interpretability.attribution:attribution")
def heads_that_write_the_opposite(real, *given, **words):
    found = real(*given, **words)
    return replace(found, heads=-found.heads)


@mutation("inside/country_22", "interpretability.contrasts:_part")
def the_corrupt_run_is_put_in(real, seen, edit):
    return 0


@mutation("inside/steered_up", "interpretability.steering:steer")
def a_direction_that_is_not_added(real, lm, direction, layer, strength=1.0):
    return lm
