"""Who moves what, and that the fast Muon is torch's Muon."""

import pytest
import torch

from labkit.models import build
from labkit.training import TrainConfig, muon, steps
from labkit.training.muon import StackedMuon, orthogonal
from labkit.training.optimizers import groups, optimizers
from tests.training.tiny import Counting, model

TYPES = {"float32": 1e-4, "bfloat16": 0.03}
"""Number types of Newton-Schulz, and how far rounding in them may lead."""


@pytest.mark.parametrize("tied", [True, False])
def test_each_parameter_is_moved_by_one_optimizer(tied):
    learner = model(tie_word_embeddings=tied)
    kinds = groups(learner)
    held = [id(p) for kind in kinds.values() for p in kind]
    assert sorted(held) == sorted(id(p) for p in learner.parameters())
    moved = [id(p) for o in optimizers(learner, TrainConfig(steps=1)) for g in o.param_groups for p in g["params"]]
    assert sorted(moved) == sorted(held)


def test_muon_moves_matrices_inside_layers_and_nothing_else():
    learner = model()
    muon, rest = optimizers(learner, TrainConfig(steps=1))
    inside = {id(p) for layer in learner.model.layers for p in layer.parameters() if p.ndim == 2}
    assert {id(p) for g in muon.param_groups for p in g["params"]} == inside
    assert isinstance(rest, torch.optim.AdamW)


@pytest.mark.parametrize(
    "kind, matrices, others",
    [
        ("mixtral", {"gate_up_proj", "down_proj", "q_proj"}, {"gate", "norm", "input_layernorm"}),
        ("mamba2", {"in_proj", "out_proj"}, {"conv1d", "A_log", "D", "dt_bias", "norm"}),
        ("t5", {"q", "wi_0", "wo"}, {"layer_norm", "relative_attention_bias", "shared"}),
        ("lstm", {"weight_ih_l0", "weight_hh_l1"}, {"bias_ih_l0", "embed_tokens"}),
        ("bert", {"query", "dense"}, {"position_embeddings", "LayerNorm"}),
    ],
)
def test_experts_are_matrices_and_routers_kernels_and_tables_are_not(kind, matrices, others):
    learner = build("nano", vocab_size=11, kind=kind, layers=2, d_model=16, **({} if kind == "lstm" else {"heads": 2}))
    held = {id(p) for p in groups(learner)["matrices"]}
    found = {True: set(), False: set()}
    for name, p in learner.named_parameters():
        found[id(p) in held].add(next(part for part in reversed(name.split(".")) if part not in ("weight", "bias")))
    assert matrices <= found[True] and not found[True] & others and others <= found[False]


def test_each_expert_is_turned_as_a_matrix_alone_is():
    stack = torch.randn(3, 8, 4, generator=torch.Generator().manual_seed(0))
    together = torch.nn.Parameter(torch.zeros(3, 8, 4))
    apart = [torch.nn.Parameter(torch.zeros(8, 4)) for _ in range(3)]
    together.grad = stack.clone()
    for one, grad in zip(apart, stack, strict=True):
        one.grad = grad.clone()
    for weights in ([together], apart):
        StackedMuon(weights, lr=0.1).step()
    torch.testing.assert_close(together.detach(), torch.stack([one.detach() for one in apart]))


def test_weight_decay_pulls_at_matrices_and_tables_and_at_nothing_else():
    learner = model()
    decayed = {
        id(p)
        for each in optimizers(learner, TrainConfig(steps=1, weight_decay=0.1))
        for group in each.param_groups if group["weight_decay"]
        for p in group["params"]
    }  # fmt: skip
    kinds = groups(learner)
    assert decayed == {id(p) for p in (*kinds["matrices"], *kinds["tables"])}


@pytest.mark.parametrize("options", [{}, {"adjust_lr_fn": "match_rms_adamw"}, {"nesterov": False, "ns_steps": 3}])
def test_stacked_muon_moves_weights_as_torchs_muon_does(options):
    draw = torch.Generator().manual_seed(0)
    start = [torch.randn(*shape, generator=draw) for shape in [(8, 8), (24, 8), (8, 24), (8, 8), (24, 8)]]
    pushes = [[torch.randn(p.shape, generator=draw) for p in start] for _ in range(3)]
    ends = []
    for kind in (torch.optim.Muon, StackedMuon):
        weights = [torch.nn.Parameter(p.clone()) for p in start]
        muon = kind(weights, lr=0.1, weight_decay=0.1, **options)
        for push in pushes:
            for p, grad in zip(weights, push, strict=True):
                p.grad = grad.clone()
            muon.step()
        ends.append([p.detach() for p in weights])
    for theirs, ours, at_first in zip(*ends, start, strict=True):
        moved = (theirs - at_first).norm()
        assert (theirs - ours).norm() < 0.02 * moved  # theirs turns in bfloat16, ours perhaps in float32


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 24, 8), (2, 8, 24)])
@pytest.mark.parametrize("kind, off", TYPES.items())
def test_turning_keeps_singular_vectors_and_brings_each_value_near_one(kind, off, shape, monkeypatch):
    monkeypatch.setattr(muon, "quick_type", lambda device: kind)
    stack = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    group = torch.optim.Muon([torch.nn.Parameter(stack[0])]).param_groups[0]
    left, before, right = torch.linalg.svd(stack, full_matrices=False)
    turned = left.mT @ orthogonal(stack, group).float() @ right.mT  # in the singular vectors of what went in
    values = turned.diagonal(dim1=1, dim2=2)
    assert (turned - torch.diag_embed(values)).abs().max() < off
    strong = before > 0.1 * before[:, :1]
    assert ((values > 0.65) & (values < 1.25))[strong].all(), "five steps bring values near 1, not to it"


def final_losses(kind, monkeypatch):
    """The last training loss of six seeds, where the matrices must learn nearly alone."""
    monkeypatch.setattr(muon, "quick_type", lambda device: kind)
    config = {"steps": 40, "batch": 8, "validate_every": 0, "lr": 0.02, "rest_lr": 0.002}
    return torch.tensor([
        [step.loss for step in steps(model(seed), Counting(), TrainConfig(**config, seed=seed))][-1]
        for seed in range(6)
    ])  # fmt: skip


def test_both_number_types_train_alike_up_to_the_scatter_of_seeds(monkeypatch):
    exact, short = (final_losses(kind, monkeypatch) for kind in TYPES)
    scatter = exact.std()
    assert (short - exact).abs().max() < scatter
    monkeypatch.setattr(muon, "orthogonal", lambda stack, group: stack / stack.norm(dim=(1, 2), keepdim=True))
    assert (final_losses("float32", monkeypatch) - exact).abs().max() > scatter, (
        "an update that is not turned is noticed"
    )


def test_a_checkpoint_of_torchs_muon_continues_in_the_stacked_one():
    weight = torch.nn.Parameter(torch.ones(4, 4))
    theirs = torch.optim.Muon([weight], lr=0.1)
    weight.grad = torch.eye(4)
    theirs.step()
    ours = StackedMuon([weight], lr=0.1)
    ours.load_state_dict(theirs.state_dict())
    assert torch.equal(ours.state[weight]["momentum_buffer"], theirs.state[weight]["momentum_buffer"])
