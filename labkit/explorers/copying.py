"""An explorer's state as what can be pasted: over the line in the parameters cell, after a command, as a call."""

import ast
from contextlib import suppress
from typing import Any

from labkit.views.text import for_html


def as_html(explorer: Any, args: tuple[str, ...], parameter: str) -> str:
    """Each line with the place where it is pasted; `parameter`: the lesson's, "" where it has none.

    Law: each is tried in a notebook (tests/explorers/test_copying.py).
    """
    lines = {"as a call": explorer.as_call(*args)}
    if parameter:
        pasted, option = explorer.as_assignment(parameter), explorer.as_parameters(parameter)
        lines = {"over its line in the parameters cell": pasted, "after labkit run or papermill": option, **lines}
    return "".join(_copyable(where, line) for where, line in lines.items())


def _copyable(where: str, line: str) -> str:
    """A line to be copied by a click or by selecting it."""
    script = "navigator.clipboard.writeText(this.parentElement.querySelector('code').textContent);"
    script += "this.textContent='copied'"
    return (
        f'<div style="display:flex;gap:8px;align-items:baseline"><button type="button" onclick="{script}">copy</button>'
        f'<span class="lk-faint" style="flex:none">{for_html(where)}</span>'
        f'<code style="white-space:pre-wrap;overflow-wrap:anywhere">{for_html(line)}</code></div>'
    )


def as_written(kind: str) -> tuple[tuple[str, ...], str]:
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
