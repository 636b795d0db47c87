"""A notebook's parameters: which it declares, of which type, and what the command line gives them.

The cell tagged `parameters` declares them as `NAME: type = default`. A name that it does not declare, or a value that
is not of the declared type, is an error before anything runs (papermill alone only warns). So is a value that would
arrive as another: what travels is JSON's kinds and nothing else (not nan, no tuple, no dict of numbers).
"""

import ast
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError, closest

from .notebooks import python_of

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_REFUSED = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
"""What Python raises for a text that is no value, or for a value that is no JSON."""


def _yes_or_no(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError
    return text.lower() in _YES


READERS: dict[str, Callable[[str], Any]] = {
    "None": ast.literal_eval, "bool": _yes_or_no, "int": int, "float": float, "list": ast.literal_eval,
    "dict": ast.literal_eval, "str": str,
}  # fmt: skip
"""Type → how a text becomes one; of several types the first that fits counts."""
EXAMPLES = {"bool": "True or False", "int": "12", "float": "0.5", "list": "[1, 2]", "dict": '{"a": 1}'}


@dataclass(frozen=True)
class Parameter:
    """One line of the cell tagged `parameters`."""

    name: str
    type: str
    """`int`, `float`, `bool`, `str`, `list`, `dict`, several as `int | None`; empty = anything that can travel."""
    default: Any
    """None where the default is not a literal."""


def declared(notebook: Any) -> dict[str, Parameter]:
    """The parameters of a notebook, by name; empty where no cell is tagged `parameters`."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", ()):
            try:
                body = ast.parse(python_of(cell.source)).body
            except SyntaxError as error:
                raise NotebookError(f"the cell tagged `parameters` is not Python (line {error.lineno})") from None
            return {parameter.name: parameter for parameter in map(_parameter, body) if parameter}
    return {}


def typed(notebook: Any, path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """The given values as the notebook's types want them.

    Args:
        given: name → text from the command line, or a value of the right type already.

    Raises:
        NotebookError: a name that the notebook does not declare, a value of another type, or one that would not arrive
            as it was given.

    Law: what is not refused is equal to itself after JSON (tests/suite/test_parameters.py).
    """
    known = declared(notebook)
    for name in given:
        if name not in known:
            hint = closest(name, list(known)) if known else "it has no cell tagged `parameters`"
            raise NotebookError(f"{path.name} has no parameter {name!r}; {hint}")
    return {name: _convert(known[name], value, path) for name, value in given.items()}


def from_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a dict.

    Raises:
        NotebookError: one without a value, a name that is not an identifier, or that is given twice.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise NotebookError(f"-p {pair!r} does not set a parameter; write -p NAME VALUE")
        if name in given:
            raise NotebookError(f"parameter {name} is given twice, as {given[name]!r} and {value!r}; give it once")
        given[name] = value
    return given


def _parameter(node: ast.stmt) -> Parameter | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        name, annotation, value = node.target.id, ast.unparse(node.annotation), node.value
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        name, annotation, value = node.targets[0].id, "", node.value
    else:
        return None
    try:
        default = ast.literal_eval(value)
    except ValueError:
        default = None
    kinds = [kind.partition("[")[0].strip() for kind in (annotation or type(default).__name__).split("|")]
    return Parameter(name, " | ".join(kinds) if set(kinds) <= READERS.keys() else "", default)


def _convert(parameter: Parameter, value: Any, path: Path) -> Any:
    kinds = sorted(parameter.type.split(" | "), key=list(READERS).index) if parameter.type else [""]
    for kind in kinds:
        try:
            found = _read(kind, value)
            if _name(found) in ([kind] if kind else READERS) and _travels(found):
                return found
        except _REFUSED:
            continue
    example = EXAMPLES.get(kinds[-1], repr(parameter.default))
    raise NotebookError(
        f"{path.name}: parameter {parameter.name} is a {parameter.type or ' or '.join(READERS)}, "
        f"but {_shown(value)} is not; for example {example}"
    )


def _read(kind: str, value: Any) -> Any:
    """The value as one of this kind, which may turn out to be another."""
    if not isinstance(value, str):
        return float(value) if kind == "float" and type(value) is int else value
    if kind:
        return READERS[kind](value)
    try:
        return ast.literal_eval(value)
    except _REFUSED:
        return value


def _name(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _travels(value: Any) -> bool:
    """Whether JSON gives back what it was given, kinds and all."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode()  # half of a surrogate pair is no text
    return repr(json.loads(text)) == repr(value)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def joined(arguments: list[str]) -> list[str]:
    """`-p NAME VALUE`, as papermill writes it, into the one argument `NAME=VALUE` that typer can take."""
    joined, rest = [], iter(arguments)
    for argument in rest:
        joined.append(argument)
        name = next(rest, None) if argument in ("-p", "--parameter") else None
        if name is not None:
            value = None if "=" in name else next(rest, None)
            joined.append(name if value is None else f"{name}={value}")
    return joined
