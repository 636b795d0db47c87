"""Baselines: what a notebook's claims, seconds and memory were when a person last accepted them.

    notebooks/baselines/02_attention.json
        {"profiles": {"fast": {"kind": {…}, "seconds", "peak_memory", "seeds": 5,
                               "claims": {name: {"value": v, "least": a, "most": b}}}, "full": …}}

A baseline is the memory of one kind of machine: on the same kind, a number that left its tolerance fails a run. On
another kind bounds decide, and what moved is only listed. A run is compared with the accepted values of its profile, if
it used the notebook's own parameters. Seconds are those of the reference machine, scaled by the run's calibrations.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from labkit.core.errors import NotebookError
from labkit.core.paths import atomic_file

from .outcomes import PASSED, Outcome, Problem
from .records import MEASURED, ClaimRecord, Value, is_number, show_value

SLOW_FACTOR, SLOW_SECONDS = 2.0, 20.0
"""Slower than its baseline: more than so many times as long and so many seconds more. Running beside another notebook
and a machine's moods take the rest."""
ACCEPTABLE = ("new", "missing", "drift", "slow")
"""Problems that accepting settles; any other must be mended first."""


@dataclass(frozen=True)
class Accepted:
    """One claim's value for the notebook's own seed, and the range over the seeds."""

    value: Value
    least: float | None = None
    most: float | None = None
    """Numbers only."""


@dataclass(frozen=True)
class Baseline:
    """What was accepted for one notebook and profile."""

    claims: dict[str, Accepted]
    seconds: float
    """On the reference machine."""
    peak_memory: int
    kind: dict[str, Any] | None = None
    """The machine it remembers; None = it does not say, so it is of another kind than any."""


def baseline_path(notebook: Path) -> Path:
    """`baselines/NAME.json` beside the notebook."""
    return notebook.parent / "baselines" / f"{notebook.stem}.json"


def kept_for(notebook: Path) -> bool:
    """True where baselines are kept: the folder exists. A notebook of one's own elsewhere is not compared."""
    return baseline_path(notebook).parent.is_dir()


def read_baseline(notebook: Path, profile: str) -> Baseline | None:
    """The accepted values; None where none were accepted yet. A claim may be its bare value, as it once was.

    Raises:
        NotebookError: the file is damaged.
    """
    entry = _read(baseline_path(notebook)).get("profiles", {}).get(profile)
    if entry is None:
        return None
    try:
        claims = {
            name: Accepted(**kept) if isinstance(kept, dict) else Accepted(kept)
            for name, kept in entry["claims"].items()
        }
        return Baseline(claims, float(entry["seconds"]), int(entry["peak_memory"]), entry.get("kind"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(baseline_path(notebook), error) from error


def check_claims(outcome: Outcome, *, own: bool = False) -> Outcome:
    """Problems that need no baseline: bounds that do not hold, one name for two values.

    Args:
        own: the run used the notebook's own parameters, so that a claim which is not judged never would be.
    """
    problems, seen = [], {}
    for claim in outcome.claims:
        if claim.holds is False:
            what = f": {claim.says}" if claim.says else ""
            message = f"{claim.name} is {show_value(claim.value)}, must be {claim.bound_text}{what}"
            problems.append(Problem("claim", message, claim.cell))
        if own and claim.holds is None and claim.relation != MEASURED:
            message = f"{claim.name} is not judged, although the parameters are the lesson's own; see its `judged`"
            problems.append(Problem("claim", message, claim.cell))
        if claim.name in seen and seen[claim.name] != claim.value:
            values = f"{show_value(seen[claim.name])} and {show_value(claim.value)}"
            problems.append(
                Problem("twice", f"{claim.name} is claimed twice, as {values}; give each a name", claim.cell)
            )
        seen[claim.name] = claim.value
    return outcome.with_problems(*problems)


def beside(outcome: Outcome, baseline: Baseline) -> Outcome:
    """The outcome with the accepted values beside its claims."""
    nothing = Accepted(None)
    claims = tuple(
        replace(claim, accepted=kept.value, least=kept.least, most=kept.most)
        for claim in outcome.claims
        for kept in [baseline.claims.get(claim.name, nothing)]
    )
    return replace(
        outcome, claims=claims, accepted_seconds=baseline.seconds * outcome.slowness,
        accepted_memory=baseline.peak_memory, accepted_kind=baseline.kind,
    )  # fmt: skip


def compare(outcome: Outcome, baseline: Baseline | None, *, strict: bool = False) -> Outcome:
    """The outcome beside its baseline, and a problem for each claim that came, went, or moved on the same kind.

    Args:
        strict: a claim that moved is a problem on every kind of machine.
    """
    if baseline is None:
        names = ", ".join(claim.name for claim in outcome.claims[:3]) or "none"
        message = (
            f"nothing is accepted for the {outcome.profile} profile yet (claims: {names} …); `labkit run --accept`"
        )
        return outcome.with_problems(Problem("new", message))
    outcome = beside(outcome, baseline)
    problems = [
        Problem(
            "new", f"{claim.name} = {show_value(claim.value)} is new; accept it with `labkit run --accept`", claim.cell
        )
        for claim in outcome.claims
        if claim.name not in baseline.claims
    ]
    moved = [claim for claim in outcome.claims if claim.drifted]
    if strict or (outcome.kind is not None and outcome.kind == baseline.kind):
        problems += [Problem("drift", told(claim), claim.cell) for claim in moved]
    else:
        outcome = replace(outcome, moved=tuple(claim.name for claim in moved))
    if not any(problem.kind not in ("claim", "twice") for problem in outcome.problems):
        problems += _at_the_end(outcome, baseline)
    return outcome.with_problems(*problems)


def _at_the_end(outcome: Outcome, baseline: Baseline) -> list[Problem]:
    """What can be said of a notebook that ran to its end: claims that vanished, and its seconds."""
    names, accepted = {claim.name for claim in outcome.claims}, baseline.seconds * outcome.slowness
    gone = [name for name in baseline.claims if name not in names]
    problems = [Problem("missing", f"{name} was not measured, the baseline has it") for name in gone]
    if outcome.seconds > SLOW_FACTOR * accepted + SLOW_SECONDS * outcome.slowness:
        message = f"took {outcome.seconds:.0f} s, accepted were {accepted:.0f} s on this machine"
        message += f" ({outcome.unsteady})" if outcome.unsteady else ""
        problems.append(Problem("slow", f"{message}; mend it, or accept with `labkit run --accept`"))
    return problems


def told(claim: ClaimRecord) -> str:
    """`topic/rate moved by 0.05: 0.5 → 0.55; tolerance 0.02`."""
    change = "changed" if claim.moved is None else f"moved by {claim.change}"
    return f"{claim.name} {change}: {show_value(claim.accepted)} → {show_value(claim.value)}; {claim.limit}"


def accept(outcomes: Sequence[Outcome], notebook: Path) -> Outcome:
    """Write one notebook's runs as the baseline of its profile (the other stays).

    Args:
        outcomes: one for each seed; the first is of the notebook's own.

    Returns:
        The first, without what accepting settles.

    Raises:
        NotebookError: a run failed in a way that accepting would hide, or the machine's speed changed while most of
            them ran.
    """
    for one in outcomes:
        worse = [problem for problem in one.problems if problem.kind not in ACCEPTABLE]
        if worse:
            seed = f", seed {one.parameters['SEED']}" if "SEED" in one.parameters else ""
            raise NotebookError(f"{one.notebook}{seed} cannot be accepted: {worse[0].message}")
    steady = [one for one in outcomes if not one.unsteady]
    if 2 * len(steady) <= len(outcomes):
        why = next(one.unsteady for one in outcomes if one.unsteady)
        raise NotebookError(f"{outcomes[0].notebook} cannot be accepted: {why}; run it again when nothing else runs")
    own, path = outcomes[0], baseline_path(notebook)
    data = _read(path)
    data.setdefault("profiles", {})[own.profile] = {
        "kind": own.kind,
        "seconds": round(median(one.seconds / one.slowness for one in steady), 1),
        "peak_memory": round(max(one.peak_memory for one in outcomes), -6),
        "seeds": len(outcomes),
        "claims": {claim.name: _ranged(claim, outcomes) for claim in own.claims},
    }
    with atomic_file(path) as draft:
        draft.write_text(json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    baseline = read_baseline(notebook, own.profile)
    assert baseline is not None
    return replace(beside(own, baseline), problems=(), verdict=PASSED, moved=())


def _ranged(claim: ClaimRecord, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A claim's value, and where it is a number its range over the seeds."""
    values: list[Any] = [other.value for one in outcomes for other in one.claims if other.name == claim.name]
    if not all(map(is_number, values)):
        return {"value": claim.value}
    return {"value": claim.value, "least": min(values), "most": max(values)}


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
