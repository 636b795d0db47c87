"""Offline: what a page, or a notebook's output, would load from another host.

A lesson must work in a room without internet, so nothing that it shows may fetch a script, a style, a picture, a frame
or data from elsewhere. A link that a reader may follow is no request. Documents inside documents (`srcdoc`, data URLs)
are read too. What only a browser can know (an address put together by a script) is seen by tests/browser.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

from .outcomes import Problem

LOADING = {
    "audio": {"src"}, "base": {"href"}, "body": {"background"}, "embed": {"src"}, "frame": {"src"},
    "iframe": {"src"}, "image": {"href", "xlink:href"}, "img": {"src", "srcset"}, "input": {"src"}, "link": {"href"},
    "object": {"data"}, "script": {"src"}, "source": {"src", "srcset"}, "track": {"src"}, "use": {"href", "xlink:href"},
    "video": {"src", "poster"},
}  # fmt: skip
"""Element → attributes whose address the browser fetches by itself."""

ADDRESS = r"(?:https?:|wss?:)?//[^\s\"'`)\\>]+"
IN_STYLE = re.compile(rf"(?:url\(\s*['\"]?|@import\s+['\"])({ADDRESS})", re.IGNORECASE)
IN_SCRIPT = re.compile(
    rf"(?:\bimport\s*\(?\s*|\bfrom\s*|\bfetch\s*\(\s*|importScripts\s*\(\s*|getScript\s*\(\s*|getJSON\s*\(\s*|"
    rf"\.(?:src|href)\s*=\s*|\bnew\s+(?:Worker|WebSocket|EventSource)\s*\(\s*|\bopen\s*\(\s*['\"]GET['\"]\s*,\s*|"
    rf"\b[dj]\d?\.(?:json|csv|tsv|text)\s*\(\s*)['\"`]({ADDRESS})"
)
REQUIRE_PATHS = re.compile(r"\brequire(?:js)?\.config\s*\(")
OWN_REQUIRE = re.compile(r"(?:\bfunction\s+require\b|\b(?:var|let|const)\s+require\s*=|\bwindow\.require\s*=)")
IN_MARKDOWN = re.compile(rf"!\[[^\]]*\]\(\s*<?({ADDRESS})")
HERE = ("localhost", "127.0.0.1", "[::1]")


def requests_of(page: str) -> list[str]:
    """Addresses on other hosts that a browser would fetch when it shows this HTML; each once, in order."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return list(dict.fromkeys(address for address in reader.found if not _here(address)))


def requests_of_script(script: str) -> list[str]:
    """Addresses that JavaScript would fetch, as far as they are written out in a known way of loading."""
    found = IN_SCRIPT.findall(script)
    if REQUIRE_PATHS.search(script) and not OWN_REQUIRE.search(script):
        found += re.findall(rf"['\"]({ADDRESS})", script[REQUIRE_PATHS.search(script).start() :])  # pyright: ignore
    return [address for address in found if not _here(address)]


def problems_of(notebook: Any) -> list[Problem]:
    """One Problem of kind `offline` for each cell that would load something from another host."""
    problems = []
    for index, cell in enumerate(notebook["cells"]):
        if found := list(dict.fromkeys(_requests_of_cell(cell))):
            shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
            problems.append(Problem("offline", f"asks another host for {shown}; ship the file with the lab", index))
    return problems


def _requests_of_cell(cell: Any) -> Iterator[str]:
    if cell["cell_type"] == "markdown":
        yield from _requests_of_markdown(_text(cell["source"]))
    for output in cell.get("outputs", ()):
        for mime, content in output.get("data", {}).items():
            if mime in ("text/html", "image/svg+xml"):
                yield from requests_of(_text(content))
            elif mime == "text/markdown":
                yield from _requests_of_markdown(_text(content))
            elif mime == "application/javascript":
                yield from requests_of_script(_text(content))
            elif mime.startswith("application/vnd.plotly"):
                images = (content.get("layout") or {}).get("images") or ()
                yield from requests_of("".join(f'<img src="{image.get("source", "")}">' for image in images))


def _requests_of_markdown(source: str) -> list[str]:
    source = re.sub(r"(`+).+?\1", "", source, flags=re.DOTALL)  # what is quoted as code is not loaded
    return [address for address in IN_MARKDOWN.findall(source) if not _here(address)] + requests_of(source)


class _Reader(HTMLParser):
    """Collects addresses; the content of `script` and `style` is read as such."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.scripts: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.inside = tag if tag in ("script", "style") else ""
        if tag == "script" and given.get("type", "") == "application/json":
            self.inside = ""
        for name, value in given.items():
            if name == "srcdoc":
                self.found += requests_of(value)
            elif name == "style":
                self.found += IN_STYLE.findall(value)
            elif name in LOADING.get(tag, ()) and not (tag == "link" and given.get("rel") == "canonical"):
                self.found += _addresses(value, several=name == "srcset")
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self.found += re.findall(ADDRESS, given.get("content", ""))

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self.found += IN_STYLE.findall(data)
        elif self.inside == "script":
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def close(self) -> None:
        super().close()
        own = any(OWN_REQUIRE.search(script) for script in self.scripts)
        for script in self.scripts:
            self.found += requests_of_script("var require = 0;\n" + script if own else script)
        self.scripts = []


def _addresses(value: str, *, several: bool) -> list[str]:
    """The addresses of one attribute that lie on another host, those inside a data URL included."""
    found = []
    for part in value.split(",") if several else [value]:
        address = part.strip().split(" ")[0] if several else part.strip()
        if address.lower().startswith("data:text/html"):
            found += requests_of(_data_url(address))
        elif re.match(ADDRESS, address, re.IGNORECASE):
            found.append(address)
    return found


def _data_url(address: str) -> str:
    kind, _, content = address.partition(",")
    if not kind.endswith(";base64"):
        return unquote(content)
    try:
        return base64.b64decode(content).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _here(address: str) -> bool:
    try:
        return urlsplit(address if "://" in address else "http:" + address).hostname in HERE
    except ValueError:
        return False


def _text(content: Any) -> str:
    """A cell's text, which nbformat may hold as a list of lines."""
    if isinstance(content, str):
        return content
    return "".join(content) if isinstance(content, list) else json.dumps(content)
