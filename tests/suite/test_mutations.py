"""The guards can fail: labkit is broken on purpose, one line at a time, and a unit test must notice.

A mutation names a line as it stands; when the line changes, the test says so, and the mutation is renewed.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MUTANT = str(Path(__file__).with_name("mutant.py"))

UNIT = {
    "temperature ignored": (
        "labkit.sampling.strategies", ".div_(value)", "",
        "tests/sampling/test_strategies.py", "each_cut",
    ),
    "softmax over the wrong axis": (
        "labkit.sampling.strategies", "probabilities = logits.softmax(-1)", "probabilities = logits.softmax(0)",
        "tests/sampling/test_strategies.py", "each_cut",
    ),
    "no causal mask": (
        "labkit.sampling.llama", "seen = (keys <= places[:, None])", "seen = (keys <= places[:, None] + 9999)",
        "tests/sampling/test_runners.py", "a_runner_gives",
    ),
    "the token beside the one drawn": (
        "labkit.sampling.drawing", "return (block * BLOCK + place)[:, 0]", "return (block * BLOCK + place)[:, 0] ^ 1",
        "tests/sampling/test_drawing.py", "cumulative",
    ),
    "entropy in bits called nats": (
        "labkit.sampling.drawing", "entropies = (total", "entropies = 1.4427 * (total",
        "tests/sampling/test_drawing.py", "log_n",
    ),
    "seed ignored": (
        "labkit.sampling.loop", "derive(seed, ", "derive(0, ",
        "tests/sampling/test_sample.py", "another_seed",
    ),
    "penalty rewards what was seen": (
        "labkit.sampling.strategies", "logits * penalty, logits / penalty", "logits / penalty, logits * penalty",
        "tests/sampling/test_strategies.py", "repetition_penalty",
    ),
    "a refused guess replaced from the whole distribution": (
        "labkit.sampling.speculation", "more = (p - q).clamp_(min=0)", "more = p.clone()",
        "tests/sampling/test_speculation.py", "what_comes_of_a_guess",
    ),
    "a draft's rest given to each of the others": (
        "labkit.sampling.drafts", "own[-1] - log(self.vocab - len(self.ids))", "own[-1]",
        "tests/sampling/test_drafts.py", "shared_out_evenly",
    ),
    "off by one position": (
        "labkit.models.prediction", ".logits[0, -1]  # (vocab,)\n    require", ".logits[0, -2]\n    require",
        "tests/models/test_prediction.py", "largest_of_the_models_softmax",
    ),
    "shuffled labels": (
        "labkit.models.prediction", "for i in best)", "for i in best[::-1])",
        "tests/models/test_prediction.py", "largest_of_the_models_softmax",
    ),
    "one seed for every purpose": (
        "labkit.core.seeds", "*map(str, names)", "*map(str, names[:0])",
        "tests/core/test_seeds.py", "",
    ),
    "a bound that always holds": (
        "labkit.suite.claims", "return value >= bound if", "return True if",
        "tests/suite/test_claims.py", "up_to_its_end",
    ),
    "drift never seen": (
        "labkit.suite.records", "return self.moved > self.allowed", "return False",
        "tests/suite/test_baselines.py", "beyond_its_tolerance",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """name → (exit code, output) of the tests on mutated code; `sound`: of all these tests on the code as it is."""
    jobs = [
        [name, module, old, new, [str(ROOT / path), *(("-k", words) if words else ())]]
        for name, (module, old, new, path, words) in UNIT.items()
    ]
    paths = sorted({str(ROOT / path) for *_, path, _ in UNIT.values()})
    words = " or ".join(words or "seed" for *_, words in UNIT.values())
    jobs.append(["sound", "", "", "", [*paths, "-k", words]])
    jobs.append(["gone", "labkit.core.seeds", "no such line", "", [str(ROOT / UNIT["seed ignored"][3])]])
    path = tmp_path_factory.mktemp("mutations") / "jobs.json"
    path.write_text(json.dumps(jobs))
    done = subprocess.run([sys.executable, MUTANT, str(path)], capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", UNIT)
def test_a_unit_test_notices(verdicts, name):
    code, output = verdicts[name]
    assert code == 1, output
    assert "renew the mutation" not in output, output


def test_the_same_tests_pass_on_the_code_as_it_is(verdicts):
    code, output = verdicts["sound"]
    assert code == 0, output


def test_a_mutation_of_a_line_that_is_gone_says_so(verdicts):
    code, output = verdicts["gone"]
    assert code != 0 and "renew the mutation" in output
