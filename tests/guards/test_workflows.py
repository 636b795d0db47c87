"""Workflows for a fork, the container and Binder: what GitHub accepts, and no command that is not there."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from labkit.cli import app

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SHELL = {"set", "{", "}", "cp", "mkdir", "echo", "tail", "tee"}


def refused(path: Path, schema: str) -> str:
    """What the checker says against a file; empty = nothing."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def commands() -> Iterator[tuple[str, list[str]]]:
    """(file, words) of each command that a workflow, the container or Binder runs."""
    for path in WORKFLOWS:
        jobs = yaml.safe_load(path.read_text())["jobs"].values()
        lines = [line for job in jobs for step in job["steps"] for line in step.get("run", "").splitlines()]
        yield from ((path.name, words) for line in lines for words in _words(line))
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    yield from (("devcontainer.json", words) for words in _words(container["postCreateCommand"]))
    lines = [line for line in (ROOT / "postBuild").read_text().splitlines() if line and line[0] != "#"]
    yield from (("postBuild", words) for line in lines for words in _words(line))


def _words(line: str) -> list[list[str]]:
    """The commands of a line: what stands between ; and |."""
    parts = re.split(r"[;|]", line)
    return [words for part in parts if (words := shlex.split(part.replace("2>&1", "").replace(">>", " ")))]


def lacking(words: list[str]) -> str:
    """Why a command cannot run here; empty = it can."""
    name, rest = words[0], words[1:]
    if name == "labkit":
        return _not_understood(rest)
    if name == "make":
        there = set(rest) <= set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    elif name == "python" and rest[0] == "-m":
        there = importlib.util.find_spec(rest[1]) is not None
    else:
        there = name in SHELL or ((ROOT / name).is_file() and os.access(ROOT / name, os.X_OK))
    return "" if there else f"no {' '.join(words)}"


def _not_understood(arguments: list[str]) -> str:
    """Why `labkit` refuses these arguments before it does anything; empty = it takes them."""
    verb, *rest = arguments
    try:
        get_command(app).commands[verb].make_context(verb, rest)  # pyright: ignore[reportAttributeAccessIssue]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_github_accepts_the_workflow(path):
    assert refused(path, "vendor.github-workflows") == ""


def test_the_citation_is_one():
    assert refused(ROOT / "CITATION.cff", "vendor.citation-file-format") == ""


def test_every_command_is_there():
    found = list(commands())
    assert len(found) > 15
    assert {f"{file}: {words}": why for file, words in found if (why := lacking(words))} == {}


def test_versions_marks_and_files_are_those_of_the_project():
    torch = re.search(r"^torch==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    marks = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    known = {re.split(r"[:(]", mark)[0] for mark in marks} | {"not", "and"}
    for path in WORKFLOWS:
        text = path.read_text()
        assert torch and set(re.findall(r"torch==(\S+)", text)) <= {torch[1]}
        assert {word for marked in re.findall(r'-m "([^"]+)"', text) for word in marked.split()} <= known
        assert all(
            (ROOT / file).is_file() for file in re.findall(r"hashFiles\((.*?)\)", text) for file in _quoted(file)
        )
    ends = re.findall(r'python: \[.*"3\.(\d+)"\]', "".join(path.read_text() for path in WORKFLOWS))
    assert f",<3.{int(ends[0]) + 1}" in (ROOT / "environment.yml").read_text()


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']+)'", text)


@pytest.mark.parametrize(
    "line", ["make gold", "labkit fly", "labkit run --fats", "python -m lost", ".ci/gone", "labkit fetch --all | gone"]
)
def test_the_guard_sees_a_command_that_is_not_there(line):
    assert any(lacking(words) for words in _words(line))


@pytest.mark.parametrize("old, new", [("runs-on:", "run-on:"), ("steps:", "step:"), ("uses: actions", "use: actions")])
def test_the_checker_sees_a_fault(tmp_path, old, new):
    (tmp_path / "x.yml").write_text(WORKFLOWS[0].read_text().replace(old, new))
    assert refused(tmp_path / "x.yml", "vendor.github-workflows")
