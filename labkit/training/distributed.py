"""Several processes, one run: each takes its rows of every batch, and all move the weights alike.

    accelerate launch --multi_gpu --num_processes 2 train.py      train.py: the script of one process, unchanged

Without GPUs the same command trains on the CPU, over gloo.

Reads   what `accelerate launch` (or torchrun) tells each process.
Gives   shares of batches; sums, and decisions that are the same everywhere.
Ignores models and optimizers.

Gradients are summed over processes as they stand after the backward pass, and divided by the number of targets of the
whole batch, not of a share: so two processes do what one does with the same batch, also where masks leave one of them
fewer targets. With one process every function here gives back what it was given.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn

from ..core.errors import LabError, OptionError, TrainingError
from ..text.batches import Rows


def join() -> None:
    """Meet the other processes, where there are any; once is enough, more does no harm."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not _together():
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available())


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def processes() -> int:
    """How many train together."""
    return distributed.get_world_size() if _together() else 1


def rank() -> int:
    """This process's number, from 0; number 0 writes and draws."""
    return distributed.get_rank() if _together() else 0


def share(rows: Rows) -> Rows:
    """This process's part of some rows; each belongs to exactly one process.

    Raises:
        OptionError: there are fewer rows than processes.
    """
    if processes() == 1:
        return rows
    if len(rows) < processes():
        raise OptionError(f"a batch of {len(rows)} cannot be shared by {processes()} processes; use a larger batch=")
    mine = np.array_split(np.arange(len(rows)), processes())[rank()]
    return rows.each(lambda one: one[mine])


def total(value: Tensor) -> Tensor:
    """The sum over processes, in place."""
    if processes() > 1:
        distributed.all_reduce(value)
    return value


def combine(parameters: Iterable[nn.Parameter]) -> None:
    """Every gradient becomes its sum over processes; all of them travel as one message."""
    if processes() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    message = total(torch.cat([g.flatten() for g in gradients]))
    for gradient, part in zip(gradients, message.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def agree(value: float) -> float:
    """The first process's number, so that all decide alike what hangs on a clock."""
    if processes() == 1:
        return value
    shared = torch.tensor(value, dtype=torch.float64, device="cuda" if torch.cuda.is_available() else "cpu")
    distributed.broadcast(shared, 0)
    return shared.item()


def by_the_first(make: Callable[[], Any]) -> Any:
    """What the first process makes, on every process; where it fails, all fail.

    Raises:
        LabError: as the first process; the others raise a TrainingError that says the same.
    """
    if processes() == 1:
        return make()
    told: list[Any] = [None, None]
    error: LabError | None = None
    if rank() == 0:
        try:
            told = [make(), None]
        except LabError as failed:
            error, told = failed, [None, str(failed)]
    distributed.broadcast_object_list(told, 0)
    if told[1] is not None:
        raise error or TrainingError(told[1])
    return told[0]
