"""What the lab keeps on the disk: what a run needs is fetched, the lessons of a wheel are copied out, the rest shown
and removed.

Ignores how an asset is fetched (`assets`), and what a lesson is (`suite.lessons`).
"""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.core.errors import NotebookError, OptionError
from labkit.core.locks import only
from labkit.core.paths import cache_folder, runs_folder, shipped
from labkit.core.results import Table

if TYPE_CHECKING:
    from labkit.suite.planning import Job

TOGETHER = 12
"""A folder with more entries than that is one row of the table."""
DAY = 24 * 3600


@dataclass(frozen=True)
class Kept:
    """One thing on the disk."""

    name: str
    """`models/smollm2-135m`, `runs/2026-11-28_10-15-00`: its kind, and its name there."""
    path: Path
    size: int
    """Bytes."""
    changed: float
    """Seconds since 1970: when the newest file in it was written."""

    @property
    def days(self) -> float:
        return (time.time() - self.changed) / DAY


def kept() -> list[Kept]:
    """Everything in the cache and among the runs, by name; what is being written right now has no name yet."""
    cache, runs = cache_folder(), runs_folder()
    found = []
    for path in _visible(cache):
        found += [_kept(f"{path.name}/{one.name}", one) for one in _things(path)] if path.is_dir() else []
        found += [] if path.is_dir() else [_kept(path.name, path)]
    return [*found, *(_kept(f"runs/{path.name}", path) for path in _visible(runs))]


def chosen(entries: Iterable[Kept], names: Sequence[str] = (), *, older_than: float | None = None) -> list[Kept]:
    """Those of these names (patterns such as `runs/2026-11-*`; a kind alone means all of it) and of that age.

    Args:
        older_than: days since it was last written; None = any age.

    Raises:
        OptionError: a name fits nothing.
    """
    entries = list(entries)
    for name in names:
        if not any(_fits(entry, name) for entry in entries):
            kinds = ", ".join(dict.fromkeys(entry.name.partition("/")[0] for entry in entries)) or "nothing"
            raise OptionError(f"nothing kept fits {name!r}; there is {kinds}; `labkit cache` lists it")
    named = [entry for entry in entries if not names or any(_fits(entry, name) for name in names)]
    return [entry for entry in named if older_than is None or entry.days > older_than]


def kept_table(entries: Sequence[Kept]) -> Table:
    """How large each is and how long ago it was written, the largest kind first; many of one kind are one row."""
    kinds: dict[str, list[Kept]] = {}
    for entry in entries:
        kinds.setdefault(entry.name.partition("/")[0], []).append(entry)
    rows = []
    for kind, several in sorted(kinds.items(), key=lambda item: -_bytes(item[1])):
        if len(several) > TOGETHER:
            newest = min(entry.days for entry in several)
            rows.append((f"{kind}/*", len(several), f"{_bytes(several) / 1e6:.1f}", f"{newest:.1f}"))
            continue
        for entry in sorted(several, key=lambda entry: -entry.size):
            rows.append((entry.name, 1, f"{entry.size / 1e6:.1f}", f"{entry.days:.1f}"))
    title = f"{_bytes(entries) / 1e6:,.1f} MB in {cache_folder()} and {runs_folder()}"
    return Table(("kept", "of them", "MB", "days old"), tuple(rows), title)


def remove(entries: Iterable[Kept]) -> Iterator[tuple[Kept, str]]:
    """Take them away, one by one; with each, why it was left, or nothing.

    What another process writes is left; what one has open stays readable to it where the system allows that.

    Law: a run that is being written stays, the others go (tests/roof/test_keeping.py).
    """
    for entry in entries:
        path = entry.path
        try:
            for lock in (path / ".lock", path.with_name(f".{path.name}.lock")):
                if lock.exists():
                    with only(lock, OSError("another process writes it")):
                        pass
            aside = path.with_name(f".{path.name}.old.part")  # renamed first: a half removed folder has no name
            path.rename(aside)
            if aside.is_dir():
                shutil.rmtree(aside)
            else:
                aside.unlink()
            yield entry, ""
        except OSError as error:
            yield entry, error.strerror or str(error)


def copy_lessons(folder: Path) -> list[Path]:
    """The lessons and their baselines in `folder/notebooks`, to be opened and changed.

    Raises:
        NotebookError: a file of that name is there already; nothing was copied.
    """
    source, target = shipped("notebooks"), folder / "notebooks"
    files = [*source.glob("*.ipynb"), *source.glob("baselines/*.json")]
    there = [path for path in files if (target / path.relative_to(source)).exists()]
    if there:
        raise NotebookError(f"{target / there[0].relative_to(source)} is there already; name another folder with -o")
    for path in files:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return sorted(target.glob("*.ipynb"))


def ready(names: Iterable[str] | None, *, accepted: bool = False) -> dict[str, Path]:
    """Have these assets (None = all of open licence), and of models what `lab.load` opens, in the cache; their places.

    Args:
        accepted: the terms of those that have some were agreed to.
    """
    from labkit import assets
    from labkit.models.catalog import entries

    places = assets.fetch(names, accepted=accepted)
    for entry in entries().values():
        gguf = places.get(entry.asset)
        if gguf is not None and gguf.is_file():
            from labkit.models.conversion import converted

            converted(gguf, entry.name, context=entry.context, terms=entry.terms)
    return places


def agreed(names: Iterable[str]) -> bool:
    """Whether a person at the terminal agrees to the terms of what has some among these assets and is not here yet."""
    import typer

    from labkit.assets import store
    from labkit.assets.manifest import select

    chosen = [(wheel.terms, member) for wheel, members in select(names).items() for member in members if wheel.terms]
    terms = sorted({terms for terms, member in chosen if not store.found(member)})
    return sys.stdin.isatty() and bool(terms) and typer.confirm(f"Do you agree to the {', '.join(terms)}?")


def assets_of_models(plan: "list[Job]") -> list[str]:
    """Of the catalog models that a parameter MODEL names."""
    from labkit.models.catalog import entries

    wanted = (entries().get(str(one.parameters.get("MODEL", "")).strip().lower()) for one in plan)
    return [entry.asset for entry in wanted if entry]


def asset_hashes(plan: "list[Job]") -> dict[str, str]:
    """Name → sha256 of the assets that the notebooks say they need."""
    from labkit.assets.manifest import find

    return {name: find(name)[1].sha256 for name in sorted({name for one in plan for name in one.assets})}


def _visible(folder: Path) -> list[Path]:
    """What lies in a folder under a name; drafts and locks have none, and a folder that is not there holds nothing."""
    return sorted(path for path in folder.glob("*") if not path.name.startswith("."))


def _things(kind: Path) -> list[Path]:
    """The entries of one kind: of assets the files in their folders of hashes."""
    if kind.name != "assets":
        return _visible(kind)
    return [path for home in _visible(kind) for path in _visible(home) if path.name != "stamp.json"]


def _kept(name: str, path: Path) -> Kept:
    files = [path] if path.is_file() else [inside for inside in path.rglob("*") if inside.is_file()]
    facts = [file.stat() for file in files]
    return Kept(
        name, path, sum(fact.st_size for fact in facts),
        max((fact.st_mtime for fact in facts), default=path.stat().st_mtime),
    )  # fmt: skip


def _fits(entry: Kept, name: str) -> bool:
    return fnmatchcase(entry.name, name) or entry.name.partition("/")[0] == name.rstrip("/")


def _bytes(entries: Iterable[Kept]) -> int:
    return sum(entry.size for entry in entries)
