"""Who moves what, and that the fast Muon is torch's Muon."""

import pytest
import torch

from labkit.training import TrainConfig
from labkit.training.muon import StackedMuon
from labkit.training.optimizers import groups, optimizers
from tests.training.tiny import model


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
        assert (theirs - ours).norm() < 0.02 * moved  # both turn in bfloat16, in another order


def test_a_checkpoint_of_torchs_muon_continues_in_the_stacked_one():
    weight = torch.nn.Parameter(torch.ones(4, 4))
    theirs = torch.optim.Muon([weight], lr=0.1)
    weight.grad = torch.eye(4)
    theirs.step()
    ours = StackedMuon([weight], lr=0.1)
    ours.load_state_dict(theirs.state_dict())
    assert torch.equal(ours.state[weight]["momentum_buffer"], theirs.state[weight]["momentum_buffer"])
