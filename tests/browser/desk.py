"""One JupyterLab and one Chromium a worker for all browser tests; without Chromium they say that they did not run."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from . import jupyter


@dataclass
class Desk:
    """A server, a browser, and the folder that holds the notebooks; each test names its own."""

    server: jupyter.Server
    chromium: Any
    loop: asyncio.AbstractEventLoop
    """playwright's, which it leaves marked as running; it is not between these tests, since others start their own"""

    def opened(self, notebook: str, **look: Any) -> Any:
        """A notebook of the folder, open; see `jupyter.opened`."""
        return jupyter.opened(self.chromium, self.server, notebook, **look)

    def written(self, name: str, *sources: str) -> str:
        """A notebook of these cells in the folder; gives its name."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(book, self.server.folder / f"{name}.ipynb")
        return f"{name}.ipynb"

    def trusted(self, notebook: Path) -> str:
        """An executed notebook in the folder, whose outputs JupyterLab shows as if it had run here; gives its name."""
        book = nbformat.read(notebook, as_version=4)
        NotebookNotary(data_dir=str(self.server.home / "data")).sign(book)
        nbformat.write(book, self.server.folder / notebook.name)
        return notebook.name


@pytest.fixture(scope="session")
def _desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    jupyter.require()
    place = tmp_path_factory.mktemp("browser")
    folder = place / "notebooks"
    folder.mkdir()
    with jupyter.served(folder, place / "home") as server, jupyter.browser(server) as chromium:
        desk = Desk(server, chromium, asyncio.get_running_loop())
        asyncio._set_running_loop(None)
        yield desk
        asyncio._set_running_loop(desk.loop)


@pytest.fixture
def desk(_desk: Desk) -> Iterator[Desk]:
    """JupyterLab in Chromium, cut off from the network where the system allows.

    Where there is no Chromium the tests are skipped with the reason; with LABKIT_REQUIRE_BROWSER=1 they fail.
    """
    asyncio._set_running_loop(_desk.loop)
    yield _desk
    asyncio._set_running_loop(None)
