"""The one law of structure: a room imports only from floors below it. Proved with `ast`, not by importing."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = (
    {"core"},
    {"assets", "views", "suite"},
    {"text", "models", "evaluation"},
    {"training", "sampling", "interpretability"},
    {"hallucination", "posttraining", "prompting", "quantization", "agents"},
    {"explorers"},
    {"lessons"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ROOF = len(FLOORS)


def imports_of(path: Path, package: Path) -> set[str]:
    """The rooms (or roof modules) of labkit that one file imports, at any depth of the file."""
    inside = path.relative_to(package).parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ["labkit", *inside[:-1]][: len(inside) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [module, *(f"{module}.{alias.name}" for alias in node.names)] if module == "labkit" else [module]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("labkit.")}
    return found


def broken_floors(package: Path) -> list[str]:
    """Each import that climbs, or that reaches a neighbour on the same floor."""
    faults = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        if len(parts) == 1:
            continue  # the roof may import everything
        room = parts[0]
        if room not in FLOOR_OF:
            faults.append(f"{room}/ stands on no floor")
            continue
        for other in sorted(imports_of(path, package) - {room}):
            if other == "__version__":
                continue
            if FLOOR_OF.get(other, ROOF) >= FLOOR_OF[room]:
                faults.append(f"{'/'.join(parts)} imports {other}")
    return faults


def test_every_room_imports_only_from_floors_below():
    assert broken_floors(ROOT / "labkit") == []


@pytest.mark.parametrize(
    "room, line",
    [
        ("views", "from labkit.models import load"),
        ("views", "from ..models import load"),
        ("views", "from .. import models"),
        ("text", "import labkit.models.loading"),
        ("core", "def later():\n    from labkit.assets import fetch"),
        ("models", "from ..session import begin"),
        ("cellar", "import json"),
    ],
)
def test_the_guard_sees_an_import_that_climbs(tmp_path, room, line):
    for name in ("core", "views", "text", "models", "assets", room):
        (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / room / "bad.py").write_text(line)
    assert len(broken_floors(tmp_path)) == 1


def test_the_guard_lets_an_import_downwards_pass(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "good.py").write_text(
        "from ..core.results import Table\nfrom .card import Card\nimport json"
    )
    assert broken_floors(tmp_path) == []
