"""The guards can fail: labkit is broken on purpose, one line at a time, and a claim of a lesson must notice.

Each mutation runs the part of its lesson that the claim needs, in a kernel that imports labkit with the line replaced
(see mutant.py); the same part with labkit as it is must keep the claim.
"""

import ast
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from labkit.suite import runner
from labkit.suite.lessons import python_of
from labkit.suite.planning import plan_run

ROOT = Path(__file__).resolve().parents[2]

DECODE = 'b"".join(self.pieces(list(ids))){}.decode("utf-8", "replace")'
AFTER_DECODE = (
    "\n\n    def split(self, text: str) -> TokenSplit:\n        return split_with(self, text)\n\n\ndef open_ranks"
)

LESSONS = {
    "merges that overlap": (
        "01_tokenization", "tokenization/as_library", "labkit.text.bytepair", "i += 2", "i += 1",
    ),
    "a tokenizer that drops a byte": (
        "01_tokenization", "tokenization/exact", "labkit.text.families",
        DECODE.format("") + AFTER_DECODE, DECODE.format("[:-1]") + AFTER_DECODE,
    ),
    "the position before the last": (
        "00_start_here", "start/paris", "labkit.models.prediction", ".logits[0, -1]  # (vocab,)\n    return",
        ".logits[0, -2]\n    return",
    ),
    "probabilities that do not sum to one": (
        "00_start_here", "start/sum", "labkit.models.prediction", "torch.softmax(logits.double(), dim=-1)",
        "torch.sigmoid(logits.double())",
    ),
    "draws of the neighbour": (
        "00_start_here", "start/dice_gap", "labkit.sampling.drawing", "return (block * BLOCK + place)[:, 0]",
        "return (block * BLOCK + place)[:, 0] ^ 1",
    ),
    "temperature 0 is not greedy": (
        "00_start_here", "start/greedy_is_this", "labkit.sampling.strategies", "return greedy(logits)",
        "return logits.float()",
    ),
    "a head that is not switched off": (
        "02_attention", "attention/bank_five", "labkit.interpretability.capture", "z[:, :, heads] = 0", "pass",
    ),
    "induction off by one": (
        "02_attention", "attention/induction_score", "labkit.interpretability.heads",
        "followers[:, 1:] = copies[:, :-1]", "followers = copies",
    ),
    "positions that stay": (
        "02_attention", "attention/bag_of_words", "labkit.interpretability.capture",
        "[] if positions else _without_positions(", "[] if True else _without_positions(",
    ),
    "temperature ignored": (
        "08_sampling", "sampling/perplexity_ratio", "labkit.sampling.strategies", ".div_(value)", "",
    ),
    "top-p cuts the token that crosses p": (
        "08_sampling", "sampling/top_p_removes", "labkit.sampling.strategies",
        "before = best.double().cumsum(-1) - best", "before = best.double().cumsum(-1)",
    ),
    "log-probabilities in bits": (
        "08_sampling", "sampling/read_again", "labkit.sampling.sample", "dtype=np.float32).reshape(-1, 3)",
        "dtype=np.float32).reshape(-1, 3) / 0.6931",
    ),
    "rows of a batch mixed up": (
        "08_sampling", "sampling/read_again", "labkit.sampling.loop", "return logits[rows]",
        "return logits[rows[::-1]]",
    ),
    "a refused guess replaced from the whole distribution": (
        "08_sampling", "sampling/speculation_p_value", "labkit.sampling.speculation", "more = (p - q).clamp_(min=0)",
        "more = p.clone()",
    ),
    "refused guesses stay in the cache": (
        "08_sampling", "sampling/same_greedy_text", "labkit.sampling.speculation",
        "runner.crop(len(guesses) - (len(new) - 1))", "runner.crop(0)",
    ),
    "never told is told after all": (
        "10_hallucination", "hallucination/told_never", "labkit.text.people",
        "for n in range(self.exposure)]", "for n in range(self.exposure or 30)]",
    ),
    "told the other way round is told forwards": (
        "10_hallucination", "hallucination/reversed", "labkit.text.people",
        "self.told[n % len(self.told)]", "FORWARD[n % len(FORWARD)]",
    ),
    "a threshold of doubt upside down": (
        "10_hallucination", "hallucination/logprob", "labkit.hallucination.detectors", "return -float(x.mean())",
        "return float(x.mean())",
    ),
    "targets that are not shifted": (
        "04_training", "training/knows_nothing", "labkit.training.loss", "inputs, targets = ids[:, :-1], ids[:, 1:]",
        "inputs, targets = ids[:, :-1], ids[:, :-1]",
    ),
    "held-out text that is trained on": (
        "04_training", "training/by_heart", "labkit.text.datasets", 'self.folder / f"{split}.bin"',
        'self.folder / "train.bin"',
    ),
    "a corpus without an end": (
        "04_training", "training/cutoff_after", "labkit.text.corpora", "first <= d.year <= last", "first <= d.year",
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.notebooks
@pytest.mark.weights
def test_a_claim_of_a_lesson_notices(tmp_path):
    """Each mutation runs the part of its lesson that the claim needs; each claim also holds without it."""
    plan = []
    for number, (lesson, claim, *change) in enumerate(LESSONS.values()):
        notebook = slice_for(nbformat.read(ROOT / "notebooks" / f"{lesson}.ipynb", as_version=4), claim)
        for kind, startup in (("mutated", _startup(*change)), ("sound", "")):
            nbformat.write(notebook, path := tmp_path / f"{kind}_{number}.ipynb")
            plan += [replace(one, startup=startup) for one in plan_run([path], parameters={"FAST": True})]
    result = runner.run(plan, folder=runner.new_folder(tmp_path / "run"))
    outcomes = {outcome.topic: outcome for outcome in result.outcomes}
    for number, (name, (_, claim, *_)) in enumerate(LESSONS.items()):
        sound, mutated = outcomes[f"sound_{number}"], outcomes[f"mutated_{number}"]
        assert {record.name: record.holds for record in sound.claims}.get(claim) is True, (name, sound.problems)
        held = {record.name: record.holds for record in mutated.claims}
        assert not held.get(claim, True), (name, held, mutated.problems)


def test_each_line_to_be_replaced_stands_once():
    """Said here in a moment, not after the long test: a mutation whose line has changed must be renewed."""
    for name, (_, _, module, old, new) in LESSONS.items():
        source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        assert source.count(old) == 1 and old != new, name


def _startup(*change):
    folder = str(Path(__file__).parent)
    return f"import sys; sys.path.insert(0, {folder!r})\nimport mutant; mutant.install(*{change!r})"


def slice_for(notebook, claim):
    """A notebook with the cells that `claim` (`topic/what`) depends on, in their order.

    A cell is needed if it gives a name (assigned, imported or defined) to a cell that is needed; the cell of parameters
    and the one that begins the lesson always are.
    """
    cells = notebook.cells
    found = [i for i, cell in enumerate(cells) if cell.cell_type == "code" and _claims(cell.source, claim)]
    assert found, f"no cell makes the claim {claim}: renew the mutation"
    at = found[0]
    kept, needed = [cells[at]], _names(cells[at].source)[1]
    for cell in reversed(cells[:at]):
        if cell.cell_type != "code":
            continue
        given, used = _names(cell.source)
        if given & needed or "parameters" in cell.metadata.get("tags", ()) or "lab.begin(" in cell.source:
            kept.append(cell)
            needed = needed - given | used
    sliced = nbformat.v4.new_notebook(cells=list(reversed(kept)), metadata=notebook.metadata)
    return sliced


def _claims(source, claim):
    """Whether the cell makes the claim, under its whole name or (through a function of the lesson's) its last part."""
    calls = (node for node in ast.walk(ast.parse(python_of(source))) if isinstance(node, ast.Call) and node.args)
    names = {claim, claim.rpartition("/")[2]}
    return any(isinstance(call.args[0], ast.Constant) and call.args[0].value in names for call in calls)


def _names(source):
    """(names that a cell gives, names that it needs from the cells before)."""
    given, needed = set(), set()
    for statement in ast.parse(python_of(source)).body:
        _follow(statement, given, needed)
    return given, needed


SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FIRST = ("value", "iter", "generators", "args")
"""Parts of a node that run before its other parts, which may give a name that these need."""


def _follow(node, given, needed):
    """Add to both what running `node` gives and needs; what a function or a comprehension gives stays inside."""
    inside = set(given) if isinstance(node, SCOPES) else given
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        given.add(node.name)
        inside.add(node.name)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        given |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    elif isinstance(node, ast.arg):
        given.add(node.arg)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        needed |= {node.target.id} - given
    elif isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            needed |= {node.id} - given
        else:
            given.add(node.id)
    for field in sorted(node._fields, key=lambda name: name not in FIRST):
        part = getattr(node, field, None)
        for one in part if isinstance(part, list) else [part]:
            if isinstance(one, ast.AST):
                _follow(one, inside, needed)


def test_a_cell_needs_what_it_reads_before_it_writes_it():
    """The slices rest on this."""
    loop = "for i in range(n):\n    rows = [x + i for x in data]\n    total += rows[0]"
    given, needed = _names(f"import numpy as np\n{loop}\ny = y + rows[-1]")
    assert {"np", "i", "rows", "total", "y"} <= given and "x" not in given
    assert needed - {"range"} == {"n", "data", "total", "y"}
    given, needed = _names("def f(a, b=c):\n    d = a + e\n    return f(d)")
    assert given == {"f"} and needed == {"c", "e"}
