"""A result whose sizes disagree cannot be made; the error names them."""

import dataclasses
import pickle
import re

import numpy as np
import pytest

from labkit.core import results
from labkit.core.errors import ShapeError
from labkit.core.results import (
    Bars,
    ChoiceGrid,
    Curve,
    HeadPatterns,
    LayerGrid,
    Points,
    Samples,
    Table,
    TokenScores,
    TokenSplit,
    TokenTree,
)

WHOLE = {
    TokenSplit: {"tokens": ("a", "b"), "ids": (1, 2)},
    TokenScores: {"tokens": ("a", "b"), "values": np.zeros(2), "hover": ("x", "y")},
    HeadPatterns: {
        "query_tokens": ("a", "b"), "key_tokens": ("a", "b", "c"), "values": np.zeros((2, 4, 2, 3)), "layers": (0, 5),
        "classes": (("sink",) * 4, ("mean",) * 4), "heads": (0, 1, 2, 8),
    },
    LayerGrid: {
        "values": np.zeros((2, 3)), "row_labels": ("a", "b"), "column_labels": ("x", "y", "z"),
        "text": (("",) * 3, ("",) * 3),
    },
    ChoiceGrid: {"values": np.zeros((2, 3)), "row_labels": ("a", "b"), "chosen": (1, 2)},
    Curve: {"name": "c", "x": np.zeros(3), "y": np.zeros(3), "low": np.zeros(3), "high": np.zeros(3)},
    Bars: {"labels": ("a", "b"), "values": np.zeros((3, 2)), "groups": ("x", "y", "z"), "low": np.zeros((3, 2))},
    Points: {"x": np.zeros(2), "y": np.zeros(2), "labels": ("a", "b"), "groups": ("g", "h")},
    Samples: {
        "prompts": ("p",), "texts": ("ab",), "tokens": (("a", "b"),), "ids": ((1, 2),), "logprobs": (np.zeros(2),),
        "truncated_logprobs": (np.zeros(2),), "entropies": (np.zeros(2),), "ended": ("eos",),
    },
    TokenTree: {
        "tokens": ("a", "b", "c"), "parents": (-1, 0, 0), "logprobs": np.zeros(3), "kept": (True, True, False),
        "counts": (2, 1, 1),
    },
    Table: {"columns": ("a", "b"), "rows": ((1, 2), (3, 4))},
}  # fmt: skip
WRONG = [
    (TokenSplit, {"ids": (1,)}, "tokens has 2, ids has 1"),
    (TokenScores, {"values": np.zeros(3)}, "tokens has 2, values has 3"),
    (TokenScores, {"hover": ("x",)}, "tokens has 2, hover has 1"),
    (HeadPatterns, {"values": np.zeros((2, 2, 3))}, "wants (layer, head, query, key), got shape (2, 2, 3)"),
    (HeadPatterns, {"layers": (0,)}, "layers has 1, values has 2"),
    (HeadPatterns, {"query_tokens": ("a",)}, "query_tokens has 1, values has 2"),
    (HeadPatterns, {"key_tokens": ("a",)}, "key_tokens has 1, values has 3"),
    (HeadPatterns, {"classes": (("sink",) * 4,)}, "classes has 1, layers has 2"),
    (HeadPatterns, {"heads": (0,)}, "heads has 1, values has 4"),
    (LayerGrid, {"values": np.zeros(6)}, "wants (row, column), got shape (6,)"),
    (LayerGrid, {"row_labels": ("a",)}, "row_labels has 1, values has 2"),
    (LayerGrid, {"column_labels": ("a",)}, "column_labels has 1, values has 3"),
    (LayerGrid, {"text": (("",) * 3, ("",) * 2)}, "text has (3, 2), values has (3, 3)"),
    (LayerGrid, {"text": (("",) * 3,)}, "text has (3,), values has (3, 3)"),
    (ChoiceGrid, {"row_labels": ("a",)}, "row_labels has 1, values has 2"),
    (ChoiceGrid, {"chosen": (2, 0)}, "cell (2, 0) is not in a grid of shape (2, 3)"),
    (ChoiceGrid, {"chosen": (0, -1)}, "cell (0, -1) is not in a grid of shape (2, 3)"),
    (Curve, {"y": np.zeros(4)}, "Curve 'c': sizes must agree, but x has 3, y has 4"),
    (Curve, {"low": np.zeros(2)}, "low has 2"),
    (Curve, {"high": np.zeros(4)}, "high has 4"),
    (Bars, {"labels": ("a",)}, "labels has 1, values has 2"),
    (Bars, {"groups": ("x",)}, "groups has 1, values has 3"),
    (Bars, {"low": np.zeros(2)}, "low has (2,), values has (3, 2)"),
    (Bars, {"high": np.zeros((2, 3))}, "high has (2, 3), values has (3, 2)"),
    (Bars, {"values": np.zeros((1, 3, 2))}, "wants (bar,) or (group, bar), got shape (1, 3, 2)"),
    (Points, {"y": np.zeros(3)}, "x has 2, y has 3"),
    (Points, {"labels": ("a",)}, "labels has 1"),
    (Points, {"groups": ("g",)}, "x has 2, groups has 1"),
    (Samples, {"prompts": ("p", "q")}, "prompts has 2, texts has 1"),
    (Samples, {"ids": ((1, 2, 3),)}, "tokens has (2,), ids has (3,), logprobs has (2,)"),
    (Samples, {"logprobs": (np.zeros(1),)}, "logprobs has (1,)"),
    (Samples, {"truncated_logprobs": (np.zeros(1),)}, "truncated_logprobs has (1,)"),
    (Samples, {"entropies": (np.zeros(2), np.zeros(2))}, "entropies has (2, 2)"),
    (Samples, {"ended": ("eos", "eos")}, "ended has 2, texts has 1"),
    (TokenTree, {"parents": (-1, 0)}, "tokens has 3, parents has 2"),
    (TokenTree, {"logprobs": np.zeros(1)}, "logprobs has 1"),
    (TokenTree, {"kept": (True,)}, "tokens has 3, kept has 1"),
    (TokenTree, {"counts": (1,)}, "tokens has 3, counts has 1"),
    (TokenTree, {"parents": (-1, 1, 0)}, "a node stands before its parent"),
    (TokenTree, {"parents": (-2, 0, 0)}, "a node stands before its parent"),
    (Table, {"rows": ((1, 2), (3,))}, "columns has 2, row has 1"),
]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_result_whose_sizes_agree_can_be_made_and_travels_between_processes(kind):
    result = kind(**WHOLE[kind])
    back = pickle.loads(pickle.dumps(result))
    for field in dataclasses.fields(kind):
        np.testing.assert_equal(getattr(back, field.name), getattr(result, field.name))


@pytest.mark.parametrize("kind, change, message", WRONG, ids=[f"{k.__name__} {next(iter(c))}" for k, c, _ in WRONG])
def test_a_result_whose_sizes_disagree_is_refused_with_its_numbers(kind, change, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        kind(**WHOLE[kind] | change)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_result_cannot_be_changed(kind):
    result = kind(**WHOLE[kind])
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, dataclasses.fields(kind)[0].name, ())


def test_every_result_type_has_its_sizes_tested_here():
    types = {thing for thing in vars(results).values() if dataclasses.is_dataclass(thing)}
    types -= {results.Curves}  # holds nothing but Curves, which check themselves
    assert set(WHOLE) == types, "give each new type an example in WHOLE"
    assert {kind for kind, *_ in WRONG} == types, "give each new type its wrong sizes in WRONG"


def test_a_path_in_a_tree_leads_from_the_prompt_to_the_node():
    tree = TokenTree(("a", "b", "c", "d"), (-1, 0, 1, 0), np.zeros(4))
    assert [tree.path(node) for node in range(4)] == [(0,), (0, 1), (0, 1, 2), (0, 3)]


@pytest.mark.parametrize("kind", [TokenSplit, TokenScores, Points, Bars])
def test_an_empty_result_is_one_too(kind):
    empty = {name: value[:0] for name, value in WHOLE[kind].items() if name not in ("groups", "low", "values")}
    if "values" in WHOLE[kind]:
        empty["values"] = np.zeros(0)
    kind(**empty)


def test_a_table_gives_its_columns_its_length_and_a_frame():
    table = Table.of([{"a": 1, "b": "x"}, {"b": "y", "a": 2}], title="t", notes=["n"])
    assert table["b"] == ["x", "y"]
    assert len(table) == 2
    assert table.frame().to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    assert table.notes == ("n",)
    assert len(Table.of([])) == 0
    assert table.without("a") == Table(("b",), (("x",), ("y",)), "t", ("n",))
