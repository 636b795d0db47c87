"""Every runner gives the model's own logits, whatever it is fed and told to forget."""

import pytest
import torch

from labkit.core.errors import ModelError
from labkit.models.layout import lay_side_by_side
from labkit.sampling.forward import CachedRunner, PlainRunner
from labkit.sampling.llama import LlamaRunner, fits
from labkit.sampling.runners import make_runner

PROMPTS = [[5, 9, 200, 3, 77], [1], [8, 8, 8]]


def own_logits(model, rows):
    with torch.no_grad():
        return torch.stack([model(torch.tensor([row])).logits[0, -1] for row in rows])


def close(a, b):
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("make", [PlainRunner, CachedRunner, LlamaRunner])
def test_a_runner_gives_the_models_logits(lm, make):
    runner, rows = make(lm.model), [list(p) for p in PROMPTS]
    close(runner.begin(PROMPTS), own_logits(lm.model, rows))
    for new in ([[1], [2], [3]], [[4, 5], [6, 7], [8, 9]]):
        logits = runner.advance(torch.tensor(new))
        rows = [row + more for row, more in zip(rows, new, strict=True)]
        close(logits[:, -1], own_logits(lm.model, rows))
    runner.select([2, 0, 2])
    runner.crop(1)
    rows = [[*rows[i][:-1], 11] for i in (2, 0, 2)]
    close(runner.advance(torch.tensor([[11]] * 3))[:, -1], own_logits(lm.model, rows))


@pytest.mark.parametrize("changes", [
    {}, {"attn_implementation": "sdpa"}, {"attn_implementation": "eager"}, {"head_dim": 16}, {"num_key_value_heads": 4},
    {"num_key_value_heads": 1}, {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
])  # fmt: skip
def test_the_lean_llama_is_exact_in_every_shape(changes):
    settings = {"num_key_value_heads": 2, **changes}
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=99, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
        initializer_range=0.3, max_position_embeddings=700, **settings,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    assert fits(model)
    runner, long = LlamaRunner(model), [[i % 99 for i in range(600)], [7] * 40]
    close(runner.begin(long), own_logits(model, long))
    close(runner.advance(torch.tensor([[3], [4]]))[:, 0], own_logits(model, [long[0] + [3], long[1] + [4]]))


SHAPES = [
    {}, {"head_dim": 16}, {"num_key_value_heads": 4}, {"num_key_value_heads": 1},
    {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
]  # fmt: skip


@pytest.mark.parametrize("changes", SHAPES)
def test_one_text_alone_is_exact_beyond_the_room_that_it_had(tiny_llama, changes):
    model = tiny_llama(**{"context": 700, **changes}, seed=4)
    runner, row = LlamaRunner(model), [3, 1, 4]
    logits = runner.begin([row])
    for token in range(150):  # more than the cache has room for at first
        row.append(token)
        logits = runner.advance(torch.tensor([[token]]))[:, -1]
    close(logits, own_logits(model, [row]))
    runner.crop(20)
    runner.advance(torch.tensor([[9, 9]]))
    close(runner.advance(torch.tensor([[5]]))[:, -1], own_logits(model, [[*row[:-20], 9, 9, 5]]))


@pytest.mark.parametrize("kind, off", [(torch.float64, 1e-5), (torch.float32, 1e-4), (torch.float16, 0.2)])
@pytest.mark.parametrize("texts", [1, 2])
def test_weights_side_by_side_are_multiplied_at_once_and_the_logits_are_the_same(tiny_llama, texts, kind, off):
    apart, together = (tiny_llama(seed=4).to(kind).requires_grad_(False) for _ in range(2))
    runners = LlamaRunner(apart), LlamaRunner(lay_side_by_side(together))
    for runner in runners:
        runner.begin([[3, 1, 4]] * texts)
    assert [[len(w.qkv), len(w.gate_up)] for r in runners for w in r._layers] == [[3, 2]] * 3 + [[1, 1]] * 3
    for token in range(20):
        first, second = (r.advance(torch.full((texts, 1), token)) for r in runners)
        torch.testing.assert_close(first, second, atol=off, rtol=off)
    row = torch.tensor([[3, 1, 4, *range(20)]])
    torch.testing.assert_close(first[0, -1], apart(row).logits[0, -1].detach(), atol=off, rtol=off)


def test_positions_that_turn_otherwise_in_a_longer_text_are_read_as_the_model_reads_them(tiny_llama):
    turns = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
    runners = [make(tiny_llama(context=20, rope_parameters=turns, seed=4)) for make in (LlamaRunner, CachedRunner)]
    ours, theirs = (runner.begin([[3, 1, 4]]) for runner in runners)
    for token in range(40):
        close(ours, theirs)
        ours, theirs = (runner.advance(torch.tensor([[token]]))[:, -1] for runner in runners)


@pytest.mark.parametrize("prompts, steps", [(PROMPTS[:1], 30), (PROMPTS, 10)])
def test_in_bfloat16_it_is_as_near_to_float32_as_the_model_is(tiny_llama, prompts, steps):
    exact, model = tiny_llama(seed=8), tiny_llama(seed=8).to(torch.bfloat16)
    off = {}
    for make in (CachedRunner, LlamaRunner):
        runner, off[make], rows = make(model), 0.0, [list(p) for p in prompts]
        logits = runner.begin(rows)
        for step in range(steps):
            off[make] += float((logits.float() - own_logits(exact, rows)).abs().mean())
            rows = [[*row, step] for row in rows]
            logits = runner.advance(torch.tensor([[step]] * len(rows)))[:, 0]
    assert off[LlamaRunner] < 1.3 * off[CachedRunner]


def doubled(weight):
    weight.data.mul_(2)


def replaced(weight):
    weight.data = weight.data * 2


@pytest.mark.parametrize("change", [doubled, replaced])
@pytest.mark.parametrize("laid", [False, True])
@pytest.mark.parametrize("name", ["mlp.up_proj", "self_attn.k_proj", "input_layernorm", "self_attn.o_proj"])
def test_a_change_of_the_weights_is_seen_at_once(tiny_llama, name, laid, change):
    model = tiny_llama(seed=5).requires_grad_(False)
    runner = make_runner(lay_side_by_side(model) if laid else model)
    before = runner.begin(PROMPTS)
    change(model.model.layers[1].get_submodule(name).weight)
    after = runner.begin(PROMPTS)
    assert (before - after).abs().max() > 1e-2
    close(after, own_logits(model, PROMPTS))
    runner.begin(PROMPTS[:1])
    close(runner.advance(torch.tensor([[7]]))[:, 0], own_logits(model, [[*PROMPTS[0], 7]]))


def with_hook(model):
    model.model.layers[0].register_forward_hook(lambda *_: None)


def with_bias(model):
    model.model.layers[0].mlp.up_proj.bias = torch.nn.Parameter(torch.ones(48))


def in_training(model):
    model.train()


def with_another_forward(model):
    layer = model.model.layers[0]
    layer.forward = type(layer).forward.__get__(layer)


@pytest.mark.parametrize("change", [with_hook, with_bias, in_training, with_another_forward])
def test_what_the_lean_llama_does_not_compute_goes_through_the_model(tiny_llama, change):
    model = tiny_llama(seed=6)
    assert isinstance(make_runner(model), LlamaRunner)
    change(model)
    assert isinstance(make_runner(model), CachedRunner)


def test_another_architecture_goes_through_its_own_forward(gpt2):
    runner = make_runner(gpt2.model)
    assert isinstance(runner, CachedRunner)
    close(runner.begin(PROMPTS), own_logits(gpt2.model, PROMPTS))
    rows = [[*p, 4] for p in PROMPTS]
    close(runner.advance(torch.tensor([[4]] * 3))[:, 0], own_logits(gpt2.model, rows))


def test_a_model_that_does_not_continue_texts_is_refused():
    from transformers import T5Config, T5ForConditionalGeneration

    model = T5ForConditionalGeneration(T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))
    with pytest.raises(ModelError, match="T5ForConditionalGeneration does not continue a text"):
        make_runner(model)
