"""A page inside the page: HTML with its own scripts, shut in a frame that can neither read nor change the notebook.

The frame is an `<iframe srcdoc>` with `sandbox="allow-scripts"`: no cookies, no network identity, no access to the page
around it. It works the same in JupyterLab, in VS Code and in exported HTML. A frame cannot see the page's theme either,
so the page tells it: on load, and again whenever the theme changes, it posts the colours of text and background.
"""

import html
import json
from typing import Any

from .text import for_html

# Runs in the page, not in the frame. Reads what the page looks like and posts it; nothing else.
_TELL_THEME = (
    "(f=>{const tell=()=>{let e=f.parentElement,b='';"
    "while(e&&(!b||/rgba?\\([^)]*, 0\\)|transparent/.test(b))){b=getComputedStyle(e).backgroundColor;e=e.parentElement}"
    "f.contentWindow&&f.contentWindow.postMessage({labkitTheme:{page:b}},'*')};tell();"
    "const o=new MutationObserver(()=>f.isConnected?setTimeout(tell,60):o.disconnect());"
    "o.observe(document.body,{attributes:true});})(this)"
)

# Runs in the frame: dark or light decided by the brightness of the page's background.
_HEAR_THEME = """<script>
const setTheme = page => {
  const n = (page.match(/[\\d.]+/g) || []).map(Number);
  const dark = n.length >= 3 && (n.length < 4 || n[3] > 0) ? n[0] * .3 + n[1] * .59 + n[2] * .11 < 128
    : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  dispatchEvent(new CustomEvent("themechange"));
};
setTheme("");
addEventListener("message", e => { if (e.data && e.data.labkitTheme) setTheme(e.data.labkitTheme.page); });
</script>"""


def iframe(body: str, *, height: int, title: str) -> str:
    """The frame's HTML.

    Args:
        body: a document's inside, with its styles and scripts; whatever text it holds is escaped already.
        height: pixels.
        title: what a screen reader says; escaped here.
    """
    document = f'<!doctype html><html><head><meta charset="utf-8">{_HEAR_THEME}</head><body>{body}</body></html>'
    return (
        f'<iframe sandbox="allow-scripts" title="{for_html(title)}" height="{height}" '
        'style="width:100%;border:0;background:transparent;color-scheme:normal" '
        f'onload="{html.escape(_TELL_THEME)}" srcdoc="{html.escape(document)}"></iframe>'
    )


def script_data(value: Any) -> str:
    """A value as JavaScript source that is safe between `<script>` tags, whatever text it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
