"""An explorer on the page: widgets where a person sits before it, else the picture of its state.

A live notebook stores the picture beside the widget, so that a page without a kernel (an export, a repository's
preview) still shows something. A headless run stores only the picture: no widget that nobody can move.
"""

import ast
import asyncio
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from labkit import views
from labkit.core.errors import LabError
from labkit.core.output import put
from labkit.views import theme
from labkit.views.text import for_html, number

if TYPE_CHECKING:
    from .panel import Explorer

WAIT = 0.3
"""Seconds without a further change before the picture is drawn anew."""
WIDGET = "application/vnd.jupyter.widget-view+json"


def is_live() -> bool:
    """Whether widgets can be moved here: a front end sent the cell (JupyterLab, Notebook, VS Code, Colab).

    Such front ends say which cell they run; papermill, nbconvert and nbclient do not. LABKIT_WIDGETS=1 or 0 decides
    instead.
    """
    told = os.environ.get("LABKIT_WIDGETS")
    if told in ("0", "1"):
        return told == "1"
    with suppress(Exception):
        from IPython import get_ipython

        shell: Any = get_ipython()
        return "cellId" in shell.kernel.get_parent("shell")["metadata"] or "google.colab" in str(type(shell))
    return False


def display(explorer: "Explorer") -> None:
    """Show an explorer here; see `Explorer`."""
    if is_live():
        put(Panel(explorer).bundle())
        return
    put({"text/html": theme.wrap(_heading(explorer) + _state(explorer)), "text/plain": explorer.title})
    try:
        views.show(explorer.results())
    except LabError as error:
        put({"text/html": theme.wrap(_warning(error)), "text/plain": str(error)})


def _heading(explorer: "Explorer") -> str:
    note = f'<div class="lk-note">{for_html(explorer.note)}</div>' if explorer.note else ""
    return f'<div class="lk-title">{for_html(explorer.title)}</div>{note}'


def _state(explorer: "Explorer") -> str:
    """The state in words, for the picture that nobody can move."""
    values = {c.label or c.name: explorer.state[c.name] for c in explorer.controls}
    said = (f"{label}: {_shorten(', '.join(v) if isinstance(v, tuple) else number(v))}" for label, v in values.items())
    return f'<div class="lk-note">{for_html("; ".join(said))}. With a kernel, this is a panel to play with.</div>'


def _shorten(text: str, most: int = 120) -> str:
    """The beginning of a long text, with its length."""
    return text if len(text) <= most else f"{text[:most]}… ({number(len(text))} characters)"


def _warning(error: Exception) -> str:
    said = (
        str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}. This is a fault of the lab."
    )
    return f'<div class="lk-warn" role="alert">{for_html(said)}</div>'


class Panel:
    """The widgets of one explorer."""

    def __init__(self, explorer: "Explorer") -> None:
        import ipywidgets as w

        from .widgets import widget

        self.explorer = explorer
        self.args, self.parameter = _as_written(explorer.kind)
        self.widgets = {control.name: widget(control) for control in explorer.controls}
        self.status, self.copied = w.HTML(), w.HTML()
        self.picture = w.Output()
        self._lock, self._timer, self._draws = threading.Lock(), None, 0
        self._drawn: dict[str, Any] = {}
        for name, value in explorer.state.items():
            self.widgets[name].value = value
        for control in explorer.controls:
            self.widgets[control.name].observe(self._changed, "value")
        copy = w.Button(description="copy as parameters", tooltip="The state as -p options and as a Python call")
        copy.on_click(lambda _: self._copy())
        copy.layout.width = "max-content"
        row = w.Box(list(self.widgets.values()), layout=w.Layout(flex_flow="row wrap", align_items="center"))
        self.box = w.VBox([w.HTML(theme.wrap(_heading(explorer))), row, self.status, self.picture, copy, self.copied])
        self.box.add_class("labkit-explorer")
        self.picture.add_class("labkit-picture")
        self.update()

    def bundle(self) -> dict[str, Any]:
        """The widget, and beside it the picture of the first state for pages without a kernel."""
        outputs = [output["data"] for output in self.picture.outputs]
        content: dict[str, Any] = {"text/plain": "\n\n".join(o["text/plain"] for o in outputs) or self.explorer.title}
        if len(outputs) == 1:
            content |= outputs[0]
        elif outputs:
            content["text/html"] = "".join(
                o.get("text/html") or theme.wrap(f"<pre>{for_html(o['text/plain'])}</pre>") for o in outputs
            )
        return {WIDGET: {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}, **content}

    def _changed(self, _: Any) -> None:
        """Draw soon: a moving slider sends many values, of which only the last one counts."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.update()
            return
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(WAIT, self.update)

    def update(self) -> None:
        """Read the widgets, draw, and show; a LabError is shown in place and the last picture stays."""
        with self._lock:
            self.status.value = _BUSY
            try:
                self.explorer.set(**{name: one.value for name, one in self.widgets.items()})
                if self.explorer.state != self._drawn:  # a front end may send a value back that it was given
                    self._drawn = {}
                    for results in self.explorer.steps():
                        self._show(results)
                    self._drawn = dict(self.explorer.state)
            except Exception as error:
                self.status.value = theme.wrap(_warning(error))
                self.picture.layout.opacity = "0.45"
            else:
                self.status.value = ""
                self.picture.layout.opacity = "1"
            if self.copied.value:
                self._copy()

    def _show(self, results: list[Any]) -> None:
        contents = [views.bundle(result) for result in results]
        tall = sum(content.get(views.PLOTLY, {}).get("layout", {}).get("height", 0) for content in contents)
        self.picture.layout.min_height = f"{tall}px"
        self.picture.layout.opacity = "1"
        self.picture.outputs = tuple(
            {"output_type": "display_data", "data": content, "metadata": {}} for content in contents
        )

    def _copy(self) -> None:
        call = self.explorer.as_call(*self.args)
        options = self.explorer.as_parameters(self.parameter) if self.parameter else ""
        self.copied.value = theme.wrap("".join(_copyable(line) for line in (options, call) if line))


_BUSY = """<style>@keyframes lk-late { to { opacity: 0.8 } }
.lk-busy { opacity: 0; animation: lk-late 0.2s 0.5s forwards; font-size: 12.5px }</style>
<span class="lk-busy" role="status">working …</span>"""


def _copyable(line: str) -> str:
    """A line to be copied by a click or by selecting it."""
    script = "navigator.clipboard.writeText(this.nextElementSibling.textContent); this.textContent='copied'"
    return (
        f'<div style="display:flex;gap:8px;align-items:baseline"><button type="button" onclick="{script}">copy</button>'
        f'<code style="white-space:pre-wrap;overflow-wrap:anywhere">{for_html(line)}</code></div>'
    )


def _as_written(kind: str) -> tuple[tuple[str, ...], str]:
    """The other arguments and the `view=` parameter of the `explore` call in the cell that runs now."""
    with suppress(Exception):
        from IPython import get_ipython

        shell: Any = get_ipython()
        source = shell.user_ns["In"][-1]
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and call.args and ast.unparse(call.func).split(".")[-1] == "explore":
                first = call.args[0]
                if isinstance(first, ast.Constant) and first.value == kind:
                    named = {k.arg: k.value for k in call.keywords}
                    view = named.get("view")
                    parameter = view.id if isinstance(view, ast.Name) else ""
                    return tuple(ast.unparse(arg) for arg in call.args[1:]), parameter
    return (), ""
