"""Write requirements.lock and environment.yml from what is installed: `make lock`, after changing pyproject.toml.

The lock holds the closure of labkit with its `test` extra, exact versions, without pip (which installs it) and
without local build tags (`2.13.0+cpu` and the GPU build of the same release are both `2.13.0`).
"""

import sys
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {"pip", "labkit"}


def closure(name: str, extras: set[str], found: dict[str, str]) -> dict[str, str]:
    """Name → version of everything that `name[extras]` needs on this platform."""
    for line in distribution(name).requires or []:
        need = Requirement(line)
        if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        key = canonicalize_name(need.name)
        known = key in found
        found[key] = distribution(key).version.split("+")[0]
        if not known or need.extras:
            closure(key, set(need.extras), found)
    return found


def main() -> None:
    pins = {k: v for k, v in closure("labkit", {"test"}, {}).items() if k not in LEFT_OUT}
    head = "# Exact versions of everything the lab runs on, tests included; written by `make lock`.\n"
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(pins.items()))
    (ROOT / "requirements.lock").write_text(head + lines)
    (ROOT / "environment.yml").write_text(
        "# conda env create -f environment.yml && conda activate llm-lab\n"
        "# Python from conda, everything else exactly as in requirements.lock, then the package itself.\n"
        "name: llm-lab\n"
        "channels:\n  - conda-forge\n"
        "dependencies:\n"
        f"  - python >={sys.version_info.major}.{sys.version_info.minor},<3.15\n"
        "  - pip >=25\n"
        "  - pip:\n"
        f"      - torch=={pins['torch']}\n"
        "      - -r requirements.lock\n"
        "      - -e .\n"
    )
    print(f"{len(pins)} packages locked")


if __name__ == "__main__":
    main()
