"""Whatever way a product goes, it is the same product; what was measured is kept; a changed weight is seen."""

import json

import pytest
import torch

from labkit.sampling import products
from labkit.sampling.products import BLOCKS, LEFT, LINEAR, MV, Product, times, way_of

ONE, MANY = (MV, BLOCKS), (LINEAR, LEFT)


@pytest.fixture
def choose(monkeypatch):
    """choose(way): that way for every product, however small."""

    def chosen(way):
        monkeypatch.setattr(products, "way_of", lambda weight, rows: way)

    return chosen


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(products, "_FOUND", {})
    return tmp_path / "products.json"


def weight(out=40, inputs=24, seed=0):
    return torch.randn(out, inputs, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("way", ONE)
@pytest.mark.parametrize("out", [40, 64, 7, 1])
def test_each_way_gives_the_product_with_one_vector(choose, way, out):
    choose(way)
    w, vector = weight(out), weight(1)[0]
    found = Product(w).into(vector, torch.empty(out))
    torch.testing.assert_close(found, (w.double() @ vector.double()).float(), atol=1e-5, rtol=1e-5)


def test_blocks_are_the_weight_itself_and_only_where_they_are_even():
    w = weight(40)
    assert products.in_blocks(w).shape == (8, 5, 24) and products.in_blocks(w).data_ptr() == w.data_ptr()
    assert products.in_blocks(weight(7)) is None and products.in_blocks(w.t().contiguous().t()) is None


@pytest.mark.parametrize("way", MANY)
def test_each_way_gives_the_product_with_several(choose, way):
    choose(way)
    w, x = weight(), weight(7)
    found = times(x, w)
    assert found.is_contiguous()
    torch.testing.assert_close(found, (x.double() @ w.double().T).float(), atol=1e-5, rtol=1e-5)


def edited(w):
    w.data[3, 5] += 1e-3


def replaced(w):
    w.data = w.data.clone()
    w.data[0] *= 2


def swapped(w):
    w.data[[0, 1]] = w.data[[1, 0]]


@pytest.mark.parametrize("way", ONE)
@pytest.mark.parametrize("change", [edited, replaced, swapped])
def test_a_changed_weight_is_seen_by_the_next_text(choose, tiny_llama, change, way):
    from labkit.sampling.llama import LlamaRunner

    choose(way)
    model, row = tiny_llama(seed=4).requires_grad_(False), [3, 1, 4]

    def logits():
        runner = LlamaRunner(model)
        runner.begin([row])
        return runner.advance(torch.tensor([[5]]))

    before = logits()
    change(model.model.layers[0].mlp.down_proj.weight)
    after = logits()
    assert (before - after).abs().max() > 0
    torch.testing.assert_close(after[0, 0], model(torch.tensor([[*row, 5]])).logits[0, -1], atol=1e-5, rtol=1e-5)


def test_a_shape_is_measured_once_and_the_next_process_reads_it(own_cache, monkeypatch):
    asked = []

    def measured(*shape):
        asked.append(shape)
        return {MV: [1.0, 1.1], BLOCKS: [0.6, 0.5]}

    monkeypatch.setattr(products, "measured", measured)
    large = torch.empty(1024, 512)
    assert [way_of(large, 1), way_of(large, 1)] == [BLOCKS, BLOCKS] and asked == [(1024, 512, 1)]
    (kept,) = json.loads(own_cache.read_text()).values()
    assert kept == products.found() == {"1024 x 512, 1 vector": BLOCKS}
    monkeypatch.setattr(products, "_FOUND", {})
    assert way_of(large, 1) == BLOCKS and len(asked) == 1


@pytest.mark.parametrize("gain, way", [(1.05, LINEAR), (1.5, LEFT)])
def test_another_way_must_be_worth_it(own_cache, monkeypatch, gain, way):
    monkeypatch.setattr(products, "measured", lambda *_: {LINEAR: [gain] * 2, LEFT: [1.0] * 2})
    assert way_of(torch.empty(1024, 512), 32) == way


def test_what_a_busy_machine_measured_is_used_and_not_remembered(own_cache, monkeypatch):
    monkeypatch.setattr(products, "measured", lambda *_: {MV: [9.0, 1.0, 4.0], BLOCKS: [2.0, 2.1]})
    large = torch.empty(1024, 512)
    assert [way_of(large, 1), way_of(large, 1)] == [MV, MV] and not own_cache.exists()
    monkeypatch.setattr(products, "measured", lambda *_: {MV: [1.0, 1.0], BLOCKS: [0.5, 0.5]})
    assert way_of(torch.empty(512, 1024), 1) == BLOCKS
    assert json.loads(own_cache.read_text()).popitem()[1] == {"512 x 1024, 1 vector": BLOCKS}
    monkeypatch.setattr(products, "_FOUND", {})
    assert way_of(large, 1) == BLOCKS


@pytest.mark.parametrize("content", ["", "[]", '{"x": 3}', "{"])
def test_a_damaged_record_is_measured_anew(own_cache, monkeypatch, content):
    own_cache.write_text(content)
    monkeypatch.setattr(products, "measured", lambda *_: {MV: [2.0] * 2, BLOCKS: [1.0] * 2})
    assert way_of(torch.empty(1024, 512), 1) == BLOCKS
    assert BLOCKS in own_cache.read_text()


def test_small_weights_prompts_and_other_types_are_never_measured(monkeypatch):
    monkeypatch.setattr(products, "measured", None)
    large = torch.empty(1024, 512)
    assert way_of(weight(), 1) == way_of(large.double(), 1) == MV
    assert {way_of(weight(), 32), way_of(large, 500), way_of(large.double(), 8)} == {LINEAR}


def test_every_way_is_measured(monkeypatch):
    monkeypatch.setattr(products, "MEASURED", 1)
    assert set(products.measured(256, 64, 1)) == set(ONE) and set(products.measured(64, 64, 8)) == set(MANY)


def test_the_number_of_vectors_is_rounded_to_one_that_was_measured(own_cache, monkeypatch):
    asked = []
    monkeypatch.setattr(
        products, "measured", lambda out, inputs, rows: asked.append(rows) or {LINEAR: [1.0] * 2, MV: [1.0] * 2}
    )
    for rows in (1, 2, 5, 6, 15, 16, 127):
        way_of(torch.empty(1024, 512), rows)
    assert asked == [1, 3, 8, 32]


def test_a_llama_speaks_the_same_in_every_way(choose, tiny_llama):
    from labkit.sampling.llama import LlamaRunner

    model, row, said = tiny_llama(seed=4).requires_grad_(False), [3, 1, 4], {}
    for way in ONE:
        choose(way)
        runner = LlamaRunner(model)
        runner.begin([row])
        said[way] = torch.cat([runner.advance(torch.tensor([[token]])) for token in range(20)])
    for way in ONE[1:]:
        torch.testing.assert_close(said[way], said[MV], atol=1e-5, rtol=1e-5)
