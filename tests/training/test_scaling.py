"""Scaling laws: a planted one comes back, and what cannot be told is refused."""

import numpy as np
import pytest

from labkit.core.errors import OptionError
from labkit.training.scaling import fit_huber, fit_scaling, vertex

TRUE = {"E": 0.9, "A": 30.0, "B": 120.0, "alpha": 0.4, "beta": 0.45}
SIZES = np.array([4e3, 1e4, 2.5e4, 6e4, 1.5e5])


def planted(noise: float = 0.0, seed: int = 0, budgets=(2e10, 6e10, 2e11)):
    """(parameters, tokens, losses) of five sizes at each budget."""
    n = np.tile(SIZES, len(budgets))
    d = np.repeat(budgets, len(SIZES)) / 6 / n
    y = TRUE["E"] + TRUE["A"] * n ** -TRUE["alpha"] + TRUE["B"] * d ** -TRUE["beta"]
    return n, d, y + np.random.default_rng(seed).normal(0, noise, len(y))


def test_without_noise_the_planted_law_is_found():
    n, d, y = planted()
    law = fit_scaling(parameters=n, tokens=d, losses=y)
    assert law.residual < 1e-4
    for name, value in TRUE.items():
        assert getattr(law, name) == pytest.approx(value, rel=0.02), name
    assert law.loss(1e6, 1e7) == pytest.approx(TRUE["E"] + 30 * 1e6**-0.4 + 120 * 1e7**-0.45, abs=1e-3)
    assert np.allclose(fit_huber(n, d, y), list(TRUE.values()), rtol=0.05)


def test_the_best_size_of_a_budget_has_the_least_loss_and_spends_it():
    n, d, y = planted()
    law = fit_scaling(parameters=n, tokens=d, losses=y)
    size, tokens = law.best(5e11)
    assert 6 * size * tokens == pytest.approx(5e11, rel=1e-6)
    others = size * np.geomspace(0.2, 5, 101)
    assert others[np.argmin(law.loss(others, 5e11 / 6 / others))] == pytest.approx(size, rel=0.05)
    assert law.exponent.value == pytest.approx(0.45 / 0.85, abs=0.01)


def test_a_planted_law_lies_within_its_interval_in_nine_of_ten_draws_of_noise():
    truth, held = TRUE["E"] + 30 * 3e5**-0.4 + 120 * 5e5**-0.45, 0
    for seed in range(40):
        n, d, y = planted(noise=0.008, seed=seed)
        law = fit_scaling(parameters=n, tokens=d, losses=y, seed=seed)
        one = law.predict(3e5, 5e5, seed=seed)
        made = truth + np.random.default_rng(1000 + seed).normal(0, 0.008)
        held += one.low <= made <= one.high
        assert one.low < one.value < one.high
    assert held >= 34


def test_the_interval_is_wider_where_seeds_scatter_more():
    n, d, y = planted(noise=0.005, seed=1)
    law = fit_scaling(parameters=n, tokens=d, losses=y)
    plain, wide = law.predict(1e5, 1e6), law.predict(1e5, 1e6, scatter=0.1)
    assert wide.high - wide.low > 3 * (plain.high - plain.low)


def test_the_parabola_s_vertex_is_the_planted_one():
    n = np.geomspace(1e4, 1e6, 5)
    assert vertex(n, 1.5 + 0.1 * (np.log(n) - np.log(8e4)) ** 2) == pytest.approx(8e4, rel=1e-6)
    with pytest.raises(OptionError, match="no minimum"):
        vertex(n, 2 - np.log(n) / 10 - 0.01 * np.log(n) ** 2)
    with pytest.raises(OptionError, match="make no parabola"):
        vertex(n[:2], [1, 2])


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda n, d, y: (n[:5], d[:5], y[:5]), "too little"),
        (lambda n, d, y: (n, 20 * n, y), "vary apart"),
        (lambda n, d, y: (n, np.full_like(d, 1e6), y), "vary apart"),
        (lambda n, d, y: (n, d, np.where(n > 1e5, np.nan, y)), "diverged"),
        (lambda n, d, y: (-n, d, y), "above 0"),
        (lambda n, d, y: (n, d[:-1], y), "too little"),
    ],
)
def test_what_cannot_be_told_is_refused(change, says):
    n, d, y = change(*planted())
    with pytest.raises(OptionError, match=says):
        fit_scaling(parameters=n, tokens=d, losses=y)
