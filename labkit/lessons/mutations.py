"""Mutations: labkit broken on purpose, one function at a time, so that a claim of a lesson must notice.

    @mutation("start/sum", "models.prediction:next_probabilities")
    def they_do_not_sum_to_one(real, lm, text):
        return 2 * real(lm, text)

The function gets what it replaces, then what that is called with. A lesson's mutations stand in its module;
`tests/suite/test_lesson_mutations.py` runs the part of the lesson that the claim needs, with each of them.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Mutation:
    """One fault that can be put into labkit."""

    claim: str
    """the claim that must fail with it: `start/sum`"""
    where: str
    """`room.module:function` or `room.module:Class.method` that it replaces"""
    how: Callable[..., Any]
    """(what it replaces, *its arguments) → what comes out instead"""

    @property
    def lesson(self) -> str:
        """The number of the lesson that makes the claim."""
        return self.how.__module__.rpartition("_")[2]


MUTATIONS: dict[str, Mutation] = {}
"""Those of the lessons loaded so far, by `NN name`."""


def mutation(claim: str, where: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Keep the decorated function as a mutation of `where` that breaks `claim`."""

    def keep(how: Callable[..., Any]) -> Callable[..., Any]:
        new = Mutation(claim, where, how)
        MUTATIONS[f"{new.lesson} {how.__name__}"] = new
        return how

    return keep


def owner_of(where: str) -> tuple[Any, str]:
    """(the module or class, the name in it) that a mutation replaces."""
    module, _, path = where.partition(":")
    owner: Any = import_module(f"labkit.{module}")
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    return owner, name


def install(mutation: Mutation) -> None:
    """Put the fault into this process: wherever a module of labkit, or a table in one, holds what it replaces."""
    owner, name = owner_of(mutation.where)
    real = getattr(owner, name)

    @wraps(real)
    def mutated(*args: Any, **options: Any) -> Any:
        return mutation.how(real, *args, **options)

    setattr(owner, name, mutated)
    for module in [m for n, m in sys.modules.items() if n.startswith("labkit.")]:
        for held in (vars(module), *(v for v in vars(module).values() if isinstance(v, dict))):
            held.update({key: mutated for key, value in held.items() if value is real})
