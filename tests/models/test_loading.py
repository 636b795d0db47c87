"""Loading: what is counted is there, and what is not plain, whole data that fits is refused with a remedy."""

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import labkit as lab
from labkit.core.errors import ModelError, OptionError
from labkit.models import checks


def test_the_card_states_what_the_files_hold(tiny_folder):
    card = lab.load(tiny_folder).card
    with safe_open(tiny_folder / "model.safetensors", "pt") as file:
        sizes = {key: file.get_tensor(key).numel() for key in file.keys()}  # noqa: SIM118
    assert card.parameters == sum(sizes.values())
    assert card.embedding_parameters == sizes["model.embed_tokens.weight"] == card.vocab * card.d_model
    assert (card.layers, card.heads, card.context) == (2, 4, 64)
    assert card.memory_gb == pytest.approx(card.parameters * 4 / 1e9)
    assert (card.kind, card.dtype, card.device) == ("decoder-only", "float32", "cpu")
    assert ("parameters", f"{card.parameters:,}") in card.table().rows


def test_each_architecture_is_called_by_its_kind(tiny_folder, tiny_bert_folder, tiny_t5_folder):
    kinds = [lab.load(folder).card.kind for folder in (tiny_folder, tiny_bert_folder, tiny_t5_folder)]
    assert kinds == ["decoder-only", "encoder-only", "encoder-decoder"]


def test_weights_are_those_of_the_file_in_the_type_asked_for(tiny_folder):
    stored = load_file(tiny_folder / "model.safetensors")["model.norm.weight"]
    for dtype in ("float32", "bfloat16"):
        lm = lab.load(str(tiny_folder), dtype=dtype)
        assert lm.model.model.norm.weight.dtype == getattr(torch, dtype)
        assert torch.equal(lm.model.model.norm.weight, stored.to(getattr(torch, dtype)))
    assert not lm.model.training
    assert lm.tokenizer.pad_token is not None


def test_a_near_miss_is_offered(tiny_folder):
    with pytest.raises(ModelError, match="'smollm2-135m'"):
        lab.load("smolm2-135")
    with pytest.raises(ModelError, match="known names: smollm2-135m, minilm"):
        lab.load("zzzzzz")
    with pytest.raises(ModelError, match=r"did you mean 'minilm'\?$"):
        lab.load("MiniLN")


@pytest.mark.parametrize("name", ["a" * 100_000, "a\0b", "~nobody-of-this-name/model", "a/" * 5_000])
def test_a_name_that_no_file_can_have_is_one_short_sentence(name):
    with pytest.raises(ModelError, match="no model is called") as refused:
        lab.load(name)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("name", ["", "  ", None, 7])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(ModelError, match="name was expected"):
        lab.load(name)


def test_a_hub_id_without_internet_names_the_models_that_are_here():
    with pytest.raises(ModelError, match="without internet use one of smollm2-135m, minilm"):
        lab.load("nobody-at-all/no-such-model")


def test_a_file_is_no_folder(tiny_folder):
    with pytest.raises(ModelError, match="give the folder that holds it"):
        lab.load(tiny_folder / "model.safetensors")


def test_a_folder_without_a_configuration_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        lab.load(tmp_path)


class Bomb:
    """A pickle that leaves a file behind when it is opened."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_pickled_weights_are_refused_and_never_opened(tiny_folder, tmp_path):
    sign = tmp_path / "opened"
    (tiny_folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(sign)))
    lab.load(tiny_folder)  # safetensors lie beside it: those are taken
    (tiny_folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"pickle.*safetensors"):
        lab.load(tiny_folder)
    assert not sign.exists()
    pickle.loads((tiny_folder / "pytorch_model.bin").read_bytes())
    assert sign.exists(), "the trap itself must work, or the test above proves nothing"


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_inside_a_model_is_refused_and_never_run(tiny_folder, file):
    (tiny_folder / "modeling_own.py").write_text("raise SystemExit('ran')")
    edit(tiny_folder / file, auto_map={"AutoModelForCausalLM": "modeling_own.Own"})
    with pytest.raises(ModelError, match="auto_map"):
        lab.load(tiny_folder)


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(tiny_folder, monkeypatch):
    elements = checks.count_elements([tiny_folder / "model.safetensors"])
    bytes_needed = elements * 4 * checks.ROOM
    opened = []
    monkeypatch.setattr("labkit.models.loading.open_model", lambda *a, **k: opened.append(a))
    monkeypatch.setattr(checks, "free_gb", lambda device: (bytes_needed - 1) / 1e9)
    with pytest.raises(ModelError, match=r"needs .* GB as float32 .* are free on cpu; dtype='bfloat16' needs half"):
        lab.load(tiny_folder)
    assert not opened
    monkeypatch.undo()
    monkeypatch.setattr(checks, "free_gb", lambda device: bytes_needed / 1e9)
    assert lab.load(tiny_folder).card.parameters == elements


def test_a_header_alone_decides_whether_it_fits(tiny_folder):
    """Half a terabyte of weights, of which the disk holds only the header: refused without reading them."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [2**37], "data_offsets": [0, 2**39]}}).encode()
    with (tiny_folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 2**39)
    with pytest.raises(ModelError, match="137,439 million numbers"):
        lab.load(tiny_folder)


def test_missing_tensors_are_an_error_not_random_numbers(tiny_folder):
    weights = load_file(tiny_folder / "model.safetensors")
    gone = weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, tiny_folder / "model.safetensors", metadata={"format": "pt"})
    assert gone.numel()
    with pytest.raises(ModelError, match=r"lacks 1 tensors .*model\.layers\.1\.mlp\.up_proj\.weight"):
        lab.load(tiny_folder)


def test_a_tensor_of_another_size_is_an_error(tiny_folder):
    edit(tiny_folder / "config.json", intermediate_size=128)
    with pytest.raises(ModelError, match="save or fetch it again"):
        lab.load(tiny_folder)


def test_a_weight_file_cut_short_is_an_error(tiny_folder):
    path = tiny_folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged or cut short"):
        lab.load(tiny_folder)


def test_a_folder_without_a_tokenizer_is_refused(tiny_folder):
    (tiny_folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="holds no tokenizer"):
        lab.load(tiny_folder)


def test_an_architecture_that_transformers_lacks_is_named(tiny_folder):
    edit(tiny_folder / "config.json", architectures=["BrandNewForCausalLM"])
    with pytest.raises(ModelError, match="BrandNewForCausalLM"):
        lab.load(tiny_folder)


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_configuration_that_is_no_object_is_refused(tiny_folder, text):
    (tiny_folder / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"config\.json"):
        lab.load(tiny_folder)


@pytest.mark.parametrize("options", [{"device": "cuda:99"}, {"device": "tpu"}, {"dtype": "int8"}])
def test_a_device_or_type_that_is_not_here_is_refused(tiny_folder, options):
    with pytest.raises(OptionError):
        lab.load(tiny_folder, **options)


def edit(path: Path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
