"""Loading: from a name to a LanguageModel.

Reads   a catalog name, a local folder, or (online) a hub id.
Gives   LanguageModel.
Ignores what the model is used for.

Always in this order: find the folder, refuse what is not plain data, count its numbers, see that they fit, load, lay
out in memory.
"""

import os
import re
from pathlib import Path
from typing import Any

from labkit.assets.progress import note
from labkit.core.devices import choose_device, choose_dtype, cost_of
from labkit.core.errors import ModelError, closest
from labkit.core.paths import runs_folder

from .catalog import Entry, entries
from .checks import check_room, count_elements, read_config, weight_files
from .conversion import converted, quiet
from .language_model import LanguageModel, describe
from .layout import lay_side_by_side

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
IN_A_LAYER = re.compile(r"\.(\d+)\.")
# Of a hub repository only data: no pickles, no Python.
HUB_FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")


def load(name: str | os.PathLike[str], *, device: str = "auto", dtype: str = "auto") -> LanguageModel:
    """A language model, ready to use.

    Args:
        name: a name of `lab.catalog()`, a run that was trained here (`runs/NAME`: its newest checkpoint), a folder in
            transformers layout (safetensors), or, online, a hub id such as `HuggingFaceTB/SmolLM2-360M`.
        device: auto (cuda, else mps, else cpu), cpu, cuda, cuda:N or mps.
        dtype: auto (float32; bfloat16 for weights above 2 GB on a card that has it natively), float32, bfloat16 or
            float16; one that is slow on this processor is given, and a line says what it costs.

    Returns:
        LanguageModel with .model, .tokenizer, .card and .bridge. The first load of a GGUF model converts it into
        the cache; later loads take a second or two.

    Raises:
        ModelError: unknown name, pickled or rounded weights, code inside the model, tensors missing or left over, a
            tokenizer that cannot be read or is another model's, or it does not fit.
        AssetError: its files are not here and cannot be fetched.
        OptionError: the device or the dtype is unknown or not on this machine.

    Laws: tests/models/test_loading.py, tests/models/test_hostile.py (refusals); tests/models/test_weights.py.
    """
    device = choose_device(device)
    choose_dtype(dtype, device)  # a wrong one is refused before anything is fetched
    folder, entry = find(name)
    config = read_config(folder)
    elements = count_elements(weight_files(folder))
    dtype = choose_dtype(dtype, device, elements)
    if cost := cost_of(dtype, device):
        note(cost)
    check_room(str(name), elements, dtype=dtype, device=device)
    model = lay_side_by_side(open_model(folder, config, device=device, dtype=dtype))
    tokenizer = open_tokenizer(folder)
    check_vocabulary(folder, tokenizer, model)
    shown = entry.name if entry else str(name)
    return LanguageModel(shown, model, tokenizer, describe(shown, model, entry))


def find(name: str | os.PathLike[str]) -> tuple[Path, Entry | None]:
    """The folder that a name means, and its catalog entry if it has one.

    Raises:
        ModelError: it is neither a catalog name, nor a folder, nor a hub id that can be had.
    """
    text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else ""
    if not text.strip():
        raise ModelError(f"a model's name was expected, got {_cut(repr(name))}; {closest('', list(entries()))}")
    if entry := entries().get(text.strip().lower()):
        return _catalog_folder(entry), entry
    try:
        folder = _run_folder(text) or Path(text).expanduser()
        is_folder, is_file = folder.is_dir(), folder.is_file()
    except (OSError, ValueError, RuntimeError):  # too long for the system, a null character, ~ of nobody
        is_folder = is_file = False
    if is_folder:
        return newest_checkpoint(folder), None
    if is_file:
        raise ModelError(f"{_cut(text)!r} is a file; give the folder that holds it, with config.json and *.safetensors")
    if HUB_ID.fullmatch(text) and not text.startswith("."):
        return _from_hub(text), None
    raise ModelError(
        f"no model is called {_cut(text)!r}, and no folder is; a local folder (transformers layout), online a hub id "
        f"owner/name, or a name of lab.catalog() is wanted: {closest(_cut(text), list(entries()))}"
    )


def _run_folder(text: str) -> Path | None:
    """`runs/NAME` means a run of `runs_folder()`, wherever the notebook stands."""
    named = runs_folder() / text.removeprefix("runs/") if text.startswith("runs/") else None
    return named if named is not None and named.is_dir() else None


def newest_checkpoint(folder: Path) -> Path:
    """A model folder itself; of a training run's folder the newest checkpoint.

    Raises:
        ModelError: the run has none yet.
    """
    inside = folder / "checkpoints"
    if (folder / "config.json").is_file() or not inside.is_dir():
        return folder
    found = sorted((c for c in inside.iterdir() if c.name.isdecimal() and (c / "config.json").is_file()), key=_number)
    if not found:
        raise ModelError(f"the run {folder} has no checkpoint yet; let it train for longer, or start it again")
    return found[-1]


def _number(folder: Path) -> int:
    return int(folder.name)


def _cut(name: str, most: int = 60) -> str:
    """A name as a message can hold it."""
    return name if len(name) <= most else name[:most] + "…"


def _catalog_folder(entry: Entry) -> Path:
    from labkit.assets import member

    path = member(entry.asset)
    return path if path.is_dir() else converted(path, entry.name, context=entry.context, terms=entry.terms)


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(HUB_FILES)))
    except Exception as error:
        # Offline, absent, private and refused arrive as a dozen classes of several libraries; all mean the same here.
        reason = _cut(str(error).strip().splitlines()[0], 200) if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{_cut(name)!r} is neither a folder here nor to be had from the hub ({reason}); "
            f"without internet use one of {', '.join(entries())}, or a local folder"
        ) from error


def open_model(folder: Path, config: dict[str, Any], *, device: str, dtype: str) -> Any:
    """The transformers model of a folder, with the class that its config names, in evaluation mode.

    Raises:
        ModelError: transformers does not know the architecture, tensors are missing, or layers are left over.
    """
    import torch
    import transformers

    named = (config.get("architectures") or [""])[0]
    architecture: Any = _ours(named) or getattr(transformers, named or "AutoModelForCausalLM", None)
    if architecture is None:
        raise ModelError(
            f"{folder} holds a {named}, which transformers {transformers.__version__} does not contain; "
            "use a model whose architecture it knows"
        )
    options = {"dtype": getattr(torch, dtype), "local_files_only": True, "use_safetensors": True}
    with quiet():
        try:
            model, report = architecture.from_pretrained(folder, output_loading_info=True, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"{folder} cannot be loaded as {named}: {error}; save or fetch it again") from error
    missing = sorted(report["missing_keys"]) + sorted(str(m) for m in report.get("mismatched_keys", ()))
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} tensors that a {named} needs ({', '.join(missing[:3])} …); "
            "the folder is incomplete: save or fetch it again"
        )
    # Heads and poolers of another use may be left over, parts of layers may not: the model would be another one.
    if left := [key for key in sorted(report["unexpected_keys"]) if IN_A_LAYER.search(key)]:
        raise ModelError(_left_over(folder, named, model.config, left))
    return model.to(device).eval().requires_grad_(False)


def _left_over(folder: Path, named: str, config: Any, keys: list[str]) -> str:
    layers = {int(found[1]) for key in keys if (found := IN_A_LAYER.search(key))}
    told = int(getattr(config.get_text_config(), "num_hidden_layers", 0))
    if beyond := sorted(layer for layer in layers if layer >= told):
        return (
            f"{folder} holds layers {beyond[0]} to {beyond[-1]}, but its config.json tells of layers 0 to {told - 1} "
            f"(num_hidden_layers={told}); correct it there, or save the model again"
        )
    return (
        f"{folder} holds {len(keys)} tensors that a {named} does not use ({', '.join(keys[:3])} …); "
        "its config.json names another architecture: save or fetch it again"
    )


def _ours(named: str) -> Any:
    """The lab's own model class of this name; None where transformers must know it."""
    if named == "LstmForCausalLM":
        from .lstm import LstmForCausalLM

        return LstmForCausalLM
    if named == "LearnedLlamaForCausalLM":
        from .positions import LearnedLlamaForCausalLM

        return LearnedLlamaForCausalLM
    return None


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder; where it has no padding token it pads with the end token.

    Raises:
        ModelError: the folder holds none.
    """
    from transformers import AutoTokenizer

    names = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "spiece.model")
    if not any((folder / name).is_file() for name in names):
        raise ModelError(
            f"{folder} holds no tokenizer ({', '.join(names)}); save it: tokenizer.save_pretrained(folder)"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the tokenizers library raises bare ones
        why = _cut(str(error).strip() or type(error).__name__, 200)
        raise ModelError(f"the tokenizer in {folder} cannot be read ({why}); save or fetch it again") from error
    if tokenizer.pad_token is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def check_vocabulary(folder: Path, tokenizer: Any, model: Any) -> None:
    """Refuse a tokenizer whose tokens have numbers that the model has no vector for.

    Raises:
        ModelError: with both counts.
    """
    rows, highest = model.get_input_embeddings().weight.shape[0], max(tokenizer.get_vocab().values(), default=0)
    if highest >= rows:
        raise ModelError(
            f"the tokenizer in {folder} numbers its tokens up to {highest:,}, but the model knows 0 to {rows - 1:,}; "
            "save the tokenizer that it was trained with, or give it rows: model.resize_token_embeddings(...)"
        )
