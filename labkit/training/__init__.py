"""Training: a model, text and a TrainConfig in, one Step after another out.

    for step in steps(model, data, TrainConfig(steps=500)):
        print(step.index, step.loss)
    evaluate(model, data).bits_per_byte

    run, going = begin(plan("nano", corpus="sotu", steps=500))      the same, recorded on disk
    open_run("nano-sotu-1").load(120)                               the model as it was at step 120

Reads   a transformers model; batches by number; a loss.
Gives   Step, TrainState, Loss.
Ignores notebooks and pictures.
"""

from .checkpoints import load_state, save
from .config import TrainConfig
from .loop import Step, steps
from .loss import Loss, evaluate
from .objectives import TOKENS, Objective, compared, preference
from .plans import Plan, begin, plan
from .recording import add_sample, record
from .runs import Record, Run, all_runs, compare_runs, open_run, runs
from .scaling import ScalingLaw, fit_scaling, vertex
from .state import TrainState
from .sweep import SweepRun, sweep, sweep_table

__all__ = [
    "Loss", "Objective", "Plan", "Record", "Run", "ScalingLaw", "Step", "SweepRun", "TOKENS", "TrainConfig",
    "TrainState", "add_sample", "all_runs", "begin", "compare_runs", "compared", "evaluate", "fit_scaling",
    "load_state", "open_run", "plan", "preference", "record", "runs", "save", "steps", "sweep", "sweep_table",
    "vertex",
]  # fmt: skip
