"""Fetch what is missing or damaged: one process at a time for each wheel, into the cache, all or nothing.

Ignores what a model or a tokenizer is.
"""

import errno
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from labkit.core.errors import AssetError
from labkit.core.locks import alone
from labkit.core.results import Table

from . import manifest, store
from .download import NoRoomError, download
from .manifest import Member, Wheel
from .progress import note, progress

FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


def member(name: str) -> Path:
    """The file or folder called `name` in the cache, fetched first if it is not there.

    Its sizes and times are compared with those noted when its sha256 was last computed; a damaged member is said to
    be so, with both hashes, and fetched again.

    Raises:
        AssetError: unknown name, no network, or a cache that cannot be written.

    Law: the same bytes on every machine; never a part of them (tests/assets).
    """
    wheel, wanted = manifest.find(name)
    if store.found(wanted) != wanted.sha256:
        _fetch(wheel, [wanted])
    return store.place(wanted)


def fetch(names: Iterable[str] | None = None, *, accepted: bool = False) -> dict[str, Path]:
    """Have these members in the cache, each with its sha256 computed now; gives their places by name.

    Args:
        names: None = all that come under an open licence.
        accepted: the terms of those that do not were read and agreed to.

    Raises:
        AssetError: unknown name, terms not accepted, no network, or a cache that cannot be written; what was fetched
            before stays.

    Law: without `accepted` nothing that has terms is ever downloaded (tests/assets/test_fetching.py).
    """
    if names is None:
        names = [member.name for wheel in manifest.wheels() if not wheel.terms for member in wheel.members]
    chosen = manifest.select(names)
    for wheel, members in chosen.items():
        _fetch(wheel, members, thorough=True, accepted=accepted)
    return {member.name: store.place(member) for members in chosen.values() for member in members}


def status() -> Table:
    """Every pinned member: what it is for, its size and licence, and whether it is in the cache."""
    rows = [
        (member.name, member.what, _state(member), member.size / 1e6, member.licence, f"{wheel.name} {wheel.version}")
        for wheel in manifest.wheels()
        for member in wheel.members
    ]
    columns = ("asset", "what", "state", "size (MB)", "licence", "wheel")
    return Table(columns, tuple(rows), title=f"Assets in {store.assets_folder()}")


def _state(member: Member) -> str:
    return {member.sha256: "ready", "": "missing"}.get(store.found(member), "damaged")


def _fetch(wheel: Wheel, wanted: list[Member], *, thorough: bool = False, accepted: bool = False) -> None:
    """Have these members of one wheel; what else of that wheel is missing comes with the same download."""
    if _missing(wanted, thorough):
        if wheel.terms and not accepted:
            name = wanted[0].name
            raise AssetError(
                f"{name} is not in the cache, and may only be used under the {wheel.terms}; whoever agrees to them "
                f"runs `labkit fetch {name.partition('.')[0]} --accept-licence`"
            )
        lock = store.assets_folder() / f".{wheel.name}.lock"
        with _cache_errors(wheel), alone(lock, f"fetching {wheel.name}", note):
            missing = _missing(wheel.members, thorough)  # asked again: another process may have been faster
            if missing:
                store.sweep(wheel)
                _fill(wheel, missing, asset=wanted[0].name)


def _missing(members: Iterable[Member], thorough: bool) -> list[Member]:
    return [member for member in members if store.found(member, thorough=thorough) != member.sha256]


def _fill(wheel: Wheel, missing: list[Member], asset: str) -> None:
    for member in missing:
        if now := store.found(member, thorough=True):
            note(store.mismatch(str(store.place(member)), member.sha256, now) + "; fetching it again")
            store.discard(member)
    unpacked = sum(member.size for member in missing)
    _check_room(2 * _to_download(wheel) + unpacked)  # pip writes a wheel twice
    folder = tempfile.TemporaryDirectory(prefix=f".{wheel.name}.", suffix=".part", dir=store.assets_folder(),
                                         ignore_cleanup_errors=True)  # fmt: skip
    with folder as name:
        archives = [download(one, Path(name) / one.name, asset) for one in wheel.all_wheels]
        what = missing[0].name if len(missing) == 1 else f"{len(missing)} assets of {wheel.name}"
        with progress(f"Unpacking {what}", unpacked) as update:
            done = 0

            def advance(count: int) -> None:
                nonlocal done
                done += count
                update(done)

            for member in missing:
                store.install(member, archives, advance)


def _to_download(wheel: Wheel) -> int:
    return sum(one.size for one in wheel.all_wheels)


def _check_room(needed: int) -> None:
    free = shutil.disk_usage(store.assets_folder()).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free")


@contextmanager
def _cache_errors(wheel: Wheel) -> Iterator[None]:
    """An error of the file system as one sentence with its remedy."""
    try:
        yield
    except (OSError, NoRoomError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        full = isinstance(error, NoRoomError) or error.errno in FULL
        needed = (2 * _to_download(wheel) + sum(member.size for member in wheel.members)) / 1e6
        remedy = (
            f"free {needed:.0f} MB there, or set LABKIT_CACHE to a folder with room" if full
            else "set LABKIT_CACHE to a folder that you may write to"
        )  # fmt: skip
        raise AssetError(f"cannot write to the cache folder {store.assets_folder()}: {reason}; {remedy}") from error
