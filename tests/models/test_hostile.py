"""Folders as they are found in the world: each is refused in one sentence that says what to do, or read as it is."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import processors

import labkit as lab
from labkit.core.errors import LabError, ModelError
from labkit.interpretability import (
    gradient_times_attention,
    induction_scores,
    one_head,
    patch,
    predict_without,
    token_losses,
    value_weighted,
    vectors_without,
)
from labkit.models import checks, embed, load, score, walk
from labkit.models.prediction import read_ids

TEXT = "The capital of France is Paris."


def edit(path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def fewer_layers(folder):
    edit(folder / "config.json", num_hidden_layers=1, layer_types=["full_attention"])


def another_architecture(folder):
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.self_attn.q_norm.weight"] = torch.ones(8)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def rounded(**how):
    return lambda folder: edit(folder / "config.json", quantization_config=how)


def unreadable(text):
    return lambda folder: (folder / "tokenizer.json").write_text(text)


def more_tokens_than_rows(folder):
    from transformers import AutoTokenizer

    larger = AutoTokenizer.from_pretrained(folder)
    larger.add_tokens(["one", "too", "many"])
    larger.save_pretrained(folder)


def only_a_second_copy(folder):
    (folder / "model.safetensors").rename(folder / "consolidated.safetensors")


def a_part_that_is_gone(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def a_spoilt_index(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": 3}')


HOSTILE = {
    "fewer layers than the file": (fewer_layers, r"holds layers 1 to 1, but its config\.json tells of layers 0 to 0"),
    "tensors of another architecture": (another_architecture, r"does not use .*q_norm"),
    "bitsandbytes": (rounded(quant_method="bitsandbytes", load_in_4bit=True), "rounded by the method 'bitsandbytes'"),
    "GPTQ": (rounded(quant_method="gptq", bits=4), "rounded by the method 'gptq'"),
    "AWQ": (rounded(quant_method="awq", bits=4), "rounded by the method 'awq'"),
    "an unnamed method": (rounded(bits=4), "rounded by the method 'unnamed'"),
    "a tokenizer cut short": (unreadable('{"version": "1.0", "model": {'), "tokenizer in .* cannot be read"),
    "a tokenizer of nothing": (unreadable("[]"), "tokenizer in .* cannot be read"),
    "a tokenizer of an unknown kind": (unreadable('{"model": {"type": "Future"}}'), "tokenizer in .* cannot be read"),
    "ids beyond the embedding": (more_tokens_than_rows, r"numbers its tokens up to \d+, but the model knows 0 to"),
    "only a second copy": (only_a_second_copy, r"holds consolidated\.safetensors, but no model\.safetensors"),
    "a part that is gone": (a_part_that_is_gone, "lacks model-00002-of-00002.safetensors"),
    "a spoilt index": (a_spoilt_index, "has no weight_map"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_folder_is_refused_in_one_sentence(tiny_folder, what):
    spoil, says = HOSTILE[what]
    spoil(tiny_folder)
    with pytest.raises(ModelError, match=says) as refused:
        load(tiny_folder)
    assert "; " in str(refused.value) and "\n" not in str(refused.value)


def test_a_second_copy_of_the_weights_is_not_counted(tiny_folder):
    alone = checks.count_elements(checks.weight_files(tiny_folder))
    shutil.copy(tiny_folder / "model.safetensors", tiny_folder / "consolidated.safetensors")
    assert checks.count_elements(checks.weight_files(tiny_folder)) == alone == load(tiny_folder).card.parameters


def test_a_head_of_another_use_may_be_left_over(tiny_bert_folder):
    weights = load_file(tiny_bert_folder / "model.safetensors")
    weights["classifier.weight"] = torch.ones(2, 32)
    save_file(weights, tiny_bert_folder / "model.safetensors", metadata={"format": "pt"})
    assert load(tiny_bert_folder).card.layers == 2


@pytest.fixture
def broken(tiny_folder):
    lm = load(tiny_folder)
    with torch.no_grad():
        lm.model.model.layers[0].mlp.up_proj.weight.fill_(float("nan"))
    return lm


ASKERS = {
    "next_token": lambda lm: lab.next_token(lm, TEXT),
    "walk": lambda lm: walk(lm, TEXT),
    "sample": lambda lm: lab.sample(lm, TEXT, max_tokens=2),
    "score": lambda lm: score(lm, TEXT, [" Paris"]),
    "capture logits": lambda lm: lab.capture(lm, TEXT, ("logits",)),
    "capture states": lambda lm: lab.capture(lm, TEXT, ("resid_post",)),
    "capture gradients": lambda lm: lab.capture(lm, TEXT, ("z", "logits"), gradients=True),
    "head_effects": lambda lm: lab.head_effects(lm, TEXT, target="e"),
    "vectors_without": lambda lm: vectors_without(lm, TEXT, position=1),
    "token_losses": lambda lm: token_losses(lm, TEXT),
    "predict_without": lambda lm: predict_without(lm, TEXT, off=[(0, 0)]),
    "patch": lambda lm: list(patch(lm, [TEXT], [TEXT], at={"end": [(-1, -1)]})),
    "one_head": lambda lm: one_head(lm, TEXT, 1, 0),
    "value_weighted": lambda lm: value_weighted(lm, TEXT),
    "gradient_times_attention": lambda lm: gradient_times_attention(lm, TEXT, target="e"),
    "induction_scores": lambda lm: induction_scores(lm, length=8, draws=1),
}


@pytest.mark.parametrize("verb", ASKERS)
def test_every_verb_refuses_a_broken_model(broken, verb):
    with pytest.raises(ModelError, match="that are not finite; its weights or its number type are broken"):
        ASKERS[verb](broken)


def test_a_broken_encoder_gives_no_vectors(tiny_bert_folder):
    lm = load(tiny_bert_folder)
    with torch.no_grad():
        lm.model.embeddings.LayerNorm.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        embed(lm, [TEXT])


def test_an_end_that_the_tokenizer_adds_is_left_out_where_the_model_goes_on(tiny_folder):
    plain, ending = load(tiny_folder), load(tiny_folder)
    end = ("<|end|>", ending.tokenizer.eos_token_id)
    ending.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        "$A <|end|>", special_tokens=[end]
    )
    assert ending.tokenizer(TEXT)["input_ids"][-1] == ending.tokenizer.eos_token_id
    assert np.array_equal(lab.next_token(plain, TEXT).values, lab.next_token(ending, TEXT).values)
    assert lab.sample(plain, TEXT, max_tokens=4, seed=0).texts == lab.sample(ending, TEXT, max_tokens=4, seed=0).texts
    assert lab.capture(plain, TEXT).ids == lab.capture(ending, TEXT).ids
    assert read_ids(ending.tokenizer, TEXT + "<|end|>")[-1] == ending.tokenizer.eos_token_id, "written, it stays"


def test_the_name_of_a_special_token_follows_one_rule(tiny_folder):
    """Given to a model it is the token; cut by `lab.tokenizer` it is characters."""
    lm, text = load(tiny_folder), "Once <|end|> upon"
    end = lm.tokenizer.eos_token_id
    assert end in lab.capture(lm, text).ids and end in read_ids(lm.tokenizer, text)
    assert end not in lab.tokenizer(lm).encode(text)
    assert lab.tokenizer(lm).decode(lab.tokenizer(lm).encode(text)) == text


def test_a_token_outside_the_byte_alphabet_is_its_own_characters(tiny_folder):
    tokens = json.loads((tiny_folder / "tokenizer.json").read_text())
    word = "語 ▁"  # no character of GPT-2's byte alphabet
    tokens["model"]["vocab"][word] = max(tokens["model"]["vocab"].values()) + 1
    (tiny_folder / "tokenizer.json").write_text(json.dumps(tokens))
    from tokenizers import Tokenizer as Backend

    backend = Backend.from_file(str(tiny_folder / "tokenizer.json"))
    number = tokens["model"]["vocab"][word]
    pieces = lab.tokenizer(backend).pieces([number])
    assert pieces == [word.encode()] == [backend.decode([number]).encode()]


@pytest.mark.parametrize("variable", ["LABKIT_CACHE", "LABKIT_RUNS"])
def test_the_home_of_nobody_is_no_place(monkeypatch, variable):
    from labkit.core import paths

    monkeypatch.setenv(variable, "~nobody-of-this-name/labkit")
    with pytest.raises(LabError, match=f"{variable}=.*no such user; set it"):
        {"LABKIT_CACHE": paths.cache_folder, "LABKIT_RUNS": paths.runs_folder}[variable]()


def test_without_a_home_the_cache_is_asked_for(monkeypatch):
    """As in a container that runs under a number without a name."""
    from labkit.core import paths

    for name in ("HOME", "LABKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    with pytest.raises(LabError, match=r"no home folder is known .*set LABKIT_CACHE"):
        paths.cache_folder()


@pytest.mark.parametrize("kind", ["LlamaModel", "LlamaForSequenceClassification"])
def test_a_decoder_that_predicts_no_token_is_no_encoder(tiny_folder, tmp_path, kind):
    import transformers

    whole = load(tiny_folder)
    getattr(transformers, kind)(whole.model.config).save_pretrained(tmp_path / kind)
    whole.tokenizer.save_pretrained(tmp_path / kind)
    lm = load(tmp_path / kind)
    assert lm.card.kind == "decoder-only without a next-token head"
    for verb in ("next_token", "sample", "score"):
        with pytest.raises(ModelError, match=r"; (use|load) .*(decoder-only|causal)") as refused:
            ASKERS[verb](lm)
        assert "encoder" not in str(refused.value)
