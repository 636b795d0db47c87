"""What a run of the suite leaves behind: results.json, as frozen records that read and write themselves.

SuiteResult          one run: versions, hashes, device, seed, times, and
  Outcome            one notebook: verdict, seconds, memory, and
    ClaimRecord      one measured statement beside its bound
    Problem          one reason why the notebook failed, with its cell and heading
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from statistics import median_low
from typing import Any

from labkit.core.devices import Kind
from labkit.core.errors import NotebookError
from labkit.core.paths import atomic_file

from .calibration import NOMINAL, Calibration, disagreement
from .records import ClaimRecord

RESULTS_FILE = "results.json"

PASSED, FAILED, STOPPED = "passed", "failed", "stopped"
"""Verdicts; stopped = the run was interrupted before this notebook finished."""

UNREACHED = "not reached"
"""An exercise whose check never ran."""

PROBLEM_KINDS = (
    "claim",  # a claim does not hold
    "missing",  # a claim of the baseline was not measured
    "new",  # a claim that the baseline does not know
    "drift",  # a claim left its baseline's tolerance, on the baseline's kind of machine
    "twice",  # two claims of one name with different values
    "error",  # a cell raised
    "kernel",  # the kernel died or did not start
    "time",  # the budget of minutes is exceeded
    "slow",  # much slower than its baseline
    "accept",  # nothing was accepted, and why
    "memory",  # the budget of memory is exceeded
    "offline",  # an output asks another host
    "exercise",  # an exercise's check rejects the lesson's own solution
    "output",  # a cell printed more than a notebook can hold
    "notebook",  # not a notebook, no kernelspec, not writable …
    "stopped",  # interrupted
)


@dataclass(frozen=True)
class Problem:
    """One reason why a notebook failed."""

    kind: str
    """One of PROBLEM_KINDS."""
    message: str
    cell: int = -1
    """The cell's index in the notebook; -1 = the notebook as a whole."""
    heading: str = ""
    """The nearest heading above the cell."""
    tail: tuple[str, ...] = ()
    """The last lines that the cell printed."""

    @property
    def place(self) -> str:
        """`cell 7, "2 · question"`, or an empty text for the notebook as a whole."""
        if self.cell < 0:
            return ""
        return f"cell {self.cell}" + (f', "{self.heading}"' if self.heading else "")


@dataclass(frozen=True)
class Outcome:
    """How one notebook fared."""

    notebook: str
    """Path as the user gave it or as it was found."""
    profile: str = "full"
    """`fast` or `full`."""
    verdict: str = PASSED
    seconds: float = 0.0
    """Wall seconds of the notebook's process, imports included."""
    peak_memory: int = 0
    """Bytes: the most that the kernel and its children held at once."""
    claims: tuple[ClaimRecord, ...] = ()
    problems: tuple[Problem, ...] = ()
    executed: str = ""
    """The executed notebook, relative to the run's folder; empty = nothing was written."""
    note: str = ""
    """What was put in order in the notebook's file before it ran."""
    device: str = ""
    kind: dict[str, Any] | None = None
    """On what it ran, as the lesson said when it began (`core.devices.Kind` as a dict); None = it did not."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """What was set with -p, SEED and FAST included."""
    budget_seconds: float | None = None
    """What it may take on this machine: the notebook's minutes, scaled by the calibration before it."""
    budget_memory: int | None = None
    """Bytes it may hold."""
    accepted_seconds: float | None = None
    """The baseline's seconds, scaled to this machine."""
    accepted_memory: int | None = None
    accepted_kind: dict[str, Any] | None = None
    """The kind of machine that the baseline remembers; None = there is none, or it does not say."""
    moved: tuple[str, ...] = ()
    """Claims beyond their tolerance on another kind of machine than the baseline's: no problem, but worth a look."""
    before: Calibration = NOMINAL
    after: Calibration = NOMINAL
    """How fast the process that executed it was before it began and after it ended."""
    copy: str = ""
    """Of a class: whose copy it is, by its folder."""
    exercises: dict[str, str] = field(default_factory=dict)
    """Exercise → `passed`, `wrong`, `open`, or `not reached`."""

    @property
    def topic(self) -> str:
        """`02_attention`."""
        return Path(self.notebook).stem

    @property
    def label(self) -> str:
        """`02_attention`, of a class `anna/02_attention`."""
        return f"{self.copy}/{self.topic}" if self.copy else self.topic

    @property
    def passed(self) -> bool:
        return self.verdict == PASSED

    @property
    def machine(self) -> str:
        """The kind of machine in words; empty where the notebook did not say."""
        return kind_text(self.kind)

    @property
    def slowness(self) -> float:
        """Seconds here for one of the reference machine's, mean of before and after."""
        return (self.before.slowness + self.after.slowness) / 2

    @property
    def unsteady(self) -> str:
        """`this machine became 1.6 x slower while it ran`; empty where its calibrations agree."""
        return disagreement(self.before, self.after)

    def with_problems(self, *more: Problem) -> "Outcome":
        """The same with more problems; failed if there is any, stopped if one says so."""
        problems = (*self.problems, *more)
        verdict = FAILED if problems and self.verdict == PASSED else self.verdict
        stopped = any(problem.kind == "stopped" for problem in more)
        return replace(self, problems=problems, verdict=STOPPED if stopped else verdict)


@dataclass(frozen=True)
class SuiteResult:
    """One run of the suite."""

    outcomes: tuple[Outcome, ...] = ()
    profile: str = "full"
    seed: int = 0
    device: str = "cpu"
    started: str = ""
    """ISO 8601, UTC."""
    wall_seconds: float = 0.0
    jobs: int = 1
    executor: str = "processes"
    versions: dict[str, str] = field(default_factory=dict)
    """Package name → version."""
    assets: dict[str, str] = field(default_factory=dict)
    """Asset name → sha256, of those that the notebooks name."""
    interrupted: bool = False
    commit: str = ""
    """Of the checkout that the code is from, and whether files in it were changed; empty = it is from none."""
    unwritten: str = ""
    """Why results.json could not be written, such as a full disk; empty = it was."""

    @property
    def passed(self) -> bool:
        return not self.interrupted and not self.unwritten and all(outcome.passed for outcome in self.outcomes)

    @property
    def slowness(self) -> float:
        """Seconds here for one of the reference machine's: the middle of the notebooks'."""
        return median_low([outcome.slowness for outcome in self.outcomes] or [1.0])

    @property
    def notebook_seconds(self) -> float:
        """The notebooks' seconds added up."""
        return sum(outcome.seconds for outcome in self.outcomes)

    @property
    def ratio(self) -> float | None:
        """Wall time over the notebooks' seconds added up: what running side by side saved."""
        return self.wall_seconds / self.notebook_seconds if self.notebook_seconds else None

    def write(self, folder: Path) -> Path:
        """Write `results.json` into the run's folder, whole or not at all."""
        path = folder / RESULTS_FILE
        with atomic_file(path) as draft:
            draft.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="ascii")  # any name of a file is kept
        return path

    @classmethod
    def read(cls, path: Path) -> "SuiteResult":
        """Read a run's folder or its `results.json`; `runs/latest` is the newest run in `runs`.

        Raises:
            NotebookError: there is none, or it is not one.
        """
        if path.name == "latest" and not path.exists():
            runs = sorted(path.parent.glob(f"*/{RESULTS_FILE}"), key=lambda file: file.stat().st_mtime)
            path = runs[-1] if runs else path
        path = path / RESULTS_FILE if path.is_dir() else path
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            outcomes = tuple(outcome_from_json(entry) for entry in data.pop("outcomes"))
            return cls(outcomes=outcomes, **_known(cls, data))
        except FileNotFoundError:
            raise NotebookError(f"{path} does not exist; name the folder of a run, such as runs/latest") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotebookError(f"{path} is not the result of a run ({error}); name the folder of one") from error


def outcome_from_json(data: dict[str, Any]) -> Outcome:
    """The inverse of `dataclasses.asdict` for an Outcome that went through JSON."""
    data = dict(data)
    claims = tuple(ClaimRecord(**_known(ClaimRecord, claim)) for claim in data.pop("claims", ()))
    problems = tuple(
        Problem(**{**_known(Problem, problem), "tail": tuple(problem.get("tail", ()))})
        for problem in data.pop("problems", ())
    )
    speeds = {name: Calibration(**_known(Calibration, data.pop(name, {}))) for name in ("before", "after")}
    moved = tuple(data.pop("moved", ()))
    return Outcome(claims=claims, problems=problems, moved=moved, **speeds, **_known(Outcome, data))


def kind_text(kind: dict[str, Any] | None) -> str:
    """`AVX512 with bfloat16, cpu, 1 thread, torch 2.13.0`; empty for None."""
    try:
        return str(Kind(**kind)) if kind else ""
    except TypeError:  # written by another version
        return ", ".join(map(str, (kind or {}).values()))


def _known(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    """Only the fields that this version knows, so that older and newer results can be read."""
    names = {entry.name for entry in fields(kind)}
    return {key: value for key, value in data.items() if key in names}
