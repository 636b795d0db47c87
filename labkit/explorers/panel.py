'''An explorer: a pure function from a small state to results, and the controls that change the state.

How to write one: a function in the lesson's module that gives an `Explorer` and works without arguments too (it then
loads the lesson's default). Nothing else is needed; the widget, the picture of a headless run, the error display, "copy
as parameters" and the tests of every control come from here.

    @explorer
    def next_token(lm=None) -> Explorer:
        """The distribution over the next token, while one types. `lm`: a LanguageModel."""
        from labkit.models import load, next_token

        lm = lm or load("smollm2-135m")

        def draw(prompt: str, top: int) -> list:
            return [next_token(lm, prompt, top=top)]

        return Explorer(
            title="What comes next?",
            controls=(
                Text("prompt", "The capital of France is", label="Prompt"),
                Slider("top", 10, 1, 30, label="Show"),
            ),
            draw=draw,
        )

In the lesson: `EXPLORER: str = ""` among the parameters, and a cell that ends with

    lab.explore("next_token", lm, view=EXPLORER)

The rules: `draw` takes each control's value by the control's name, gives one result or a list of results
(labkit.core.results), draws nothing and keeps nothing. Randomness comes from its own generator, seeded by a value of
the state: an `Action("again", label="Draw again")` counts its presses, and the count is the seed. A `draw` that takes
more than a second is a generator that yields what there is so far (the last one counts), and `Progress(done, total)`
where there are steps: at each yield the panel can be stopped, or goes on to a newer state. What only some controls
change is computed by a function of those alone, under `functools.lru_cache`. What a reader can type wrong (an empty
prompt, a word of two tokens) must be a LabError: it is shown in place, and the last picture stays. Each value that a
control offers must give results or a LabError (tests/explorers drives them all).
'''

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labkit.core.errors import OptionError, closest

from .controls import Control
from .working import Progress

RESERVED = ("kind", "view")
"""Names that `lab.explore` itself takes, and so no control can have."""


KEPT = 16
"""Results that a function of some controls keeps: what one goes back to is not computed anew."""


@dataclass
class Explorer:
    """Controls, their state, and the pure function that turns the state into results.

    A notebook cell that ends with it shows it: as widgets where they can live, else as the picture of its state.
    """

    title: str
    controls: tuple[Control, ...]
    draw: Callable[..., Any]
    """(**state) -> a result, a list of results, or an iterator of such lists and of Progress"""
    note: str = ""
    """One sentence under the title."""
    kind: str = ""
    """The name that `lab.explore` knows it by; empty: it was made in the notebook itself."""
    state: dict[str, Any] = field(default_factory=dict)
    """Every control's value by name; plain values that JSON can hold."""

    def __post_init__(self) -> None:
        names = [control.name for control in self.controls]
        for name in names:
            if name in RESERVED:
                raise OptionError(
                    f"no control can be called {name!r}: lab.explore(kind, view=) means its own; rename it"
                )
            if names.count(name) > 1:
                raise OptionError(f"two controls are called {name!r}; give each its own name")
        given, self.state = self.state, {control.name: control.clean(control.default) for control in self.controls}
        self.set(**given)

    def set(self, **changes: Any) -> "Explorer":
        """Change controls; all of them or, when one value is refused, none.

        Raises:
            OptionError: there is no such control, or a value is out of its range.
        """
        known = {control.name: control for control in self.controls}
        for name in changes:
            if name not in known:
                raise OptionError(f"this explorer has no control {name!r}; {closest(name, tuple(known))}")
        self.state = {**self.state, **{name: known[name].clean(value) for name, value in changes.items()}}
        return self

    def read(self, view: str | Mapping[str, Any]) -> "Explorer":
        """Take the state that `as_view` gave.

        Raises:
            OptionError: it is no JSON object, or holds what `set` refuses; says which line would be right.
        """
        try:
            state = json.loads(view or "{}") if isinstance(view, str) else dict(view)
            if not isinstance(state, dict):
                raise OptionError(f"it must be a JSON object of controls, not of type {type(state).__name__}")
            return self.set(**state)
        except ValueError as error:  # an OptionError is one
            said = error if isinstance(error, OptionError) else "it is no JSON"
            raise OptionError(
                f"view={view!r:.60} cannot be read: {said}; in the parameters cell it looks like {self.as_assignment()}"
            ) from None

    def parts(self) -> Iterator[list[Any] | Progress]:
        """The results of the state, as they become known, and how far it is: the last list is the final one."""
        drawn = self.draw(**self.state)
        for part in drawn if hasattr(drawn, "__next__") else (drawn,):
            yield part if isinstance(part, (list, Progress)) else list(part) if isinstance(part, tuple) else [part]

    def results(self) -> list[Any]:
        """The results of the state.

        Raises:
            LabError: the state asks for what cannot be, such as an empty prompt.
        """
        return [part for part in self.parts() if not isinstance(part, Progress)][-1]

    def as_view(self) -> str:
        """The state as JSON on one line: what the lesson's parameter takes."""
        return json.dumps(self.state, ensure_ascii=False)

    def as_assignment(self, parameter: str = "EXPLORER") -> str:
        """The state as the line of a lesson's parameters cell."""
        return f"{parameter}: str = {self.as_view()!r}"

    def as_parameters(self, parameter: str = "EXPLORER") -> str:
        """The state as options of `labkit run` and `papermill`."""
        return f"-p {parameter} {shlex.quote(self.as_view())}"

    def as_call(self, *args: str) -> str:
        """The state as a call; `args`: the other arguments as they were written."""
        changed = (f"{name}={value!r}" for name, value in self.state.items())
        return f"lab.explore({', '.join((repr(self.kind), *args, *changed))})"

    def _ipython_display_(self) -> None:
        from . import live

        live.display(self)


KINDS: dict[str, Callable[..., Explorer]] = {}
"""What `lab.explore` offers, by name: the explorers of the lessons loaded so far."""


def explorer(build: Callable[..., Explorer]) -> Callable[..., Explorer]:
    """Let `lab.explore` offer the decorated function by its name."""
    KINDS[build.__name__] = build
    return build
