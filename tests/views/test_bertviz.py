"""bertviz's views without a browser: sizes, refusals, escaping."""

import re

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.core.results import HeadPatterns
from labkit.views import bertviz

from .test_attention import document, patterns

SCRIPTS = ("/* jquery */", "/* d3 </script> */")


@pytest.mark.parametrize("view", ["head", "model"])
def test_each_library_is_in_the_frame_once_and_nothing_else_is_loaded(view):
    page = document(bertviz.page(patterns(), SCRIPTS, view=view))
    assert page.count("/* jquery */") == 1
    assert page.count("/* d3 ") == 1
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", page)


def test_no_token_ends_the_script():
    nasty = patterns(tokens=("a", "</script><script>alert(1)</script>", "b"))
    plain = patterns(tokens=("a", "x", "b"))
    scripts = [document(bertviz.page(p, SCRIPTS)).count("<script") for p in (nasty, plain)]
    assert scripts[0] == scripts[1]


def test_what_a_browser_would_not_draw_is_refused_with_its_size():
    tokens = tuple(map(str, range(64)))
    large = HeadPatterns(tokens, tokens, np.zeros((30, 9, 64, 64), np.float32), tuple(range(30)))
    with pytest.raises(OptionError, match=r"1,105,920 weights; bertviz would write 49 MB .* choose fewer layers="):
        bertviz.page(large, SCRIPTS, view="model")


def test_bad_choices_are_refused():
    with pytest.raises(OptionError, match="has no view 'tail'; use head, model, neuron"):
        bertviz.page(patterns(), SCRIPTS, view="tail")
    with pytest.raises(OptionError, match="pass both"):
        bertviz.page(patterns(), SCRIPTS, view="neuron")
    with pytest.raises(OptionError, match="choose one head or more"):
        bertviz.page(HeadPatterns(("a",), ("a",), np.empty((1, 0, 1, 1), np.float32), (0,)), SCRIPTS)


def test_the_scripts_of_the_installed_bertviz_ask_for_nothing_that_the_stand_in_lacks():
    from importlib.resources import files

    for view in bertviz.VIEWS:
        code = files("bertviz").joinpath(f"{view}_view.js").read_text("utf-8")
        assert set(re.findall(r"\brequire(?:js)?\b(\.\w+|\()", code)) == {".config", "("}
        assert re.search(r"requirejs\(\['jquery', 'd3'\]", code)
