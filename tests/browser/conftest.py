"""A JupyterLab and a Chromium for each module of browser tests; without Chromium they say that they did not run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from . import jupyter


@dataclass
class Desk:
    """A server, a browser, and the folder that holds the notebooks."""

    server: jupyter.Server
    chromium: Any

    def opened(self, notebook: str, **look: Any) -> Any:
        """A notebook of the folder, open; see `jupyter.opened`."""
        return jupyter.opened(self.chromium, self.server, notebook, **look)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """JupyterLab in Chromium, cut off from the network where the system allows.

    Where there is no Chromium the tests are skipped with the reason; with LABKIT_REQUIRE_BROWSER=1 they fail.
    """
    jupyter.require()
    place = tmp_path_factory.mktemp("browser")
    folder = place / "notebooks"
    folder.mkdir()
    with jupyter.served(folder, place / "home") as server, jupyter.browser(server) as chromium:
        yield Desk(server, chromium)
