"""What every test shares: no hub is ever asked, long tests run only when named, and several workers share the work.

    python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder        (make test)

A file's tests stay together on one worker, for they share what they loaded. A file whose tests are heavy names the
parameter that divides it: `pytestmark = pytest.mark.divided("lesson")`. What takes longest begins first.
"""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("WANDB_MODE", "disabled")
if "PYTEST_XDIST_WORKER" in os.environ:  # the workers already use every core
    os.environ.setdefault("OMP_NUM_THREADS", "1")

HEAVIEST = (
    "browser/test_lessons.py", "suite/test_faults.py", "suite/test_mutations.py", "explorers/test_kinds.py",
    "suite/test_executors.py", "suite/test_runs.py", "browser/test_guards.py", "assets/test_faults.py",
    "views/test_attention_browser.py",
)  # fmt: skip
"""Files of more than half a minute, the longest first: two workers then end at about the same time."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups for the workers, heaviest files first."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    items.sort(key=lambda item: next((i for i, name in enumerate(HEAVIEST) if name in item.nodeid), len(HEAVIEST)))


def group_of(item: pytest.Item) -> str:
    """The file, and where it is divided the value of its parameter."""
    file = item.nodeid.partition("::")[0]
    mark, call = item.get_closest_marker("divided"), getattr(item, "callspec", None)
    if mark and call and mark.args[0] in call.params:
        return f"{file}-{call.params[mark.args[0]]}"
    return file
