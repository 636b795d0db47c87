"""Executors: the same suite over any of them, and a clear word where one is not there or lacks something."""

import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from labkit.core.errors import NotebookError, OptionError
from labkit.suite import runner
from labkit.suite.executors import open_executor
from labkit.suite.planning import plan_run


def two_notebooks(folder, make_notebook):
    for name in ("one", "two"):
        make_notebook(folder / f"{name}.ipynb", f"import labkit as lab\nlab.claim('{name}/it', 1, equals=1)")
    return plan_run(sorted(folder.glob("*.ipynb")), parameters={})


@pytest.mark.parametrize("executor", [ProcessPoolExecutor, ThreadPoolExecutor])
def test_any_executor_runs_the_same_suite(tmp_path, make_notebook, executor):
    plan = two_notebooks(tmp_path, make_notebook)
    with executor(2) as pool:
        result = runner.run(plan, folder=runner.new_folder(tmp_path / "run"), executor=pool)
    assert result.passed and result.executor == executor.__name__
    assert [outcome.claims[0].name for outcome in result.outcomes] == ["one/it", "two/it"]


def test_an_executor_that_loses_a_notebook_fails_it_alone(tmp_path, make_notebook):
    class Losing(ThreadPoolExecutor):
        def submit(self, function, job):
            if "one" not in str(job.notebook):
                return super().submit(function, job)
            lost = Future()
            lost.set_exception(ConnectionError("worker gone"))
            return lost

    with Losing(1) as pool:
        plan = two_notebooks(tmp_path, make_notebook)
        result = runner.run(plan, folder=runner.new_folder(tmp_path / "run"), executor=pool)
    lost, fine = result.outcomes
    assert "worker gone" in lost.problems[0].message and fine.passed


def test_a_dask_cluster_runs_the_same_suite_if_it_sees_the_folder(tmp_path, make_notebook, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the test extra brings it")
    plan = two_notebooks(tmp_path, make_notebook)
    folder = runner.new_folder(tmp_path / "run")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        with asked(cluster, folder) as pool:
            result = runner.run(plan, folder=folder, executor=pool)
        assert result.passed and len(result.outcomes) == 2
        monkeypatch.chdir(tmp_path)  # a path that means another folder on each worker: an unshared disk
        unshared = asked(cluster, Path("/proc/self/cwd"))
        with pytest.raises(NotebookError, match=r"2 of 2 workers .* shared folder"), unshared:
            pass


def test_a_cluster_without_workers_or_without_labkit_on_them_says_so(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the test extra brings it")
    bare = "import sys; sys.modules['labkit'] = None; from distributed.cli.dask_worker import main; main()"
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        command = [sys.executable, "-c", bare, cluster.scheduler_address, "--no-nanny", "--no-dashboard"]
        with pytest.raises(NotebookError, match="has no worker; start some"), asked(cluster, tmp_path):
            pass
        worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with distributed.Client(cluster.scheduler_address) as client:
                client.wait_for_workers(1, timeout=60)
            with (
                pytest.raises(NotebookError, match=r"workers lack labkit .* install it there"),
                asked(cluster, tmp_path),
            ):
                pass
        finally:
            worker.kill()
            worker.wait()


def asked(cluster, folder):
    return open_executor(cluster.scheduler_address.replace("tcp", "dask"), folder)


def test_an_executor_that_is_not_there_is_refused_with_a_remedy(tmp_path, monkeypatch):
    from labkit.suite import executors

    with pytest.raises(OptionError, match="local or dask"), open_executor("ray://x", tmp_path):
        pass
    monkeypatch.setattr(executors, "_SECONDS_TO_CONNECT", 1)
    with pytest.raises(NotebookError, match="dask scheduler"), open_executor("dask://127.0.0.1:9", tmp_path):
        pass
