"""How everything looks, in one place: a plotly template, and CSS that follows the page's light or dark theme.

Figures are transparent and their text is a grey that reads on both; where the page offers its own colours
(JupyterLab, VS Code, an exported page), the CSS takes those. Nothing is registered at import.
"""

from typing import TYPE_CHECKING, Any

from labkit.core import palette

from .text import for_html

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', monospace"
GREY = "#7f7f7f"
GRID = "rgba(127,127,127,0.25)"
BAND = 0.18
"""Opacity of an interval's band."""

CONFIG: dict[str, Any] = {
    "displayModeBar": "hover", "modeBarButtons": [["toImage"]], "displaylogo": False, "scrollZoom": False,
    "doubleClick": "reset",
}  # fmt: skip
"""One button, which saves the figure; seen under the mouse and when the keyboard reaches it. No `responsive`:
JupyterLab resizes figures itself, and with both a change of theme folds them to no height."""

_PLOTLY_CSS = f"""
.js-plotly-plot .main-svg g:not(.heatmap-label) > text {{ fill: {palette.TEXT} !important; }}
.js-plotly-plot .main-svg .hoverlayer g > text {{ fill: #fff !important; }}
.js-plotly-plot .main-svg .zerolinelayer path {{ stroke: {palette.LINE} !important; }}
"""

HTML_CSS = f"""
.labkit {{ color: {palette.TEXT}; font: 14px/1.5 {FONT}; margin: 2px 0 6px; }}
.labkit .lk-title {{ font-size: 15px; font-weight: 600; margin: 2px 0 4px; }}
.labkit .lk-faint {{ color: {palette.FAINT}; font-size: 12.5px; }}
.labkit .lk-note {{ color: {palette.FAINT}; font-size: 12.5px; margin: 2px 0; }}
.labkit .lk-strip {{ font: 14px/1.9 {MONO}; overflow-wrap: anywhere; max-height: 480px; overflow-y: auto; }}
.labkit .lk-t {{ border-radius: 3px; padding: 2px 0; white-space: pre-wrap; unicode-bidi: isolate; }}
.labkit .lk-p {{ color: {palette.INK}; }}
.labkit .lk-none {{ outline: 1px dotted {palette.FAINT}; outline-offset: -1px; }}
.labkit .lk-scale {{ display: inline-block; width: 120px; height: 10px; border-radius: 3px;
  margin: 0 6px; vertical-align: middle; }}
.labkit .lk-sample {{ border-left: 3px solid {palette.LINE}; padding: 0 0 0 10px; margin: 8px 0; }}
.labkit .lk-wide {{ overflow-x: auto; }}
.labkit .lk-scroll {{ max-height: 480px; overflow: auto; }}
.labkit table.lk-table {{ border-collapse: collapse; font-size: 13px; margin: 2px 0; color: inherit; border: none; }}
.labkit .lk-table th, .labkit .lk-table td {{ padding: 3px 14px 3px 4px; text-align: left; vertical-align: top;
  border: none; border-bottom: 1px solid {palette.LINE}; background: none; max-width: 44em;
  white-space: pre-wrap; overflow-wrap: break-word; }}
.labkit .lk-table th {{ font-weight: 600; border-bottom-width: 2px; white-space: normal; }}
.labkit .lk-table .lk-n {{ text-align: right; font-variant-numeric: tabular-nums; }}
.labkit .lk-table td.lk-n {{ white-space: nowrap; }}
@media (max-width: 700px) {{ .labkit table.lk-table {{ font-size: 12px; }}
  .labkit .lk-table th, .labkit .lk-table td {{ padding: 3px 6px 3px 2px; }} }}
.labkit .lk-below {{ display: flex; gap: 14px; align-items: baseline; }}
.labkit .lk-below button {{ border: none; background: none; padding: 0; color: {palette.FAINT}; font-size: 12.5px;
  cursor: pointer; }}
.labkit .lk-below button:hover {{ text-decoration: underline; }}
.labkit summary {{ color: {palette.FAINT}; font-size: 12.5px; cursor: pointer; width: max-content; }}
.labkit .lk-warn {{ border-left: 3px solid {palette.ORANGE}; padding: 4px 10px; margin: 6px 0; white-space: pre-wrap;
  overflow-wrap: anywhere; }}
"""


_NO_MATH = "mathjax_ignore tex2jax_ignore"
"""Classes that keep a page's MathJax from reading dollar signs in a prompt as mathematics."""


def css() -> str:
    """The `<style>` element that a lesson shows once, at its beginning."""
    return f"<style>{_PLOTLY_CSS}{HTML_CSS}</style>"


def wrap(body: str, *, title: str = "", label: str = "") -> str:
    """A piece of the lab's HTML with the style that it needs, below its title; `label` names one without a title to a
    screen reader. The body is escaped already."""
    named = f' role="group" aria-label="{for_html(title or label)}"' if title or label else ""
    head = f'<div class="lk-title">{for_html(title)}</div>' if title else ""
    return f'<style>{HTML_CSS}</style><div class="labkit {_NO_MATH}"{named}>{head}{body}</div>'


def template() -> Any:
    """The plotly template `labkit`, registered on first use."""
    import plotly.graph_objects as go
    import plotly.io as pio

    if "labkit" not in pio.templates:
        axis = {
            "gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True, "ticks": "",
            "title": {"standoff": 10, "font": {"size": 13}}, "ticklabelstandoff": 4,
        }  # fmt: skip
        pio.templates["labkit"] = go.layout.Template(
            layout={
                "font": {"family": FONT, "size": 13, "color": GREY},
                "title": {"x": 0, "xref": "container", "xanchor": "left", "font": {"size": 15, "weight": 600},
                          "pad": {"l": 2}},
                "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
                "colorway": list(palette.CATEGORICAL), "xaxis": axis, "yaxis": axis, "hovermode": "closest",
                "hoverlabel": {"bgcolor": "#333", "bordercolor": "#333", "font": {"color": "#fff", "family": MONO}},
                "margin": {"l": 10, "r": 20, "t": 20, "b": 10}, "legend": {"orientation": "h", "x": 0, "y": 1.02,
                "xanchor": "left", "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"}, "dragmode": False,
            }
        )  # fmt: skip
    return pio.templates["labkit"]


def dress(figure: "Figure", *, title: str, height: int, legend: int = 0) -> "Figure":
    """Give a figure the lab's template, its title (escaped already), its height in pixels, its legend's rows."""
    lines = title.count("<br>") + 1 if title else 0
    top = 14 + 24 * lines + (9 + 19 * legend if legend else 0)
    figure.update_layout(template=template(), height=height + top, showlegend=legend > 0, margin={"t": top})
    if legend:  # below the title, and the plot below it: in a narrow window it takes more rows
        below = (14 + 24 * lines) / (height + top)
        figure.update_layout(legend={"yref": "container", "y": 1 - below, "yanchor": "top"})
    if title:
        figure.update_layout(
            title={
                "text": title,
                "yref": "container",
                "y": 1,
                "yanchor": "top",
                "pad": {"t": 10 + 12 * (lines - 1), "l": 2},
            }
        )
    return figure


def translucent(colour: str, opacity: float) -> str:
    """`#rrggbb` as `rgba(r,g,b,opacity)`."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
