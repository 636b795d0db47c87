"""Controls as ipywidgets: labelled, reachable by keyboard, each with a `.value` fit for its control's `clean`.

Loaded only where widgets live: importing ipywidgets costs a tenth of a second.
"""

from functools import singledispatch
from math import log10
from typing import Any

import ipywidgets as w
import traitlets

from .controls import Action, Choice, Choices, Slider, Switch, Text


class Checks(w.Box):
    """A group of check boxes; `value` is the tuple of those that are set."""

    value = traitlets.Tuple()

    def __init__(self, label: str, options: tuple[str, ...]) -> None:
        self.boxes = {option: w.Checkbox(description=option, indent=False) for option in options}
        for box in self.boxes.values():
            box.layout = w.Layout(width="max-content", margin="0 14px 0 0")
            box.observe(self._gather, "value")
        name = w.Label(label, layout=w.Layout(margin="0 12px 0 0"))
        super().__init__([name, *self.boxes.values()], layout=w.Layout(flex_flow="row wrap", width="100%"))
        self.observe(self._spread, "value")

    def _gather(self, _: Any) -> None:
        self.value = tuple(option for option, box in self.boxes.items() if box.value)

    def _spread(self, change: Any) -> None:
        self.unobserve(self._spread, "value")
        chosen = change["new"]
        for box in self.boxes.values():
            box.unobserve(self._gather, "value")
        for option, box in self.boxes.items():
            box.value = option in chosen
            box.observe(self._gather, "value")
        self.observe(self._spread, "value")


class Press(w.Button):
    """A button that counts how often it was pressed."""

    value = traitlets.Int(0)

    def __init__(self, label: str) -> None:
        super().__init__(description=label, layout=w.Layout(width="max-content"))
        self.on_click(self._count)

    def _count(self, _: Any) -> None:
        self.value += 1


@singledispatch
def widget(control: Any) -> Any:
    """The widget of a control."""
    raise TypeError(f"no widget for {type(control).__name__}")


def _labelled(control: Any) -> dict[str, Any]:
    return {"description": control.label or control.name, "style": {"description_width": "initial"}}


@widget.register
def _(control: Text) -> Any:  # a box of one line would lose the text's line breaks
    return w.Textarea(rows=control.lines, **_labelled(control), layout=w.Layout(width="100%"))


@widget.register
def _(control: Choice) -> Any:
    return w.Dropdown(options=control.options, **_labelled(control), layout=w.Layout(width="max-content"))


@widget.register
def _(control: Choices) -> Any:
    return Checks(control.label or control.name, control.options)


@widget.register
def _(control: Slider) -> Any:
    looks = {**_labelled(control), "layout": w.Layout(width="360px")}
    if control.log:
        low, high = log10(control.low), log10(control.high)
        return w.FloatLogSlider(
            control.default, min=low, max=high, step=(high - low) / 100, readout_format=".3g", **looks
        )
    if control.whole:
        return w.IntSlider(
            int(control.default), min=int(control.low), max=int(control.high), step=int(control.step), **looks
        )
    return w.FloatSlider(control.default, min=control.low, max=control.high, step=control.step, **looks)


@widget.register
def _(control: Switch) -> Any:
    return w.Checkbox(description=control.label or control.name, indent=False, layout=w.Layout(width="max-content"))


@widget.register
def _(control: Action) -> Any:
    return Press(control.label or control.name)
