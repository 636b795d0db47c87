"""GGUF conversion: the same function afterwards, and never half of it, whoever is killed or competes."""

import json
import signal
import subprocess
import sys
import time

import gguf
import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from labkit.core.errors import ModelError
from labkit.models import conversion

from .conftest import llama_config, seeded

# A converter that says when it starts, and waits between its two files until it is told to go on.
SLOW = """
import sys, time
from pathlib import Path
from labkit.models import conversion

def slow(gguf, folder, *, context):
    with open({log!r}, "a") as log:
        log.write("made\\n")
    (folder / "model.safetensors").write_bytes(b"weights " * 1000)
    print("half", flush=True)
    while not Path({go!r}).exists():
        time.sleep(0.02)
    (folder / "config.json").write_text("{{}}")

conversion.convert = slow
print(conversion.converted(Path({gguf!r}), "tiny", context=64), flush=True)
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models" / "tiny"


@pytest.fixture
def start(tmp_path, cache):
    """Starts a process that converts slowly; it goes on once `tmp_path/go` exists."""
    source = tmp_path / "tiny.gguf"
    source.write_bytes(b"GGUF")
    script = SLOW.format(log=str(tmp_path / "log"), go=str(tmp_path / "go"), gguf=str(source))
    running = []

    def begin():
        running.append(subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def test_killed_halfway_leaves_nothing_that_looks_whole(start, cache, tmp_path):
    first = start()
    assert first.stdout.readline() == "half\n"
    assert list(cache.parent.glob(".tiny.*.part/model.safetensors")), "it must really be halfway"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not cache.exists()
    (tmp_path / "go").touch()
    second = start()
    assert second.wait(30) == 0
    assert sorted(p.name for p in cache.iterdir()) == ["config.json", "labkit.json", "model.safetensors"]
    assert not list(cache.parent.glob("*.part")) + list(cache.parent.glob(".*.part")), "the dead one's draft is gone"


def test_two_processes_at_once_convert_once(start, cache, tmp_path):
    first, second = start(), start()
    while not (tmp_path / "log").exists():
        time.sleep(0.02)
    time.sleep(1.0)  # the other one has come to the lock meanwhile
    (tmp_path / "go").touch()
    assert (first.wait(30), second.wait(30)) == (0, 0)
    assert (tmp_path / "log").read_text() == "made\n"


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("harm", [
    lambda folder: flip(folder / "model.safetensors"),
    lambda folder: (folder / "model.safetensors").write_bytes(b""),
    lambda folder: (folder / "config.json").unlink(),
    lambda folder: (folder / "labkit.json").write_text("{"),
    lambda folder: (folder / "labkit.json").write_text("[]"),
], ids=["one bit", "emptied", "a file gone", "record cut", "record of another kind"])  # fmt: skip
def test_a_damaged_folder_is_made_again(cache, tmp_path, monkeypatch, harm):
    calls = fake(monkeypatch)
    source = tmp_path / "tiny.gguf"
    source.write_bytes(b"GGUF")
    folder = conversion.converted(source, "tiny", context=64)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    conversion.converted(source, "tiny", context=64)
    assert len(calls) == 1, "a whole folder is taken as it is"
    harm(folder)
    conversion.converted(source, "tiny", context=64)
    assert len(calls) == 2
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_another_source_file_is_converted_anew(cache, tmp_path, monkeypatch):
    calls = fake(monkeypatch)
    source = tmp_path / "tiny.gguf"
    for content in (b"GGUF", b"GGUF, newer"):
        source.write_bytes(content)
        conversion.converted(source, "tiny", context=64)
    assert len(calls) == 2


def fake(monkeypatch):
    calls = []

    def convert(gguf, folder, *, context):
        calls.append(gguf)
        (folder / "model.safetensors").write_bytes(b"weights " * 1000)
        (folder / "config.json").write_text("{}")

    monkeypatch.setattr(conversion, "convert", convert)
    return calls


def test_a_cache_that_cannot_be_written_is_said_so(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "file"))
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="LABKIT_CACHE"):
        conversion.converted(tmp_path / "tiny.gguf", "tiny", context=64)


def test_what_is_no_gguf_is_refused_and_leaves_nothing(cache, tmp_path):
    (tmp_path / "tiny.gguf").write_bytes(b"no GGUF at all" * 100)
    with pytest.raises(ModelError, match="cannot be read as GGUF"):
        conversion.converted(tmp_path / "tiny.gguf", "tiny", context=64)
    assert not [p for p in cache.parent.iterdir() if p.is_dir()]


def test_the_converted_model_computes_what_the_original_computes(cache, tmp_path, tokenizer):
    model = transformers.LlamaForCausalLM(seeded(llama_config(len(tokenizer)))).eval()
    for weights in model.parameters():
        weights.data = weights.data.bfloat16().float()
    write_gguf(model, tokenizer, tmp_path / "tiny.gguf")
    folder = conversion.converted(tmp_path / "tiny.gguf", "tiny", context=64)
    stored = load_file(folder / "model.safetensors")
    assert {v.dtype for v in stored.values()} == {torch.bfloat16}
    again = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert all(torch.equal(again.state_dict()[k], v) for k, v in model.state_dict().items())
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        assert torch.allclose(again(ids).logits, model(ids).logits, atol=1e-5)


def test_digits_are_split_as_the_gguf_file_names_it(cache, tmp_path, tokenizer):
    """`smollm` cuts digits out first, so two spaces before a digit are two spaces, not a space and a space-digit."""
    model = transformers.LlamaForCausalLM(seeded(llama_config(len(tokenizer))))
    write_gguf(model, tokenizer, tmp_path / "tiny.gguf")
    folder = conversion.converted(tmp_path / "tiny.gguf", "tiny", context=64)
    again = transformers.AutoTokenizer.from_pretrained(folder)
    pieces = [piece for piece, _ in again.backend_tokenizer.pre_tokenizer.pre_tokenize_str("in  12 years")]
    assert pieces == ["in", "ĠĠ", "1", "2", "Ġyears"]
    assert again.model_max_length == 64
    assert again.decode(again("In 1234 years,  x").input_ids) == "In 1234 years,  x"


def write_gguf(model, tokenizer, path) -> None:
    """A Llama as llama.cpp stores it: its own names, and q and k with the halves of each head interleaved."""
    c, state = model.config, {k: v.float().numpy() for k, v in model.state_dict().items()}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_block_count(c.num_hidden_layers)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
    writer.add_vocab_size(c.vocab_size)
    inner = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(inner["vocab"], key=inner["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in inner["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    for name, weights in gguf_tensors(c, state).items():
        writer.add_tensor(name, np.ascontiguousarray(weights))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def gguf_tensors(c, state):
    found = {"token_embd.weight": state["model.embed_tokens.weight"], "output_norm.weight": state["model.norm.weight"]}
    for layer in range(c.num_hidden_layers):
        for name, short in NAMES.items():
            weights = state[f"model.layers.{layer}.{name}.weight"]
            heads = {"attn_q": c.num_attention_heads, "attn_k": c.num_key_value_heads}.get(short)
            if heads:
                rows, columns = weights.shape
                weights = weights.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
            found[f"blk.{layer}.{short}.weight"] = weights
    return found
