"""The catalog: facts that a reader can use."""

import labkit as lab
from labkit.models.catalog import entries


def test_the_catalog_is_a_table_of_every_entry():
    table = lab.catalog()
    assert table["name"] == list(entries())
    assert all(all(value not in ("", None) for value in row) for row in table.rows)


def test_every_entry_names_an_asset_that_is_pinned():
    from labkit.assets import status

    assert {entry.asset for entry in entries().values()} <= set(status()["asset"])
