"""The pool: fair, bounded, obedient, and standing after a worker died. Waits are bounded; nothing is asserted on the clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from bnviz.jobs.job import Job
from bnviz.jobs.pool import JobPool
from tests.jobs import slow

MODULE = slow.__name__
ROOT = Path(__file__).parents[2]
LONG = 1024


def settings(seed: int, ticks: int = 32) -> str:
    return slow.Settings(seed=seed, batch_size=ticks).model_dump_json()


def wait(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until `condition` holds; fail where it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def ticks(job: Job) -> int:
    return 0 if job.partial is None else len(job.partial.values)


@pytest.fixture(scope="module")
def shared() -> Iterator[JobPool]:
    pool = JobPool(workers=2, return_seconds=1.0)
    yield pool
    pool.close()


@pytest.fixture
def pool(shared: JobPool) -> Iterator[JobPool]:
    yield shared
    for job in shared.alive():
        shared.stop(job)
    wait(lambda: not any(place.job for place in shared._places))


def states(*jobs: Job) -> list[str]:
    return [job.state for job in jobs]


def test_a_job_reports_on_the_way_and_ends_with_its_result(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(1))
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
    job = pool.submit("ada", MODULE, settings(2, LONG))
    assert job.seconds_left is None
    wait(lambda: ticks(job) > 10)
    pool.pause(job, "ada")
    worked = job.seconds_worked
    time.sleep(0.3)
    assert job.seconds_worked == worked
    assert job.seconds_left == pytest.approx(worked * (1 / job.progress - 1))  # type: ignore[operator]


def test_identical_settings_run_once_for_everybody_and_end_when_the_last_leaves(pool: JobPool) -> None:
    one = pool.submit("ada", MODULE, settings(3, LONG))
    assert pool.submit("bob", MODULE, settings(3, LONG)) is one
    pool.leave("ada")
    assert not one.over
    pool.leave("bob")
    assert one.state == "stopped"


def test_data_goes_to_the_worker_and_a_run_is_shared_only_where_they_are_equal(pool: JobPool) -> None:
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    one = pool.submit("ada", MODULE, settings(6, 8), table)
    assert pool.submit("bob", MODULE, settings(6, 8), table.copy()) is one
    others = [
        pool.submit(f"visitor {n}", MODULE, settings(6, 8), data) for n, data in enumerate((None, table + 1, table.T))
    ]
    assert len({job.number for job in (one, *others)}) == 4
    wait(lambda: one.over and all(job.over for job in others))
    plain = slow.run(slow.Settings(seed=6, batch_size=8)).values
    for job, added in zip((one, *others), (15, 0, 21, 15), strict=True):
        np.testing.assert_allclose(job.partial.values, plain + added)
        assert job.data is None  # nothing of a visitor's is kept when the run is over


def test_a_new_run_of_the_same_visitor_ends_the_old_one(pool: JobPool) -> None:
    old = pool.submit("ada", MODULE, settings(4, LONG))
    new = pool.submit("ada", MODULE, settings(5, LONG))
    assert old.state == "stopped"
    wait(lambda: new.state == "running")
    assert pool.alive() == [new]


def test_no_more_than_the_workers_run_and_the_rest_wait_in_order(pool: JobPool) -> None:
    jobs = [pool.submit(f"visitor {number}", MODULE, settings(10 + number, LONG)) for number in range(20)]
    assert states(*jobs).count("running") == 2
    assert [pool.place(job) for job in jobs] == [0, 0, *range(1, 19)]
    told = jobs[6].version
    pool.leave("visitor 5")
    assert pool.place(jobs[6]) == 4
    assert jobs[6].version > told
    pool.leave("visitor 0")
    wait(lambda: jobs[2].state == "running")
    assert states(*jobs).count("running") <= 2


def test_twenty_press_run_at_once_and_all_are_served(pool: JobPool) -> None:
    def press(number: int) -> Job:
        return pool.submit(f"visitor {number}", MODULE, settings(number // 2, 4))

    with ThreadPoolExecutor(20) as visitors:
        jobs = list(visitors.map(press, range(20)))
    assert len(set(jobs)) == 10
    wait(lambda: all(job.over for job in jobs))
    assert set(states(*jobs)) == {"done"}


def test_pause_waits_and_resume_goes_on(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(40))
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
    job = pool.submit("ada", MODULE, settings(41, LONG))
    pool.submit("bob", MODULE, settings(41, LONG))
    pool.pause(job, "ada")
    assert job.state == "running"
    pool.pause(job, "bob")
    assert job.state == "paused"
    pool.leave("bob")
    assert job.state == "paused"
    pool.resume(job, "ada")
    assert job.state == "running"


def test_stop_frees_the_worker_even_of_a_run_that_hears_nothing(pool: JobPool) -> None:
    deaf = pool.submit("ada", MODULE, settings(slow.DEAF, LONG))
    time.sleep(0.2)
    pool.stop(deaf)
    wait(lambda: not any(place.job for place in pool._places))
    after = pool.submit("ada", MODULE, settings(42, 4))
    wait(lambda: after.over)
    assert states(deaf, after) == ["stopped", "done"]


def test_a_run_that_nobody_looks_at_pauses_and_goes_on_when_somebody_returns(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(43))
    pool.attend(job, "ada")
    pool.attend(job, "ada")
    pool.unattend(job, "ada")
    assert job.state == "running"
    pool.unattend(job, "ada")
    assert job.state == "paused"
    pool.join("ada after a reload", job)
    pool.attend(job, "ada after a reload")
    assert job.state == "running"
    wait(lambda: job.state == "done")


def test_a_run_that_nobody_returns_to_is_stopped(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(44, LONG))
    pool.attend(job, "ada")
    pool.unattend(job, "ada")
    wait(lambda: job.over)
    assert job.state == "stopped"


def test_a_run_that_nobody_looks_at_makes_room_at_once_for_who_waits(pool: JobPool) -> None:
    jobs = [pool.submit(f"visitor {number}", MODULE, settings(50 + number, LONG)) for number in range(3)]
    for number, job in enumerate(jobs):
        pool.attend(job, f"visitor {number}")
    pool.unattend(jobs[1], "visitor 1")
    assert states(*jobs) == ["running", "stopped", "queued"]
    wait(lambda: jobs[2].state == "running")


def test_an_error_that_a_visitor_may_read_arrives_whole(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(slow.WRONG))
    wait(lambda: job.over)
    assert job.state == "failed"
    assert job.problem is not None
    assert job.problem.text("zh").startswith("seed 须为")


def test_a_bug_is_told_as_a_failure_without_its_innards(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(slow.BROKEN))
    wait(lambda: job.over)
    assert states(job) == ["failed"]
    assert str(job.problem) == "The run failed."


def test_a_worker_that_dies_is_replaced_and_takes_no_other_run_with_it(pool: JobPool) -> None:
    innocent = pool.submit("ada", MODULE, settings(60, 60))
    wait(lambda: ticks(innocent) > 0)
    guilty = pool.submit("bob", MODULE, settings(slow.DEADLY))
    wait(lambda: guilty.over)
    assert guilty.state == "failed"
    assert "died twice" in str(guilty.problem)
    wait(lambda: innocent.over)
    assert innocent.state == "done"
    assert innocent.tries == 1
    after = [pool.submit(f"visitor {number}", MODULE, settings(61 + number, 4)) for number in range(3)]
    wait(lambda: all(job.over for job in after))
    assert set(states(*after)) == {"done"}


def test_a_killed_worker_costs_one_restart(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(70))
    wait(lambda: ticks(job) > 0)
    os.kill(job.partial.worker, signal.SIGKILL)
    wait(lambda: job.over)
    assert job.state == "done"
    assert job.tries == 2
    assert "started again" in str(job.problem)


def test_a_killed_exchange_is_replaced(pool: JobPool) -> None:
    job = pool.submit("ada", MODULE, settings(71, LONG))
    wait(lambda: ticks(job) > 0)
    os.kill(pool._exchange._manager._process.pid, signal.SIGKILL)  # type: ignore[attr-defined]
    wait(lambda: job.over)
    assert job.state == "failed"
    after = pool.submit("ada", MODULE, settings(72))
    wait(lambda: after.over)
    assert after.state == "done"
    assert after.updates > 5


def children(process: psutil.Process) -> set[int]:
    return {child.pid for child in process.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}


def test_nothing_leaks() -> None:
    """The fork server and Python's resource tracker serve every later pool of this process, and stay."""
    JobPool(workers=1).close()
    before = children(psutil.Process())
    pool = JobPool(workers=2)
    job = pool.submit("ada", MODULE, settings(80, LONG))
    wait(lambda: ticks(job) > 0)
    pool.close()
    assert job.state == "stopped"
    wait(lambda: children(psutil.Process()) <= before)


def test_a_server_that_is_killed_leaves_no_process_behind() -> None:
    script = f"""
from bnviz.jobs.pool import JobPool
if __name__ == "__main__":
    import os, signal, time
    pool = JobPool(workers=2)
    job = pool.submit("ada", {MODULE!r}, {settings(81, LONG)!r})
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
