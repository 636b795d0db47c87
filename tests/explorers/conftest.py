"""What the tests of explorers share: runs that they train lie in a folder of their own."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield
