"""What moved: between two runs or a run and the baselines (`labkit diff`), and between the seeds of one run
(`labkit run --seeds 5`)."""

from collections.abc import Iterable
from pathlib import Path

from labkit.core.errors import NotebookError
from labkit.core.results import Table

from .baselines import Baseline, beside, read_baseline
from .notebooks import read_notebook
from .outcomes import Outcome, SuiteResult, kind_text
from .parameters import declared
from .planning import changed
from .records import MEASURED, ClaimRecord, show_value

_SLOWER, _LARGER = 1.3, 1.2


def moved(before: SuiteResult, after: SuiteResult) -> Table:
    """Verdicts, claims, times and versions that differ, one a row; no rows = the runs agree.

    A claim is listed when its value differs at all; `beyond` says whether by more than its tolerance. Seconds are
    compared after scaling both by their calibrations, and listed from a third more on.
    """
    old = {_key(outcome): outcome for outcome in before.outcomes}
    new = {_key(outcome): outcome for outcome in after.outcomes}
    rows: list[tuple[str, ...]] = []
    for key in sorted(old.keys() | new.keys()):
        if key not in new or key not in old:
            rows.append((key, "notebook", *(("ran", "did not run") if key in old else ("did not run", "ran")), ""))
            continue
        rows += _moved_claims(key, old[key], new[key])
        rows += _moved_costs(key, old[key], new[key])
    for what, first, second in (("version", before.versions, after.versions), ("asset", before.assets, after.assets)):
        for name in sorted(first.keys() | second.keys()):
            if first.get(name) != second.get(name):
                rows.append(("", f"{what} of {name}", first.get(name, "absent"), second.get(name, "absent"), ""))
    return Table(("notebook", "what", "before", "after", "change"), tuple(rows), "What moved")


def moved_from_baselines(run: SuiteResult) -> Table:
    """Claims of a run that are not what is accepted now, how far they went, and how far they may; no rows = none.

    Notebooks that ran with parameters of the user's own have no baseline.

    Raises:
        NotebookError: none of the run's notebooks has one here.
    """
    rows: list[tuple[str, ...]] = []
    kinds: dict[str, None] = {}
    pairs = [(outcome, baseline) for outcome in run.outcomes if (baseline := _baseline_of(outcome))]
    if not pairs:
        raise NotebookError("no notebook of this run has a baseline here; call it where `labkit run` was called")
    for outcome, baseline in pairs:
        found = _moved_from(outcome, baseline)
        if found and outcome.kind != baseline.kind:
            here, there = outcome.machine or "unknown", kind_text(baseline.kind) or "unknown"
            kinds[f"Another kind of machine: here {here}; the baseline's {there}"] = None
        rows += found
    columns = ("notebook", "claim", "accepted", "measured", "moved", "tolerance", "")
    return Table(columns, tuple(rows), "Beside the accepted baselines", notes=tuple(kinds))


def _baseline_of(outcome: Outcome) -> Baseline | None:
    """What is accepted for a run with the notebook's own parameters."""
    path = Path(outcome.notebook)
    baseline = read_baseline(path, outcome.profile)
    return None if changed(outcome.parameters, declared(read_notebook(path))) else baseline


def _moved_from(outcome: Outcome, baseline: Baseline) -> list[tuple[str, ...]]:
    key, claims = _key(outcome), beside(outcome, baseline).claims
    rows = [(key, *_from_accepted(claim)) for claim in claims if claim.value != claim.accepted]
    gone = [name for name in baseline.claims if name not in {claim.name for claim in claims}]
    return rows + [(key, name, show_value(baseline.claims[name].value), "absent", "", "", "gone") for name in gone]


def _from_accepted(claim: ClaimRecord) -> tuple[str, ...]:
    if claim.accepted is None:
        return claim.name, "absent", show_value(claim.value), "", "", "new"
    by = "changed" if claim.moved is None else show_value(claim.moved)
    may = "equal" if claim.allowed is None else show_value(claim.allowed)
    return claim.name, show_value(claim.accepted), show_value(claim.value), by, may, "beyond" if claim.drifted else ""


def spread(outcomes: Iterable[Outcome]) -> Table:
    """Each claim's values over the seeds that were run, and whether its bound holds for every one of them.

    `room` is how far the worst value stays from the bound, in units of the values' range.
    """
    seen: dict[tuple[str, str], list[ClaimRecord]] = {}
    for outcome in outcomes:
        for claim in outcome.claims:
            seen.setdefault((outcome.topic, claim.name), []).append(claim)
    names = [name for _, name in seen]
    rows = tuple(
        (name if names.count(name) == 1 else f"{topic}: {name}", *_spread_of(claims))
        for (topic, name), claims in seen.items()
    )
    title = "Claims over the seeds; room = worst value to bound, in ranges of the values"
    return Table(("claim", "least", "most", "bound", "room", "holds"), rows, title)


def _spread_of(claims: list[ClaimRecord]) -> tuple[str, str, str, str, str]:
    values = [claim.value for claim in claims if isinstance(claim.value, int | float)]
    last = claims[-1]
    if values:
        low, high = (f"{v:.3g}" if isinstance(v, float) else show_value(v) for v in (min(values), max(values)))
    else:
        low, high = min(str(c.value) for c in claims), max(str(c.value) for c in claims)
    return low, high, last.bound_text, _room(claims), _held(claims)


def _held(claims: list[ClaimRecord]) -> str:
    if any(claim.holds is None for claim in claims):
        return "measured"
    return f"{sum(claim.holds is True for claim in claims)}/{len(claims)}"


def _room(claims: list[ClaimRecord]) -> str:
    """Room as `spread` tells it; empty where that means nothing."""
    values = [float(c.value) for c in claims if isinstance(c.value, int | float) and not isinstance(c.value, bool)]
    relation, bound = claims[-1].relation, claims[-1].bound
    if relation in ("equals", MEASURED) or len(values) < len(claims):
        return ""
    low, high = min(values), max(values)
    gaps = {
        "at_least": low - bound if relation == "at_least" else 0,
        "at_most": bound - high if relation == "at_most" else 0,
    }
    gap = min(low - bound[0], bound[1] - high) if relation == "within" else gaps[relation]
    return f"{gap / (high - low):.1f}" if high > low else "same"


def _key(outcome: Outcome) -> str:
    seed = outcome.parameters.get("SEED")
    return outcome.label + f" ({outcome.profile}{'' if seed is None else f', seed {seed}'})"


def _moved_claims(key: str, old: Outcome, new: Outcome) -> list[tuple[str, ...]]:
    before, after = ({claim.name: claim for claim in outcome.claims} for outcome in (old, new))
    rows: list[tuple[str, ...]] = []
    for name in [*before, *(name for name in after if name not in before)]:
        first, second = before.get(name), after.get(name)
        if first is None or second is None:
            shown = [show_value(claim.value) if claim else "absent" for claim in (first, second)]
            rows.append((key, name, *shown, ""))
        elif first.value != second.value or first.holds != second.holds:
            compared = ClaimRecord(**{**vars(second), "accepted": first.value})
            change = "changed" if compared.moved is None else f"by {show_value(compared.moved)}"
            change += ", beyond its tolerance" if compared.drifted else ""
            state = {True: ", now holds", False: ", no longer holds", None: ", now only measured"}[second.holds]
            change += "" if second.holds == first.holds else state
            rows.append((key, name, show_value(first.value), show_value(second.value), change))
    return rows


def _moved_costs(key: str, old: Outcome, new: Outcome) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    if old.verdict != new.verdict:
        rows.append((key, "verdict", old.verdict, new.verdict, ""))
    before, after = old.seconds / old.slowness, new.seconds / new.slowness
    if before and after and not 1 / _SLOWER < after / before < _SLOWER:
        rows.append((key, "seconds", f"{old.seconds:.1f}", f"{new.seconds:.1f}", f"× {after / before:.2f} calibrated"))
    first, second = old.peak_memory, new.peak_memory
    if first and second and not 1 / _LARGER < second / first < _LARGER:
        rows.append((key, "memory", f"{first / 1e9:.2f} GB", f"{second / 1e9:.2f} GB", f"× {second / first:.2f}"))
    return rows
