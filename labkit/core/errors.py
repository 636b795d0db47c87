"""The error family: each says what is wrong with its numbers, and what to do about it.

Every error that labkit raises on purpose is a `LabError`, so a notebook or the command line can tell a mistake of
the user's (one clear sentence) from a fault of the lab's (a traceback).
"""


class LabError(Exception):
    """What is wrong, in one sentence with its numbers, then the remedy after a semicolon."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence; `raise`'s way through the lab helps nobody who typed a wrong name."""
        return [f"{type(self).__name__}: {self}"]


class AssetError(LabError):
    """A pinned file is missing, damaged, or cannot be fetched or stored."""


class ModelError(LabError):
    """A model cannot be found, loaded, or does not offer what was asked of it."""


class TextError(LabError):
    """A text, corpus or tokenizer cannot be used as given."""


class ShapeError(LabError):
    """Sizes that must agree do not."""


class TargetError(LabError):
    """The continuation whose probability is asked for is not one token."""


class OptionError(LabError, ValueError):
    """An option is out of its range, or two options contradict each other."""


class NotebookError(LabError):
    """A notebook is not one, or cannot be run as asked."""


class TrainingError(LabError):
    """A training run cannot start, or stopped because its loss is no longer a number."""


class RunExistsError(TrainingError):
    """A run of this name is there already, and nothing is overwritten silently."""


def closest(name: str, known: list[str] | tuple[str, ...]) -> str:
    """`did you mean …?` for a mistyped name, in any case of letters, else the known ones (at most twelve; or none).

    It ends a sentence: put it last.
    """
    from difflib import get_close_matches

    spelled = {one.casefold(): one for one in reversed(known)}
    near = [spelled[one] for one in get_close_matches(name.casefold(), list(spelled), n=3, cutoff=0.5)]
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    if not known:
        return "none is known so far"
    more = f" … ({len(known)} in all)" if len(known) > 12 else ""
    return "known names: " + ", ".join(list(known)[:12]) + more
