"""The pool: fair, bounded, obedient, and standing after a worker died. Waits are bounded; nothing is asserted on the clock."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from bnviz.jobs.pool import Job, JobPool
from tests.jobs import slow

MODULE = "tests.jobs.slow"


def settings(seed: int) -> str:
    return slow.Settings(seed=seed).model_dump_json()


def wait(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until `condition` holds; fail where it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def shared() -> Iterator[JobPool]:
    pool = JobPool(workers=2)
    yield pool
    pool.close()


@pytest.fixture
def pool(shared: JobPool) -> Iterator[JobPool]:
    yield shared
    for job in shared.alive():
        shared.stop(job)
    wait(lambda: not shared.alive())


def states(*jobs: Job) -> list[str]:
    return [job.state for job in jobs]


def test_a_job_reports_on_the_way_and_ends_with_its_result(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(1))
    seen = []
    job.listeners.append(lambda: seen.append(job.partial))
    wait(lambda: job.over)
    assert job.state == "done"
    assert len({count for count in seen if isinstance(count, int)}) > 5
    assert job.partial != os.getpid()


def test_identical_settings_run_once_for_everybody_and_end_when_the_last_leaves(pool: JobPool) -> None:
    one = pool.submit("ada", MODULE, settings(2))
    assert pool.submit("bob", MODULE, settings(2)) is one
    pool.leave("ada")
    assert not one.over
    pool.leave("bob")
    assert one.state == "stopped"


def test_a_new_run_of_the_same_visitor_ends_the_old_one(pool: JobPool) -> None:
    old = pool.submit("ada", MODULE, settings(3))
    new = pool.submit("ada", MODULE, settings(4))
    assert old.state == "stopped"
    wait(lambda: new.state == "running")
    assert [job.number for job in pool.alive() if "ada" in job.owners] == [new.number]


def test_no_more_than_the_workers_run_and_the_rest_wait_in_order(pool: JobPool) -> None:
    jobs = [pool.submit(f"visitor {number}", MODULE, settings(10 + number)) for number in range(20)]
    assert states(*jobs).count("running") == 2
    assert [pool.place(job) for job in jobs] == [0, 0, *range(1, 19)]
    pool.leave("visitor 5")
    assert pool.place(jobs[6]) == 4
    pool.leave("visitor 0")
    wait(lambda: jobs[2].state == "running")
    assert states(*jobs).count("running") <= 2


def test_pause_waits_and_resume_goes_on(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(40))
    wait(lambda: isinstance(job.partial, int))
    pool.pause(job)
    time.sleep(0.3)
    held = job.version
    time.sleep(0.5)
    assert job.version == held
    pool.resume(job)
    wait(lambda: job.state == "done")


def test_an_error_that_a_visitor_may_read_arrives_whole(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(100))
    wait(lambda: job.over)
    assert job.state == "failed"
    assert job.problem is not None
    assert job.problem.text("zh").startswith("seed 须为")


def test_a_worker_that_dies_is_replaced_and_an_innocent_run_is_started_again(pool: JobPool) -> None:
    innocent = pool.submit("ada", MODULE, settings(50))
    wait(lambda: isinstance(innocent.partial, int))
    guilty = pool.submit("bob", MODULE, settings(101))
    wait(lambda: guilty.over)
    assert guilty.state == "failed"
    assert "died twice" in str(guilty.problem)
    wait(lambda: innocent.over)
    after = pool.submit("eve", MODULE, settings(51))
    wait(lambda: after.over)
    assert after.state == "done"


def test_a_killed_worker_costs_one_restart(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(60))
    wait(lambda: isinstance(job.partial, int))
    for process in pool._executor._processes.values():  # type: ignore[attr-defined]
        os.kill(process.pid, signal.SIGKILL)
    wait(lambda: job.over)
    assert job.state == "done"
    assert "started again" in str(job.problem)


def test_nothing_leaks() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    pool = JobPool(workers=2)
    job = pool.submit("ada", MODULE, settings(70))
    wait(lambda: isinstance(job.partial, int))
    pool.close()
    wait(lambda: len({child.pid for child in psutil.Process().children(recursive=True)} - before) <= 2)
