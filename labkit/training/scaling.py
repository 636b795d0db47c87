"""Scaling laws: one formula for the losses of many runs, how sure it is, and what it predicts for a run not yet made.

    law = fit_scaling(runs)                     loss = E + A N^-alpha + B D^-beta
    law.predict(2e5, 3e6)                       1.42 [1.39, 1.45]
    law.best(1e12)                              (parameters, tokens) that a budget of so many operations buys

Reads   parameters N, tokens D and the held-out loss of each run.
Gives   ScalingLaw.
Ignores how the runs were trained; `sweep` makes them.

Source: Hoffmann et al. 2022, third approach. For fixed exponents the rest is a linear fit with coefficients of 0 or
more (variable projection, Golub & Pereyra 1973); theirs, a Huber loss of logarithms from many starts, is beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..core.errors import OptionError
from ..core.seeds import derive
from ..evaluation import Measure
from ..evaluation.intervals import interval, resamples

PER_PARAMETER_AND_TOKEN = 6
"""Operations of a training step for each parameter and token, forward and back (Kaplan et al. 2020)."""
FEWEST = 6
"""Runs; the formula has five numbers of its own."""
DRAWS = 100
EXPONENTS = np.geomspace(0.05, 1.5, 12)
"""Where the search for both exponents begins."""
TINY = 1e-9


@dataclass(frozen=True)
class ScalingLaw:
    """loss(N, D) = E + A N^-alpha + B D^-beta, in nats per token."""

    E: float
    """What no size and no amount of text takes away."""
    A: float
    B: float
    alpha: float
    beta: float
    residual: float
    """Root mean square of measured less predicted loss, nats; the five numbers of the fit are counted."""
    draws: np.ndarray = field(repr=False)
    """(draw, 5) E, A, B, alpha, beta of fits to runs that were drawn anew."""

    def loss(self, parameters: Any, tokens: Any) -> Any:
        """Nats per token that the formula gives; numbers or arrays."""
        return _loss(np.array([self.E, self.A, self.B, self.alpha, self.beta]), parameters, tokens)

    def predict(self, parameters: float, tokens: float, *, seed: int = 0, scatter: float = 0.0) -> Measure:
        """The loss of one more run, and where 95 % of such runs should fall.

        The interval holds the scatter of refits and of single runs around the formula, not the formula's own error
        beyond its data: no interval of this kind knows of that.

        Args:
            seed: of the draws.
            scatter: standard deviation of the loss over seeds, nats, where it is known and larger than the residual.
        """
        around = np.random.default_rng(derive(seed, "scaling")).normal(0, max(self.residual, scatter), len(self.draws))
        drawn = [_loss(one, parameters, tokens) for one in self.draws] + around
        return interval(float(self.loss(parameters, tokens)), drawn)

    def best(self, operations: float) -> tuple[float, float]:
        """(parameters, tokens) of least loss among those that 6 N D = `operations` allows."""
        one, other = self.alpha, self.beta
        pairs = operations / PER_PARAMETER_AND_TOKEN
        ratio = (one * self.A / (other * self.B)) ** (1 / (one + other))
        return ratio * pairs ** (other / (one + other)), pairs ** (one / (one + other)) / ratio

    @property
    def exponent(self) -> Measure:
        """How the best size grows with the budget: N* ~ C^exponent, beta / (alpha + beta)."""
        drawn = self.draws[:, 4] / (self.draws[:, 3] + self.draws[:, 4])
        return interval(self.beta / (self.alpha + self.beta), drawn)


def fit_scaling(runs: Iterable[Any] | None = None, *, parameters: Any = None, tokens: Any = None, losses: Any = None,
                body: bool = False, seed: int = 0) -> ScalingLaw:  # fmt: skip
    """The law of some runs.

    Args:
        runs: each with `.parameters`, `.table`, `.tokens`, `.loss`, as `sweep` gives them; diverged ones are left out.
        parameters, tokens, losses: (run,) instead of runs.
        body: count parameters without the table of tokens.
        seed: of the draws.

    Raises:
        OptionError: fewer than six runs, or runs that differ in one direction only: sizes and tokens must both vary.

    Law: a planted law comes back within its interval in nine of ten draws of noise (tests/training/test_scaling.py).
    """
    if runs is not None:
        sound = [run for run in runs if np.isfinite(run.loss)]
        parameters = [run.parameters - (run.table if body else 0) for run in sound]
        tokens, losses = [run.tokens for run in sound], [run.loss for run in sound]
    n, d, y = (np.asarray(one, float) for one in (parameters, tokens, losses))
    _check(n, d, y)
    found = _fit(n, d, y)
    left = y - _loss(found, n, d)
    residual = float(np.sqrt((left**2).sum() / max(1, len(y) - len(found))))
    rows = resamples(len(y), seed=derive(seed, "scaling"), draws=DRAWS, keep=lambda rows: _apart(n[rows], d[rows]))
    draws = np.array([_fit(n[row], d[row], y[row], start=found[3:]) for row in rows])
    e, a, b, alpha, beta = map(float, found)
    return ScalingLaw(e, a, b, alpha, beta, residual, draws)


def fit_huber(parameters: Any, tokens: Any, losses: Any, *, delta: float = 1e-3) -> tuple[float, ...]:
    """(E, A, B, alpha, beta) as Hoffmann et al. fit them: a Huber loss of log losses, from many starts."""
    from scipy.optimize import minimize
    from scipy.special import huber

    n, d, y = (np.log(np.asarray(one, float)) for one in (parameters, tokens, losses))

    def cost(p: np.ndarray) -> float:
        a, b, e, alpha, beta = p
        return float(huber(delta, np.logaddexp(np.logaddexp(a - alpha * n, b - beta * d), e) - y).sum() / delta)

    starts = [(a, b, 0, s, s) for a in (0, 5) for b in (0, 5) for s in (0.3, 0.8)]
    best = min((minimize(cost, start, method="L-BFGS-B") for start in starts), key=lambda one: one.fun)
    a, b, e, alpha, beta = best.x
    return float(np.exp(e)), float(np.exp(a)), float(np.exp(b)), float(alpha), float(beta)


def vertex(parameters: Any, losses: Any) -> float:
    """Parameters at the minimum of a parabola of loss over log N, of runs with one budget.

    Raises:
        OptionError: fewer than three sizes, or a parabola without a minimum.
    """
    n, y = np.log(np.asarray(parameters, float)), np.asarray(losses, float)
    if len(set(n)) < 3:
        raise OptionError(f"{len(set(n))} sizes make no parabola; train three or more at this budget")
    up, along, _ = np.polyfit(n, y, 2)
    if up <= 0:
        raise OptionError("these losses have no minimum over size; add smaller and larger models at this budget")
    return float(np.exp(-along / (2 * up)))


def _loss(law: np.ndarray, parameters: Any, tokens: Any) -> Any:
    e, a, b, alpha, beta = law
    return e + a * np.asarray(parameters, float) ** -alpha + b * np.asarray(tokens, float) ** -beta


def _check(n: np.ndarray, d: np.ndarray, y: np.ndarray) -> None:
    if not len(n) == len(d) == len(y) or len(y) < FEWEST:
        raise OptionError(
            f"{len(y)} runs say too little about five numbers; give {FEWEST} or more that did not diverge"
        )
    if not (np.isfinite([n, d, y]).all() and (n > 0).all() and (d > 0).all()):
        raise OptionError("parameters and tokens must be above 0, and losses numbers; leave runs that diverged out")
    if not _apart(n, d):
        raise OptionError(
            "sizes and tokens rise and fall together in these runs; let them vary apart, as at two budgets"
        )


def _apart(n: np.ndarray, d: np.ndarray) -> Any:
    """Whether the formula's three columns can be told apart: (run,) or (draw, run) of log sizes and tokens."""
    x = np.stack([np.log(n), np.log(d)], -1)
    x = x - x.mean(-2, keepdims=True)
    spread = np.linalg.svd(x, compute_uv=False)
    return spread[..., 1] > 0.05 * spread[..., 0] + TINY


def _fit(n: np.ndarray, d: np.ndarray, y: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """(E, A, B, alpha, beta) of least squares: a search over both exponents, each with its own linear fit."""
    from scipy.optimize import minimize, nnls

    low_n, low_d = np.log(n).mean(), np.log(d).mean()  # powers of numbers near 1

    def linear(powers: np.ndarray) -> tuple[np.ndarray, float]:
        one, other = np.abs(powers)
        columns = [np.ones_like(n), np.exp(-one * (np.log(n) - low_n)), np.exp(-other * (np.log(d) - low_d))]
        return nnls(np.stack(columns, 1), y)

    begins = [start] if start is not None else [np.array([p, q]) for p in EXPONENTS for q in EXPONENTS]
    best = min(begins, key=lambda powers: linear(powers)[1])
    found = minimize(lambda p: linear(p)[1], best, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9})
    (e, a, b), _ = linear(found.x)
    alpha, beta = np.abs(found.x)
    return np.array([e, a * np.exp(alpha * low_n), b * np.exp(beta * low_d), alpha, beta])
