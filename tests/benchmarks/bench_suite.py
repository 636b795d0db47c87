"""Wall time of `labkit run --fast` beside plain papermill, one notebook after another, in one run.

    python -m tests.benchmarks.bench_suite [NOTEBOOK…]

Both execute the same notebooks with FAST = True in fresh kernels. The promise: at most 0.75 of papermill's time on two
cores with four lessons or more. The last row is the ratio of the sums.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from labkit.core.results import Table
from labkit.suite import runner
from labkit.suite.lessons import find_lessons
from labkit.suite.planning import plan_run

from .bench_sampling import timed


def measure(notebooks: list[Path], folder: Path) -> Table:
    """Seconds of each notebook under papermill and in the suite, and of both as a whole."""
    plain = {path: timed(lambda path=path: papermill(path, folder / path.name)) for path in notebooks}
    plan = plan_run(notebooks, parameters={}, fast=True)
    results = []
    wall = timed(lambda: results.append(runner.run(plan, folder=runner.new_folder(folder / "suite"))))
    if not results[0].passed:
        raise SystemExit(f"the suite failed: {[outcome.problems for outcome in results[0].outcomes]}")
    ours = {Path(outcome.notebook): outcome.seconds for outcome in results[0].outcomes}
    rows = [(path.stem, plain[path], ours[path], ours[path] / plain[path]) for path in notebooks]
    total = sum(plain.values())
    rows.append(("all, wall time", total, wall, wall / total))
    return Table(("notebook", "papermill s", "labkit run s", "ratio"), tuple(rows))


def papermill(notebook: Path, executed: Path) -> None:
    """What a user without labkit's runner would type."""
    command = [sys.executable, "-m", "papermill", str(notebook), str(executed), "-p", "FAST", "True"]
    subprocess.run([*command, "--no-progress-bar"], check=True, capture_output=True)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        print(measure(find_lessons(sys.argv[1:]), Path(folder)).frame().round(2).to_string(index=False))


if __name__ == "__main__":
    main()
