"""What must hold before a model folder is opened: it holds data and no programs, it is whole, and it fits.

Reads   a folder's config.json and the headers of its safetensors files, never the weights.
Gives   nothing, or a ModelError with the remedy.
"""

import json
from pathlib import Path
from typing import Any

from labkit.core.devices import COMPACT, DTYPES, describe_machine
from labkit.core.errors import ModelError

BYTES = {name: 4 if name == "float32" else 2 for name in DTYPES}
# Loading needs some room beside the weights: the file's pages, the tokenizer, the first activations.
ROOM = 1.1


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a model folder.

    Raises:
        ModelError: it is missing, is not JSON, wants code of its own to be run, or says that weights are rounded.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise ModelError(
            f"{folder} is no model folder: it has no config.json; "
            "give the folder that model.save_pretrained(...) and tokenizer.save_pretrained(...) wrote"
        )
    config = _read_json(path)
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).is_file() and "auto_map" in _read_json(folder / name):
            raise ModelError(
                f"{folder / name} asks to run Python code that came with the model (auto_map), and the lab never does; "
                "use a model whose architecture transformers itself contains"
            )
    if stored := config.get("quantization_config"):
        method = stored.get("quant_method", "unnamed") if isinstance(stored, dict) else "unnamed"
        raise ModelError(
            f"{folder} holds weights rounded by the method {str(method)[:40]!r}, which other programs than the lab's "
            "compute with; use the model's version of full precision (float32, or 16 bits)"
        )
    return config


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}; save or fetch the model again") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds {type(value).__name__}, not an object; save or fetch the model again")
    return value


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder that are read; some folders hold a second copy in another layout.

    Raises:
        ModelError: there are none, one that the index names is not there, or the weights are pickles.
    """
    index, whole = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if whole.is_file():
        return [whole]
    if index.is_file():
        named = _read_json(index).get("weight_map")
        if not isinstance(named, dict):
            raise ModelError(f"{index} has no weight_map; save or fetch the model again")
        files = [folder / name for name in sorted(set(map(str, named.values())))]
        if gone := [file.name for file in files if not file.is_file()]:
            raise ModelError(f"{folder} lacks {', '.join(gone[:3])}, which its index names; save or fetch it again")
        return files
    if found := sorted(folder.glob("*.safetensors")):
        raise ModelError(
            f"{folder} holds {found[0].name}, but no model.safetensors and no index of parts; "
            "save the model with model.save_pretrained(folder)"
        )
    pickles = sorted(p.name for end in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl") for p in folder.glob(end))
    if pickles:
        raise ModelError(
            f"{folder} holds its weights as pickle ({', '.join(pickles[:3])}), which can run any program when opened; "
            "use the model's safetensors version, or convert it where you trust it: "
            "model.save_pretrained(folder, safe_serialization=True)"
        )
    raise ModelError(f"{folder} holds no *.safetensors file; save the model with model.save_pretrained(folder)")


def count_elements(files: list[Path]) -> int:
    """How many numbers the safetensors files hold, from their headers alone.

    Raises:
        ModelError: a file is damaged or cut short.
    """
    from math import prod

    from safetensors import SafetensorError, safe_open

    total = 0
    for path in files:
        try:
            with safe_open(path, framework="numpy") as file:
                total += sum(prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path} is damaged or cut short ({error}); save or fetch the model again") from error
    return total


def check_room(name: str, elements: int, *, dtype: str, device: str) -> None:
    """Refuse a model that does not fit into the memory that is free now.

    Raises:
        ModelError: with the gigabytes needed and free.
    """
    needed, free = elements * BYTES[dtype] * ROOM / 1e9, free_gb(device)
    if needed <= free:
        return
    half = f" dtype={COMPACT!r} needs half;" if dtype == "float32" else ""
    raise ModelError(
        f"{name!r} needs {needed:.1f} GB as {dtype} ({elements / 1e6:,.0f} million numbers), "
        f"but {free:.1f} GB are free on {device};{half} close other programs, or take a smaller model of lab.catalog()"
    )


def free_gb(device: str) -> float:
    """Memory free on a device, 10⁹ bytes."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[0] / 1e9
    return describe_machine().free_gb
