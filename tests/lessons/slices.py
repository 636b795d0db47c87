"""A part of a lesson: some of its cells, and those before them that these need."""

import ast
from collections.abc import Callable
from typing import Any

import nbformat

from labkit.suite.notebooks import python_of


def slice_of(notebook: Any, wanted: Callable[[str], bool]) -> Any:
    """A notebook with the code cells whose source is wanted and the cells that they depend on, in their order.

    A cell is needed if it gives a name (assigned, imported or defined) to a cell that is needed, or changes what is
    behind one (`drawn[1] = …`, `rows.append(…)`); the cell of parameters and the one that begins the lesson always are.
    """
    kept, needed = [], set()
    for cell in reversed(notebook.cells):
        if cell.cell_type != "code":
            continue
        given, used = names_of(cell.source)
        always = "parameters" in cell.metadata.get("tags", ()) or "lab.begin(" in cell.source
        if (given | changed_in(cell.source)) & needed or always or wanted(cell.source):
            kept.append(cell)
            needed = needed - given | used
    return nbformat.v4.new_notebook(cells=list(reversed(kept)), metadata=notebook.metadata)


def names_of(source):
    """(names that a cell gives, names that it needs from the cells before)."""
    given, needed = set(), set()
    for statement in ast.parse(python_of(source)).body:
        _follow(statement, given, needed)
    return given, needed


def changed_in(source):
    """Names whose object a cell changes: an item or a field of it is assigned, or it grows."""
    changed = set()
    for node in ast.walk(ast.parse(python_of(source))):
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            changed.add(_root(node))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GROWS:
            changed.add(_root(node.func))
    return changed - {""}


GROWS = ("append", "extend", "update", "add", "insert")


def _root(node):
    """The name in front of `name.field[item]`; empty for another expression."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FIRST = ("value", "iter", "generators", "args")
"""Parts of a node that run before its other parts, which may give a name that these need."""


def _follow(node, given, needed):
    """Add to both what running `node` gives and needs; what a function or a comprehension gives stays inside."""
    inside = set(given) if isinstance(node, SCOPES) else given
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        given.add(node.name)
        inside.add(node.name)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        given |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    elif isinstance(node, ast.arg):
        given.add(node.arg)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        needed |= {node.target.id} - given
    elif isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            needed |= {node.id} - given
        else:
            given.add(node.id)
    for field in sorted(node._fields, key=lambda name: name not in FIRST):
        part = getattr(node, field, None)
        for one in part if isinstance(part, list) else [part]:
            if isinstance(one, ast.AST):
                _follow(one, inside, needed)
