"""GGUF to a transformers folder: the 4-bit file that was fetched becomes safetensors in the cache, once.

Reads   one GGUF file.
Gives   a folder that AutoModel and AutoTokenizer open, with a record of its files.

The folder is filled under another name and renamed when whole, one process at a time, so a reader sees all of it or
nothing, whenever the writer was killed. The record holds each file's sha256: a damaged folder is made again.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labkit.assets import member
from labkit.assets.progress import note, progress
from labkit.core.devices import COMPACT
from labkit.core.errors import ModelError
from labkit.core.locks import alone
from labkit.core.paths import atomic_folder, cache_folder

RECORD = "labkit.json"
# Raise it when the conversion gives other files: older folders are then made again.
VERSION = 1


def converted(gguf: Path, name: str, *, context: int, terms: str = "") -> Path:
    """The transformers folder of a GGUF model, made on first use (about 15 s for 135 M parameters).

    Args:
        context: longest input, tokens.
        terms: the asset, a folder, whose files the licence wants beside the weights.

    Raises:
        ModelError: the GGUF file cannot be read, or the cache cannot be written.

    Laws: killed at any point, it leaves nothing that looks whole; two processes at once make it once; a folder with
    a changed byte is made again (tests/models/test_conversion.py).
    """
    final = cache_folder() / "models" / name
    origin = {"version": VERSION, "file": gguf.name, "bytes": gguf.stat().st_size}
    if is_whole(final, origin):
        return final
    try:
        with alone(final.parent / f".{final.name}.lock", f"converting {final.name}", note):
            if not is_whole(final, origin):
                _make(gguf, final, origin, context, terms)
    except OSError as error:
        raise ModelError(
            f"{gguf.name} cannot be converted into {final} ({error}); "
            f"free about {6 * origin['bytes'] / 1e9:.1f} GB there, or set LABKIT_CACHE to a folder that can be written"
        ) from error
    return final


def _make(gguf: Path, final: Path, origin: dict[str, Any], context: int, terms: str) -> None:
    if final.exists():
        note(f"{final} is damaged or of another version; making it again")
    for leftover in [final, *final.parent.glob(f".{final.name}.*.part")]:
        shutil.rmtree(leftover, ignore_errors=True)
    note(f"Converting {gguf.name} to safetensors, once; it stays in {final}")
    with atomic_folder(final) as draft:
        convert(gguf, draft, context=context)
        if terms:
            shutil.copytree(member(terms), draft, dirs_exist_ok=True)
        for file in draft.iterdir():
            file.chmod(0o644)
        write_record(draft, origin)


def is_whole(folder: Path, origin: dict[str, Any]) -> bool:
    """Whether a folder was made from this origin and every file still has the bytes that were written."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return record["origin"] == origin and all(
            _digest(folder / file) == expected for file, expected in record["sha256"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def write_record(folder: Path, origin: dict[str, Any]) -> None:
    """Note where a finished folder came from and the sha256 of each of its files."""
    sums = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    (folder / RECORD).write_text(json.dumps({"origin": origin, "sha256": sums}, indent=1), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def convert(gguf: Path, folder: Path, *, context: int) -> None:
    """Write a GGUF model into `folder` as safetensors, with its tokenizer.

    The values of llama.cpp's K types have more digits than `core.devices.COMPACT`: a file with any stays in float32.
    transformers reads GGUF but refuses to save what it read ("quantized"), so its tensors go into a plain model.

    Raises:
        ModelError: the file is no GGUF, or of an architecture that transformers does not read.

    Law: the converted model computes what the model behind the GGUF file computes (tests/models/test_conversion.py).
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    try:
        stored = getattr(torch, _stored_type(gguf))
        config, tensors = _read(gguf, stored)
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, model_max_length=context)
    except (ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{gguf} cannot be read as GGUF ({error}); fetch it again with `labkit fetch`") from error
    config = AutoConfig.for_model(**config, dtype=stored)
    model: Any = AutoModelForCausalLM.from_config(config, dtype=stored)
    model.load_state_dict(tensors, strict=not config.tie_word_embeddings)
    model.tie_weights()
    with quiet():
        model.save_pretrained(folder)
    _restore_pre_tokenizer(tokenizer, gguf)
    tokenizer.save_pretrained(folder)


def _stored_type(gguf: Path) -> str:
    from gguf import GGUFReader

    return "float32" if any("_K" in tensor.tensor_type.name for tensor in GGUFReader(gguf).tensors) else COMPACT


def _read(gguf: Path, stored: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configuration and tensors by their names in transformers, with progress."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, modeling_gguf_pytorch_utils

    reader: Any = modeling_gguf_pytorch_utils
    config = reader.load_gguf_checkpoint(gguf)["config"]
    with torch.device("meta"):
        shapes = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    bar = reader.tqdm
    with progress(f"Reading {gguf.name}", gguf.stat().st_size) as update:
        reader.tqdm = lambda tensors, **_: _told(tensors, update)
        try:
            parsed = reader.load_gguf_checkpoint(gguf, return_tensors=True, model_to_load=shapes, torch_dtype=stored)
        finally:
            reader.tqdm = bar
    return config, parsed["tensors"]


def _told(tensors: Any, update: Callable[[int], None]) -> Iterator[Any]:
    done = 0
    for tensor in tensors:
        yield tensor
        done += int(tensor.n_bytes)
        update(done)


@contextmanager
def quiet() -> Iterator[None]:
    """transformers' own progress bars, off: a second of loading or writing needs none."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _restore_pre_tokenizer(tokenizer: Any, gguf: Path) -> None:
    """SmolLM cuts out single digits before it splits words; the GGUF says so by name and transformers drops it."""
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers

    named = GGUFReader(gguf).get_field("tokenizer.ggml.pre")
    if named is not None and named.contents() == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
