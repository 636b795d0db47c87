"""Mutations: one line of labkit replaced while it is imported, for a test that wants to see something fail.

    install("labkit.sampling.strategies", "/ value", "/ 1")

It works in any fresh process, a notebook's kernel too; the file on disk stays as it is. Run as a program it forks a
process for each mutation, which runs some tests on the mutated code:

    python mutant.py JOBS.json      [[name, module, old, new, [pytest arguments]], …]  →  {name: [exit code, output]}
"""

import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import tempfile
from pathlib import Path

PRELOADED = (
    "torch", "transformers.models.llama.modeling_llama", "transformers.generation", "hypothesis.strategies",
    "scipy.stats", "tokenizers", "papermill", "pytest",
)  # fmt: skip


def install(module: str, old: str, new: str) -> None:
    """From now on `module` is imported with `old`, which stands in it exactly once, replaced by `new`."""
    if module in sys.modules:
        raise ImportError(f"{module} is imported already; mutate it before")
    sys.meta_path.insert(0, _Finder(module, old, new))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module, old, new):
        self.module, self.old, self.new = module, old, new

    def find_spec(self, name, path, target=None):
        if name != self.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        spec.loader = _Loader(name, spec.origin)
        spec.loader.change = (self.old, self.new)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        source = Path(self.path).read_text(encoding="utf-8")
        old, new = self.change
        if source.count(old) != 1:
            raise ImportError(f"{old!r} stands {source.count(old)} times in {fullname}, not once: renew the mutation")
        return compile(source.replace(old, new), self.path, "exec", dont_inherit=True)


def _run_tests(change, arguments):
    """(exit code, output) of pytest in a fork with the change in place."""
    with tempfile.TemporaryFile("w+") as log:
        pid = os.fork()
        if pid == 0:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            import pytest

            if change[0]:
                install(*change)
            code = pytest.main([*arguments, "-x", "-q", "-p", "no:cacheprovider", "--tb=line"])
            sys.stdout.flush()
            os._exit(int(code))
        _, status = os.waitpid(pid, 0)
        log.seek(0)
        return [os.waitstatus_to_exitcode(status), log.read()[-3000:]]


def main():
    for name in PRELOADED:
        importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    jobs = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps({name: _run_tests(change, arguments) for name, *change, arguments in jobs}))


if __name__ == "__main__":
    main()
