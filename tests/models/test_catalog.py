"""The catalog: facts that a reader can use."""

import tomllib
from pathlib import Path

import numpy as np

import labkit as lab
from labkit.models import by_size, known_models
from labkit.models.catalog import entries


def test_the_catalog_is_a_table_of_every_entry():
    table = lab.catalog()
    assert table["name"] == list(entries())
    assert all(all(value not in ("", None) for value in row) for row in table.rows)


def test_every_entry_names_an_asset_that_is_pinned():
    from labkit.assets import status

    assert {entry.asset for entry in entries().values()} <= set(status()["asset"])


def test_known_models_stand_by_size_with_their_sources(tiny_folder):
    lm = lab.load(tiny_folder)
    table = known_models(lm)
    sizes = table["parameters (million)"]
    assert sizes == sorted(sizes) and len(table) == len(known_models()) + 1
    assert all(table["source"])
    for name, parameters, tokens, figures in [
        ("GPT-2 (2019)", 1.5e9, 40e9, "estimate"),
        ("GPT-3 (2020)", 175e9, 300e9, "published"),
        ("Llama 3.1 405B (2024)", 405e9, 15.6e12, "published"),
        ("GPT-4 (2023)", 1.8e12, 13e12, "estimate"),
    ]:
        row = table.rows[table["model"].index(name)]
        assert (row[2] * 1e6, row[3] * 1e9, row[4]) == (parameters, tokens, figures)


def test_an_estimate_says_where_it_comes_from():
    facts = tomllib.loads((Path(lab.__file__).parents[1] / "data" / "known_models.toml").read_text("utf-8"))["model"]
    estimates = [fact for fact in facts if fact.get("estimate")]
    assert {fact["name"] for fact in estimates} == {"BERT large", "GPT-2", "GPT-4"}
    assert all(fact["note"] for fact in estimates)


def test_the_chart_of_sizes_has_a_point_for_each_model_with_known_tokens(tiny_folder):
    points = by_size(lab.load(tiny_folder))
    assert len(points.labels) == len(known_models()), "the tiny model's tokens are unknown, so it has no place"
    assert np.isfinite(np.log(points.x)).all() and np.isfinite(np.log(points.y)).all()
