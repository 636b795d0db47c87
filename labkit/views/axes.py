"""What figures with axes share: titles and legends that fit, plain numbers, and logarithmic axes with few ticks."""

from typing import Any

import numpy as np

from .text import for_plotly, number
from .text import width as columns

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "star")


def heading(title: str, note: str = "") -> str:
    """A title for plotly, wrapped for a window of 800 pixels at 150 %, with a smaller second line."""
    first = for_plotly(title, wrap=48)
    second = f'<span style="font-size:12px">{for_plotly(note, wrap=68)}</span>' if note else ""
    return "<br>".join(part for part in (first, second) if part)


def legend_rows(names: tuple[str, ...]) -> int:
    """How many rows the legend of these names takes above a figure of usual width; long names are wrapped."""
    if any(columns(name) > 80 for name in names):
        return sum(-(-columns(name) // 80) for name in names)
    return -(-sum(columns(name) + 8 for name in names) // 110)


def numbers(values: Any) -> list[float | None]:
    """Plain numbers for plotly; None where there is none."""
    return [float(v) if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def words(x: Any, y: Any, text: list[str], position: str) -> Any:
    """A trace of nothing but texts (escaped already)."""
    import plotly.graph_objects as go

    return go.Scatter(x=list(x), y=list(y), text=text, mode="text", textposition=position, hoverinfo="skip",
                      showlegend=False, cliponaxis=False)  # fmt: skip


def log_axis(values: Any, log: bool) -> dict[str, Any]:
    """An axis' type; on a log axis, ticks at powers of ten alone or, over less than two decades, at a few numbers."""
    if not log:
        return {"type": "linear"}
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    if not known.size:
        return {"type": "log"}
    low, high = float(known.min()), float(known.max())
    if high / low >= 90:
        plain = low >= 1e-4 and high < 1e6
        return {"type": "log", "dtick": 1, **({"tickformat": ",~r"} if plain else {"exponentformat": "power"})}
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if 0.8 * low <= tick <= 1.25 * high]
        if len(ticks) >= 4:
            break
    return {"type": "log", "tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}


def hover(*lines: str, wrap: int = 80) -> str:
    """What stands beside the mouse: one line or more, escaped."""
    return "<br>".join(for_plotly(line, wrap=wrap) for line in lines)


def whiskers(values: Any, low: Any, high: Any) -> dict[str, Any] | None:
    """plotly's error bars for an interval; None where none was measured."""
    if low is None or high is None:
        return None
    return {"type": "data", "array": numbers(high - values), "arrayminus": numbers(values - low), "symmetric": False,
            "thickness": 1.5, "width": 4}  # fmt: skip
