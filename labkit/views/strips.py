"""Texts as strips of tokens: a colour per token, or a colour per number.

A strip longer than `TOKENS` is cut with a note that says so: 100,000 coloured pieces would freeze the page.
"""

import math

import numpy as np

from labkit.core import palette
from labkit.core.results import Samples, Table, TokenScores, TokenSplit
from labkit.core.signs import LINE_END, TAB

from . import theme
from .registry import View, register
from .scale import ends, key
from .text import WORDS, extremes, for_html, number, printable, some, titled, with_unit

TOKENS = 2000
SAMPLES = 40
LONG = 400
"""A single token longer than this is shown by its beginning, with its length."""
FAINT = 0.04
"""Opacity behind a token at the low end of the scale; at the high end it is 1."""
WHY = {"eos": "the model ended it", "stop": "stopped at a stop text", "length": "length limit"}


def shown(token: str) -> str:
    """A token as HTML: each line break is seen and breaks the line, a tab is seen, spaces keep their width."""
    if len(token) > LONG:
        token = f"{token[:LONG]}… ({number(len(token))} characters)"
    return for_html(token.replace("\n", f"{LINE_END}\n").replace("\t", f"{TAB}\t"), keep="\n\t")


def left_out(total: int, limit: int, what: str) -> str:
    """The note under a picture that shows the first `limit` of `total`; nothing where all are shown."""
    return (
        f'<p class="lk-note">The first {number(limit)} of {number(total)} {what} are shown.</p>'
        if total > limit
        else ""
    )


def _split(result: TokenSplit) -> str:
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
        + left_out(len(result), TOKENS, "tokens") + note, label=f"{result.name} {count}",
    )  # fmt: skip


def _split_twin(result: TokenSplit) -> str:
    size = f"{number(len(result))} tokens of {number(len(result.text))} characters"
    lines = (titled(printable(result.name), size), some(result.tokens, "|"), printable(result.note))
    return "\n".join(filter(None, lines))


def _split_data(result: TokenSplit) -> Table:
    rows = zip(range(len(result)), result.tokens, result.ids, strict=True)
    return Table(("position", "token", "id"), tuple(rows), result.name)


register(TokenSplit, View(_split_data, html=_split, twin=_split_twin, parts=lambda r: r.ids, called="tokens"))


def strip(result: TokenScores, *, keyed: bool = True) -> str:
    """The HTML of coloured tokens; keyed: whether the scale of the colours stands below."""
    low, high = ends(result.values, result.low, result.high)
    unit = with_unit(result.quantity, result.unit)
    lines = result.hover[:TOKENS] or ("",) * min(len(result.tokens), TOKENS)
    pieces = (
        tinted(token, float(value), (low, high), f"{result.quantity} {number(value)} {result.unit}".strip(), line)
        for token, value, line in zip(result.tokens[:TOKENS], result.values[:TOKENS], lines, strict=True)
    )
    return theme.wrap(
        f'<div class="lk-strip">{"".join(pieces)}</div>' + (_key(unit, low, high) if keyed else "")
        + left_out(len(result.tokens), TOKENS, "tokens"), title=result.title, label=unit,
    )  # fmt: skip


def same_scale(before: object, after: object) -> bool:
    """Whether both are strips with colours of one scale, whose two ends were given."""
    if not (isinstance(before, TokenScores) and isinstance(after, TokenScores)):
        return False
    told, then = ((s.quantity, s.unit, s.low, s.high) for s in (before, after))
    return told == then and None not in (before.low, before.high)


def tinted(token: str, value: float, between: tuple[float, float], said: str, more: str = "") -> str:
    """A token on a background as strong as its value is high within `between`; dotted where it is nan."""
    low, high = between
    hover = for_html(f"{'no value' if math.isnan(value) else said}\n{more}".strip())
    if math.isnan(value):
        return f'<span class="lk-t lk-none" title="{hover}">{shown(token)}</span>'
    share = 0.5 if high == low else min(1.0, max(0.0, (value - low) / (high - low)))
    opacity = FAINT + (1 - FAINT) * share
    ink = " lk-p" if opacity > 0.7 else ""
    colour = theme.translucent(palette.ORANGE, round(opacity, 3))
    return f'<span class="lk-t{ink}" style="background:{colour}" title="{hover}">{shown(token)}</span>'


def _key(unit: str, low: float, high: float) -> str:
    return key(unit, low, high, [theme.translucent(palette.ORANGE, opacity) for opacity in (FAINT, 1.0)])


def _scores_twin(result: TokenScores) -> str:
    said = f"{with_unit(result.quantity, result.unit)} of {number(len(result.tokens))} tokens; "
    return printable(titled(result.title, said + extremes(result.values, result.tokens.__getitem__)))


def _scores_data(result: TokenScores) -> Table:
    rows = zip(range(len(result.tokens)), result.tokens, map(float, result.values), strict=True)
    return Table(("position", "token", with_unit(result.quantity, result.unit)), tuple(rows), result.title)


register(TokenScores, View(_scores_data, html=strip, twin=_scores_twin, parts=lambda r: r.tokens, called="tokens"))


def _bits(logprobs: np.ndarray) -> np.ndarray:
    return -np.asarray(logprobs) / math.log(2)


def _samples(result: Samples) -> str:
    costs = [_bits(logprobs) for logprobs in result.logprobs]
    high = max([8.0, *(float(np.nanmax(c)) for c in costs if np.isfinite(c).any())])
    room, pieces = TOKENS, []
    for index in range(min(len(result), SAMPLES)):
        pieces.append(_sample(result, index, costs[index], high, room))
        room = max(0, room - len(result.tokens[index]))
    body = "".join(pieces) + _key("surprise of each token, bits", 0.0, high)
    total = sum(map(len, result.tokens))
    notes = left_out(len(result), SAMPLES, "samples") + left_out(total, TOKENS, "tokens")
    return theme.wrap(body + notes, title=result.title, label="samples")


def _sample(result: Samples, index: int, costs: np.ndarray, high: float, room: int) -> str:
    pieces = []
    for place, token in enumerate(result.tokens[index][:room]):
        nats = float(result.logprobs[index][place])
        said = f"p = {number(math.exp(nats))}, {number(costs[place])} bits" if math.isfinite(nats) else "no value"
        if result.entropies:
            said += f"\nentropy before it: {number(result.entropies[index][place] / math.log(2))} bits"
        pieces.append(tinted(token, float(costs[place]), (0.0, high), said))
    end = WHY.get(result.ended[index], result.ended[index]) if result.ended else ""
    mark = f' <span class="lk-faint">■ {for_html(end)}</span>' if end else ""
    prompt = f'<span class="lk-faint">{for_html(result.prompts[index])}</span>'
    return f'<div class="lk-sample lk-strip">{prompt}{"".join(pieces)}{mark}</div>'


def _samples_twin(result: Samples) -> str:
    lines = [f"{result.title or 'Samples'}: {number(len(result))}"]
    for prompt, text, logprobs in list(zip(result.prompts, result.texts, result.logprobs, strict=True))[:WORDS]:
        bits = float(np.mean(_bits(logprobs))) if len(logprobs) else math.nan
        lines.append(f"{prompt} → {text} ({len(logprobs)} tokens, {number(bits)} bits each)")
    return printable("\n".join(lines), keep="\n")


def _samples_data(result: Samples) -> Table:
    rows = (
        (index, place, token, math.exp(nats), -nats / math.log(2))
        for index, (tokens, logprobs) in enumerate(zip(result.tokens, result.logprobs, strict=True))
        for place, (token, nats) in enumerate(zip(tokens, map(float, logprobs), strict=True))
    )
    return Table(("sample", "position", "token", "probability", "surprise, bits"), tuple(rows), result.title)


register(Samples, View(_samples_data, html=_samples, twin=_samples_twin, parts=lambda r: r.texts, called="samples"))
