"""What a run of the suite leaves behind: results.json, as frozen records that read and write themselves.

SuiteResult          one run: versions, hashes, device, seed, times, and
  Outcome            one notebook: verdict, seconds, memory, and
    ClaimRecord      one measured statement beside its bound
    Problem          one reason why the notebook failed, with its cell and heading
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError
from labkit.core.paths import atomic_file

RESULTS_FILE = "results.json"
Value = float | int | str | bool | None
ROUNDING = 0.01
"""A change of so small a share means nothing."""

PASSED, FAILED, STOPPED = "passed", "failed", "stopped"
"""Verdicts; stopped = the run was interrupted before this notebook finished."""

PROBLEM_KINDS = (
    "claim",  # a claim does not hold
    "missing",  # a claim of the baseline was not measured
    "new",  # a claim that the baseline does not know
    "drift",  # a claim left its baseline's tolerance
    "twice",  # two claims of one name with different values
    "error",  # a cell raised
    "kernel",  # the kernel died or did not start
    "time",  # the budget of minutes is exceeded
    "slow",  # much slower than its baseline
    "memory",  # the budget of memory is exceeded
    "offline",  # an output asks another host
    "exercise",  # an exercise's check rejects the lesson's own solution
    "output",  # a cell printed more than a notebook can hold
    "notebook",  # not a notebook, no kernelspec, not writable …
    "stopped",  # interrupted
)


@dataclass(frozen=True)
class ClaimRecord:
    """One measured statement and the bound that it must keep."""

    name: str
    """`topic/what`, unique in its notebook."""
    value: Value
    """None where the measured number is not finite."""
    relation: str
    """`at_least`, `at_most`, `within` or `equals`."""
    bound: Any
    """A number; for `within` a list [low, high]; for `equals` a number, string or bool."""
    holds: bool
    says: str = ""
    """The statement in words."""
    tolerance: float | None = None
    """How far the lesson says it may move, in its own unit; None = as far as the baseline's seeds scatter."""
    cell: int = -1
    """The cell's index in the notebook; -1 where it is not known."""
    accepted: Value = None
    """The baseline's value, once compared; None = the baseline does not have one."""
    least: float | None = None
    most: float | None = None
    """The range of the baseline's seeds."""

    @property
    def bound_text(self) -> str:
        """`≥ 0.7`, `≤ 3`, `in [0.7, 0.85]`, `= 12`."""
        if self.relation == "within":
            return f"in [{show_value(self.bound[0])}, {show_value(self.bound[1])}]"
        return f"{ {'at_least': '≥', 'at_most': '≤', 'equals': '='}[self.relation] } {show_value(self.bound)}"

    @property
    def moved(self) -> float | None:
        """Distance from the accepted value, in its unit; None where there is no number to compare with."""
        if not is_number(self.value) or not is_number(self.accepted):
            return None
        return abs(self.value - self.accepted)  # pyright: ignore

    @property
    def allowed(self) -> float | None:
        """The distance that is no drift; None = it must be equal.

        What the lesson says, else for measures the range of the baseline's seeds, at least a hundredth of the value.
        """
        if self.tolerance is not None or not isinstance(self.value, float) or not is_number(self.accepted):
            return self.tolerance
        scatter = 0.0 if self.least is None or self.most is None else self.most - self.least
        return max(scatter, ROUNDING * abs(self.accepted))  # pyright: ignore

    @property
    def drifted(self) -> bool:
        """Whether it left the tolerance around its accepted value.

        A measure that stays below a hundredth of its `at_most` is rounding noise (an error of 3e-7 where 1e-3 is
        allowed), which differs between machines: it does not drift.
        """
        if self.accepted is None:
            return False
        if self.moved is None or self.allowed is None:
            return type(self.value) is not type(self.accepted) or self.value != self.accepted
        noise = abs(self.bound) * ROUNDING if self.relation == "at_most" else 0.0
        if isinstance(self.value, float) and max(abs(self.value), abs(self.accepted)) < noise:  # pyright: ignore
            return False
        return self.moved > self.allowed


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
    device: str = ""
    """As the lesson said when it began; empty = it did not."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """What was set with -p, SEED and FAST included."""
    budget_seconds: float | None = None
    """What it may take on this machine: the notebook's minutes, scaled by the calibration."""
    budget_memory: int | None = None
    """Bytes it may hold."""
    accepted_seconds: float | None = None
    """The baseline's seconds, scaled to this machine."""
    accepted_memory: int | None = None

    @property
    def topic(self) -> str:
        """`02_attention`."""
        return Path(self.notebook).stem

    @property
    def passed(self) -> bool:
        return self.verdict == PASSED

    def with_problems(self, *more: Problem) -> "Outcome":
        """The same with more problems; failed if there is any."""
        problems = (*self.problems, *more)
        verdict = FAILED if problems and self.verdict == PASSED else self.verdict
        return replace(self, problems=problems, verdict=verdict)


@dataclass(frozen=True)
class Calibration:
    """How fast this machine is today: a fixed matrix product and a fixed Python loop."""

    matmul_seconds: float = 0.0
    loop_seconds: float = 0.0
    slowness: float = 1.0
    """Seconds here for one second of the reference machine; budgets are multiplied by it."""


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
    calibration: Calibration = Calibration()
    versions: dict[str, str] = field(default_factory=dict)
    """Package name → version."""
    assets: dict[str, str] = field(default_factory=dict)
    """Asset name → sha256, of those that the notebooks name."""
    interrupted: bool = False
    unwritten: str = ""
    """Why results.json could not be written, such as a full disk; empty = it was."""

    @property
    def passed(self) -> bool:
        return not self.interrupted and not self.unwritten and all(outcome.passed for outcome in self.outcomes)

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
            draft.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> "SuiteResult":
        """Read a run's folder or its `results.json`.

        Raises:
            NotebookError: there is none, or it is not one.
        """
        path = path / RESULTS_FILE if path.is_dir() else path
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            outcomes = tuple(outcome_from_json(entry) for entry in data.pop("outcomes"))
            calibration = Calibration(**data.pop("calibration"))
            return cls(outcomes=outcomes, calibration=calibration, **_known(cls, data))
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
    return Outcome(claims=claims, problems=problems, **_known(Outcome, data))


def show_value(value: Any) -> str:
    """A value as the lesson and the reports print it: counts exactly, measures to four figures."""
    if value is None:
        return "not a number"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def is_number(value: Any) -> bool:
    """A count or a measure; bools are neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _known(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    """Only the fields that this version knows, so that older and newer results can be read."""
    names = {entry.name for entry in fields(kind)}
    return {key: value for key, value in data.items() if key in names}
