"""Pictures of results: `show` draws any result of `labkit.core.results` and gives it a text twin.

Reads   frozen results: TokenSplit, TokenScores, HeadPatterns, LayerGrid, Curve(s), Bars, Points, Samples, Table …
Gives   plotly figures and HTML that follow the page's theme, plain text that says the same, files, pandas frames.
Ignores models, training and where a result came from.

    show(result)         draws it here: the picture, its text twin, its data on demand
    save(result, path)   the picture or the numbers as a file: .svg .png .pdf .html .csv .txt
    frame(result)        the numbers as a pandas frame
    register(type, view) the view of a result type of one's own
    figure(result)       the plotly figure          (Bars, Curve, Curves, Points, LayerGrid)
    html(result)         the HTML                   (all others; for the ones above, their data)
    twin(result)         the picture in words: title, axes, what is largest
    data(result)         the picture as a Table
    bundle(result)       what a notebook stores: {mime type: content}
"""

# Each of these registers the views of its result types.
from . import attention, bars, choice_grid, curves, grids, points, strips, tables, tree
from .display import PLOTLY, bundle, html, show
from .export import frame, save
from .registry import View, data, figure, register, twin

__all__ = [
    "PLOTLY", "View", "attention", "bars", "bundle", "choice_grid", "curves", "data", "figure", "frame", "grids",
    "html", "points", "register", "save", "show", "strips", "tables", "tree", "twin",
]  # fmt: skip
