"""Where the lab keeps what it fetched and what it made, and how it writes there without leaving halves behind.

    cache_folder()   fetched and converted files; LABKIT_CACHE, else the platform's user cache
    runs_folder()    executed notebooks, reports, trained models; LABKIT_RUNS, else ./runs

Everything that is written for keeps is written under another name first and renamed when complete: a reader sees
the whole file or none, whenever the writer was killed.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OptionError

FRESH = "LABKIT_FRESH"
"""The environment variable under which nothing is read that an earlier process computed."""


def cache_folder() -> Path:
    """The folder of fetched and converted files; not created here.

    Raises:
        OptionError: LABKIT_CACHE is in the home of a user whom this machine does not know, or it has none for this one.
    """
    from platformdirs import user_cache_path

    try:
        return _named("LABKIT_CACHE") or user_cache_path("labkit", appauthor=False)
    except RuntimeError as error:
        raise OptionError(
            "no home folder is known (HOME is not set, and this user has no name); set LABKIT_CACHE to a folder"
        ) from error


def _named(variable: str) -> Path | None:
    """The folder that an environment variable names, if it does."""
    named = os.environ.get(variable)
    try:
        return Path(named).expanduser().absolute() if named else None
    except RuntimeError as error:
        raise OptionError(f"{variable}={named}: this machine has no such user; set it to a folder") from error


def runs_folder() -> Path:
    """The folder of runs: LABKIT_RUNS, else `runs` beside the current folder's `notebooks`, else `./runs`."""
    if named := _named("LABKIT_RUNS"):
        return named
    here = Path.cwd()
    return (here.parent if here.name == "notebooks" else here) / "runs"


def shipped(name: str) -> Path:
    """`data` or `notebooks`: in a checkout beside the package, in an installed wheel inside it."""
    inside = Path(__file__).parents[1] / "shipped" / name
    return inside if inside.is_dir() else Path(__file__).parents[2] / name


@contextmanager
def atomic_folder(final: Path) -> Iterator[Path]:
    """A new folder to fill; it gets its name `final` when the block ends without an error, else it is removed.

    If `final` appeared meanwhile (another process was faster), that one stays and this one is removed.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent))
    try:
        yield draft
        try:
            draft.chmod(0o755)
            draft.rename(final)
        except OSError:
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def atomic_file(final: Path) -> Iterator[Path]:
    """A path to write to; it replaces `final` when the block ends without an error, else it is removed."""
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", suffix=".part", dir=final.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o644)
        draft.replace(final)
    finally:
        draft.unlink(missing_ok=True)


def sweep(folder: Path, most: int, *, keep: Path) -> None:
    """Remove the entries of a cache folder, files or folders, that were not used for longest, until the rest is small.

    Args:
        most: bytes that all entries together may hold; `keep` does not count, and always stays.

    Law: the oldest go first, and only as many as must (tests/core/test_paths.py).
    """
    entries = [(path.stat().st_mtime, _size(path), path) for path in folder.iterdir() if path != keep]
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= most:
            return
        total -= size
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return sum(_size(inside) for inside in path.iterdir()) if path.is_dir() else path.stat().st_size
