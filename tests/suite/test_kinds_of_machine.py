"""Every bound of every lesson holds on every kind of processor that this one can act like, with one thread and four.

    python -m pytest -m long tests/suite/test_kinds_of_machine.py     an hour or more; can be stopped and resumed

Each run of a lesson leaves its results in `runs/kinds/`, in a folder named after the code that was run: a second call
reads them and runs only what is missing. `runs/kinds/…/table.md` is the evidence: each claim's least and greatest value
over all runs beside its bound.
"""

import os
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import pytest

from labkit.core.paths import runs_folder
from labkit.suite.baselines import ACCEPTABLE
from labkit.suite.outcomes import RESULTS_FILE, SuiteResult

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
KINDS = {
    "as it is": {},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
             "OPENBLAS_CORETYPE": "Haswell"},
    "old": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "OPENBLAS_CORETYPE": "Nehalem"},
}  # fmt: skip
"""What a newer processor is told so that it acts like an older one (MKL heeds its own on Intel only)."""
RUNS = [(kind, threads, "fast") for kind in KINDS for threads in (1, 4)] + [
    ("AVX2", 1, "full"),
    ("as it is", 4, "full"),
]
pytestmark = [pytest.mark.long, pytest.mark.notebooks, pytest.mark.weights, pytest.mark.timeout(7200)]


def place() -> Path:
    """The folder for the results of this code and these lessons."""
    digest = blake2b(digest_size=6)
    for path in sorted([*(ROOT / "labkit").rglob("*.py"), *(ROOT / "labkit").rglob("*.toml"), *LESSONS]):
        digest.update(path.read_bytes())
    return runs_folder() / "kinds" / digest.hexdigest()


def ran(lesson: Path, kind: str, threads: int, profile: str) -> SuiteResult:
    """The results of one lesson on one kind, from an earlier call where it ended."""
    folder = place() / f"{kind}, {threads} thread{'s'[: threads > 1]}, {profile}" / lesson.stem
    if not (folder / RESULTS_FILE).is_file() or SuiteResult.read(folder).interrupted:
        command = [sys.executable, "-m", "labkit.cli", "run", str(lesson), "--threads", str(threads), "-o", str(folder)]
        environment = os.environ | KINDS[kind] | {"OMP_WAIT_POLICY": "passive"}  # four threads may have two cores
        subprocess.run([*command, *(["--fast"] if profile == "fast" else [])], env=environment, check=False)
    return SuiteResult.read(folder)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("kind, threads, profile", RUNS)
def test_every_bound_holds(lesson, kind, threads, profile):
    (outcome,) = ran(lesson, kind, threads, profile).outcomes
    broken = [(one.kind, one.message) for one in outcome.problems if one.kind not in ACCEPTABLE]
    assert not broken
    assert len(outcome.claims) >= 5 and (outcome.kind or {}).get("threads") == threads


def test_the_kinds_are_three(tmp_path):
    """Otherwise the runs above are one run, said eight times."""
    code = "from labkit.core.devices import kind_of; print(kind_of('cpu').processor)"
    told = {
        kind: subprocess.run(
            [sys.executable, "-c", code], env=os.environ | more, capture_output=True, text=True, check=True
        ).stdout.strip()
        for kind, more in KINDS.items()
    }
    assert told["AVX2"] == "AVX2" and told["old"] in ("DEFAULT", "NO AVX")
    assert told["as it is"] != told["old"]


@pytest.mark.parametrize("lesson", ["02", "08"])
def test_a_fault_is_noticed_on_another_kind_too(lesson):
    """A wrong mask, a wrong draw: bounds decide there, and they see it."""
    name = f"tests/suite/test_lesson_mutations.py::test_a_claim_of_a_lesson_notices[{lesson}]"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "long", "-p", "no:cacheprovider", name]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | KINDS["AVX2"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout[-3000:]


def test_the_table_is_written():
    """From whatever ran so far."""
    claims: dict[tuple[str, str, str], list] = {}
    for results in place().glob(f"*/*/{RESULTS_FILE}"):
        for outcome in SuiteResult.read(results.parent).outcomes:
            for claim in outcome.claims:
                claims.setdefault((outcome.topic, outcome.profile, claim.name), []).append(claim)
    rows = ["| profile | claim | runs | least | most | bound | holds |", "|---|---|---|---|---|---|---|"]
    for (_, profile, name), seen in sorted(claims.items()):
        numbers = [c.value for c in seen if isinstance(c.value, float | int)]
        ends = [f"{end:.4g}" for end in (min(numbers), max(numbers))] if numbers else [str(seen[0].value)] * 2
        holds = f"{sum(c.holds is True for c in seen)}/{len(seen)}"
        rows.append(f"| {profile} | {name} | {len(seen)} | {ends[0]} | {ends[1]} | {seen[0].bound_text} | {holds} |")
    (place() / "table.md").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert len(rows) > 2, "no run has ended yet"
    print(f"\n{place() / 'table.md'}")
