"""An explorer on the page: widgets where a person sits before it, else the picture of its state.

A live notebook stores the picture beside the widget, so that a page without a kernel (an export, a repository's
preview) still shows something. A headless run stores only the picture: no widget that nobody can move.

Drawing happens in the kernel's main thread, between cells: no cell runs on the same model meanwhile, and the kernel's
interrupt ends it. Between the parts of a drawing the kernel reads its messages: a stop, or a newer value, ends it too.
"""

import asyncio
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from time import monotonic
from typing import Any

from labkit import views
from labkit.core.errors import LabError
from labkit.core.output import put
from labkit.views import theme
from labkit.views.text import for_html, number

from .copying import as_html, as_written
from .working import Interrupts, Progress, busy, tell_status

WAIT = 0.15
"""Seconds without a further change before the picture is drawn anew."""
BETWEEN = 0.1
"""Seconds between two reports of progress."""
STOPPED = "stopped; move a control to draw anew"
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


def display(explorer: Any) -> None:
    """Show an explorer here; see `panel.Explorer`."""
    if is_live():
        panel = Panel(explorer)
        put({WIDGET: {"version_major": 2, "version_minor": 0, "model_id": panel.box.model_id},
             "text/plain": explorer.title})  # fmt: skip
        panel.update()
        put(panel.still())
        return
    put({"text/html": theme.wrap(_heading(explorer) + _state(explorer)), "text/plain": explorer.title})
    try:
        views.show(explorer.results())
    except LabError as error:
        put({"text/html": theme.wrap(f'<div class="lk-warn">{for_html(error)}</div>'), "text/plain": str(error)})


def _heading(explorer: Any) -> str:
    note = f'<div class="lk-note">{for_html(explorer.note)}</div>' if explorer.note else ""
    return f'<div class="lk-title">{for_html(explorer.title)}</div>{note}'


def _state(explorer: Any) -> str:
    """The state in words, for the picture that nobody can move."""
    values = {c.label or c.name: explorer.state[c.name] for c in explorer.controls}
    said = (f"{label}: {_shorten(', '.join(v) if isinstance(v, tuple) else number(v))}" for label, v in values.items())
    return f'<div class="lk-note">{for_html("; ".join(said))}. With a kernel, this is a panel to play with.</div>'


def _shorten(text: str, most: int = 120) -> str:
    """The beginning of a long text, with its length."""
    return text if len(text) <= most else f"{text[:most]}… ({number(len(text))} characters)"


class Panel:
    """The widgets of one explorer."""

    def __init__(self, explorer: Any) -> None:
        import ipywidgets as w

        from .page import Line
        from .widgets import widget

        self.explorer = explorer
        self.args, self.parameter = as_written(explorer.kind)
        self.widgets = {control.name: widget(control) for control in explorer.controls}
        self.line, self.copied, self.picture = Line(), w.HTML(), w.Output()
        self._drawn: dict[str, Any] = {}
        self._loop, self._task = _running_loop(), None
        self._interrupts = Interrupts(self.stop)
        for name, value in explorer.state.items():
            self.widgets[name].value = value
            self.widgets[name].observe(self._changed, "value")
        self.line.on_stop(self.stop)
        parts = (part for one in self.widgets.values() for part in (one, *getattr(one, "children", ())))
        self.line.controls = [part.model_id for part in parts]
        copy = w.Button(description="copy as parameters", tooltip="The state as a parameter, an option and a call")
        copy.on_click(lambda _: self._copy())
        copy.layout.width = "max-content"
        row = w.Box(list(self.widgets.values()), layout=w.Layout(flex_flow="row wrap", align_items="center"))
        row.add_class("lk-controls")
        self.box = w.VBox([w.HTML(theme.wrap(_heading(explorer))), row, self.line, self.picture, copy, self.copied])
        self.box.add_class("labkit-explorer")
        self.picture.add_class("labkit-picture")

    def still(self) -> dict[str, Any]:
        """The picture as it is now, for pages without a kernel; the live page hides it."""
        outputs = [output["data"] for output in self.picture.outputs]
        words = "\n\n".join(o["text/plain"] for o in outputs) or self.explorer.title
        if len(outputs) == 1 and views.PLOTLY in outputs[0]:
            return outputs[0]
        shown = "".join(
            o.get("text/html") or theme.wrap(f"<pre>{for_html(o['text/plain'])}</pre>") for o in outputs
        ) or theme.wrap(f"<p>{for_html(self.line.said or self.explorer.title)}</p>")
        return {"text/html": f'<div class="lk-still">{shown}</div>', "text/plain": words}

    def stop(self) -> None:
        """End the drawing, or that it is about to begin; what is shown stays, dimmed."""
        self._in_the_loop(self._stop)

    def _in_the_loop(self, call: Callable[[], None]) -> None:
        """Messages may be read in another thread than the main one, where drawing belongs."""
        if self._loop:
            self._loop.call_soon_threadsafe(call)
        else:
            call()

    def _stop(self) -> None:
        if self._task and not self._task.done():
            self._task.cancel()
            self.line.say("stopped", STOPPED)

    def _changed(self, _: Any) -> None:
        self.line.send("heard")
        self._in_the_loop(self._draw_later if self._loop else self.update)

    def _draw_later(self) -> None:
        """Draw soon: a moving slider sends many values, of which only the last one counts."""
        if self._task:
            self._task.cancel()
        self.line.say("working", "working …")
        self._task = asyncio.ensure_future(self._draw_soon())

    async def _draw_soon(self) -> None:
        await asyncio.sleep(WAIT)
        with self._interrupts, closing(self._drawing()) as parts:
            while self._interrupts.computing(lambda: next(parts, None)):
                await asyncio.sleep(0.01)  # a stop and newer values are read here
        tell_status("idle")

    def update(self) -> None:
        """Read the widgets, draw, and show; a LabError is shown in place and the last picture stays."""
        for _ in self._drawing():
            pass

    def _drawing(self) -> Generator[bool, None, None]:
        """One drawing; True after each part."""
        self.line.say("working", "working …")
        try:
            self.explorer.set(**{name: one.value for name, one in self.widgets.items()})
            if self.explorer.state != self._drawn:  # a front end may send a value back that it was given
                self._drawn = {}
                with busy():
                    yield from self._parts()
                self._drawn = dict(self.explorer.state)
        except KeyboardInterrupt:
            self.line.say("stopped", STOPPED)
        except LabError as error:
            self.line.say("error", str(error))
        except Exception as error:
            self.line.say("error", f"{type(error).__name__}: {error}. This is a fault of the lab.")
        else:
            self.line.say("")
        if self.copied.value:
            self._copy()

    def _parts(self) -> Iterator[bool]:
        state, last = "working", -BETWEEN
        for part in self.explorer.parts():
            if not isinstance(part, Progress):
                state = "growing"
                self._show(part)
                self.line.say(state, "working …")
            elif monotonic() - last < BETWEEN:
                continue
            else:
                last = monotonic()
                self.line.say(state, f"working: {part}")
            yield True

    def _show(self, results: list[Any]) -> None:
        contents = [views.bundle(result) for result in results]
        tall = sum(content.get(views.PLOTLY, {}).get("layout", {}).get("height", 0) for content in contents)
        self.picture.layout.min_height = f"{tall}px" if tall else None
        self.picture.outputs = tuple(
            {"output_type": "display_data", "data": content, "metadata": {}} for content in contents
        )

    def _copy(self) -> None:
        self.copied.value = theme.wrap(as_html(self.explorer, self.args, self.parameter))


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
