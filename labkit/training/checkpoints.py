"""Checkpoints: a run's model as a transformers folder, and beside it all that it needs to go on.

    save(step.state, folder, tokenizer=tokenizer)
    steps(state.model, data, state.config, start=(state := load_state(folder)))

Reads   a TrainState.
Gives   a folder that `lab.load` opens: config.json, model.safetensors, the tokenizer; and with them
        training.json and training.safetensors (counters, random generators, optimizers), unless it is for looking only.
Ignores when to save and what to keep.

A folder is filled under another name and renamed when whole: killed at any moment, or with the disk full, it leaves the
checkpoint before it as the last one. No pickles: a checkpoint from elsewhere can be opened without running anything.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..core.errors import TrainingError
from ..core.paths import atomic_folder
from ..models.conversion import quiet
from ..models.language_model import adopt_special_tokens
from ..models.loading import newest_checkpoint, open_model, read_config
from .config import TrainConfig
from .state import TrainState

VALUES, TENSORS = "training.json", "training.safetensors"
FORM = 1
"""Raised when the files change their form."""


def save(state: TrainState, folder: Path, *, tokenizer: Any = None, weights_only: bool = False) -> Path:
    """Write a checkpoint; all of it or nothing.

    Args:
        folder: its own, not there yet.
        tokenizer: of the transformers library, so that `lab.load` can open the folder.
        weights_only: True = half the size, to be looked at but not continued.

    Raises:
        TrainingError: the folder exists, or cannot be written (a full disk); what was there stays.

    Laws: continued from it, a run gives the same numbers bit for bit as never stopped; a full disk leaves the
    checkpoint before it whole (tests/training/test_checkpoints.py).
    """
    folder = Path(folder)
    if folder.exists():
        raise TrainingError(
            f"{folder} exists, and a checkpoint is never overwritten; name another folder, or remove it"
        )
    model = plain(state.model)
    if tokenizer is not None:
        adopt_special_tokens(model, tokenizer)
    try:
        with atomic_folder(folder) as draft, quiet():
            model.save_pretrained(draft)
            if tokenizer is not None:
                tokenizer.save_pretrained(draft)
            if not weights_only:
                _write_training(state, draft)
            for file in draft.iterdir():
                file.chmod(0o644)
    except (OSError, SafetensorError) as error:
        free = shutil.disk_usage(_existing(folder)).free / 1e6
        raise TrainingError(
            f"the checkpoint of step {state.step} cannot be written to {folder} ({error}); {free:,.0f} MB are free "
            "there. The checkpoint before it is whole: free some room, then go on with resume=True"
        ) from error
    return folder


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.absolute().parents) if place.exists())


def _write_training(state: TrainState, draft: Path) -> None:
    held = {name: value for name, value in state.state_dict().items() if name != "model"}
    tensors: dict[str, torch.Tensor] = {}
    plain_values = {"form": FORM, "config": state.config.as_dict(), "state": _taken_apart(held, "state", tensors)}
    save_file(tensors, draft / TENSORS)
    (draft / VALUES).write_text(json.dumps(plain_values), encoding="utf-8")


def load_state(folder: Path, *, device: str = "cpu") -> TrainState:
    """A checkpoint as a TrainState, to go on from: `steps(state.model, data, state.config, start=state)`.

    Args:
        folder: of a checkpoint, or of a run, whose newest one is taken.

    Raises:
        TrainingError: the checkpoint holds weights only, or is damaged.
        ModelError: the folder holds no model.
    """
    folder = newest_checkpoint(Path(folder))
    if not (folder / VALUES).is_file():
        raise TrainingError(
            f"{folder} holds weights only and no optimizer, so nothing can go on from it; "
            "take the newest checkpoint of its run"
        )
    try:
        values, tensors = json.loads((folder / VALUES).read_text(encoding="utf-8")), load_file(folder / TENSORS)
        if values["form"] != FORM:
            raise TrainingError(
                f"{folder} was written by another version of the lab (form {values['form']}); start anew"
            )
        config, held = TrainConfig(**values["config"]), _put_together(values["state"], tensors)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainingError(f"{folder} is damaged ({error}); go on from the checkpoint before it") from error
    model = open_model(folder, read_config(folder), device=device, dtype="float32")
    for table in model.modules():
        if isinstance(table, torch.nn.Embedding):
            table.padding_idx = None  # the saved config names a token for padding, which is one that is learned here
    state = TrainState.new(model.requires_grad_(True).train(), config)
    state.load_state_dict({**held, "model": model.state_dict()})
    return state


def can_go_on(folder: Path) -> bool:
    """Whether a checkpoint holds more than weights."""
    return (folder / VALUES).is_file()


def drop_training(folder: Path) -> None:
    """Keep a checkpoint's weights alone; the values go first, so that it is never taken for one to go on from."""
    for name in (VALUES, TENSORS):
        (folder / name).unlink(missing_ok=True)


def plain(model: Any) -> Any:
    """The transformers model inside whatever compiles or shares it out."""
    while not hasattr(model, "save_pretrained") or hasattr(model, "_orig_mod"):
        model = getattr(model, "_orig_mod", None) or model.module
    return model


def _taken_apart(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Nested values as JSON can hold them; tensors go into `tensors` under their path."""
    if isinstance(value, torch.Tensor):
        tensors[path] = value.detach().cpu().contiguous()
        return {"tensor": path}
    if isinstance(value, dict):
        return {"dict": [[key, _taken_apart(held, f"{path}.{key}", tensors)] for key, held in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_taken_apart(held, f"{path}.{i}", tensors) for i, held in enumerate(value)]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TrainingError(
        f"{path} is a {type(value).__name__}, which no checkpoint can hold; keep plain values and tensors"
    )


def _put_together(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "tensor":
        return tensors[held]
    if kind == "dict":
        return {key: _put_together(one, tensors) for key, one in held}
    parts = [_put_together(one, tensors) for one in held]
    return tuple(parts) if kind == "tuple" else parts
