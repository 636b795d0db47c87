"""Every error of the lab's is a LabError, and a mistyped name gets an offer."""

import inspect

import pytest

from labkit.core import errors
from labkit.core.errors import LabError, OptionError, closest


def test_every_error_of_the_family_is_a_LabError_that_says_what_it_is_for():
    family = [thing for _, thing in inspect.getmembers(errors, inspect.isclass) if thing.__module__ == errors.__name__]
    assert len(family) > 5
    assert all(issubclass(error, LabError) and error.__doc__ for error in family)


def test_a_notebook_shows_one_sentence():
    from IPython.core.interactiveshell import InteractiveShell

    shell, shown = InteractiveShell(), []
    shell._showtraceback = lambda kind, error, lines: shown.extend(lines)
    shell.run_cell(
        "from labkit.core.errors import OptionError\ndef deep(): raise OptionError('top is 2; take 1')\ndeep()"
    )
    assert shown == ["OptionError: top is 2; take 1"]


def test_a_wrong_option_is_a_ValueError_too():
    with pytest.raises(ValueError):
        raise OptionError("top_p is 2, but must be at most 1; use top_p=1 for no cut")


@pytest.mark.parametrize("name, offer", [
    ("smollm2-135", "did you mean 'smollm2-135m'?"),
    ("minlm", "did you mean 'minilm'?"),
    ("MiniLM", "did you mean 'minilm'?"),
    ("zzz", "known names: smollm2-135m, minilm"),
    ("", "known names: smollm2-135m, minilm"),
])  # fmt: skip
def test_a_mistyped_name_gets_the_closest_ones_or_the_list(name, offer):
    assert closest(name, ("smollm2-135m", "minilm")) == offer


def test_where_nothing_is_known_that_is_said():
    assert closest("name", ()) == "none is known so far"


def test_a_long_list_is_cut_after_twelve_and_counted():
    offer = closest("qqqq", [f"name{number}" for number in range(30)])
    assert offer.startswith("known names: name0, ") and offer.endswith("name11 … (30 in all)")
