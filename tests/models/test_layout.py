"""Laying weights side by side moves memory and nothing else."""

import copy
import io

import pytest
import torch
from safetensors.torch import load_file

from labkit.models.layout import LINE, joined, lay_side_by_side

IDS = torch.tensor([[5, 9, 2, 30, 7]])


def tiny_llama(**changes):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(3)
    settings = {"vocab_size": 40, "hidden_size": 20, "intermediate_size": 27, "num_hidden_layers": 2, "head_dim": 6,
                "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}  # fmt: skip
    return LlamaForCausalLM(LlamaConfig(**(settings | changes))).eval().requires_grad_(False)


def off_the_lines(model):
    """The same model, each weight one number past a cache line, as a mapped file leaves it."""
    for weight in model.parameters():
        room = torch.empty(weight.numel() + LINE)
        at = (-room.data_ptr() % LINE) // 4 + 1
        weight.data = room[at : at + weight.numel()].view(weight.shape).copy_(weight.data)
    return model


def groups(model):
    for layer in model.model.layers:
        yield [getattr(layer.self_attn, f"{name}_proj").weight for name in "qkv"]
        yield [getattr(layer.mlp, f"{name}_proj").weight for name in ("gate", "up")]


def test_siblings_become_one_matrix_and_no_matrix_begins_within_a_line():
    model = off_the_lines(tiny_llama())
    names = {id(p): name for name, p in model.named_parameters()}
    before = {name: p.clone() for name, p in model.named_parameters()}
    assert all(p.data_ptr() % LINE for p in model.parameters()) and all(len(joined(g)) > 1 for g in groups(model))
    assert lay_side_by_side(model) is model
    assert {id(p): name for name, p in model.named_parameters()} == names
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    inside = {id(p) for group in groups(model) for p in group[1:]}
    assert not any(p.data_ptr() % LINE for p in model.parameters() if id(p) not in inside)
    for group in groups(model):
        (whole,) = joined(group)
        assert torch.equal(whole, torch.cat(list(group)))


def test_what_lies_well_stays():
    model = lay_side_by_side(tiny_llama())
    places = [p.data_ptr() for p in model.parameters()]
    assert [p.data_ptr() for p in lay_side_by_side(model).parameters()] == places


def test_tied_weights_stay_tied():
    model = lay_side_by_side(off_the_lines(tiny_llama(tie_word_embeddings=True)))
    model.model.embed_tokens.weight.data[3] = 7
    assert torch.equal(model.lm_head.weight[3], torch.full((20,), 7.0))


@pytest.mark.parametrize("change", [
    lambda w: w.data.mul_(2), lambda w: setattr(w, "data", w.data * 2), lambda w: w.copy_(w * 2),
])  # fmt: skip
def test_a_changed_weight_is_seen_in_the_whole_or_the_whole_falls_apart(change):
    group = next(groups(lay_side_by_side(tiny_llama())))
    expected = torch.cat([group[0], group[1] * 2, group[2]])
    change(group[1])
    assert torch.equal(torch.cat(list(joined(group))), expected)


def test_only_matrices_one_below_the_other_are_joined():
    block = torch.arange(48.0).view(12, 4)
    a, b, c = block.split([6, 4, 2])
    assert [t.shape for t in joined((a, b, c))] == [(12, 4)]
    for apart in (
        (b, a),
        (a, c),
        (a, b.clone()),
        (a, a),
        (a[:, :2], b[:, :2]),
        (a, b.view(8, 2)),
        (a, b.view(torch.int32)),
    ):
        assert all(x is y for x, y in zip(joined(apart), apart, strict=True))


def test_a_laid_model_is_saved_copied_and_pickled_as_before(tmp_path):
    model, laid = tiny_llama(), lay_side_by_side(off_the_lines(tiny_llama()))
    for name, each in (("as made", model), ("laid", laid)):
        each.save_pretrained(tmp_path / name)
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("as made", "laid")]
    assert files[0] == files[1]
    assert (
        load_file(tmp_path / "laid" / "model.safetensors").keys()
        == load_file(tmp_path / "as made" / "model.safetensors").keys()
    )
    pickled = io.BytesIO()
    torch.save(laid, pickled)
    pickled.seek(0)
    for other in (copy.deepcopy(laid), torch.load(pickled, weights_only=False)):
        laid_before = laid(IDS).logits
        for weight in other.parameters():
            weight.data.zero_()
        assert torch.equal(laid(IDS).logits, laid_before)


def test_a_laid_model_learns_as_before():
    trained = []
    for model in (tiny_llama(), lay_side_by_side(off_the_lines(tiny_llama()))):
        model.train().requires_grad_(True)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(3):
            optimizer.zero_grad()
            model(IDS, labels=IDS).loss.backward()
            optimizer.step()
        trained.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(*trained)


def test_models_without_siblings_are_left_in_order():
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=40, n_embd=16, n_layer=1, n_head=2, n_positions=8)).eval()
    before = model(IDS).logits
    assert torch.equal(lay_side_by_side(off_the_lines(model)).eval()(IDS).logits, before)
