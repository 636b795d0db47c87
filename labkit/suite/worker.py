"""The process that runs one notebook: papermill, a kernel, and one line of JSON for each thing that happens.

    in    one line: the job        then nothing; its end means that the run is gone, and this process ends too
    out   {"pid"} {"cell", "heading"} … {"outcome"}

It knows nothing of budgets: who started it watches and kills. A kernel that dies, for whatever reason, ends the
notebook here with what it had written so far.
"""

import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import nbformat
import psutil
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from labkit.core.paths import atomic_file

from . import exercises, offline
from .claims import collect
from .lessons import heading_above
from .outcomes import Problem
from .warm import ForkedKernel

OUTPUT_LIMIT = 20_000_000
"""Characters of output that one cell may leave in a notebook."""
SKIPPED = "skip-execution"
"""The tag of a cell that is not to run, nbclient's own."""
_TAIL_LINES = 12
_INJECTED = ("injected-parameters", "papermill-error-cell-tag")


class Conversation:
    """What the worker tells the process that started it."""

    def __init__(self, writer: TextIO) -> None:
        self._writer = writer

    def say(self, **message: Any) -> None:
        with suppress(OSError, ValueError):
            self._writer.write(json.dumps(message) + "\n")
            self._writer.flush()


class _KernelManager(AsyncKernelManager):
    """Gives the kernel that waits to be one, where the notebook wants this Python's."""

    waiting: ForkedKernel | None = None

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        waiting, type(self).waiting = type(self).waiting, None
        if waiting and kernel_cmd[0] == sys.executable and "ipykernel_launcher" in kernel_cmd:
            options = kernel_cmd[kernel_cmd.index("ipykernel_launcher") + 1 :]
            waiting.start(options, kw.get("env") or dict(os.environ), kw.get("cwd"))
            provisioner: Any = self.provisioner
            provisioner.process, provisioner.pid, provisioner.pgid = waiting, waiting.pid, waiting.pid
            self._reconcile_connection_info(provisioner.connection_info)
            return
        if waiting:
            waiting.dismiss()
        await super()._async_launch_kernel(kernel_cmd, **kw)

    _launch_kernel = _async_launch_kernel


class _Client(PapermillNotebookClient):
    """Papermill's client, which tells where it is and stops a cell that floods its output."""

    kc: Any
    conversation: Conversation
    startup = ""
    at = -1
    flooded = False
    _written = 0

    def papermill_execute_cells(self) -> None:
        if self.startup:
            reply: Any = self.wait_for_reply(self.kc.execute(self.startup, silent=True))
            if reply["content"]["status"] != "ok":
                raise RuntimeError("the start-up code failed: " + str(reply["content"].get("evalue", "")))
        super().papermill_execute_cells()

    def execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        self.at, self._written = cell_index, 0
        index, heading = place(self.nb.cells, cell_index)
        self.conversation.say(cell=index, heading=heading)
        return super().execute_cell(cell, cell_index, **options)

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
                kill_tree(os.getpid(), spare_root=True)
        if self.flooded and "text" not in content:
            return None
        return super().output(outs, msg, display_id, cell_index)


def kill_tree(pid: int, *, spare_root: bool = False) -> None:
    """Kill a process and all that it started."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), *([] if spare_root else [root])]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def place(cells: list[Any], index: int) -> tuple[int, str]:
    """The index in the notebook as written, without cells that papermill added, and the nearest heading above."""
    added = sum(any(tag in cell.metadata.get("tags", ()) for tag in _INJECTED) for cell in cells[:index])
    return index - added, heading_above(cells, index)


def serve(reader: TextIO, writer: TextIO, *, fork: bool = False) -> None:
    """Read a job, run it, say what came of it."""
    conversation = Conversation(writer)
    conversation.say(pid=os.getpid())
    job = json.loads(reader.readline())
    with suppress(OSError):
        os.dup2(os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    if job["folder"]:
        os.chdir(job["folder"])
    if fork:
        _KernelManager.waiting = ForkedKernel()
    threading.Thread(target=_end_with, args=(reader,), daemon=True).start()
    conversation.say(outcome=run(job, conversation))


def _end_with(reader: TextIO) -> None:
    """The run is gone when its end of the line closes: leave nothing behind."""
    with suppress(OSError, ValueError):
        reader.read()
    kill_tree(os.getpid(), spare_root=True)
    os._exit(1)


def run(job: dict[str, Any], conversation: Conversation) -> dict[str, Any]:
    """Execute the job's notebook, write it, and give its claims and problems."""
    clients: list[_Client] = []

    class Engine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
            wanted = ("startup_timeout", "iopub_timeout", "kernel_manager_class", "resources")
            kept = {name: options[name] for name in wanted}
            client = _Client(nb_man, kernel_name=kernel_name, **kept)
            client.conversation, client.startup = conversation, job["startup"]
            clients.append(client)
            client.execute()

    papermill_engines.register("labkit", Engine)
    problem = None
    try:
        execute_notebook(
            job["notebook"].replace("{", "{{").replace("}", "}}"), None, job["parameters"], engine_name="labkit",
            progress_bar=False, request_save_on_cell_execute=False, kernel_manager_class=_KernelManager,
            startup_timeout=job["start_seconds"], iopub_timeout=60,
            resources={"metadata": {"path": job["kernel_folder"]}},
        )  # fmt: skip
    except Exception as error:  # whatever went wrong is the notebook's problem, to be reported like any other
        problem = _problem(error, clients[0] if clients else None)
    problems, claims = [problem] if problem else [], []
    written, session = "", {}
    if clients:
        notebook = clients[0].nb
        claims = [{**vars(claim), "cell": place(notebook.cells, claim.cell)[0]} for claim in collect(notebook.cells)]
        problems += _seen_in(notebook, ended=problem is None)
        session = _session(notebook.cells)
        try:
            with atomic_file(Path(job["executed"])) as draft:
                nbformat.write(notebook, draft)
            written = job["executed"]
        except OSError as error:
            reason = f"the executed notebook cannot be written to {job['executed']}: {error.strerror or error}"
            problems.append(Problem("notebook", f"{reason}; free some space, or give another folder with -o"))
    return {
        "claims": claims, "problems": [vars(problem) for problem in problems], "executed": written,
        "device": session.get("device", ""), "kind": session.get("kind"),
    }  # fmt: skip


def _seen_in(notebook: Any, *, ended: bool) -> list[Problem]:
    """What the outputs themselves tell: a request to another host, a solution that its check rejects, and of a notebook
    that ended without an error a cell that never ran."""
    found = [*offline.problems_of(notebook), *exercises.problems_of(notebook)]
    if ended:
        found += _never_ran(notebook.cells)
    placed = [(problem, *place(notebook.cells, problem.cell)) for problem in found]
    return [replace(problem, cell=cell, heading=heading) for problem, cell, heading in placed]


def _never_ran(cells: list[Any]) -> list[Problem]:
    """The first cell that was left out, such as after `sys.exit(0)`, which papermill takes for a good end."""
    for index, cell in enumerate(cells):
        skipped = SKIPPED in cell.metadata.get("tags", ())
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None and not skipped:
            message = f"this cell never ran, the notebook ended before it; tag it {SKIPPED!r} if that is meant"
            return [Problem("error", message, index)]
    return []


def _session(cells: list[Any]) -> dict[str, Any]:
    """Device and kind of machine that the lesson's opening recorded in its output; empty where there is none."""
    outputs = (output for cell in cells for output in cell.get("outputs", ()))
    entries = (output.get("metadata", {}).get("labkit", {}).get("session") for output in outputs)
    return next((dict(entry) for entry in entries if entry), {})


def _problem(error: Exception, client: _Client | None) -> Problem:
    """What went wrong, where, and the last lines that the cell wrote."""
    if client is None or client.at < 0:
        return Problem(*_before_the_first_cell(error))
    cells = client.nb.cells
    at = next((index for index, cell in enumerate(cells) if _raised(cell)), client.at)
    index, heading = place(cells, at)
    tail = _tail(cells[at])
    if client.flooded:
        message = f"the cell wrote more than {OUTPUT_LIMIT / 1e6:.0f} MB of output and was stopped; print less"
        return Problem("output", message, index, heading, tail)
    if isinstance(error, DeadKernelError):
        return Problem("kernel", "the kernel died while the cell ran", index, heading, tail)
    if isinstance(error, PapermillExecutionError):
        return Problem("error", f"{error.ename}: {error.evalue}"[:2000], index, heading, tail)
    if isinstance(error, CellTimeoutError):
        return Problem("kernel", "the kernel did not answer in time", index, heading, tail)
    return Problem("error", f"{type(error).__name__}: {error}"[:2000], index, heading, tail)


def _before_the_first_cell(error: Exception) -> tuple[str, str]:
    if isinstance(error, NoSuchKernel):
        return "kernel", f"no kernel {error.name!r} here; see `jupyter kernelspec list`, or choose Python 3 and save"
    if isinstance(error, RuntimeError) and "ernel" in str(error):
        return "kernel", f"the kernel does not start ({error}); see `labkit doctor`"
    if isinstance(error, OSError):
        return "kernel", f"the kernel does not start ({error}); see `jupyter kernelspec list`"
    return "notebook", f"{type(error).__name__}: {error}"[:2000]


def _raised(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", ()))


def _tail(cell: Any) -> tuple[str, ...]:
    """The last lines that a cell wrote: its traceback if it raised, else what it printed."""
    import re

    text = ""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            text += output.text[-20_000:]
        elif output.output_type == "error":
            text += "\n" + "\n".join(output.traceback)[-20_000:]
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return tuple(line[:500] for line in plain.strip().splitlines()[-_TAIL_LINES:])


def main() -> None:
    """A worker on its own: its job on stdin, what happens on stdout."""
    writer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    serve(sys.stdin, writer)


if __name__ == "__main__":
    main()
