"""Baselines: what a notebook's claims, seconds and memory were when a person last accepted them.

    notebooks/baselines/02_attention.json    {"profiles": {"fast": {"claims": {name: value}, "seconds", …}, "full": …}}

A run is compared with the accepted values of its profile, if it used the notebook's own parameters. Seconds are stored
as those of the reference machine and scaled back by the calibration.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError
from labkit.core.paths import atomic_file

from .outcomes import PASSED, Calibration, ClaimRecord, Outcome, Problem, Value, show_value

SLOW_FACTOR, SLOW_SECONDS = 2.0, 20.0
"""Slower than its baseline: more than so many times as long and so many seconds more. Running beside another notebook
and a machine's moods take the rest."""
ACCEPTABLE = ("new", "missing", "drift", "slow")
"""Problems that accepting settles; any other must be mended first."""


@dataclass(frozen=True)
class Baseline:
    """What was accepted for one notebook and profile."""

    claims: dict[str, Value]
    seconds: float
    """On the reference machine."""
    peak_memory: int


def baseline_path(notebook: Path) -> Path:
    """`baselines/NAME.json` beside the notebook."""
    return notebook.parent / "baselines" / f"{notebook.stem}.json"


def kept_for(notebook: Path) -> bool:
    """True where baselines are kept: the folder exists. A notebook of one's own elsewhere is not compared."""
    return baseline_path(notebook).parent.is_dir()


def read_baseline(notebook: Path, profile: str) -> Baseline | None:
    """The accepted values; None where none were accepted yet.

    Raises:
        NotebookError: the file is damaged.
    """
    entry = _read(baseline_path(notebook)).get("profiles", {}).get(profile)
    if entry is None:
        return None
    try:
        return Baseline(dict(entry["claims"]), float(entry["seconds"]), int(entry["peak_memory"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(baseline_path(notebook), error) from error


def check_claims(outcome: Outcome) -> Outcome:
    """Problems that need no baseline: bounds that do not hold, one name for two values."""
    problems, seen = [], {}
    for claim in outcome.claims:
        if not claim.holds:
            what = f": {claim.says}" if claim.says else ""
            message = f"{claim.name} is {show_value(claim.value)}, must be {claim.bound_text}{what}"
            problems.append(Problem("claim", message, claim.cell))
        if claim.name in seen and seen[claim.name] != claim.value:
            values = f"{show_value(seen[claim.name])} and {show_value(claim.value)}"
            problems.append(
                Problem("twice", f"{claim.name} is claimed twice, as {values}; give each a name", claim.cell)
            )
        seen[claim.name] = claim.value
    return outcome.with_problems(*problems)


def compare(outcome: Outcome, baseline: Baseline | None, calibration: Calibration) -> Outcome:
    """The outcome with accepted values beside its claims, and a problem for each that moved, came or went."""
    if baseline is None:
        names = ", ".join(claim.name for claim in outcome.claims[:3]) or "none"
        message = (
            f"nothing is accepted for the {outcome.profile} profile yet (claims: {names} …); `labkit run --accept`"
        )
        return outcome.with_problems(Problem("new", message))
    claims = tuple(replace(claim, accepted=baseline.claims.get(claim.name)) for claim in outcome.claims)
    problems = [problem for claim in claims if (problem := _moved(claim, baseline))]
    ended = not any(problem.kind not in ("claim", "twice") for problem in outcome.problems)
    if ended:
        gone = [name for name in baseline.claims if name not in {claim.name for claim in claims}]
        problems += [Problem("missing", f"{name} was not measured, the baseline has it") for name in gone]
    accepted = baseline.seconds * calibration.slowness
    if ended and outcome.seconds > SLOW_FACTOR * accepted + SLOW_SECONDS * calibration.slowness:
        message = f"took {outcome.seconds:.0f} s, accepted were {accepted:.0f} s on this machine"
        problems.append(Problem("slow", f"{message}; mend it, or accept with `labkit run --accept`"))
    compared = replace(outcome, claims=claims, accepted_seconds=accepted, accepted_memory=baseline.peak_memory)
    return compared.with_problems(*problems)


def accept(outcome: Outcome, notebook: Path, calibration: Calibration) -> Outcome:
    """Write the outcome as the baseline of its profile (the other stays); gives it without what that settles.

    Raises:
        NotebookError: the notebook failed in a way that accepting would hide.
    """
    worse = [problem for problem in outcome.problems if problem.kind not in ACCEPTABLE]
    if worse:
        raise NotebookError(f"{outcome.notebook} cannot be accepted: {worse[0].message}")
    path = baseline_path(notebook)
    data = _read(path)
    data.setdefault("profiles", {})[outcome.profile] = {
        "seconds": round(outcome.seconds / calibration.slowness, 1),
        "peak_memory": round(outcome.peak_memory, -6),
        "claims": {claim.name: claim.value for claim in outcome.claims},
    }
    with atomic_file(path) as draft:
        draft.write_text(json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    claims = tuple(replace(claim, accepted=claim.value) for claim in outcome.claims)
    return replace(outcome, problems=(), verdict=PASSED, claims=claims)


def _moved(claim: ClaimRecord, baseline: Baseline) -> Problem | None:
    if claim.name not in baseline.claims:
        message = f"{claim.name} = {show_value(claim.value)} is new; accept it with `labkit run --accept`"
        return Problem("new", message, claim.cell)
    return Problem("drift", told(claim), claim.cell) if claim.drifted else None


def told(claim: ClaimRecord) -> str:
    """`topic/rate moved by 0.05: 0.5 → 0.55; tolerance 0.02`."""
    change = "changed" if claim.moved is None else f"moved by {show_value(claim.moved)}"
    values = f"{show_value(claim.accepted)} → {show_value(claim.value)}"
    allowed = "must be equal" if claim.allowed is None else f"tolerance {show_value(claim.allowed)}"
    return f"{claim.name} {change}: {values}; {allowed}"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise _damaged(path, error) from error
    if not isinstance(data, dict):
        raise _damaged(path, "it is not an object")
    return data


def _damaged(path: Path, error: object) -> NotebookError:
    return NotebookError(f"{path} is damaged ({error}); restore it, or delete it and run `labkit run --accept`")
