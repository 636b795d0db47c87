"""Reading what was drawn: elements of a page, strings of a figure."""

import html.parser
import json
from typing import Any

from labkit import views


class Tags(html.parser.HTMLParser):
    """Collects a page's elements, its text, and the pages in its frames."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.events: list[str] = []
        self.text = ""
        self.framed = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.events += [f"{name}={value}" for name, value in attrs if name.startswith("on")]
        self.framed += dict(attrs).get("srcdoc") or ""

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> Tags:
    """A page's elements."""
    tags = Tags()
    tags.feed(page)
    return tags


def strings(thing: Any) -> list[str]:
    """Every string in a nested structure."""
    if isinstance(thing, dict):
        return [s for value in thing.values() for s in strings(value)]
    if isinstance(thing, list):
        return [s for value in thing for s in strings(value)]
    return [thing] if isinstance(thing, str) else []


def drawn(result: Any) -> dict[str, Any]:
    """A result's plotly figure as plain JSON."""
    return json.loads(views.figure(result).to_json(engine="json"))
