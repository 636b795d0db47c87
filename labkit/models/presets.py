"""Models to be trained here: a preset's sizes, checked, become a new transformers model.

    build("nano", vocab_size=65)                               # a Llama of 0.8 M parameters
    build("nano", vocab_size=65, layers=1, positions="none")   # any size can be changed
    build("nano", vocab_size=65, kind="lstm")                  # as many parameters, without attention
    build("nano", vocab_size=65, kind="t5")                    # another architecture of these sizes

Reads   presets.toml.
Gives   PreTrainedModel, in training mode, float32, on its device.
Ignores how it is trained and on what.
"""

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from labkit.core.devices import choose_device, describe_machine
from labkit.core.errors import OptionError, closest
from labkit.core.results import Table
from labkit.core.seeds import derive
from labkit.core.values import is_whole

from .architectures import Preset, new_model

KINDS = ("transformer", "lstm", "bert", "modernbert", "t5", "mixtral", "mamba2")
ROTARY = ("transformer", "modernbert", "mixtral")
POSITIONS = ("rotary", "learned", "none")
LSTM_LAYERS = 2
MOST = {"layers": 256, "heads": 256, "d_model": 16_384, "d_ff": 65_536, "context": 1_048_576, "vocab_size": 4_000_000}
BYTES_IN_TRAINING = 16
"""Of each parameter: itself, its gradient and the optimizer's two averages, 4 each."""


_SIZES = ("layers", "heads", "d_model", "d_ff", "context")
OVERRIDES = (*_SIZES, "kind", "positions", "tied")


@cache
def _known() -> dict[str, Preset]:
    read = tomllib.loads((Path(__file__).parent / "presets.toml").read_text(encoding="utf-8"))
    return {name: Preset(name=name, **facts) for name, facts in read.items()}


def presets() -> Table:
    """The models that `build` and `lab.train` know by name, at the vocabulary that they are meant for."""
    rows = [
        {
            "name": p.name,
            "parameters (million)": round(count_parameters(p, p.vocab) / 1e6, 1),
            "layers": p.layers,
            "heads": p.heads,
            "d_model": p.d_model,
            "d_ff": p.d_ff,
            "context (tokens)": p.context,
            "tokens": f"{p.tokenizer}, {p.vocab:,}",
            "for": p.what,
        }
        for p in _known().values()
    ]
    notes = ("kind='lstm' gives a recurrent network of as many parameters; any size can be changed by its name",)
    return Table.of(rows, title="Models to be trained here", notes=notes)


def shape(name: str = "nano", vocab_size: int = 0, **overrides: Any) -> Preset:
    """A preset's sizes with some of them changed.

    Args:
        name: one of `presets()`.
        vocab_size: an LSTM's width depends on it; 0 = the vocabulary that the preset is meant for.
        overrides: layers, heads, d_model, d_ff, context, kind, positions, tied. `d_model` alone changes `d_ff` in
            proportion. An LSTM is as wide as gives it the transformer's parameters, unless `d_model` is given.

    Raises:
        OptionError: an unknown name, or sizes that cannot go together; the message says why.
    """
    if not isinstance(name, str) or name not in _known():
        raise OptionError(f"there is no preset {name!r}; {closest(str(name), list(_known()))}")
    for given in overrides:
        if given not in OVERRIDES:
            raise OptionError(f"a preset has no {given!r}; {closest(given, OVERRIDES)}")
    chosen = _known()[name]
    asked = replace(chosen, **overrides)
    _check_values(asked)
    if asked.kind == "lstm":
        return _recurrent(chosen, asked, overrides, vocab_size or chosen.vocab)
    if "positions" in overrides and asked.kind != "transformer":
        raise OptionError(f"{asked.kind} tells order in its own way; leave positions out, or use kind='transformer'")
    if "d_model" in overrides and "d_ff" not in overrides:
        asked = replace(asked, d_ff=max(8, round(chosen.d_ff * asked.d_model / chosen.d_model / 8) * 8))
    _check_heads(asked)
    return asked


def _recurrent(chosen: Preset, asked: Preset, overrides: dict[str, Any], vocab_size: int) -> Preset:
    if foreign := [name for name in ("heads", "d_ff", "positions") if name in overrides]:
        raise OptionError(f"an LSTM has no {' and no '.join(foreign)}; leave that out, or use kind='transformer'")
    asked = replace(asked, layers=overrides.get("layers", LSTM_LAYERS), heads=1, d_ff=1, positions="none")
    if "d_model" in overrides:
        return asked
    wanted = count_parameters(replace(chosen, tied=asked.tied), vocab_size)
    widths = (replace(asked, d_model=width) for width in range(4, 4 * chosen.d_model * chosen.layers, 4))
    return min(widths, key=lambda one: abs(count_parameters(one, vocab_size) - wanted))


def _check_values(p: Preset) -> None:
    for size in _SIZES:
        if not is_whole(getattr(p, size)) or not 1 <= getattr(p, size) <= MOST[size]:
            raise OptionError(f"{size}={getattr(p, size)!r}: choose a whole number from 1 to {MOST[size]:,}")
    for name, options in (("kind", KINDS), ("positions", POSITIONS)):
        if getattr(p, name) not in options:
            raise OptionError(f"{name}={getattr(p, name)!r} is unknown; {closest(str(getattr(p, name)), options)}")
    if not isinstance(p.tied, bool):
        raise OptionError(f"tied={p.tied!r}: give True or False")


def _check_heads(p: Preset) -> None:
    if p.d_model % p.heads:
        fitting = max(1, round(p.d_model / p.heads)) * p.heads
        raise OptionError(
            f"d_model={p.d_model} cannot be shared out among {p.heads} heads; "
            f"choose a multiple of {p.heads}, such as {fitting}"
        )
    if p.kind in ROTARY and p.positions == "rotary" and (p.d_model // p.heads) % 2:
        raise OptionError(
            f"each of {p.heads} heads is {p.d_model // p.heads} wide, and rotary positions turn pairs of numbers; "
            "choose d_model and heads so that d_model / heads is even, or positions='learned'"
        )


def count_parameters(p: Preset, vocab_size: int) -> int:
    """How many numbers a model of these sizes learns.

    Law: those of the model that `build` makes (tests/models/test_presets.py).
    """
    tables = (1 if p.tied else 2) * vocab_size * p.d_model
    if p.kind == "lstm":
        return tables + p.layers * (8 * p.d_model**2 + 8 * p.d_model) + p.d_model
    if p.kind != "transformer":
        return _counted(p, vocab_size)
    learned = p.context * p.d_model if p.positions == "learned" else 0
    layer = 4 * p.d_model**2 + 3 * p.d_model * p.d_ff + 2 * p.d_model
    return tables + learned + p.layers * layer + p.d_model


def _counted(p: Preset, vocab_size: int) -> int:
    """The same, from a model without memory."""
    import torch

    with torch.device("meta"):
        return sum(weight.numel() for weight in new_model(p, vocab_size).parameters())


def build(preset: str = "nano", *, vocab_size: int, seed: int = 0, device: str = "auto", **overrides: Any) -> Any:
    """A new model with random weights.

    Args:
        preset: one of `presets()`.
        vocab_size: rows of the embedding table, 2 or more: the tokenizer's size.
        seed: of the random weights; the same on every machine and device.
        device: auto (cuda, else mps, else cpu), cpu, cuda, cuda:N or mps.
        overrides: sizes to change, as for `shape`: layers, heads, d_model, d_ff, context, kind, positions, tied.

    Returns:
        transformers PreTrainedModel in training mode, float32, on the device: `LlamaForCausalLM` (with rotary or
        without positions), `LearnedLlamaForCausalLM`, or what `labkit.models.architectures` tells of the kind.
        `save_pretrained` and `lab.load` work, and `generate` where the model continues or writes texts.

    Raises:
        OptionError: sizes that cannot go together, or that do not fit into memory.

    Laws: the same seed gives the same weights and leaves the global generators alone; saved and loaded, it computes the
    same (tests/models/test_presets.py).
    """
    import torch

    if not is_whole(vocab_size) or not 2 <= vocab_size <= MOST["vocab_size"]:
        raise OptionError(f"vocab_size={vocab_size!r}: choose a whole number from 2 to {MOST['vocab_size']:,}")
    if not is_whole(seed):
        raise OptionError(f"seed={seed!r}: give a whole number")
    device, sizes = choose_device(device), shape(preset, vocab_size, **overrides)
    _check_room(sizes, vocab_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        return new_model(sizes, vocab_size).to(device).train()


def _check_room(p: Preset, vocab_size: int) -> None:
    count = count_parameters(p, vocab_size)
    needed, free = count * BYTES_IN_TRAINING / 1e9, describe_machine().free_gb
    if needed > free:
        raise OptionError(
            f"a model of {count / 1e6:,.0f} million parameters needs {needed:.1f} GB to be trained "
            f"({BYTES_IN_TRAINING} bytes each), but {free:.1f} GB are free; choose a smaller d_model, d_ff or layers"
        )
