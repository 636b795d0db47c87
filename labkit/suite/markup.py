"""Markup: a lesson's Markdown as HTML that needs no script, mathematics included, and runs none.

Ignores everything else of a notebook. The parser is nbconvert's, so the text reads as in JupyterLab.
"""

import html
import re
from functools import cache
from typing import Any

ACTIVE = re.compile(
    r"<\s*/?\s*(?:script|style|iframe|object|embed|link|meta|base|form)\b|\bon\w+\s*=|javascript:", re.I
)


def markdown(source: str, cell: Any = None) -> str:
    """Markdown as HTML, with mathematics as MathML and attached pictures inside."""
    from nbconvert.filters.markdown_mistune import MarkdownWithMath

    attachments = (cell or {}).get("attachments", {})
    safe = {"escape": False, "allow_harmful_protocols": False}  # HTML within is allowed, see _harmless
    renderer = _renderer()(**safe, exclude_anchor_links=True, attachments=attachments)
    return MarkdownWithMath(renderer=renderer).render(source)


@cache
def _renderer() -> Any:
    from nbconvert.filters.markdown_mistune import IPythonRenderer

    class MathmlRenderer(IPythonRenderer):
        """nbconvert's renderer, except that mathematics needs no script and text runs none, as in JupyterLab."""

        def block_html(self, html: str) -> str:
            return _harmless(super().block_html(html))

        def inline_html(self, html: str) -> str:
            return _harmless(super().inline_html(html))

        def block_math(self, body: str) -> str:
            return mathml(body, "block")

        def inline_math(self, body: str) -> str:
            return mathml(body, "inline")

        def latex_environment(self, name: str, body: str) -> str:
            return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    return MathmlRenderer


def _harmless(markup: str) -> str:
    """HTML within Markdown; what could run a script or load something is shown as text."""
    return html.escape(markup) if ACTIVE.search(markup) else markup


def mathml(latex: str, display: str) -> str:
    """LaTeX as MathML; what the converter does not know is shown as it was written."""
    from latex2mathml.converter import convert

    try:
        return convert(latex, display=display)
    except Exception:  # the converter raises what its tables raise
        return f"<code>{html.escape(latex)}</code>"
