"""The README is true: its tree exists, its commands are targets, its pictures and links are there."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lies(root: Path) -> list[str]:
    """What the README names and the repository lacks, or the other way round."""
    text = (root / "README.md").read_text(encoding="utf-8")
    found = [f"no file {link}" for link in re.findall(r"\]\(([^)#:]+)\)", text) if not (root / link).exists()]
    tree = re.search(r"```text\nllm-lab/\n(.*?)```", text, re.DOTALL)
    if not tree:
        return [*found, "no tree"]
    named = re.findall(r"(?:^  |[·;] )([\w./]+\.\w+|\w+/|Makefile|LICENSE|postBuild)(?= )", tree.group(1), re.MULTILINE)
    found += [f"the tree names {name}" for name in named if not (root / name).exists()]
    kept = {path.name for path in root.iterdir() if not path.name.startswith(".")} - {"runs", "build", "dist"}
    unnamed = kept - {name.strip("/") for name in named} - {"README.md"}
    found += [f"the tree leaves out {name}" for name in sorted(unnamed) if not name.endswith(".egg-info")]
    targets = set(re.findall(r"^(\w+):", (root / "Makefile").read_text(), re.MULTILINE))
    found += [f"make {t} is no target" for t in set(re.findall(r"`make (\w+)`", text)) - targets]
    return found


def test_the_readme_is_true():
    assert lies(ROOT) == []


def test_the_readmes_table_of_lessons_is_what_the_notebooks_say():
    spec = importlib.util.spec_from_file_location("readme", ROOT / ".ci" / "readme.py")
    assert spec and spec.loader
    readme = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(readme)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.written(text, ROOT / "notebooks") == text, "make readme"
    stale = text.replace("[Attention](", "[Another](").replace(
        "Coming, with their numbers kept: ", "Coming, with their numbers kept: 02 old · "
    )
    assert stale != text == readme.written(stale, ROOT / "notebooks")


def test_the_readme_names_both_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make lab" in text
    assert "make test" in text


@pytest.mark.parametrize(
    "readme, lie",
    [
        ("![x](gone.png)\n```text\nllm-lab/\n  Makefile  x\n```", "no file gone.png"),
        ("```text\nllm-lab/\n  Makefile  x\n  gone/  y\n```", "names gone"),
        ("```text\nllm-lab/\n  x\n```", "leaves out Makefile"),
        ("`make gold`\n```text\nllm-lab/\n  Makefile  x\n```", "gold"),
        ("no picture", "no tree"),
    ],
)
def test_the_guard_sees_a_lie(tmp_path, readme, lie):
    (tmp_path / "README.md").write_text(readme)
    (tmp_path / "Makefile").write_text("test:\n")
    assert any(lie in line for line in lies(tmp_path))
