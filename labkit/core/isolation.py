"""Running what others wrote: which environment variables of this process theirs may see.

Tokens and keys stand in variables; a program that was handed in has no business with them. That is all this is: files
and the network stay as open to it as to the user who runs it.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

ALLOWED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "TMPDIR", "TEMP", "TMP",
    "XDG_*", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "USERNAME", "HOMEDRIVE",
    "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES*", "NUMBER_OF_PROCESSORS", "PROCESSOR_*",
    "LD_LIBRARY_PATH", "DYLD_*", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHON*", "JUPYTER_*PATH*",
    "IPYTHONDIR", "CUDA_*", "NVIDIA_*", "HIP_*", "ROCR_*", "TORCH_*", "PYTORCH_*", "OMP_*", "MKL_*", "OPENBLAS_*",
    "NUMEXPR_*", "RAYON_*", "KMP_*", "ONEDNN_*", "ATEN_*", "TOKENIZERS_PARALLELISM", "HF_HUB_OFFLINE", "HF_HOME",
    "LABKIT_*",
)  # fmt: skip
"""Patterns of names: what Python, torch and Jupyter need to find themselves, on any system."""
SECRET = ("*TOKEN*", "*SECRET*", "*PASSWORD*", "*CREDENTIAL*", "*_KEY")
"""Never, whatever else a name says; the parallelism of tokenizers is none."""


def clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that nobody named as harmless.

    Law: a key beside them does not reach a notebook (tests/suite/test_classroom.py).
    """
    return {name: value for name, value in variables.items() if _harmless(name.upper())}


def _harmless(name: str) -> bool:
    if name != "TOKENIZERS_PARALLELISM" and any(fnmatchcase(name, secret) for secret in SECRET):
        return False
    return any(fnmatchcase(name, allowed) for allowed in ALLOWED)
