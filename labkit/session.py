"""The first line of a lesson: seeds set, theme in place, and one line that says on what it runs."""

import os
from html import escape
from importlib.metadata import version

from labkit import __version__
from labkit.core import devices
from labkit.core.devices import choose_device, choose_dtype, describe_machine, kind_of
from labkit.core.errors import OptionError
from labkit.core.output import in_notebook, put
from labkit.core.paths import shipped
from labkit.core.results import Table
from labkit.core.seeds import set_all
from labkit.core.values import is_whole
from labkit.suite.claims import measured, says
from labkit.suite.records import counted, show_value

LESSONS = {
    "00": "What is a language model?",
    "01": "What does a model read instead of letters?",
    "02": "What does attention look at?",
    "03": "What is inside the model?",
    "04": "How does a model learn?",
    "05": "What do more parameters and more text buy?",
    "06": "Which architectures are there?",
    "07": "How does a model learn to chat?",
    "08": "How does a distribution become text?",
    "09": "How does a model learn from its prompt?",
    "10": "Why does a model make things up?",
    "11": "How is a model made cheaper?",
    "12": "Which biases has a model learned?",
    "13": "How does a model use tools?",
    "14": "Which model for which task?",
}
"""Every lesson's number and question. Numbers stay, even while some lessons do not exist yet."""


def begin(topic: str, *, seed: int | None = None) -> None:
    """Start a lesson: seed the generators, put the theme into the page, and say where it runs.

    Args:
        topic: the notebook's name without its ending, such as `02_attention`.
        seed: for Python, numpy and torch; sections that draw derive their own from it. Without one it is
            0, and the line names none: a lesson's SEED, set later, is what its draws follow.

    Raises:
        OptionError: the seed is not a whole number from 0 to 2⁶³ − 1.
    """
    if seed is not None and not (is_whole(seed) and 0 <= seed < 2**63):
        raise OptionError(f"seed={seed!r}: give a whole number from 0 to 2⁶³ − 1")
    set_all(seed or 0)
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler greets and leaves with a line each time
    line = opening_line(topic, seed)
    if not in_notebook():
        print(line)
        return
    from labkit.views.theme import css

    shown = f'{css()}<div class="labkit"><span class="lk-faint">{escape(line)}</span></div>'
    put({"text/html": shown, "text/plain": line}, {"session": _about(choose_device())})


def use_device(device: str) -> None:
    """Where the models of this notebook live from here on: what `auto` means wherever a device is not named.

    Args:
        device: auto (cuda, else mps, else cpu), cpu, cuda, cuda:N or mps; another one than `auto` is told in a line.

    Raises:
        OptionError: the device is unknown or not on this machine.

    Law: models that are loaded or built afterwards are there (tests/roof/test_session.py).
    """
    found = devices.use_device(device)
    if device == "auto":
        return
    line = f"models run on {found} ({kind_of(found)})"
    if in_notebook():
        put({"text/plain": line}, {"session": _about(found)})
    else:
        print(line)


def _about(device: str) -> dict[str, object]:
    """For the runner's results."""
    return {"device": device, "kind": kind_of(device).as_dict()}


def opening_line(topic: str, seed: int | None = None) -> str:
    """On one line: topic, device and what it does well, dtype, cores, memory, a given seed, and versions."""
    device, machine = choose_device(), describe_machine()
    drawn = "" if seed is None else f"seed {seed} · "
    # The lab's own version is that of the code that runs: a clone on the path may not be the installed one.
    versions = f"torch {version('torch')} · transformers {version('transformers')} · labkit {__version__}"
    return (
        f"{topic} · {device} ({kind_of(device).processor}), {choose_dtype('auto', device)} · {machine.cores} cores, "
        f"{machine.free_gb:.0f} of {machine.memory_gb:.0f} GB free · {drawn}{versions}"
    )


def takeaways(*sentences: str, surprise: str) -> None:
    """What to take along from a lesson: three sentences whose figures come from its claims, and a card of all results.

    Args:
        sentences: three templates as `lab.says` takes them.
        surprise: one more: what came out otherwise than one might expect.

    Raises:
        OptionError: not three sentences, or one without a figure that was measured.

    Law: a sentence without a claim is refused (tests/roof/test_takeaways.py).
    """
    if len(sentences) != 3:
        raise OptionError(f"{len(sentences)} sentences were given to take along; give three")
    for sentence in (*sentences, surprise):
        if not any(f"{{{name}" in sentence for name in measured()):
            raise OptionError(f"{sentence!r} quotes no claim; name one, such as {{topic/name:.2f}}")
    numbered = [f"{n}. {sentence}" for n, sentence in enumerate(sentences, 1)]
    says("\n".join([*numbered, "", f"*What surprised:* {surprise}"]))
    records = measured().values()
    rows = tuple((one.sign, one.says or one.name, show_value(one.value), "–" if one.holds is None else one.bound_text)
                 for one in records)  # fmt: skip
    from labkit.views import show

    show(Table(("", "measured", "value", "claimed"), rows, title=f"A card of this lesson: {counted(list(records))}"))


def lesson_map() -> Table:
    """Every lesson by number, and the notebook that holds it, where there is one already."""
    here = {path.name[:2]: path.name for path in shipped("notebooks").glob("[0-9][0-9]_*.ipynb")}
    rows = tuple((number, question, here.get(number, "not yet")) for number, question in LESSONS.items())
    return Table(("lesson", "question", "notebook"), rows, title="The lessons")
