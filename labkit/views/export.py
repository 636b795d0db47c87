"""Pictures and numbers as files, offline: the picture of a result through the browser that is installed.

Reads   a result.
Gives   a file, or a pandas frame.
Ignores what the result is about.

Words and numbers need nothing. A picture is drawn by a Chromium, Chrome or Edge without a window: plotly's figures by
plotly's own export, all others by `export.js`, which turns what the browser laid out into an SVG of boxes and texts.
Dark letters on white, whatever the notebook's theme.
"""

import base64
import html as markup
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from labkit.core.errors import OptionError
from labkit.core.paths import atomic_file

from .display import html
from .registry import figure, lack, twin, view_of
from .text import for_html

WIDTH = 860
"""Pixels; a picture of text is narrower where the text is."""
SCALE = 2
"""Pixels of a PNG for one of the page."""
SECONDS = 120
"""A picture that takes longer is given up."""
BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)  # fmt: skip
_QUIET = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
    f"--virtual-time-budget={SECONDS * 1000}", f"--force-device-scale-factor={SCALE}",
)  # fmt: skip
_STYLE = f"""<style>body {{ margin: 0; background: #fff; color-scheme: light; }}
.labkit, .labkit *, .box, #scroll {{ max-height: none !important; overflow: visible !important; }}
.labkit {{ width: max-content; max-width: {WIDTH}px; }}
</style>"""


def save(result: Any, path: str | Path) -> Path:
    """A result's picture or numbers as a file; one that stands there is replaced.

    Args:
        result: one result of the lab, or of a type that has a view.
        path: its ending decides: .svg .png .pdf (the picture), .html (a page that needs nothing else), .csv (all
            numbers), .txt (the picture in words).

    Returns:
        The path.

    Raises:
        OptionError: the ending is another one, there is nothing to draw, or a picture is asked for where no browser is.

    Law: each kind of result gives each kind of file, and a picture has its words in it (tests/views/test_export.py).
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.casefold())
    if writer is None:
        raise OptionError(f"cannot save as {path.name!r}; give it one of the endings {' '.join(WRITERS)}")
    content = writer(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as draft:
        draft.write_bytes(content)
    return path


def frame(result: Any) -> Any:
    """A result's numbers as a pandas DataFrame: a row a bar, a point of a curve, a token, or a weight of attention."""
    view = view_of(result)
    return view.frame(result) if view.frame else view.data(result).frame()


def page(result: Any, *, script: str = "") -> str:
    """The picture as a page of its own, light, with all that it needs inside; `script`: what runs at its end."""
    if view_of(result).figure and not lack(result):
        import plotly.io as pio

        drawn = figure(result).update_layout(width=WIDTH, paper_bgcolor="#fff", font_color="#222")
        body = pio.to_html(drawn, full_html=False, include_plotlyjs=True, config={"displayModeBar": False})
        body += "" if script else html(result)
    else:
        body = html(result)
    if framed := re.fullmatch(r'<iframe [^<>]*srcdoc="([^"]*)"></iframe>', body):
        return markup.unescape(framed[1]).replace("</head>", _STYLE + "</head>").replace("</body>", script + "</body>")
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{for_html(twin(result).splitlines()[0])}</title>'
        f"{_STYLE}</head><body>{body}{script}</body></html>"
    )


def picture(result: Any, kind: str) -> bytes:
    """The picture as `svg` or `png`.

    Raises:
        OptionError: there is nothing to draw, no browser, or the browser fails.
    """
    if why := lack(result):
        raise OptionError(f"{why.rstrip('.')}; save its numbers as .csv instead")
    code = files("labkit.views").joinpath("export.js").read_text("utf-8")
    script = f'<script>const FORMAT = "{kind}", SCALE = {SCALE};{code}</script>'
    shown = _browse(page(result, script=script), "--dump-dom").decode("utf-8", "replace")
    found = re.search(r'<pre id="out">([^<]*)</pre>', shown)
    if found is None:
        kind = type(result).__name__
        raise OptionError(f"the browser drew nothing of this {kind} in {SECONDS} s; save it as .html instead")
    return base64.b64decode(found[1])


def _pdf(result: Any) -> bytes:
    drawn = picture(result, "svg").decode("utf-8")
    wide, high = re.findall(r'\b(?:width|height)="(\d+)', drawn)[:2]
    style = (
        f"<style>@page {{ size: {wide}px {high}px; margin: 0 }} body {{ margin: 0 }} svg {{ display: block }}</style>"
    )
    return _browse(
        f'<!doctype html><meta charset="utf-8">{style}{drawn}', "--no-pdf-header-footer", "--print-to-pdf={}"
    )


def browser() -> str | None:
    """The program that draws: LABKIT_BROWSER, else the first of BROWSERS that is installed."""
    named = os.environ.get("LABKIT_BROWSER")
    return next(filter(None, map(shutil.which, (named,) if named else BROWSERS)), None)


def _browse(content: str, *order: str) -> bytes:
    """What the browser gives for a page: the file named {} in the order, else its standard output."""
    program = browser()
    if program is None:
        raise OptionError(
            "there is no Chromium, Chrome or Edge here to draw the picture (LABKIT_BROWSER names one elsewhere); "
            "install one, or use the buttons below the figure in JupyterLab, or save as .html, .csv or .txt"
        )
    with tempfile.TemporaryDirectory(prefix="labkit-save-", ignore_cleanup_errors=True) as place:
        source, output = Path(place, "page.html"), Path(place, "out")
        source.write_text(content, "utf-8")
        root = ("--no-sandbox",) if getattr(os, "geteuid", lambda: 1)() == 0 else ()
        command = [program, *_QUIET, *root, f"--user-data-dir={place}/profile", *(o.format(output) for o in order)]
        try:
            done = subprocess.run([*command, source.as_uri()], capture_output=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OptionError(
                f"the browser {program} did not draw ({type(error).__name__}); save as .html instead"
            ) from None
        return output.read_bytes() if output.exists() else done.stdout


WRITERS: dict[str, Callable[[Any], bytes]] = {
    ".svg": lambda result: picture(result, "svg"),
    ".png": lambda result: picture(result, "png"),
    ".pdf": _pdf,
    ".html": lambda result: page(result).encode(),
    ".csv": lambda result: frame(result).to_csv(index=False).encode(),
    ".txt": lambda result: f"{twin(result)}\n".encode(),
}
