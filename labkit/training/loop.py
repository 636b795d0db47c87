"""Training: predict the next token, see how wrong it was, move the weights a little, again.

Reads   a model, batches by number, a TrainConfig.
Gives   one Step after another; stopping early is a `break`.
Ignores notebooks, pictures and files: who draws or saves loops over `steps` and does so between two steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite, log
from time import perf_counter
from typing import Any

import torch
from torch import nn

from ..core.errors import TrainingError
from .config import TrainConfig
from .distributed import agree, combine, join, share, total
from .loss import context_of, evaluate, on_device, pieces
from .objectives import TOKENS, Objective
from .optimizers import set_lr
from .runs import Record
from .schedule import approach, factor, progress
from .state import TrainState

SENSE = 10
"""So many times the loss of an even bet are beyond any sense. A rate far too large peaks at 3 to 5 times, by the number
type of its products, and comes back."""


@dataclass(frozen=True)
class Step(Record):
    """What one optimizer step did, and the model that it left."""

    state: TrainState = field(kw_only=True, repr=False, compare=False)
    """The model and all that belongs to it, now; the next step changes it in place."""


def steps(model: Any, data: Any, config: TrainConfig, *, loss: Objective = TOKENS,
          start: TrainState | None = None) -> Iterator[Step]:  # fmt: skip
    """Train `model` on `data` in place, one Step at a time.

    Args:
        model: a transformers model that gives logits; it stays on its device, and the batches are moved there.
        data: `.batch(index, batch=, context=, seed=, split=)` gives a Batch, or Rows: what is read, what must be said.
        loss: what is trained. TOKENS fits whatever has a target token at each place: next ones, hidden ones
            (`text.Masked`), another text's (`text.Gaps`, `text.Examples`), those of an answer.
        start: where to go on; None = at the beginning.

    Raises:
        TrainingError: the loss is no longer a number, or grew beyond any sense: the weights are those before that step;
            or the validation loss is no number, and the step is not given on.

    Law: the same twice, bit for bit, on one machine's CPU (tests/training/test_loop.py).
    """
    join()
    state = start or TrainState.new(model, config)
    model.train()
    context = context_of(model, config.context)
    while not done(state):
        began = perf_counter()
        set_lr(state.optimizers, scale := lr_factor(state))
        rows = data.batch(state.step, batch=config.batch, context=context, seed=config.seed).rows()
        mean, norm = gradients(state, share(rows), loss)
        check(state, mean, norm)
        for optimizer in state.optimizers:
            optimizer.step()
        state.step += 1
        state.tokens += rows.targets.size
        state.seconds += agree(perf_counter() - began)
        began = perf_counter()
        seen = look(state, data, loss)
        if seen is not None and not isfinite(seen):
            raise _stopped(state, state.step, f"validation loss {seen:.4g} (not a number)", scale)
        state.seconds += agree(perf_counter() - began)
        yield Step(state.step, mean, config.peak[0] * scale, norm, state.tokens, state.seconds, seen, state=state)


def done(state: TrainState) -> bool:
    """Whether the run's steps or minutes are used up, or its loss is reached."""
    config, seen = state.config, state.validation
    return (
        (config.steps is not None and state.step >= config.steps)
        or (config.minutes is not None and state.seconds >= 60 * config.minutes)
        or (config.until_loss is not None and seen is not None and seen <= config.until_loss)
    )


def lr_factor(state: TrainState) -> float:
    """What the peak learning rates are multiplied by in the next step."""
    config = state.config
    along = progress(state.step, state.seconds, steps=config.steps, minutes=config.minutes)
    planned = factor(along, warmup=config.warmup, decay=config.decay)
    return min(planned, approach(state.validation, config.until_loss))


def gradients(state: TrainState, batch: Any, objective: Objective = TOKENS) -> tuple[float, float]:
    """Gradients of the batch's mean loss, clipped, in place of the old ones; (loss, length before clipping)."""
    model, config = state.model, state.config
    rows = on_device(batch, next(model.parameters()).device)
    count = total(objective.count(rows))
    model.zero_grad(set_to_none=True)
    loss = torch.zeros((), device=count.device)
    for some in pieces(rows, -(-len(rows) // config.accumulate)):
        part = objective.terms(lambda inputs: state.forward(model, inputs, state.dtype), some).sum() / count
        part.backward()
        loss += part.detach()
    parameters = [p for p in model.parameters() if p.grad is not None]
    combine(parameters)
    norm = nn.utils.clip_grad_norm_(parameters, config.clip or float("inf"), foreach=True)
    return total(loss).item(), norm.item()


def check(state: TrainState, loss: float, norm: float) -> None:
    """Stop before a step that would spoil the weights."""
    limit = SENSE * log(state.model.config.vocab_size)
    if isfinite(loss) and isfinite(norm) and loss <= limit:
        return
    what = f"loss {loss:.4g}, gradient norm {norm:.4g}" + ("" if isfinite(loss) else " (not a number)")
    raise _stopped(state, state.step + 1, f"{what}, batch {state.step}", lr_factor(state))


def _stopped(state: TrainState, step: int, what: str, scale: float) -> TrainingError:
    return TrainingError(
        f"step {step} stopped at {what}, learning rate {state.config.peak[0] * scale:.3g}; "
        "use a smaller lr, a longer warmup or clip=1, and go on from the last checkpoint"
    )


def look(state: TrainState, data: Any, loss: Objective) -> float | None:
    """The validation loss, where it is due now."""
    config = state.config
    if not (done(state) or (config.validate_every and state.step >= state.next_look)):
        return None
    context, before = context_of(state.model, config.context), state.validation
    state.measured = evaluate(state.model, data, context=context, dtype=state.dtype, loss=loss)
    state.validation = state.measured.nats_per_token
    gap = spacing(config, before, state.validation, state.step - state.looked)
    state.looked, state.next_look = state.step, state.step + gap
    return state.validation


def spacing(config: TrainConfig, before: float | None, now: float, steps: int) -> int:
    """Steps until the next look: `validate_every`; fewer where the loss that is aimed at should be reached sooner.

    Args:
        before, now: validation losses of the last two looks.
        steps: between them.
    """
    every = config.validate_every
    if config.until_loss is None or before is None or now >= before:
        return every
    ahead = (now - config.until_loss) / (before - now) * steps
    return round(min(every, max(every / 5, ahead, 1)))
