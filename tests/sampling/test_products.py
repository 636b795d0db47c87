"""Whatever way a product goes, it is the same product; what was measured is kept; a changed weight is seen."""

import json

import pytest
import torch
from torch.nn import Parameter

from labkit.sampling import products
from labkit.sampling.products import COLUMNS_DOT, COLUMNS_MV, DOT, LEFT, LINEAR, MV, Product, times, way_of

ONE, MANY = (MV, DOT, COLUMNS_MV, COLUMNS_DOT), (LINEAR, LEFT)


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
def test_each_way_gives_the_product_with_one_vector(choose, way):
    choose(way)
    w, vector = weight(), weight(1)[0]
    found = Product(w, Parameter(w)).into(vector, torch.empty(40))
    torch.testing.assert_close(found, (w.double() @ vector.double()).float(), atol=1e-5, rtol=1e-5)


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


@pytest.mark.parametrize("change", [edited, replaced, swapped])
def test_a_changed_weight_is_seen_by_the_next_text_and_an_unchanged_one_is_not_copied_again(choose, change):
    choose(COLUMNS_DOT)
    owner, vector = Parameter(weight(), requires_grad=False), weight(1)[0]
    first = products.columns_of(owner.detach(), owner)
    assert products.columns_of(owner.detach(), owner) is first
    change(owner)
    found = Product(owner.detach(), owner).into(vector, torch.empty(40))
    torch.testing.assert_close(found, owner @ vector, atol=1e-5, rtol=1e-5)
    assert products.columns_of(owner.detach(), owner) is not first


def test_a_shape_is_measured_once_and_the_next_process_reads_it(own_cache, monkeypatch):
    asked = []

    def measured(*shape):
        asked.append(shape)
        return {MV: 1.0, DOT: 0.5, COLUMNS_MV: 0.7}

    monkeypatch.setattr(products, "measured", measured)
    large = torch.empty(1024, 512)
    assert [way_of(large, 1), way_of(large, 1)] == [DOT, DOT] and asked == [(1024, 512, 1)]
    (kept,) = json.loads(own_cache.read_text()).values()
    assert kept == products.found() == {"1024 x 512, 1 vector": DOT}
    monkeypatch.setattr(products, "_FOUND", {})
    assert way_of(large, 1) == DOT and len(asked) == 1


@pytest.mark.parametrize("gain, way", [(1.05, LINEAR), (1.5, LEFT)])
def test_another_way_must_be_worth_it(own_cache, monkeypatch, gain, way):
    monkeypatch.setattr(products, "measured", lambda *_: {LINEAR: gain, LEFT: 1.0})
    assert way_of(torch.empty(1024, 512), 32) == way


@pytest.mark.parametrize("content", ["", "[]", '{"x": 3}', "{"])
def test_a_damaged_record_is_measured_anew(own_cache, monkeypatch, content):
    own_cache.write_text(content)
    monkeypatch.setattr(products, "measured", lambda *_: {MV: 2.0, DOT: 1.0})
    assert way_of(torch.empty(1024, 512), 1) == DOT
    assert DOT in own_cache.read_text()


def test_small_weights_prompts_and_other_types_are_never_measured(monkeypatch):
    monkeypatch.setattr(products, "measured", None)
    large = torch.empty(1024, 512)
    assert way_of(weight(), 1) == way_of(large.double(), 1) == MV
    assert {way_of(weight(), 32), way_of(large, 2), way_of(large, 500), way_of(large.double(), 8)} == {LINEAR}


def test_every_way_is_measured_and_a_copy_only_where_there_are_many_outputs(monkeypatch):
    monkeypatch.setattr(products, "MEASURED", 1)
    assert set(products.measured(256, 64, 1)) == set(ONE)
    assert set(products.measured(64, 256, 1)) == {MV, DOT}
    assert set(products.measured(64, 64, 8)) == set(MANY)


def test_a_llama_whose_weights_all_go_by_copies_speaks_as_before(choose, tiny_llama):
    from labkit.sampling.llama import LlamaRunner

    model, row, said = tiny_llama(seed=4).requires_grad_(False), [3, 1, 4], {}
    for way in ONE:
        choose(way)
        runner = LlamaRunner(model)
        runner.begin([row])
        said[way] = torch.cat([runner.advance(torch.tensor([[token]])) for token in range(20)])
    for way in ONE[1:]:
        torch.testing.assert_close(said[way], said[MV], atol=1e-5, rtol=1e-5)
