"""Texts as strips of tokens: a colour per token, or a colour per number.

A strip longer than `TOKENS` is cut with a note that says so: 100,000 coloured pieces would freeze the page.
"""

import math
from collections.abc import Iterable

import numpy as np

from labkit.core import palette
from labkit.core.results import Samples, TokenScores, TokenSplit
from labkit.core.signs import TAB

from . import html, theme
from .text import for_html, number, with_unit

TOKENS = 2000
SAMPLES = 40
LONG = 400
"""A single token longer than this is shown by its beginning, with its length."""


def shown(token: str) -> str:
    """A token as HTML: a line break is seen and breaks the line, a tab is seen, spaces keep their width."""
    if len(token) > LONG:
        token = f"{token[:LONG]}… ({number(len(token))} characters)"
    breaks = token.count("\n") if not token.strip("\r\n") else 0
    if breaks:
        return for_html(token, keep="") + "<br>" * breaks
    return for_html(token.replace("\t", f"{TAB}\t"), keep="\n\t")


def left_out(total: int, limit: int, what: str) -> str:
    """The note under a picture that shows the first `limit` of `total`; nothing where all are shown."""
    return (
        f'<p class="lk-note">The first {number(limit)} of {number(total)} {what} are shown.</p>'
        if total > limit
        else ""
    )


@html.register
def _(result: TokenSplit) -> str:
    pieces = []
    for index, (token, number_) in enumerate(zip(result.tokens[:TOKENS], result.ids[:TOKENS], strict=True)):
        colour = palette.PASTELS[index % len(palette.PASTELS)]
        pieces.append(f'<span class="lk-t lk-p" style="background:{colour}" title="id {number_}">{shown(token)}</span>')
    count = f"{number(len(result))} token" + ("s" if len(result) != 1 else "")
    if result.text:
        count += f", {number(len(result.text))} characters"
    name = f"<b>{for_html(result.name)}</b> · " if result.name else ""
    note = f'<p class="lk-note">{for_html(result.note)}</p>' if result.note else ""
    return theme.wrap(
        f'<div class="lk-faint">{name}{count}</div><div class="lk-strip">{"".join(pieces)}</div>'
        + left_out(len(result), TOKENS, "tokens") + note, label=for_html(f"{result.name} {count}"),
    )  # fmt: skip


@html.register
def _(result: TokenScores) -> str:
    return strip(result)


def strip(result: TokenScores, *, key: bool = True) -> str:
    """The HTML of coloured tokens; key: whether the scale of the colours stands below."""
    low, high = ends(result.values, result.low, result.high)
    unit = with_unit(result.quantity, result.unit)
    lines = result.hover[:TOKENS] or ("",) * min(len(result.tokens), TOKENS)
    pieces = (
        tinted(token, float(value), (low, high), f"{result.quantity} {number(value)} {result.unit}".strip(), line)
        for token, value, line in zip(result.tokens[:TOKENS], result.values[:TOKENS], lines, strict=True)
    )
    title = f'<div class="lk-title">{for_html(result.title)}</div>' if result.title else ""
    return theme.wrap(
        title + f'<div class="lk-strip">{"".join(pieces)}</div>' + (scale(unit, low, high) if key else "")
        + left_out(len(result.tokens), TOKENS, "tokens"), label=for_html(result.title or unit),
    )  # fmt: skip


def same_scale(before: object, after: object) -> bool:
    """Whether both are strips with colours of one scale, whose two ends were given."""
    if not (isinstance(before, TokenScores) and isinstance(after, TokenScores)):
        return False
    told, then = ((s.quantity, s.unit, s.low, s.high) for s in (before, after))
    return told == then and None not in (before.low, before.high)


def ends(values: Iterable[float], low: float | None, high: float | None) -> tuple[float, float]:
    """The scale's two ends: those given, else the smallest and largest finite value."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    first = float(known.min()) if low is None and known.size else 0.0 if low is None else low
    last = float(known.max()) if high is None and known.size else 1.0 if high is None else high
    return first, last


def tinted(token: str, value: float, between: tuple[float, float], said: str, more: str = "") -> str:
    """A token on a background as strong as its value is high within `between`; dotted where it is nan."""
    low, high = between
    if math.isnan(value):
        said = "no value"
    hover = for_html(f"{said}\n{more}".strip())
    if math.isnan(value):
        return f'<span class="lk-t lk-none" title="{hover}">{shown(token)}</span>'
    share = 0.5 if high == low else min(1.0, max(0.0, (value - low) / (high - low)))
    opacity = 0.04 + 0.96 * share
    ink = " lk-p" if opacity > 0.7 else ""
    colour = theme.translucent(palette.ORANGE, round(opacity, 3))
    return f'<span class="lk-t{ink}" style="background:{colour}" title="{hover}">{shown(token)}</span>'


def scale(unit: str, low: float, high: float) -> str:
    """The key of a tinted strip."""
    faint, strong = theme.translucent(palette.ORANGE, 0.04), theme.translucent(palette.ORANGE, 1.0)
    bar = f'<span class="lk-scale" style="background:linear-gradient(90deg,{faint},{strong})"></span>'
    return f'<div class="lk-faint">{for_html(unit)}: {number(low)}{bar}{number(high)}</div>'


@html.register
def _(result: Samples) -> str:
    costs = [-logprobs / math.log(2) for logprobs in result.logprobs]
    high = max([8.0, *(float(np.nanmax(c)) for c in costs if np.isfinite(c).any())])
    room, pieces = TOKENS, []
    for index in range(min(len(result), SAMPLES)):
        pieces.append(_sample(result, index, costs[index], high, room))
        room = max(0, room - len(result.tokens[index]))
    title = f'<div class="lk-title">{for_html(result.title)}</div>' if result.title else ""
    body = "".join(pieces) + scale("surprise of each token, bits", 0.0, high)
    total = sum(map(len, result.tokens))
    notes = left_out(len(result), SAMPLES, "samples") + left_out(total, TOKENS, "tokens")
    return theme.wrap(title + body + notes, label=for_html(result.title or "samples"))


def _sample(result: Samples, index: int, costs: np.ndarray, high: float, room: int) -> str:
    pieces = []
    for place, token in enumerate(result.tokens[index][:room]):
        nats = float(result.logprobs[index][place])
        said = f"p = {number(math.exp(nats))}, {number(costs[place])} bits" if math.isfinite(nats) else "no value"
        if result.entropies:
            said += f"\nentropy before it: {number(result.entropies[index][place] / math.log(2))} bits"
        pieces.append(tinted(token, float(costs[place]), (0.0, high), said))
    why = {"eos": "the model ended it", "stop": "stopped at a stop text", "length": "length limit"}
    end = why.get(result.ended[index], result.ended[index]) if result.ended else ""
    mark = f' <span class="lk-faint">■ {for_html(end)}</span>' if end else ""
    prompt = f'<span class="lk-faint">{for_html(result.prompts[index])}</span>'
    return f'<div class="lk-sample lk-strip">{prompt}{"".join(pieces)}{mark}</div>'
