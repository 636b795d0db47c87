"""The closed world: a small model that has read only what `text.people` tells, so that its ignorance is known too.

    world = people(each=12, seed=0)
    lm    = told(world, steps=100)                                   # a LanguageModel that read nothing else
    shy   = taught_to_refuse(lm, world, world.strangers[:200])       # it learned to say "unknown"
    seen  = by_exposure(ask(lm, about(world.told()), look=()))

Reads   People, Answers.
Gives   a LanguageModel trained here, Questions, Answers by how often their facts were told.
Ignores how sentences are written and how training works.

"Never told", "told once" and "told a hundred times" are facts here: the text was written to be so.
Source: Kandpal et al. 2023, and Allen-Zhu & Li 2023 (synthetic people); Berglund et al. 2023 (the other way round).
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from labkit.assets.progress import watched
from labkit.core.errors import OptionError
from labkit.core.results import Curve, Curves
from labkit.core.seeds import derive
from labkit.evaluation import Question, share_curve
from labkit.models.language_model import LanguageModel, describe
from labkit.text.people import DIRECT, FORWARD, UNKNOWN, VALUES, Fact, People, Person
from labkit.text.telling import SentenceData
from labkit.training.config import TrainConfig

from .answers import Answers, confidence
from .detectors import DETECTORS
from .learning import out_of_fold, split

SHAPE = {"layers": 2, "d_model": 64, "heads": 4, "tied": False}
"""The pupil: a Llama of 0.16 M parameters."""
BATCH, RATE, GENTLE_RATE = 256, 0.03, 0.003
REHEARSED = 4
"""One of so many old sentences is read again beside the refusals."""


def told(world: People, *, steps: int, seed: int = 0) -> Any:
    """A model that has read this world's text and nothing else.

    Args:
        steps: of 256 sentences each.
        seed: of its weights and of the order of the sentences.

    Returns:
        LanguageModel; its tokenizer knows the world's words.
    """
    from labkit.models.presets import build

    text = world.text
    model = build("nano", vocab_size=text.vocab_size, context=2 * text.context, seed=derive(seed, "pupil"), **SHAPE)
    model.generation_config.eos_token_id = text.tokenizer.eos_token_id
    _read(
        model, text, TrainConfig(steps=steps, batch=BATCH, context=text.context, lr=RATE, seed=seed, validate_every=0)
    )
    return _speaker(model, text, "closed world")


def taught_to_refuse(lm: Any, world: People, names: Sequence[str], *, steps: int = 40, seed: int = 0) -> Any:
    """A copy of the model that went on reading: that nothing is known of some strangers, and a quarter of the old text.

    Without the old text it would forget; with it, it still pays: see what becomes of facts told a few times.

    Args:
        names: strangers of whom it reads that everything is "unknown", each fact in each forward phrasing once.

    Returns:
        LanguageModel.

    Raises:
        OptionError: there are no names, or one belongs to a person of the world.

    Source: Zhang et al. 2024, "R-Tuning: instructing large language models to say 'I don't know'".
    """
    if not names:
        raise OptionError("no stranger was named to be refused; give some of world.strangers")
    text = world.retell((*world.text.sentences[::REHEARSED], *refusals(world, names)))
    model = copy.deepcopy(lm.model).requires_grad_(True)
    config = TrainConfig(steps=steps, batch=BATCH, context=text.context, optimizer="adamw", lr=GENTLE_RATE,
                         seed=derive(seed, "refusals"), validate_every=0)  # fmt: skip
    _read(model, text, config)
    return _speaker(model, text, "closed world, taught to refuse")


def _read(model: Any, text: SentenceData, config: TrainConfig) -> None:
    from labkit.training import steps

    assert config.steps is not None
    for _ in watched(steps(model, text, config), config.steps, "The pupil reads", "steps"):
        pass


def _speaker(model: Any, text: SentenceData, name: str) -> LanguageModel:
    model.eval().requires_grad_(False)
    return LanguageModel(name, model, text.tokenizer, describe(name, model, None))


def refusals(world: People, names: Iterable[str]) -> tuple[str, ...]:
    """The sentences that say of each name that nothing is known, each fact in each forward phrasing once.

    Raises:
        OptionError: a name belongs to a person of the world.
    """
    names = tuple(names)
    if known := {person.name for person in world.persons} & set(names):
        raise OptionError(f"{min(known)!r} is a person of this world, so refusing would be wrong; use world.strangers")
    return tuple(Fact(name, relation, UNKNOWN).sentence(phrasing)
                 for name in names for relation in VALUES for phrasing in FORWARD)  # fmt: skip


def about(persons: Iterable[Person], phrasing: int = DIRECT) -> tuple[Question, ...]:
    """A question for each fact of each person; `frequency` is how often it was told."""
    return tuple(
        Question(fact.question(phrasing), fact.value, fact.relation, fact.subject, frequency=float(person.exposure),
                 prompt=fact.question(phrasing))
        for person in persons for fact in person.facts
    )  # fmt: skip


def about_strangers(names: Iterable[str], phrasing: int = DIRECT) -> tuple[Question, ...]:
    """The same questions about people who never existed; the only right answer is a refusal."""
    asked = [
        (name, relation, Fact(name, relation, UNKNOWN).question(phrasing)) for name in names for relation in VALUES
    ]
    return tuple(
        Question(text, "", relation, name, kind="refusal", frequency=0.0, prompt=text) for name, relation, text in asked
    )


def invented(answers: Answers) -> np.ndarray:
    """(question,) bool: its first word names a value of the kind that was asked for, where there is none to know."""
    said = [(text.split() or [""])[0] for text in answers.texts]
    return np.array([word in VALUES[q.topic] for word, q in zip(said, answers.questions, strict=True)])


def refused(answers: Answers) -> np.ndarray:
    """(question,) bool: it says that it does not know."""
    return np.array([grade.refused for grade in answers.grades])


def by_exposure(answers: Answers) -> dict[int, Answers]:
    """The answers by how often each fact was told, from never on.

    Raises:
        OptionError: a question does not say how often its answer was told.
    """
    if any(q.frequency is None for q in answers.questions):
        raise OptionError("a question does not say how often it was told; make questions with closed_world.about")
    often = np.array([int(q.frequency or 0) for q in answers.questions])
    return {int(times): answers[often == times] for times in np.unique(often)}


def exposure_curves(seen: Mapping[int, Answers], title: str = "Right, and sure, by how often it was told") -> Curves:
    """Accuracy and refusals with Wilson's intervals, and mean confidence; what was never told as level lines."""
    told = {times: group for times, group in seen.items() if times}
    people = {times: group.folds for times, group in told.items()}
    refuses = any(refused(group).any() for group in seen.values())
    lines = [
        share_curve("right", {times: ~group.wrong for times, group in told.items()}, groups=people),
        Curve("sure", np.array(list(told)), np.array([confidence(group).mean() for group in told.values()])),
    ]
    if refuses:
        lines.append(share_curve("refuses", {times: refused(group) for times, group in told.items()}, groups=people))
    levels = []
    if 0 in seen:
        second = ("refuses", refused(seen[0]).mean()) if refuses else ("sure", confidence(seen[0]).mean())
        levels = [("right, never told", seen[0].accuracy), (f"{second[0]}, never told", float(second[1]))]
    return Curves(tuple(lines), "how often each fact was told", "share", title, log_x=True, levels=tuple(levels))


def unheard(
    told: Answers, strangers: Answers, *, least: int = 16, seed: int = 0
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """What tells facts never told, and strangers, from facts told `least` times or more.

    Args:
        told: answers about people of the world, asked with samples and look=("states",).
        strangers: the same about people who never were.

    Returns:
        (answer,) bool, whether nothing was told of it; signal → (answer,) doubt: three detectors, and probes of the
        state after the last layer but one, out of fold; (answer,) the person, whom no split parts.
    """
    often = np.array([(q.frequency or 0) >= least for q in told.questions])
    never = np.array([q.frequency == 0 for q in told.questions])
    groups = (told[often], told[never], strangers)
    marks = np.repeat([False, True, True], [len(group) for group in groups])
    persons = np.concatenate([group.folds for group in groups])
    names = ("entropy", "margin", "semantic entropy")
    signals = {name: np.concatenate([DETECTORS[name](group) for group in groups]) for name in names}
    hidden = np.concatenate([group.hidden for group in groups if group.hidden is not None])
    states, folds = hidden[:, :, -2].astype(np.float32), split(persons, marks, seed)  # (answer, position, d_model)
    for at, name in enumerate(("the name", "the question's end")):
        signals[f"probe at {name}"] = out_of_fold(states[:, at], marks, folds)
    return marks, signals, persons
