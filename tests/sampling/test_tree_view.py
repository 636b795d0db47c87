"""The drawing of a tree: nobody stands on anybody, everything is escaped, what is left out is said."""

import itertools
import re

import numpy as np
import pytest

from labkit import views
from labkit.core.results import TokenTree
from labkit.views import tree


def random_tree(size, seed=0):
    rng = np.random.default_rng(seed)
    parents = [-1] + [int(rng.integers(-1, node)) for node in range(1, size)]
    return TokenTree(tuple(f" t{i}" for i in range(size)), tuple(parents), -rng.random(size), prompt="so")


@pytest.mark.parametrize("size", [1, 2, 10, 60, 149])
def test_no_two_nodes_of_a_depth_share_a_row(size):
    result = random_tree(size, size)
    places = tree.lay_out(result, list(range(size)))
    assert len(places) == size
    for depth in {d for _, d in places.values()}:
        rows = sorted(row for row, d in places.values() if d == depth)
        assert all(b - a >= 0.999 for a, b in itertools.pairwise(rows)), (depth, rows)


def test_of_too_many_nodes_the_likeliest_are_drawn_with_their_parents_and_a_note():
    result = random_tree(1000)
    shown = tree.most_likely(result, 150)
    assert len(shown) == 150 and all(result.parents[node] in (-1, *shown) for node in shown)
    assert "The 150 likeliest of 1,000 nodes" in views.html(result)
    assert "likeliest of" not in views.html(random_tree(150))


def test_tokens_titles_and_prompts_are_escaped():
    evil = "<script>alert('\"')</script>"
    result = TokenTree((evil, evil), (-1, 0), np.zeros(2), (True, False), (2, 1), prompt=evil, title=evil)
    page = views.html(result)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"""data-moves="[^"]*<""", page)


def test_the_words_tell_the_likeliest_path():
    result = TokenTree((" a", " b", " c"), (-1, -1, 1), np.log([0.9, 0.1, 0.5]), prompt="x", title="T")
    assert views.twin(result) == "T: a tree of 3 tokens, 2 deep, after 'x'. Likeliest to the end: ' b c', p 0.0500."
    assert views.data(result)["text"] == [" a", " b", " b c"]
    for said in (views.twin, views.html):
        assert "there are no tokens" in said(TokenTree((), (), np.zeros(0)))
