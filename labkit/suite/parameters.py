"""A notebook's parameters: which it declares, of which type, and what the command line gives them.

The cell tagged `parameters` declares them as `NAME: type = default`. A name that it does not declare, or a value that
is not of the declared type, is an error before anything runs (papermill alone only warns).
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError, closest

from .lessons import python_of

TYPES = {"int": int, "float": float, "bool": bool, "str": str}
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Parameter:
    """One line of the cell tagged `parameters`."""

    name: str
    type: str
    """`int`, `float`, `bool`, `str`, or empty where it is not one of them."""
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
        NotebookError: a name that the notebook does not declare, or a value of another type.
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
    kind = annotation if annotation in TYPES else "" if annotation else type(default).__name__
    return Parameter(name, kind if kind in TYPES else "", default)


def _convert(parameter: Parameter, value: Any, path: Path) -> Any:
    wanted = TYPES.get(parameter.type)
    if not isinstance(value, str):
        right = wanted is None or type(value) is wanted or (wanted is float and type(value) is int)
        if right:
            return float(value) if wanted is float else value
    elif wanted is None:
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    elif wanted is bool:
        if value.lower() in _YES + _NO:
            return value.lower() in _YES
    else:
        try:
            return wanted(value)
        except ValueError:
            pass
    example = {"int": "12", "float": "0.5", "bool": "True or False"}.get(parameter.type, repr(parameter.default))
    raise NotebookError(
        f"{path.name}: parameter {parameter.name} is a {parameter.type}, but {value!r} is not; for example {example}"
    )
