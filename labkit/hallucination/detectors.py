"""Detectors: how likely is each answer to be wrong, judged without knowing the truth?

Reads   Answers.
Gives   (question,) scores, higher = more likely wrong. Their scales differ; only the order is compared.
Ignores which answers are right. Probes, which learn from marked answers, are in `probes`.

Perplexity and the length-normalised probability are functions of the mean log-probability and order answers as it
does, so they do not stand here beside it.

Laws: each at its limits (tests/hallucination/test_detectors.py).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from labkit.core.errors import OptionError, closest
from labkit.core.results import Table
from labkit.evaluation import normalise

from . import clusters
from .answers import Answers


@dataclass(frozen=True)
class Detector:
    """A score of doubt: call it with Answers."""

    name: str
    what: str
    """what makes it suspicious"""
    source: str
    scores: Callable[[Answers], np.ndarray]
    needs: str = ""
    """the part of Answers without which it cannot be computed: `samples`, `p_true`, `stated`, `attention`"""

    def __call__(self, answers: Answers) -> np.ndarray:
        """(question,) float; higher = more likely wrong.

        Raises:
            OptionError: the answers were asked without what this detector needs.
        """
        if not self.serves(answers):
            how = "samples=10" if self.needs == "samples" else f"look=({_LOOKS[self.needs]!r},)"
            raise OptionError(
                f"{self.name!r} needs {_NAMES[self.needs]}, which these answers do not have; ask again with {how}"
            )
        return np.asarray(self.scores(answers), dtype=float)

    def serves(self, answers: Answers) -> bool:
        """Whether these answers hold what it needs."""
        if self.needs == "samples":
            return answers.sample_logprobs.shape[1] > 0
        return not self.needs or getattr(answers, self.needs) is not None


_NAMES = {"samples": "samples", "p_true": "P(True)", "stated": "stated confidence", "attention": "attention"}
_LOOKS = {"p_true": "introspection", "stated": "introspection", "attention": "states"}


def _each(field: str, reduce: Callable[[np.ndarray], float]) -> Callable[[Answers], np.ndarray]:
    return lambda answers: np.array([reduce(row) for row in getattr(answers, field)])


def _agreement(answers: Answers) -> np.ndarray:
    """Share of samples that say something else than the greedy answer."""
    pairs = zip(map(normalise, answers.texts), answers.samples, strict=True)
    return np.array([1 - [normalise(s) for s in row].count(text) / len(row) for text, row in pairs])


def _predictive_entropy(answers: Answers) -> np.ndarray:
    return -(answers.sample_logprobs / np.maximum(answers.sample_lengths, 1)).mean(1)


def ngram_surprise(text: str, samples: Sequence[str]) -> float:
    """Mean surprise of the answer's words under a unigram model of the samples and the answer, one added to each count.

    nats; words as `normalise` leaves them. 0 words: that of a word never seen.
    """
    words = normalise(text).split()
    counts = Counter(word for one in (*samples, text) for word in normalise(one).split())
    total = counts.total() + len(counts) + 1  # one more for words never seen
    surprise = [-log((counts[word] + 1) / total) for word in words] or [log(total)]
    return float(np.mean(surprise))


def _selfcheck(answers: Answers) -> np.ndarray:
    return np.array([ngram_surprise(t, row) for t, row in zip(answers.texts, answers.samples, strict=True)])


def _untrue(answers: Answers) -> np.ndarray:
    assert answers.p_true is not None
    return 1 - answers.p_true


def _stated(answers: Answers) -> np.ndarray:
    assert answers.stated is not None
    return np.where(np.isnan(answers.stated), 0.5, 1 - answers.stated)  # none stated: neither sure nor unsure


def _unattended(answers: Answers) -> np.ndarray:
    assert answers.attention is not None
    return -answers.attention.mean((1, 2))


def _entropy_of(classes: Callable[[Answers], list[list[int]]]) -> Callable[[Answers], np.ndarray]:
    return lambda answers: np.array([clusters.entropy(row) for row in classes(answers)])


def _weighted_entropy(answers: Answers) -> np.ndarray:
    rows = zip(clusters.by_words(answers), answers.samples, answers.sample_logprobs, strict=True)
    return np.array([clusters.entropy(*clusters.once(*row)) for row in rows])


def _mean(x: np.ndarray) -> float:
    return -float(x.mean())


_ALL = (
    Detector("mean log-probability", "its tokens were unlikely", "Guerreiro et al. 2023", _each("logprobs", _mean)),
    Detector(
        "minimum log-probability", "one token was unlikely", "Manakul et al. 2023",
        _each("logprobs", lambda x: -x.min()),
    ),
    Detector(
        "sequence probability", "it was unlikely as a whole", "Malinin & Gales 2021",
        _each("logprobs", lambda x: -np.expm1(x.sum())),
    ),
    Detector(
        "entropy", "much else could have been said", "Malinin & Gales 2021", _each("entropies", lambda x: x.mean())
    ),
    Detector("margin", "the second choice came close", "Jiang et al. 2019", _each("margins", _mean)),
    Detector("predictive entropy", "its samples were unlikely", "Malinin & Gales 2021", _predictive_entropy, "samples"),
    Detector("self-consistency", "samples say something else", "Wang et al. 2023", _agreement, "samples"),
    Detector("SelfCheck n-gram", "its words are rare in samples", "Manakul et al. 2023", _selfcheck, "samples"),
    Detector(
        "semantic entropy", "samples mean different things, by words", "Farquhar et al. 2024",
        _entropy_of(clusters.by_words), "samples",
    ),
    Detector(
        "semantic entropy, weighted", "the same, weighted by probability", "Kuhn, Gal & Farquhar 2023",
        _weighted_entropy, "samples",
    ),
    Detector(
        "semantic entropy, MiniLM", "samples mean different things, by embedding", "Farquhar et al. 2024",
        _entropy_of(clusters.by_embedding), "samples",
    ),
    Detector("P(True)", "asked, it doubts its answer", "Kadavath et al. 2022", _untrue, "p_true"),
    Detector("stated confidence", "it says that it is unsure", "Lin, Hilton & Evans 2022", _stated, "stated"),
    Detector(
        "attention to the entity", "it looked away from what was asked about", "Yuksekgonul et al. 2024", _unattended,
        "attention",
    ),
)  # fmt: skip

DETECTORS: dict[str, Detector] = {detector.name: detector for detector in _ALL}


def doubts(answers: Answers, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The scores of many detectors by name; None = all that these answers allow.

    Raises:
        OptionError: a name is unknown, or what it needs was not asked.
    """
    for name in names or ():
        if name not in DETECTORS:
            raise OptionError(f"there is no detector {name!r}; {closest(name, tuple(DETECTORS))}")
    chosen = [DETECTORS[name] for name in names] if names else [d for d in _ALL if d.serves(answers)]
    return {detector.name: detector(answers) for detector in chosen}


def detectors() -> Table:
    """What detectors there are, what each looks at, and where it comes from."""
    return Table(("detector", "suspicious if", "needs", "source"),
                 tuple((d.name, d.what, _NAMES.get(d.needs, "the answer alone"), d.source) for d in _ALL),
                 title="Detectors: higher score = more likely wrong")  # fmt: skip
