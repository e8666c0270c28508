"""What only a cluster can do to a run. What every backend does is in `test_pool.py`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("distributed", reason="needs requirements-dask.txt")

import bnviz
from bnviz import cli
from bnviz.jobs import backends, cluster_worker
from bnviz.jobs.cluster import Cluster
from bnviz.jobs.job import Job
from bnviz.jobs.pool import JobPool
from bnviz.jobs.processes import Processes
from bnviz.labs.training.race import experiment
from bnviz.labs.training.race.settings import Settings as Race
from tests.jobs import slow
from tests.jobs.dask_cluster import DaskCluster, dask_cluster
from tests.waiting import wait

LONG = 1024
NOWHERE = "tcp://127.0.0.1:1"


def settings(seed: int, ticks: int = 4) -> slow.Settings:
    return slow.Settings(seed=seed, batch_size=ticks)


def said(job: Job) -> str:
    wait(lambda: job.over)
    assert job.state == "failed"
    return str(job.problem)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), workers=0) as made:
        yield made


def test_a_scheduler_out_of_reach_is_a_sentence_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    pool = JobPool(Cluster(NOWHERE))
    try:
        assert "cannot be reached" in said(pool.submit("ada", slow.run, settings(1)))
        assert f"the scheduler at {NOWHERE} does not answer" in caplog.text
        assert pool.busy == 0
    finally:
        pool.close()


def test_a_cluster_without_workers_is_a_sentence(cluster: DaskCluster) -> None:
    pool = JobPool(Cluster(cluster.address, start_seconds=0.3))
    try:
        assert "no worker for this run" in said(pool.submit("ada", slow.run, settings(1)))
    finally:
        pool.close()


def test_a_cluster_that_gets_workers_does_what_processes_do_and_dies(
    cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Cluster(cluster.address)
    pool = JobPool(backend)
    try:
        cluster.hire()
        cluster.hire()
        assert backend.capacity == 1
        wait(lambda: backend.capacity == 2, 150)

        chosen = Race(epochs=1, samples=100, seeds=2)
        job = pool.submit("ada", experiment.run, chosen)
        pool.connected(job, "ada")
        local = experiment.run(chosen)
        wait(lambda: job.over)
        assert job.state == "done", job.problem
        for name, values in vars_of(local).items():
            np.testing.assert_array_equal(vars_of(job.partial)[name], values, strict=True)

        with monkeypatch.context() as patch:
            patch.setattr(bnviz, "__version__", "0.0")
            assert "do not have bnviz 0.0" in said(pool.submit("ada", slow.run, settings(2)))

        running = pool.submit("ada", slow.run, settings(3, LONG))
        wait(lambda: running.updates > 0)
        cluster.scheduler.kill()
        assert "cannot be reached" in said(running)
        assert "cannot be reached" in said(pool.submit("ada", slow.run, settings(4)))
    finally:
        pool.close()


def vars_of(result: object) -> dict[str, np.ndarray]:
    """The arrays of a result."""
    found = {name: getattr(result, name) for name in type(result).__dataclass_fields__}  # type: ignore[attr-defined]
    arrays = {name: value for name, value in found.items() if isinstance(value, np.ndarray)}
    assert arrays
    return arrays


@pytest.mark.parametrize("message", ["go", "pause"])
def test_a_task_ends_when_its_server_says_nothing_any_more(message: cluster_worker.Message) -> None:
    orders = cluster_worker.ORDERS["a task"] = cluster_worker.Orders()
    try:
        assert cluster_worker.receive("a task", message)
        assert orders.get(1) == (None if message == "go" else message)
        orders.received_at -= cluster_worker.LEASE_SECONDS
        assert orders.get(1) == "stop"
    finally:
        del cluster_worker.ORDERS["a task"]
    assert not cluster_worker.receive("a task", message)


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("BNVIZ_SCHEDULER", raising=False)
    processes = backends.configured()
    assert isinstance(processes, Processes)
    processes.close()
    monkeypatch.setenv("BNVIZ_SCHEDULER", NOWHERE)
    monkeypatch.setenv("BNVIZ_WORKERS", "3")
    chosen = backends.configured()
    assert isinstance(chosen, Cluster)
    assert (chosen.address, chosen.capacity) == (NOWHERE, 3)
    chosen.close()
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    assert cli.main(["--port", "0"]) == 1
    assert "bnviz[dask]" in capsys.readouterr().err
