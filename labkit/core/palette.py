"""Colours, in one place, for light and dark pages and for colour-blind readers.

The categorical colours are Okabe & Ito 2008 ("Color universal design"), without black and with the yellow left out
because it vanishes on white. Text and grid colours are left to the page (CSS variables), so one figure serves
JupyterLab's light and dark themes alike.
"""

BLUE, ORANGE, GREEN, PINK, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
CATEGORICAL = (BLUE, ORANGE, GREEN, PINK, SKY, RED)

# Backgrounds behind token text: light enough for near-black letters, on a white page and on a black one.
PASTELS = ("#BBD9EE", "#F7DDA8", "#B5E2D3", "#EFCFE0", "#D3E9F7", "#F5C7A9")
INK = "#1A1A1A"
"""Letters on a pastel or on a sequential scale's light half."""

SEQUENTIAL = "Viridis"

GOOD, BAD, MUTED = GREEN, RED, "#808080"

# What the page itself decides: JupyterLab, else VS Code, else a browser's default.
TEXT = "var(--jp-content-font-color1, var(--vscode-editor-foreground, #222))"
FAINT = "var(--jp-content-font-color2, var(--vscode-descriptionForeground, #666))"
LINE = "var(--jp-border-color2, var(--vscode-panel-border, #bdbdbd))"
