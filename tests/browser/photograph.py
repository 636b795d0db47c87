"""Photograph a notebook as JupyterLab draws it in Chromium.

    python -m tests.browser.photograph NOTEBOOK [--dark] [-o DIR] [--no-run] [--width 1100] [--height 1500]

Runs the notebook in a copy (nothing is saved into the original) and writes NAME-light-01.png, -02 … from top to
bottom, then prints the files, cell errors, JavaScript errors, and addresses asked for outside this machine. Exit
status 1 if there were any.
"""

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .jupyter import Lesson, browser, opened, served, why_not


@dataclass(frozen=True)
class Shot:
    """One screenful, full width."""

    file: Path
    top: float
    """Where it begins, in pixels from the notebook's top."""
    height: float


def photograph(lesson: Lesson, stem: Path) -> list[Shot]:
    """The notebook from top to bottom, one file a screenful."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    size = lesson.page.evaluate(
        """() => { const s = [...document.querySelectorAll('.jp-Notebook, .jp-Notebook *')].find(
            e => e.scrollHeight > e.clientHeight + 4 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowY)
                 && e.querySelector('.jp-Cell')) || document.querySelector('.jp-Notebook');
        window.lkScroller = s; s.scrollTop = 0; const box = s.getBoundingClientRect();
        return [s.scrollHeight, s.clientHeight, box.x, box.y, box.width, box.height]; }"""
    )
    total, seen, x, y, wide, high = size
    shots, top = [], 0
    while True:
        lesson.page.evaluate("top => { lkScroller.scrollTop = top; }", top)
        lesson.page.wait_for_timeout(150)
        at = lesson.page.evaluate("() => lkScroller.scrollTop")
        skip = top - at  # the last screenful cannot scroll as far
        clip = {"x": x, "y": y + skip, "width": wide, "height": min(high, total - at) - skip}
        file = stem.with_name(f"{stem.name}-{len(shots) + 1:02d}.png")
        lesson.page.screenshot(path=file, clip=clip)
        shots.append(Shot(file, top, clip["height"]))
        top += seen
        if top >= total - 2:
            return shots


def main() -> int:
    """The command line; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--no-run", action="store_true", help="show the outputs stored in the notebook")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/screens"), metavar="DIR")
    parser.add_argument("--width", type=int, default=1100)
    parser.add_argument("--height", type=int, default=1500)
    parser.add_argument("--seconds", type=float, default=600, help="limit for running all cells")
    options = parser.parse_args()
    if reason := why_not():
        raise SystemExit(f"cannot photograph: {reason}")
    with tempfile.TemporaryDirectory(prefix="labkit-photograph-") as place:
        folder = Path(place) / "notebooks"
        folder.mkdir()
        shutil.copy(options.notebook, folder)
        with served(folder, Path(place) / "home") as server, browser(server) as chromium:
            return _shoot(options, chromium, server)


def _shoot(options: argparse.Namespace, chromium: object, server: object) -> int:
    look = {"dark": options.dark, "width": options.width, "height": options.height}
    stem = options.output / f"{options.notebook.stem}-{'dark' if options.dark else 'light'}"
    with opened(chromium, server, options.notebook.name, **look) as lesson:  # pyright: ignore[reportArgumentType]
        if not options.no_run:
            lesson.run_all(seconds=options.seconds)
        for shot in photograph(lesson, stem):
            print(shot.file)
        failed = [f"cell {index}: {output['ename']}: {output['evalue']}" for index, cell in enumerate(lesson.cells())
                  for output in cell.get("outputs", []) if output["output_type"] == "error"]  # fmt: skip
    troubles = failed + [f"JavaScript: {e}" for e in lesson.errors] + [f"outside: {s}" for s in lesson.strangers]
    print("\n".join(troubles) or "no errors, no address outside this machine")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
