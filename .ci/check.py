"""Every lesson and every test, whatever the first of them says, and one verdict: `make test`, after style and types.

    .venv/bin/python .ci/check.py -n 2 --dist loadgroup        what pytest is given

Both write straight to the terminal. At the end stand pytest's own last lines, the table of the lessons with their
problems once more, and which of the two failed. Ctrl-C ends all.
"""

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from labkit.core.errors import LabError
from labkit.suite.outcomes import SuiteResult
from labkit.suite.runner import new_folder
from labkit.suite.terminal import print_result

INTERRUPTED = 130


def check(lessons: list[str], tests: list[str], folder: Path) -> int:
    """Run both commands; the exit code of the whole: 0 if both passed.

    Args:
        folder: into which the lessons write their results.json; the browser's tests open what was executed there.
    """
    codes: dict[str, int] = {}
    for what, command in (("lessons", lessons), ("tests", tests)):
        codes[what] = _run(command, {"LABKIT_EXECUTED": str(folder)} if what == "tests" else {})
        if codes[what] in (INTERRUPTED, -2):
            print(f"\nInterrupted in the {what}: no verdict.", flush=True)
            return INTERRUPTED
    try:
        print_result(Console(highlight=False), SuiteResult.read(folder))
    except LabError as error:
        print(f"\nNo table of the lessons: {error}")
    verdicts = [f"{what} {'passed' if code == 0 else f'FAILED (exit {code})'}" for what, code in codes.items()]
    print(f"\nVerdict: {', '.join(verdicts)}.", flush=True)
    return int(any(codes.values()))


def _run(command: list[str], variables: dict[str, str]) -> int:
    """The command's exit code; Ctrl-C reaches it as well, and it may write down what it has before it ends."""
    process = subprocess.Popen(command, env=os.environ | variables)
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait()
        except KeyboardInterrupt:
            process.kill()
        return INTERRUPTED


if __name__ == "__main__":
    results = new_folder()
    run = [sys.executable, "-m", "labkit.cli", "run", "--fast", "-o", str(results)]
    sys.exit(check(run, [sys.executable, "-m", "pytest", *sys.argv[1:]], results))
