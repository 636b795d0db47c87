"""Where notebooks run: threads of this process, or a cluster behind `dask://HOST:PORT`.

    labkit run --executor dask://10.0.0.7:8786

The workers of a cluster need labkit and must see the run's folder and the notebooks under the same paths; both are
checked before anything runs. Install it with `pip install 'labkit[distributed]'`.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labkit.core.errors import NotebookError, OptionError

_SECONDS_TO_CONNECT = 20


@contextmanager
def open_executor(address: str, folder: Path) -> Iterator[Executor | None]:
    """The executor that an address means; None = threads of this process, made by the runner.

    Args:
        address: `local`, or `dask://HOST:PORT` of a scheduler.
        folder: the run's folder, which every worker must see.

    Raises:
        OptionError: the address is none of these.
        NotebookError: the cluster does not answer, has no worker, or its workers lack labkit or the folder.
    """
    if address == "local":
        yield None
        return
    if not address.startswith("dask://"):
        raise OptionError(f"executor {address!r} is unknown; use local or dask://HOST:PORT")
    with _client("tcp://" + address.removeprefix("dask://")) as client:
        _check_workers(client, folder)
        yield client.get_executor(pure=False)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise NotebookError("no dask here; pip install 'labkit[distributed]'") from None
    try:
        return Client(address, timeout=_SECONDS_TO_CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        raise NotebookError(f"no scheduler answers at {address} ({error}); start one with `dask scheduler`") from error


def _check_workers(client: Any, folder: Path) -> None:
    """Every worker has labkit and sees a file that was just written into the run's folder."""
    token = folder / f".seen-{uuid.uuid4().hex}"
    token.write_text("")
    try:
        answers: dict[str, str] = client.run(_what_a_worker_lacks, str(token))
    except Exception as error:  # a worker without labkit cannot even unpickle the question
        raise NotebookError(f"the workers lack labkit ({error}); install it there, in this version") from error
    finally:
        token.unlink()
    if not answers:
        raise NotebookError("the scheduler has no worker; start some with `dask worker HOST:PORT`")
    lacking = {worker: answer for worker, answer in answers.items() if answer}
    if lacking:
        worker, answer = next(iter(lacking.items()))
        raise NotebookError(f"{len(lacking)} of {len(answers)} workers cannot take part; {worker}: {answer}")


def _what_a_worker_lacks(token: str) -> str:
    """Asked on a worker: empty if it has all it needs."""
    try:
        import papermill  # noqa: F401
    except ImportError:
        return "it lacks labkit's dependencies; pip install labkit"
    return "" if Path(token).exists() else f"it does not see {Path(token).parent}; choose a shared folder with -o"
