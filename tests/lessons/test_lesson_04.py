"""What lesson 04 measures of models that learn."""

import numpy as np
import torch

from labkit.lessons.lesson_04 import best_induction, gates_apart
from labkit.models import build
from labkit.models.language_model import with_shared_tensors
from labkit.training import muon

TURN = {"ns_coefficients": (3.4445, -4.775, 2.0315), "ns_steps": 5, "eps": 1e-7}


def test_the_best_heads_induction_is_that_of_a_search_head_by_head():
    model = build("nano", layers=2, heads=2, d_model=16, context=12, vocab_size=9, seed=3)
    ids = np.tile(np.random.default_rng(0).integers(9, size=(4, 6)), 2)
    twin = with_shared_tensors(model).eval()
    with torch.no_grad():
        patterns = torch.stack(twin(input_ids=torch.as_tensor(ids), output_attentions=True).attentions).numpy()
    heads = np.zeros(patterns.shape[:1] + patterns.shape[2:3])  # (layer, head)
    for example, row in enumerate(ids):
        for layer, head in np.ndindex(heads.shape):
            weights = []
            for query in range(len(row)):
                after = [key + 1 for key in range(query) if row[key] == row[query]]
                if after:
                    weights.append(patterns[layer, example, head, query, after].sum())
            heads[layer, head] += np.mean(weights) / len(ids)
    assert np.isclose(best_induction(model, ids), heads.max(), atol=1e-5)


def test_gates_are_turned_apart_and_only_within():
    together, stack = muon.orthogonal, torch.randn(2, 32, 8)
    with gates_apart():
        turned = muon.orthogonal(stack, TURN)
    gates = 2 * turned.view(2, 4, 8, 8)
    values = torch.linalg.svdvals(gates.float())
    assert values.min() > 0.5 and values.max() < 1.3
    whole = torch.linalg.svdvals(2 * together(stack, TURN).view(2, 4, 8, 8).float())
    assert whole.min() < 0.5  # turned as one matrix, a gate alone is not orthogonal
    assert muon.orthogonal is together
