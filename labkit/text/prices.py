"""What hosted models charge for a token: list prices from the table that the lab ships."""

import json
from dataclasses import dataclass
from functools import cache

from labkit.core.errors import TextError, closest


@dataclass(frozen=True)
class Price:
    """What a hosted model charges, in US dollars per million tokens."""

    model: str
    input: float
    output: float


def price_of(model: str) -> Price:
    """A hosted model's list price, from the table that the lab ships (it has a date: see data/SOURCES.md).

    Raises:
        TextError: the table has no such model, or no price per token for it.
    """
    table = _prices()
    if model not in table:
        raise TextError(f"no price is known for {model!r}; {closest(model, sorted(table))}")
    entry = table[model]
    if not entry.get("input_cost_per_token"):
        raise TextError(f"{model!r} has no price per input token; choose another model, such as 'gpt-4o'")
    return Price(model, entry["input_cost_per_token"] * 1e6, (entry.get("output_cost_per_token") or 0.0) * 1e6)


@cache
def _prices() -> dict[str, dict]:
    from labkit.assets import member

    return json.loads(member("model-prices.json").read_bytes())
