"""What every test shares: no hub is ever asked, long tests run only when named, and several workers share the work.

    python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder        (make test)

A file's tests stay together on one worker, for they share what they loaded. A file whose tests are heavy names the
parameter that divides it: `pytestmark = pytest.mark.divided("lesson")`. What took longest in the last runs begins
first, so that all workers end at about the same time; pytest's own cache (.pytest_cache) remembers the seconds.
"""

import os
from collections import defaultdict
from math import inf

import pytest

from tests.browser.desk import _desk, desk  # noqa: F401  # pyright: ignore[reportUnusedImport]

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("WANDB_MODE", "disabled")
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers already use every core
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SECONDS = "labkit/seconds"
"""In pytest's cache: test → seconds of its last run, with what was set up for it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Groups for the workers, those that took longest first; what never ran before begins at once."""
    known, took = remembered(config), defaultdict(float)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
        item.user_properties.append(("test", item.nodeid))  # xdist adds the group to the id itself
        took[group_of(item)] += known.get(item.nodeid, inf)
    items.sort(key=lambda item: -took[group_of(item)])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what a test took; with workers all reports come to the process that started them."""
    name = dict(report.user_properties).get("test")
    if isinstance(name, str):
        _took[name] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remember the seconds beside those of tests that did not run this time."""
    cache = getattr(session.config, "cache", None)
    if cache and _took and "PYTEST_XDIST_WORKER" not in os.environ:
        cache.set(SECONDS, {**remembered(session.config), **_took})


def remembered(config: pytest.Config) -> dict[str, float]:
    """The seconds of earlier runs; none without pytest's cache (`-p no:cacheprovider`)."""
    cache = getattr(config, "cache", None)
    return cache.get(SECONDS, {}) if cache else {}


_took: defaultdict[str, float] = defaultdict(float)


def group_of(item: pytest.Item) -> str:
    """The file, and where it is divided the value of its parameter."""
    file = item.nodeid.partition("::")[0]
    mark, call = item.get_closest_marker("divided"), getattr(item, "callspec", None)
    if mark and call and mark.args[0] in call.params:
        return f"{file}-{call.params[mark.args[0]]}"
    return file
