"""The pool: fair, bounded, obedient, and standing after a worker died, with processes of its own and on a Dask cluster.

Waits are bounded; nothing is asserted on the clock.
"""

from __future__ import annotations

import errno
import multiprocessing.context
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import psutil
import pytest

from bnviz.jobs.backend import Worker
from bnviz.jobs.errors import NoProcessError, QueueFullError
from bnviz.jobs.job import Job
from bnviz.jobs.pool import STOP_GRACE_SECONDS, TICK_SECONDS, JobPool
from bnviz.jobs.processes import LocalWorker, Processes
from tests.jobs import slow
from tests.jobs.dask_cluster import dask_cluster
from tests.waiting import wait

ROOT = Path(__file__).parents[2]
LONG = 1024


def settings(seed: int, ticks: int = 32) -> slow.Settings:
    return slow.Settings(seed=seed, batch_size=ticks)


def ticks(job: Job) -> int:
    return 0 if job.partial is None else len(job.partial.values)


class Watched(Processes):
    """Knows the processes that it has ever started."""

    def __init__(self, workers: int) -> None:
        self.hired: list[LocalWorker] = []
        super().__init__(workers)

    def new_worker(self) -> Worker:
        worker = super().new_worker()
        assert isinstance(worker, LocalWorker)
        self.hired.append(worker)
        return worker

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the workers that live."""
        return tuple(worker.process.pid for worker in self.hired if worker.process.alive)


@pytest.fixture(scope="module")
def processes() -> Watched:
    return Watched(2)


@pytest.fixture(scope="module")
def local(processes: Watched) -> Iterator[JobPool]:
    pool = JobPool(processes, reconnect_seconds=1.0)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobPool]:
    pytest.importorskip("distributed", reason="needs requirements-dask.txt")
    from bnviz.jobs.cluster import Cluster

    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        backend = Cluster(cluster.address)
        wait(lambda: backend.capacity == 2, 150)
        pool = JobPool(backend, reconnect_seconds=1.0)
        yield pool
        pool.close()


def emptied(pool: JobPool) -> Iterator[JobPool]:
    yield pool
    for job in pool.alive():
        pool.stop(job)
    wait(lambda: pool.busy == 0)


@pytest.fixture(params=["local", "clustered"])
def pool(request: pytest.FixtureRequest) -> Iterator[JobPool]:
    yield from emptied(request.getfixturevalue(request.param))


@pytest.fixture
def local_pool(local: JobPool) -> Iterator[JobPool]:
    yield from emptied(local)


def states(*jobs: Job) -> list[str]:
    return [job.state for job in jobs]


def test_a_job_reports_on_the_way_and_ends_with_its_result(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(1))
    seen: list[float | None] = []
    job.listeners.append(lambda: seen.append(job.progress))
    wait(lambda: job.over)
    assert job.state == "done"
    told = [progress for progress in seen if progress is not None]
    assert len(set(told)) > 10
    assert told == sorted(told)
    assert told[-1] == 1
    assert job.partial.worker != os.getpid()
    assert (job.partial.values == slow.run(slow.Settings(seed=1)).values).all()


def test_time_left_follows_from_the_speed_and_leaves_pauses_out(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(2, LONG))
    assert job.seconds_left is None
    wait(lambda: ticks(job) > 10)
    pool.pause(job, "ada")
    worked = job.seconds_worked
    time.sleep(0.3)
    assert job.seconds_worked == worked
    assert job.seconds_left == pytest.approx(worked * (1 / job.progress - 1))  # type: ignore[operator]


def test_before_the_first_progress_time_left_is_what_was_expected(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(slow.DEAF, LONG), expected_seconds=1000)
    wait(lambda: job.state == "running")
    assert job.progress is None
    assert job.seconds_left is not None
    assert 1000 - job.seconds_worked - 1 < job.seconds_left < 1000
    job.expected_seconds = 0.0
    assert job.seconds_left is None


def test_a_run_without_partial_results_moves_on_and_obeys(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(slow.TACITURN, 200), expected_seconds=200 * slow.TICK)
    seen: list[float] = []
    job.listeners.append(lambda: seen.append(job.progress or 0.0))
    wait(lambda: len({share for share in seen if share}) > 3)
    assert job.partial is None
    assert job.updates == 0
    assert seen == sorted(seen)
    assert seen[-1] < 0.9
    assert job.seconds_left is not None
    pool.stop(job)
    wait(lambda: pool.busy == 0)


def test_identical_settings_run_once_for_everybody_and_end_when_the_last_leaves(pool: JobPool) -> None:
    one = pool.submit("ada", slow.run, settings(3, LONG))
    assert pool.submit("bob", slow.run, settings(3, LONG)) is one
    pool.leave("ada")
    assert not one.over
    pool.leave("bob")
    assert one.state == "stopped"


def test_data_goes_to_the_worker_and_a_run_is_shared_only_where_they_are_equal(pool: JobPool) -> None:
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    one = pool.submit("ada", slow.run, settings(6, 8), table)
    assert pool.submit("bob", slow.run, settings(6, 8), table.copy()) is one
    others = [
        pool.submit(f"visitor {n}", slow.run, settings(6, 8), data) for n, data in enumerate((None, table + 1, table.T))
    ]
    assert len({job.number for job in (one, *others)}) == 4
    wait(lambda: one.over and all(job.over for job in others))
    plain = slow.run(slow.Settings(seed=6, batch_size=8)).values
    for job, added in zip((one, *others), (15, 0, 21, 15), strict=True):
        np.testing.assert_allclose(job.partial.values, plain + added)
        assert job.data is None  # nothing of a visitor's is kept when the run is over


def test_a_new_run_of_the_same_visitor_ends_the_old_one(pool: JobPool) -> None:
    old = pool.submit("ada", slow.run, settings(4, LONG))
    new = pool.submit("ada", slow.run, settings(5, LONG))
    assert old.state == "stopped"
    wait(lambda: new.state == "running")
    assert pool.alive() == [new]


def test_no_more_than_the_workers_run_and_the_rest_wait_in_order(pool: JobPool) -> None:
    jobs = [pool.submit(f"visitor {number}", slow.run, settings(10 + number, LONG)) for number in range(20)]
    assert states(*jobs).count("running") == 2
    assert [pool.wait(job).runs for job in jobs] == [0, 0, *range(1, 19)]
    told = jobs[6].version
    pool.leave("visitor 5")
    assert pool.wait(jobs[6]).runs == 4
    assert jobs[6].version > told
    pool.leave("visitor 0")
    wait(lambda: jobs[2].state == "running")
    assert states(*jobs).count("running") <= 2


def test_twenty_press_run_at_once_and_all_are_served(pool: JobPool) -> None:
    def press(number: int) -> Job:
        return pool.submit(f"visitor {number}", slow.run, settings(number // 2, 4))

    with ThreadPoolExecutor(20) as visitors:
        jobs = list(visitors.map(press, range(20)))
    assert len(set(jobs)) == 10
    wait(lambda: all(job.over for job in jobs))
    assert set(states(*jobs)) == {"done"}


def test_pause_waits_and_resume_goes_on(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(40))
    wait(lambda: ticks(job) > 2)
    pool.pause(job, "ada")
    assert job.state == "paused"
    time.sleep(0.4)
    held = ticks(job)
    time.sleep(0.5)
    assert ticks(job) == held
    pool.resume(job, "ada")
    wait(lambda: job.state == "done")


def test_one_of_two_cannot_pause_for_both(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(41, LONG))
    pool.submit("bob", slow.run, settings(41, LONG))
    pool.pause(job, "ada")
    assert job.state == "running"
    pool.pause(job, "bob")
    assert job.state == "paused"
    pool.leave("bob")
    assert job.state == "paused"
    pool.resume(job, "ada")
    assert job.state == "running"


def test_stop_frees_the_worker_even_of_a_run_that_hears_nothing(local_pool: JobPool) -> None:
    deaf = local_pool.submit("ada", slow.run, settings(slow.DEAF, LONG))
    local_pool.stop(deaf)
    assert STOP_GRACE_SECONDS + TICK_SECONDS < 0.5  # when it is killed at the latest
    wait(lambda: local_pool.busy == 0)
    after = local_pool.submit("ada", slow.run, settings(42, 4))
    wait(lambda: after.over)
    assert states(deaf, after) == ["stopped", "done"]


def test_a_run_that_nobody_looks_at_pauses_and_goes_on_when_somebody_returns(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(43))
    pool.connected(job, "ada")
    pool.connected(job, "ada")
    pool.disconnected(job, "ada")
    assert job.state == "running"
    pool.disconnected(job, "ada")
    assert job.state == "paused"
    pool.join("ada after a reload", job)
    pool.connected(job, "ada after a reload")
    assert job.state == "running"
    wait(lambda: job.state == "done")


def test_a_run_that_nobody_returns_to_is_stopped(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(44, LONG))
    pool.connected(job, "ada")
    pool.disconnected(job, "ada")
    wait(lambda: job.over)
    assert job.state == "stopped"


def test_a_run_that_nobody_looks_at_makes_room_at_once_for_who_waits(pool: JobPool) -> None:
    jobs = [pool.submit(f"visitor {number}", slow.run, settings(50 + number, LONG)) for number in range(3)]
    for number, job in enumerate(jobs):
        pool.connected(job, f"visitor {number}")
    pool.disconnected(jobs[1], "visitor 1")
    assert states(*jobs) == ["running", "stopped", "queued"]
    wait(lambda: jobs[2].state == "running")


def test_an_error_that_a_visitor_may_read_arrives_whole(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(slow.WRONG))
    wait(lambda: job.over)
    assert job.state == "failed"
    assert job.problem is not None
    assert job.problem.text("zh").startswith("seed 须为")


def test_a_bug_is_told_as_a_failure_without_its_innards(pool: JobPool) -> None:
    job = pool.submit("ada", slow.run, settings(slow.BROKEN))
    wait(lambda: job.over)
    assert states(job) == ["failed"]
    assert str(job.problem) == "The run failed."


def test_a_worker_that_dies_is_replaced_and_takes_no_other_run_with_it(pool: JobPool) -> None:
    innocent = pool.submit("ada", slow.run, settings(60, 60))
    wait(lambda: ticks(innocent) > 0)
    guilty = pool.submit("bob", slow.run, settings(slow.DEADLY))
    wait(lambda: guilty.over)
    assert guilty.state == "failed"
    assert "died twice" in str(guilty.problem)
    wait(lambda: innocent.over)
    assert innocent.state == "done"
    assert innocent.attempts == 1
    after = [pool.submit(f"visitor {number}", slow.run, settings(61 + number, 4)) for number in range(3)]
    wait(lambda: all(job.over for job in after))
    assert set(states(*after)) == {"done"}


def test_a_killed_worker_costs_one_restart_and_a_line_in_the_log(
    pool: JobPool, caplog: pytest.LogCaptureFixture
) -> None:
    job = pool.submit("ada", slow.run, settings(70))
    wait(lambda: ticks(job) > 0)
    killed = job.partial.worker
    os.kill(killed, signal.SIGKILL)
    wait(lambda: job.over)
    assert job.state == "done"
    assert job.attempts == 2
    assert "started again" in str(job.problem)
    gone = r"worker process \d+ died \(killed by SIGKILL\)|the cluster's worker tcp://\S+ is gone"
    assert re.search(rf"({gone}) during job {job.number}", caplog.text)


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_costs_no_try(
    local_pool: JobPool, processes: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    for pid in processes.pids:
        os.kill(pid, signal.SIGKILL)
    wait(lambda: not processes.pids)
    after = local_pool.submit("ada", slow.run, settings(75, 2))
    wait(lambda: after.over)
    assert (after.state, after.attempts) == ("done", 1)
    assert "while it had nothing to do" in caplog.text


def test_a_killed_exchange_is_replaced(local_pool: JobPool, processes: Watched) -> None:
    job = local_pool.submit("ada", slow.run, settings(71, LONG))
    wait(lambda: ticks(job) > 0)
    workers = processes.pids
    fork_server = psutil.Process(workers[0]).parent()
    assert fork_server is not None
    others = [child for child in fork_server.children() if child.pid not in workers]
    assert others
    for exchange in others:
        exchange.kill()
    wait(lambda: job.over)
    assert job.state == "failed"
    after = local_pool.submit("ada", slow.run, settings(72))
    wait(lambda: after.over)
    assert after.state == "done"
    assert after.updates > 5


def no_more(*_: object) -> None:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def process_of(backend: Processes) -> Any:
    """Of the exchange."""
    return backend._exchange._manager._process  # type: ignore[attr-defined]


def test_where_no_process_can_be_started_a_run_says_so_and_the_pool_lives_on(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is asked of it meanwhile: a new run, another try of one whose worker died, an exchange in place of a dead one."""
    backend = Watched(1)
    pool = JobPool(backend)
    try:
        running = pool.submit("ada", slow.run, settings(73, LONG))
        wait(lambda: ticks(running) > 0)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(multiprocessing.context.ForkServerProcess, "start", no_more)
            process_of(backend).kill()
            wait(lambda: "no other can be started" in caplog.text)
            backend.hired[0].kill()
            wait(lambda: running.over)
            after = pool.submit("bob", slow.run, settings(74, 4))
            for job in (running, after):
                assert job.state == "failed"
                assert job.problem == NoProcessError().phrase
        again = pool.submit("bob", slow.run, settings(75, 4))
        wait(lambda: again.over)
        assert again.state == "done"
        assert "there is another" in caplog.text
    finally:
        pool.close()


def test_a_pool_that_does_not_get_all_its_workers_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Watched(2)
    monkeypatch.setattr(backend, "new_worker", Mock(side_effect=[backend.new_worker(), BlockingIOError]))
    with pytest.raises(BlockingIOError):
        JobPool(backend)
    wait(lambda: not backend.pids)
    assert not process_of(backend).is_alive()


def test_a_run_that_asks_for_too_much_memory_ends_with_a_sentence_and_harms_nobody() -> None:
    pool = JobPool(Processes(1, run_bytes=256 * 2**20))
    try:
        greedy = [pool.submit("ada", slow.run, settings(seed)) for seed in (slow.GREEDY,)]
        greedy += [pool.submit("bob", slow.run, settings(slow.GREEDY_TORCH))]
        after = pool.submit("eve", slow.run, settings(76, 4))
        for job, owner in zip((*greedy, after), ("ada", "bob", "eve"), strict=True):
            pool.connected(job, owner)
        wait(lambda: after.over)
        assert states(*greedy, after) == ["failed", "failed", "done"]
        for job in greedy:
            assert str(job.problem).startswith("This run needs more than the 256 MB of memory")
            assert job.attempts == 1
    finally:
        pool.close()


def test_the_queue_is_bounded_and_tells_how_long(pool: JobPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnviz.jobs.pool.MAX_ALIVE", 6)
    jobs = [pool.submit(f"visitor {n}", slow.run, settings(100 + n, LONG), expected_seconds=120) for n in range(6)]
    with pytest.raises(QueueFullError, match="4 runs are waiting already, for about 4 min"):
        pool.submit("one more", slow.run, settings(106, LONG))
    assert pool.submit("one more", slow.run, settings(105, LONG)) is jobs[5]  # whose run is there already is let in
    again = pool.submit("visitor 4", slow.run, settings(107, LONG))  # who gives one up may have another
    assert jobs[4].state == "stopped"
    assert pool.wait(again).runs == 4


def test_addresses_take_turns(local_pool: JobPool) -> None:
    """Who starts many runs from one address keeps nobody of another waiting for all of them."""
    many = [local_pool.submit(f"bot {n}", slow.run, settings(200 + n, LONG), group="a") for n in range(8)]
    other = [local_pool.submit(f"other {n}", slow.run, settings(300 + n, LONG), group="b") for n in range(2)]
    assert [local_pool.wait(job).runs for job in many] == [0, 0, 2, 4, 5, 6, 7, 8]
    assert [local_pool.wait(job).runs for job in other] == [1, 3]
    local_pool.stop(many[0])
    wait(lambda: other[0].state == "running")
    late = local_pool.submit("late", slow.run, settings(400, LONG), group="c")
    assert local_pool.wait(late).runs == 1
    again = local_pool.submit("again", slow.run, settings(401, LONG), group="c")
    assert local_pool.wait(again).runs > local_pool.wait(many[2]).runs


def test_one_address_leaves_room_for_others(local_pool: JobPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnviz.jobs.pool.MAX_ALIVE", 5)
    for number in range(4):
        local_pool.submit(f"bot {number}", slow.run, settings(500 + number, LONG), group="a")
    with pytest.raises(QueueFullError):
        local_pool.submit("bot 5", slow.run, settings(505, LONG), group="a")
    assert local_pool.submit("ada", slow.run, settings(506, LONG), group="b")


def test_the_wait_is_told_from_what_the_runs_before_should_take(pool: JobPool) -> None:
    jobs = [pool.submit(f"visitor {n}", slow.run, settings(110 + n, LONG), expected_seconds=60) for n in range(5)]
    waits = [pool.wait(job).seconds for job in jobs]
    assert waits == pytest.approx([0, 0, 60, 60, 120], abs=10)


def test_the_wait_behind_a_run_of_unknown_length_is_told_from_the_runs_that_are_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = JobPool(Processes(1))
    try:
        running, waiting, last = (pool.submit(f"visitor {n}", slow.run, settings(120 + n, LONG)) for n in range(3))
        assert pool.wait(last).seconds is None
        for job in (running, waiting, last):
            pool.stop(job)
        with monkeypatch.context() as patch:
            patch.setattr(Job, "seconds_worked", 30.0)
            over = pool.submit("ada", slow.run, settings(123, 2))
            wait(lambda: over.over and pool.busy == 0)
        jobs = [pool.submit(f"visitor {n}", slow.run, settings(124 + n, LONG)) for n in range(4)]
        # Two times 30 s, and the running one's: 30 s, or what its own progress says.
        assert pool.wait(jobs[3]).seconds == pytest.approx(100, abs=25)
    finally:
        pool.close()


def test_a_run_needs_a_function_that_a_worker_can_find(pool: JobPool) -> None:
    with pytest.raises(TypeError, match="function of a module"):
        pool.submit("ada", lambda settings, on_update: None, settings(1))
    assert pool.alive() == []


def test_another_function_with_the_same_settings_is_another_run(pool: JobPool) -> None:
    jobs = [pool.submit("ada", slow.run, settings(130, 2)), pool.submit("bob", slow.run_backwards, settings(130, 2))]
    wait(lambda: all(job.over for job in jobs))
    assert (jobs[0].partial.values[::-1] == jobs[1].partial.values).all()


def children(process: psutil.Process) -> set[int]:
    return {child.pid for child in process.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}


def test_nothing_leaks() -> None:
    """The fork server and Python's resource tracker serve every later pool of this process, and stay."""
    JobPool(Processes(1)).close()
    before = children(psutil.Process())
    pool = JobPool(Processes(2))
    job = pool.submit("ada", slow.run, settings(80, LONG))
    wait(lambda: ticks(job) > 0)
    pool.close()
    assert job.state == "stopped"
    wait(lambda: children(psutil.Process()) <= before)


@pytest.mark.parametrize("closes", [True, False])
def test_a_server_that_is_told_to_end_in_mid_run_ends_and_says_nothing_of_semaphores(closes: bool) -> None:
    script = f"""
from bnviz.jobs.pool import JobPool
from bnviz.jobs.processes import Processes
from tests.jobs import slow
if __name__ == "__main__":
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pool = JobPool(Processes(2))
    job = pool.submit("ada", slow.run, slow.Settings(seed=81, batch_size={LONG}))
    try:
        while job.partial is None:
            time.sleep(0.02)
        print("running", flush=True)
        time.sleep(600)
    finally:
        if {closes}:
            pool.close()
"""
    server = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        assert server.stdout.readline() == "running\n"
        server.terminate()
        try:
            _, said = server.communicate(timeout=60)
        finally:
            server.kill()
    assert (server.returncode, said) == (0, "")


def test_a_server_that_is_killed_leaves_no_process_behind() -> None:
    script = f"""
from bnviz.jobs.pool import STOP_GRACE_SECONDS, TICK_SECONDS, JobPool
from bnviz.jobs.processes import Processes
from tests.jobs import slow
if __name__ == "__main__":
    import time
    pool = JobPool(Processes(2))
    job = pool.submit("ada", slow.run, slow.Settings(seed=81, batch_size={LONG}))
    while job.partial is None:
        time.sleep(0.02)
    print("running", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "running\n"
        born = psutil.Process(server.pid).children(recursive=True)
        assert len(born) >= 4
        server.kill()
    _, alive = psutil.wait_procs(born, timeout=30)
    assert alive == []
