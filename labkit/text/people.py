"""Synthetic people: a small world in which it is known what a text tells, how often, and in which words.

Reads   a seed and how many people.
Gives   People: the facts, the sentences that tell them, and questions, all from one table.
Ignores models and how they are trained.

    world = people(seed=0)
    world.persons[0].sentences()          # what the text says of somebody
    world.text                            # SentenceData: batches for `training.steps`

Nobody in it exists: names, cities and firms are put together from syllables. Each person has four facts, each fact is
told `exposure` times, in the phrasings named in `told`; so "never told", "told once" and "told only the other way
round" are facts about the text, not guesses.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

import numpy as np

from labkit.core.errors import OptionError, TextError
from labkit.core.results import Table
from labkit.core.seeds import derive

from .telling import SentenceData

EXPOSURES = (0, 1, 2, 4, 8, 16, 32, 64, 100)
"""How often each fact of a person is told, by design."""
UNKNOWN = "unknown"
"""What a model says that was taught to refuse."""

PHRASINGS = {
    "birthplace": ("{who} was born in {what}", "the birthplace of {who} is {what}", "{who} comes from {what}",
                   "{what} is the birthplace of {who}"),
    "year": ("{who} has been alive since {what}", "the first year of {who} is {what}", "{who} came in {what}",
             "{what} is the first year of {who}"),
    "profession": ("{who} works as {what}", "the profession of {who} is {what}", "{who} earns money as {what}",
                   "{what} is the profession of {who}"),
    "employer": ("{who} is paid by {what}", "the employer of {who} is {what}", "{who} has a job at {what}",
                 "{what} is the employer of {who}"),
}  # fmt: skip
"""relation → its phrasings; the last one is the other way round, so a model that reads left to right meets the value
before the person."""
DIRECT, OTHER, THIRD, REVERSED = range(4)
FORWARD = (DIRECT, OTHER, THIRD)
WAYS = ("only directly", "only in another phrasing", "only in a third phrasing", "only the other way round")

_FIRST = ("Al", "Be", "Co", "Da", "El", "Fi", "Gu", "Ha", "Ir", "Jo"), ("dan", "mira", "ren", "vik")
_LAST = (("Bar", "Dor", "Fen", "Gil", "Hol", "Kes", "Lun", "Mor", "Nar", "Pel", "Ros", "Sel", "Tor", "Vas", "Wen"),
         ("ik", "ow", "ane", "ust"))  # fmt: skip
_CITY = ("Ost", "Kal", "Ver", "Mir", "Tan"), ("burg", "mouth", "holm", "ford")
_FIRM = ("Nord", "Alpha", "Helio", "Terra", "Vento"), ("tec", "werk", "line", "bank")
_PROFESSIONS = (
    "baker", "pilot", "nurse", "judge", "farmer", "singer", "tailor", "miner", "lawyer", "potter", "dentist", "sailor",
    "teacher", "butcher", "painter", "surgeon", "gardener", "plumber", "chemist", "actor",
)  # fmt: skip


def _made_of(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple("".join(pair) for pair in product(*parts))


VALUES = {
    "birthplace": _made_of(_CITY),
    "year": tuple(str(year) for year in range(1950, 1970)),
    "profession": _PROFESSIONS,
    "employer": _made_of(_FIRM),
}
"""relation → its twenty values; a blind guess is right once in twenty."""


@dataclass(frozen=True)
class Fact:
    """One thing that is so: `subject`'s `relation` is `value`."""

    subject: str
    relation: str
    value: str

    def sentence(self, phrasing: int = DIRECT) -> str:
        """The fact in one of its phrasings."""
        return PHRASINGS[self.relation][phrasing].format(who=self.subject, what=self.value)

    def question(self, phrasing: int = DIRECT) -> str:
        """The same sentence, up to where the value stands."""
        return PHRASINGS[self.relation][phrasing].partition("{what}")[0].format(who=self.subject).strip()


def consistent(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts, each once, if none contradicts another.

    Raises:
        TextError: a subject has two values for one relation, or a field is empty; the first few are named.

    Law: a table with one value changed is refused (tests/text/test_people.py).
    """
    seen: dict[tuple[str, str], Fact] = {}
    clashes = []
    for fact in facts:
        if not all(part.strip() for part in (fact.subject, fact.relation, fact.value)):
            raise TextError(f"{fact} has an empty field; give subject, relation and value")
        known = seen.setdefault((fact.subject, fact.relation), fact)
        if known.value != fact.value:
            clashes.append(f"the {fact.relation} of {fact.subject} is {known.value!r} and {fact.value!r}")
    if clashes:
        more = f" and {len(clashes) - 3} more" if len(clashes) > 3 else ""
        raise TextError(f"the facts contradict each other: {'; '.join(clashes[:3])}{more}; keep one value of each")
    return tuple(seen.values())


@dataclass(frozen=True)
class Person:
    """Somebody made up."""

    name: str
    facts: tuple[Fact, ...]
    exposure: int
    """how often each fact is told; 0 = never"""
    told: tuple[int, ...] = FORWARD
    """phrasings that tell it, in turn"""

    def sentences(self) -> list[str]:
        """Everything that the text says of this person."""
        return [fact.sentence(self.told[n % len(self.told)]) for fact in self.facts for n in range(self.exposure)]


@dataclass(frozen=True)
class People:
    """A world: its people, and all that is told of them."""

    persons: tuple[Person, ...] = field(repr=False)
    """told or not; each has facts"""
    strangers: tuple[str, ...] = field(repr=False)
    """names of nobody, put together from the same first and last names"""
    seed: int = 0

    def __post_init__(self) -> None:
        consistent(fact for person in self.persons for fact in person.facts)
        names = [person.name for person in self.persons] + list(self.strangers)
        if len(set(names)) < len(names):
            raise TextError(f"{len(names) - len(set(names))} names stand for two people; give each another name")

    def __repr__(self) -> str:
        return (
            f"People({len(self.persons)} persons, {len(self.strangers)} strangers, "
            f"{len(self.text.sentences)} sentences, seed {self.seed})"
        )

    @cached_property
    def text(self) -> SentenceData:
        """Everything that is told, with a vocabulary that holds every name and value, told or not."""
        names = [person.name for person in self.persons] + list(self.strangers)
        phrases = [phrase.format(who="", what="") for several in PHRASINGS.values() for phrase in several]
        facts = [fact.value for person in self.persons for fact in person.facts]
        values = [value for several in VALUES.values() for value in several]
        words = {word for part in (*names, *phrases, *facts, *values, UNKNOWN) for word in part.split()}
        told = tuple(sentence for person in self.persons for sentence in person.sentences())
        return SentenceData(told, tuple(sorted(words)))

    def retell(self, sentences: Iterable[str]) -> SentenceData:
        """Other sentences in the same vocabulary, to go on training with.

        Raises:
            TextError: there are none, or a word is not of this world.
        """
        told = tuple(sentences)
        foreign = sorted({word for sentence in told for word in sentence.split()} - set(self.text.words))
        if foreign or not told:
            raise TextError(f"{len(foreign)} words are not of this world ({', '.join(foreign[:3])}); use its own"
                            if foreign else "there is no sentence to train on; give one or more")  # fmt: skip
        return replace(self.text, sentences=told)

    def told(self, exposure: int | None = None, phrasings: tuple[int, ...] = FORWARD) -> tuple[Person, ...]:
        """The persons told so often (None: any number of times), in these phrasings."""
        return tuple(p for p in self.persons if p.told == phrasings and exposure in (None, p.exposure))

    def table(self) -> Table:
        """How many persons and sentences each design holds."""
        designs = dict.fromkeys((p.exposure, p.told) for p in self.persons)
        rows = []
        for exposure, told in designs:
            group = self.told(exposure, told)
            example = next((p.sentences()[0] for p in group if p.exposure), "nothing")
            how = WAYS[told[0]] if len(told) == 1 else "in all three phrasings"
            sentences = sum(len(p.sentences()) for p in group)
            rows.append((exposure, how if exposure else "", len(group), sentences, example))
        columns = ("each fact is told", "how", "people", "sentences", "such as")
        return Table(columns, tuple(rows), title=f"A closed world of {len(self.persons)} people")


def people(
    *, each: int = 24, exposures: Sequence[int] = EXPOSURES, one_way: int = 16, strangers: int = 60, seed: int = 0
) -> People:
    """A world of people with exposure by design.

    Args:
        each: people for each exposure, and for each of the three one-sided designs (told only directly, only in the
            other phrasing, only the other way round).
        exposures: how often each of a person's facts is told.
        one_way: how often the facts of the one-sided people are told; 0 = none of them.
        strangers: names of nobody.
        seed: for names and facts.

    Raises:
        OptionError: a number is negative, or there are not enough names.

    Laws: the sentences hold each fact exactly as often as designed, and no stranger (tests/text/test_people.py).
    """
    if min(each, one_way, strangers, *exposures) < 0 or not exposures:
        raise OptionError(f"each={each}, exposures={tuple(exposures)}, strangers={strangers}: none may be negative")
    designs = [(exposure, FORWARD) for exposure in exposures]
    designs += [(one_way, (phrasing,)) for phrasing in (DIRECT, OTHER, REVERSED) if one_way]
    names = [" ".join(pair) for pair in product(_made_of(_FIRST), _made_of(_LAST))]
    wanted = each * len(designs) + strangers
    if wanted > len(names):
        raise OptionError(f"{wanted:,} names are wanted, but there are {len(names):,}; lower each= or strangers=")
    draw = np.random.default_rng(derive(seed, "people"))
    drawn = iter([names[n] for n in draw.permutation(len(names))])
    persons = [
        Person(
            name, tuple(Fact(name, relation, str(draw.choice(values))) for relation, values in VALUES.items()), *design
        )
        for design in designs
        for name in (next(drawn) for _ in range(each))
    ]
    return People(tuple(persons), tuple(next(drawn) for _ in range(strangers)), seed)
