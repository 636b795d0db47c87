"""Files of labkit that import each other in a circle cannot be read one after the other: there are none."""

import ast
from pathlib import Path

import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parents[2]


def imports_of(path: Path, package: Path) -> set[str]:
    """The files of the package that one file names in an import, at its top or inside a function or for its types.

    `from . import x` names the file x where there is one, else what the room's `__init__` holds.
    """
    room = [package.name, *path.relative_to(package).parts[:-1]]
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = room[: len(room) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            within = {f"{module}.{alias.name}" for alias in node.names}
            files = {name for name in within if _file(name, package)}
            named |= files | ({module} if files != within else set())
    return {file for name in named if (file := _file(name, package))} - {_shown(path, package)}


def _file(name: str, package: Path) -> str:
    """The file that a dotted name means, as `views/theme.py`; empty for what is no file of the package."""
    first, *parts = name.split(".")
    if first != package.name or not parts:
        return ""
    whole = package.joinpath(*parts)
    found = [path for path in (whole.with_suffix(".py"), whole / "__init__.py") if path.is_file()]
    return _shown(found[0], package) if found else ""


def _shown(path: Path, package: Path) -> str:
    return path.relative_to(package).as_posix()


def circles(package: Path) -> list[frozenset[str]]:
    """Each largest set of files of which every one leads to every other by imports."""
    files = {_shown(path, package): path for path in sorted(package.rglob("*.py"))}
    place = {name: index for index, name in enumerate(files)}
    edges = [(place[name], place[other]) for name, path in files.items() for other in imports_of(path, package)]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    graph = csr_array(([1] * len(edges), (rows, columns)), shape=(len(files), len(files)))
    _, group = connected_components(graph, connection="strong")
    together = [frozenset(name for name in files if group[place[name]] == one) for one in range(max(group) + 1)]
    return [one for one in together if len(one) > 1]


def test_no_files_import_each_other_in_a_circle():
    assert [sorted(one) for one in circles(ROOT / "labkit")] == []


@pytest.mark.parametrize(
    "line",
    ["from .a import f", "from . import a", "import pkg.room.a", "from pkg.room import a",
     "def later():\n    from .a import f", "if TYPE_CHECKING:\n    from .a import f"],
)  # fmt: skip
def test_the_guard_sees_a_circle_of_any_import(tmp_path, line):
    package = tmp_path / "pkg"
    (package / "room").mkdir(parents=True)
    for name, text in (("a", "from .b import g"), ("b", "from .c import h"), ("c", line), ("d", "from .a import f")):
        (package / "room" / f"{name}.py").write_text(text)
    assert circles(package) == [frozenset({"room/a.py", "room/b.py", "room/c.py"})]


def test_the_guard_lets_files_in_one_order_pass_and_sees_a_circle_through_the_rooms_front(tmp_path):
    package = tmp_path / "pkg"
    (package / "room").mkdir(parents=True)
    (package / "room" / "__init__.py").write_text("from .a import f as f\nfrom .b import g as g")
    (package / "room" / "a.py").write_text("import json")
    (package / "room" / "b.py").write_text("from .a import f\nfrom . import a")
    assert circles(package) == []
    (package / "room" / "a.py").write_text("def later():\n    from . import g")
    assert circles(package) == [frozenset({"room/__init__.py", "room/a.py", "room/b.py"})]
