"""The process that runs one notebook: papermill, a kernel, and what happens as it happens.

    in    the Job            then nothing; its end means that the run is gone, and this process ends too
    out   the number of each cell that begins, then the Outcome

It knows nothing of budgets: who started it watches and kills. A kernel that dies, for whatever reason, ends the
notebook here with what it had written so far.
"""

import os
import pickle
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine
from papermill.execute import execute_notebook

from labkit.core.output import harmless
from labkit.core.paths import atomic_file

from . import exercises, offline
from .claims import collect
from .notebooks import ADDED, read_notebook
from .outcomes import Outcome, Problem
from .planning import Job

OUTPUT_LIMIT = 20_000_000
"""Characters of output that one cell may leave in a notebook."""
MAY_FAIL, SKIPPED = "raises-exception", "skip-execution"
"""The tags of a cell that is allowed to raise, and of one that is not to run; nbclient's own."""
_TAIL_LINES = 12


class Client(PapermillNotebookClient):
    """Papermill's client, which tells where it is and stops a cell that floods its output."""

    kc: Any
    job: Job
    tell: Callable[[Any], None]
    at = -1
    raised: dict[str, Any] | None = None
    """What the kernel answered for the cell that failed: ename, evalue; None = none did, or only such as may."""
    flooded = False
    _written = 0

    def papermill_execute_cells(self) -> None:
        self.on_cell_start, self.on_cell_error = self._started, self._failed
        if self.job.startup:
            reply: Any = self.wait_for_reply(self.kc.execute(self.job.startup, silent=True))
            if reply["content"]["status"] != "ok":
                raise RuntimeError("the start-up code failed: " + str(reply["content"].get("evalue", "")))
        super().papermill_execute_cells()

    def _started(self, cell: Any, cell_index: int) -> None:
        self.at, self._written = cell_index, 0
        self.tell(as_written(self.nb.cells, cell_index))

    def _failed(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        answer = execute_reply["content"]
        left = answer.get("ename") == "SystemExit" and answer.get("evalue") in ("", "0", "None")
        if not left and MAY_FAIL not in cell.metadata.get("tags", ()):
            self.raised = answer

    def output(self, outs: list[Any], msg: Any, display_id: str | None, cell_index: int) -> Any:
        content = msg["content"]
        size = len(content["text"]) if "text" in content else sum(len(str(v)) for v in content.get("data", {}).values())
        self._written += size
        if self._written > OUTPUT_LIMIT:
            if "text" in content:
                content["text"] = content["text"][-2000:]
            if not self.flooded:
                self.flooded = True
                del outs[20:]
                kill_children()
        if self.flooded and "text" not in content:
            return None
        return super().output(outs, msg, display_id, cell_index)


class Engine(NBClientEngine):
    """Papermill's engine with this client, of which there is one in a process."""

    client: Client | None = None

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *_: Any, job: Job, tell: Any, **__: Any) -> Any:
        cls.client = Client(
            nb_man, kernel_name=kernel_name, startup_timeout=job.start_seconds, iopub_timeout=60,
            resources={"metadata": {"path": str(job.source.parent)}},
        )  # fmt: skip
        cls.client.job, cls.client.tell = job, tell
        cls.client.execute()


def kill_children() -> None:
    """Kill all that this process started."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def as_written(cells: list[Any], index: int) -> int:
    """The cell's index in the notebook as written, without the cells that papermill added."""
    return index - sum(bool(ADDED.intersection(cell.metadata.get("tags", ()))) for cell in cells[:index])


def run(job: Job, tell: Callable[[Any], None]) -> Outcome:
    """Execute the job's notebook, write it, and give its claims and problems."""
    problem = None
    try:
        notebook = read_notebook(job.source)
        if job.kernel:
            spec = KernelSpecManager().get_kernel_spec(job.kernel)
            notebook.metadata.kernelspec = {
                "name": job.kernel, "display_name": spec.display_name, "language": spec.language
            }  # fmt: skip
        # papermill's own way to run it would blame the first cell with an error, also where that is allowed
        prepared = execute_notebook(notebook, None, job.parameters, prepare_only=True)
        kernel = prepared.metadata.kernelspec.name
        Engine.execute_notebook(prepared, kernel, progress_bar=False, job=job, tell=tell)
    except Exception as error:  # whatever went wrong is the notebook's problem, to be reported like any other
        problem = _problem(error, Engine.client)
    client = Engine.client
    if client is None:
        return Outcome("").with_problems(*([problem] if problem else []))
    if problem is None and client.raised is not None:
        problem = _of_cell(client, "error", _told(client.raised))
    cells = client.nb.cells
    problems = [problem] if problem else []
    for seen in _seen_in(client.nb, ended=problem is None):
        problems.append(replace(seen, cell=as_written(cells, seen.cell)))
    written = ""
    try:
        with atomic_file(job.executed) as draft:
            nbformat.write(client.nb, draft)
        written = job.executed.relative_to(job.folder).as_posix()
    except OSError as error:
        reason = f"the executed notebook cannot be written to {job.executed}: {error.strerror or error}"
        problems.append(Problem("notebook", f"{reason}; free some space, or give another folder with -o"))
    session = _session(cells)
    return Outcome(
        "", claims=tuple(replace(claim, cell=as_written(cells, claim.cell)) for claim in collect(cells)),
        exercises=exercises.states_of(client.nb), executed=written,
        device=session.get("device", ""), kind=session.get("kind"),
    ).with_problems(*problems)  # fmt: skip


def _seen_in(notebook: Any, *, ended: bool) -> list[Problem]:
    """What the outputs themselves tell: a request to another host, a solution that its check rejects, and of a notebook
    that ended without an error a cell that never ran."""
    return [
        *offline.problems_of(notebook),
        *exercises.problems_of(notebook),
        *(_never_ran(notebook.cells) if ended else ()),
    ]


def _never_ran(cells: list[Any]) -> list[Problem]:
    """The first cell that was left out, such as after `sys.exit(0)`, which papermill takes for a good end."""
    for index, cell in enumerate(cells):
        skipped = SKIPPED in cell.metadata.get("tags", ())
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None and not skipped:
            message = f"this cell never ran, the notebook ended before it; tag it {SKIPPED!r} if that is meant"
            return [Problem("error", message, index)]
    return []


def _session(cells: list[Any]) -> dict[str, Any]:
    """Device and kind of machine that the lesson recorded last in its output; empty where it did not."""
    outputs = (output for cell in cells for output in cell.get("outputs", ()))
    entries = (output.get("metadata", {}).get("labkit", {}).get("session") for output in outputs)
    return dict(next((entry for entry in reversed([*entries]) if entry), {}))


def _problem(error: Exception, client: Client | None) -> Problem:
    """What ended the notebook from outside its cells, where, and the last lines that the cell wrote."""
    if client is None or client.at < 0:
        return Problem(*_before_the_first_cell(error))
    if client.flooded:
        message = f"the cell wrote more than {OUTPUT_LIMIT / 1e6:.0f} MB of output and was stopped; print less"
        return _of_cell(client, "output", message)
    if isinstance(error, DeadKernelError):
        return _of_cell(client, "kernel", "the kernel died while the cell ran")
    if isinstance(error, CellTimeoutError):
        return _of_cell(client, "kernel", "the kernel did not answer in time")
    return _of_cell(client, "error", f"{type(error).__name__}: {error}")


def _of_cell(client: Client, kind: str, message: str) -> Problem:
    cells, at = client.nb.cells, client.at
    return Problem(kind, harmless(message)[:2000], as_written(cells, at), tail=_tail(cells[at]))


def _told(answer: dict[str, Any]) -> str:
    """An exception in words; a module that is missing, with the way to have it."""
    name, value = answer.get("ename", ""), answer.get("evalue", "")
    missing = re.match(r"No module named '(\w+)'", value)
    if name != "ModuleNotFoundError" or not missing:
        return f"{name}: {value}"
    return f"{name}: {value}; it is no part of the lab: pip install {missing[1]}"


def _before_the_first_cell(error: Exception) -> tuple[str, str]:
    if isinstance(error, NoSuchKernel):
        return (
            "kernel",
            f"no kernel {error.name!r} here; see `jupyter kernelspec list`, or choose another with --kernel",
        )
    if isinstance(error, RuntimeError) and "ernel" in str(error):
        return "kernel", f"the kernel does not start ({error}); see `labkit doctor`"
    if isinstance(error, OSError):
        return "kernel", f"the kernel does not start ({error}); see `jupyter kernelspec list`"
    return "notebook", harmless(f"{type(error).__name__}: {error}")[:2000]


def _tail(cell: Any) -> tuple[str, ...]:
    """The last lines that a cell wrote: its traceback if it raised, else what it printed."""
    text = ""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            text += output.text[-20_000:]
        elif output.output_type == "error":
            text += "\n" + "\n".join(output.traceback)[-20_000:]
    return tuple(harmless(line)[:500] for line in text.strip().splitlines()[-_TAIL_LINES:])


def main() -> None:
    """A worker on its own: its job on stdin, what happens on stdout."""
    reader, writer = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def tell(what: Any) -> None:
        with suppress(OSError):
            pickle.dump(what, writer)
            writer.flush()

    def end_with_the_run() -> None:
        """The run is gone when its end of the line closes: leave nothing behind."""
        with suppress(OSError):
            reader.read()
        kill_children()
        os._exit(1)

    job = pickle.load(reader)
    threading.Thread(target=end_with_the_run, daemon=True).start()
    tell(run(job, tell))


if __name__ == "__main__":
    main()
