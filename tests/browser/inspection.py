"""What a reader would see go wrong in a lesson open in JupyterLab: errors, blanks, dead widgets, strangers.

troubles(lesson)          -> sentences; none = every picture is drawn and nothing failed
troubles(lesson, shots)   -> the same, pixels read from photographs just taken: a picture is not photographed twice
move_explorers(lesson)    -> one control of each explorer moved; sentences about those whose picture stayed
faint_text(lesson)        -> figure text that does not stand out from the page
"""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from .jupyter import Lesson
from .photograph import Shot

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
MARKS = (
    ".scatterlayer path.point, .scatterlayer path.js-line, .scatterlayer path.js-fill, .barlayer path,"
    " .heatmaplayer image, .textpoint text, text.bartext"
)
BROKEN = re.compile(r"Javascript Error|Error displaying widget|Loading widget|Error rendering|Model not found")
CONTRAST = 3.0
"""The least contrast of figure text against the page, WCAG's bound for large text."""

_OUTPUTS = """marks => {
    const cells = jupyterapp.shell.currentWidget.content.widgets;
    return cells.flatMap((cell, index) => [...cell.node.querySelectorAll(
            ':scope > .jp-Cell-outputWrapper > .jp-OutputArea > .jp-OutputArea-child')].map((node, place) => {
        const box = node.getBoundingClientRect();
        const drawn = e => { const b = e.getBBox(); const flat = e.matches('.js-line') ? 0 : 0.1;
            return b.width + b.height > 0.5 && b.width >= flat && b.height >= flat; };
        const seen = e => { const b = e.getBoundingClientRect(); return b.width + b.height > 1; };
        node.dataset.lkPlace = `${index}-${place}`;
        return {
            still: !node.offsetParent && !!node.previousElementSibling?.querySelector('.labkit-explorer'),
            cell: index, place, text: node.innerText, width: box.width, height: box.height,
            plots: [...node.querySelectorAll('.js-plotly-plot')].map(
                plot => plot.clientHeight > 20 ? [...plot.querySelectorAll(marks)].filter(drawn).length : 0),
            widgets: [...node.querySelectorAll('.jupyter-widgets')].filter(seen).length,
            canvases: node.querySelectorAll('iframe, canvas, svg:not(.main-svg):not([class*="icon"] svg)').length,
        };
    }));
}"""

_COLOURS = """async png => {
    const image = new Image(); image.src = 'data:image/png;base64,' + png; await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
    const counts = new Map(); for (const p of pixels) counts.set(p, (counts.get(p) || 0) + 1);
    return [counts.size, 1 - Math.max(...counts.values()) / pixels.length];
}"""


_ON_THE_PAGE = """([figure, height]) => {
    if (Math.abs(lkScroller.scrollHeight - height) > 2) return null;
    const box = figure.getBoundingClientRect(), page = lkScroller.getBoundingClientRect();
    for (let e = figure.parentElement; e && e !== lkScroller; e = e.parentElement) {
        const style = getComputedStyle(e), edge = e.getBoundingClientRect();
        if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
        if (box.top < edge.top - 2 || box.bottom > edge.bottom + 2 || box.left < edge.left - 2
            || box.right > edge.right + 2) return null; }
    const [x, y] = [box.x - page.x, box.y - page.y + lkScroller.scrollTop];
    return [x, y, x + box.width, y + box.height]; }"""
"""A figure's edges on the notebook (left, top, right, bottom); null where something around it cuts a part off,
or where the notebook is not as high as it was."""


def troubles(lesson: Lesson, shots: Sequence[Shot] = (), *, only: str = "") -> list[str]:
    """Everything wrong with the outputs as they are drawn now, one sentence each.

    Args:
        shots: of the page as it is (see `photograph`); a picture that is blank there is looked at again by itself.
        only: a selector; pixels are read of the outputs that hold it, of the others only what the page says.
    """
    found = [f"JavaScript error: {error}" for error in lesson.errors]
    found += [f"asked another host: {address}" for address in lesson.strangers]
    drawn = {(one["cell"], one["place"]): one for one in lesson.page.evaluate(_OUTPUTS, MARKS)}
    for index, cell in enumerate(lesson.cells()):
        for place, output in enumerate(_stored(cell)):
            where = f"cell {index + 1}, output {place + 1}"
            if output["output_type"] == "error":
                found.append(f"{where}: {output['ename']}: {output['evalue']}")
            elif (index, place) not in drawn:
                found.append(f"{where}: not on the page")
            elif not (seen := drawn[index, place])["still"]:  # a panel's picture for pages without a kernel
                found += [f"{where}: {said}" for said in _amiss(output, seen)]
                wanted = not only or lesson.page.query_selector(f"{_place(seen)}:has({only})")
                if wanted and (seen["plots"] or seen["canvases"]):
                    found += [f"{where}: {said}" for said in _blanks(lesson, _place(seen), shots)]
    return found


def _place(seen: dict[str, Any]) -> str:
    return f"[data-lk-place='{seen['cell']}-{seen['place']}']"


def _stored(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """The outputs as JupyterLab counts them: what one stream wrote in a row is one."""
    kept: list[dict[str, Any]] = []
    for output in cell.get("outputs", []):
        before = kept[-1] if kept else {}
        if output["output_type"] != "stream" or output["name"] != before.get("name"):
            kept.append(output)
    return kept


def _amiss(output: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    """What the page itself says is wrong with one output."""
    data = output.get("data", {})
    found = [f"shows {match[0]!r}" for match in [BROKEN.search(seen["text"])] if match]
    found += ["a plotly figure without a mark or without height" for marks in seen["plots"] if not marks]
    if WIDGET in data:
        found += [] if seen["widgets"] else ["a widget that did not render"]
    elif PLOTLY in data and not seen["plots"]:
        found.append("a plotly figure that did not render")
    elif "text/html" in data and not _only_style(data["text/html"]) and seen["width"] * seen["height"] < 1:
        found.append("HTML that takes no room")
    return found


def _only_style(page: str | list[str]) -> bool:
    return not re.sub(r"(?s)<style>.*?</style>|<script.*?</script>|<[^>]*>", "", "".join(page)).strip()


def _blanks(lesson: Lesson, place: str, shots: Sequence[Shot]) -> list[str]:
    """Pictures of one colour, by their pixels."""
    found = []
    figures = lesson.page.query_selector_all(
        f"{place} .js-plotly-plot, {place} iframe, {place} canvas:not(.js-plotly-plot canvas),"
        f" {place} svg:not(.js-plotly-plot svg)"
    )
    for figure in figures:
        box = figure.bounding_box()
        if not box or box["width"] < 24 or box["height"] < 24:  # an icon, or a part that is folded away
            continue
        if shots and not _blank(*_colours_in(lesson, shots, figure)):
            continue
        colours, share = _colours(lesson, figure)
        if colours < 3:  # a frame far down the page is painted a moment after it scrolls into view
            lesson.page.wait_for_timeout(1500)
            colours, share = _colours(lesson, figure)
        if _blank(colours, share):
            kind = figure.evaluate("e => e.tagName.toLowerCase()")
            found.append(f"a blank picture ({kind}, {box['width']:.0f} × {box['height']:.0f}, {colours} colours)")
    return found


def _blank(colours: int, share: float) -> bool:
    return colours < 3 or share < 0.001


def _colours_in(lesson: Lesson, shots: Sequence[Shot], figure: Any) -> tuple[int, float]:
    """The same as `_colours`, from the photographs; (0, 0) where these do not show the whole figure."""
    from PIL import Image

    box = lesson.page.evaluate(_ON_THE_PAGE, [figure, shots[-1].top + shots[-1].height])
    if box is None:
        return 0, 0.0
    counts, (left, top, right, bottom) = Counter(), box
    for shot in shots:
        upper, lower = ceil(max(top - shot.top, 0)), floor(min(bottom - shot.top, shot.height))
        if lower > upper:
            with Image.open(shot.file) as picture:
                part = picture.crop((ceil(left), upper, floor(right), lower)).convert("RGB")
            counts.update({colour: count for count, colour in part.getcolors(part.width * part.height) or ()})
    return len(counts), 1 - max(counts.values(), default=1) / max(counts.total(), 1)


def _colours(lesson: Lesson, figure: Any) -> tuple[int, float]:
    """How many colours a picture has, and the share of pixels that have not the commonest one."""
    return tuple(lesson.page.evaluate(_COLOURS, base64.b64encode(figure.screenshot()).decode()))


_PICTURE = "panel => panel.querySelector('.labkit-picture').innerHTML"
_CHANGED = """([panel, before]) => { const now = panel.querySelector('.labkit-picture').innerHTML;
    return now !== before && now.length > 200; }"""


def explorers(lesson: Lesson) -> list[Any]:
    """The panels on the page."""
    return lesson.page.query_selector_all(".labkit-explorer")


def move_explorers(lesson: Lesson, *, seconds: float = 90) -> list[str]:
    """Move one control of each explorer, by keyboard; a sentence for each whose picture did not change."""
    found = []
    for index, panel in enumerate(explorers(lesson)):
        panel.scroll_into_view_if_needed()
        if not any(_moves(lesson, panel, control, seconds) for control in _controls(panel)):
            found.append(f"explorer {index + 1}: no control changed its picture within {seconds} s")
    return found


def _controls(panel: Any) -> list[Any]:
    """What can be moved, sliders first (their values always fit)."""
    kinds = (".widget-slider .noUi-handle", "input[type=checkbox]", "select", "textarea, input[type=text]")
    return [one for kind in kinds for one in panel.query_selector_all(kind)[:2] if one.is_visible()]


def _moves(lesson: Lesson, panel: Any, control: Any, seconds: float) -> bool:
    before = panel.evaluate(_PICTURE)
    kind = control.evaluate("e => e.type || e.className")
    control.focus()
    if "noUi" in kind:
        at_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
        control.press("ArrowLeft" if at_end else "ArrowRight")
    elif kind == "checkbox":
        control.press("Space")
    elif kind == "select-one":
        control.press("ArrowDown")
    else:
        control.press("End")
        control.type(" and the")
    try:
        lesson.page.wait_for_function(_CHANGED, arg=[panel, before], timeout=seconds * 1000)
    except Exception:  # the next control may move it
        return False
    lesson.settle()
    return True


_FAINT = """least => {
    const paint = text => { const c = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
        c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3); };
    const light = rgb => { const [r, g, b] = rgb.map(v => { v /= 255;
        return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126*r + 0.7152*g + 0.0722*b; };
    const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x+.05)/(y+.05); };
    const page = paint(getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim());
    const texts = document.querySelectorAll('.js-plotly-plot .main-svg g:not(.heatmap-label):not(.hovertext) > text');
    return [...texts].filter(t => t.textContent.trim() && t.getBoundingClientRect().width).map(
        t => [t.textContent, contrast(paint(getComputedStyle(t).fill), page)]).filter(([, c]) => c < least);
}"""


def faint_text(lesson: Lesson) -> list[str]:
    """Texts of figures whose contrast with the page is below `CONTRAST`."""
    return [f"{text!r} has contrast {contrast:.1f}" for text, contrast in lesson.page.evaluate(_FAINT, CONTRAST)]
