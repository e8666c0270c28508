"""What a page asks for and is heavy is computed beside the server: with the same numbers, and without harm to anything else."""

from __future__ import annotations

import errno
import gc
import logging
import multiprocessing.context
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from bnviz.errors import SettingError
from bnviz.jobs import compute_processes
from bnviz.jobs import processes as jobs_processes
from bnviz.jobs.compute_processes import ComputeProcesses
from bnviz.jobs.errors import ComputingDiedError, RunMemoryError
from bnviz.jobs.processes import OneWorker
from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import InstantTopic
from bnviz.ui.cache import arrays
from tests.jobs import slow
from tests.waiting import wait

CEILING = 512 * 2**20
INSTANT = [topic for topic in TOPICS if isinstance(topic, InstantTopic)]


@pytest.fixture(scope="module")
def processes() -> Iterator[ComputeProcesses]:
    processes = ComputeProcesses(2, ("bnviz.labs.course",), CEILING)
    processes.start()
    yield processes
    processes.close()


def spin(seconds: float) -> int:
    """The process that took so many seconds of processor time."""
    start = time.thread_time()
    while time.thread_time() - start < seconds:
        sum(range(1000))
    return os.getpid()


KEPT = list[Any]()


def keep(megabytes: int) -> int:
    """The process, which keeps so much memory for good."""
    KEPT.append(np.ones(megabytes * 2**17))
    return os.getpid()


def both_of(processes: ComputeProcesses) -> None:
    """Each of two processes computes something."""
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(processes.run, partial(spin, 0.5)) for _ in range(2)]
        assert len({future.result()[0] for future in both}) == 2


def die_once(trace: Path) -> int:
    """The process, which dies where there is no `trace` yet."""
    if not trace.exists():
        trace.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


@pytest.mark.parametrize("topic", INSTANT, ids=lambda topic: topic.id)
def test_the_numbers_are_those_that_the_server_would_have_computed(
    processes: ComputeProcesses, topic: InstantTopic
) -> None:
    there, seconds = processes.run(topic.computation(topic.opening))
    here = topic.compute(topic.opening)
    assert type(there) is type(here)
    assert there.settings == here.settings
    found = list(zip(arrays(there), arrays(here), strict=True))
    assert found
    for one, other in found:
        np.testing.assert_array_equal(one, other)
    assert seconds > 0


def test_data_of_a_visitor_goes_there_too(processes: ComputeProcesses) -> None:
    topic = next(topic for topic in INSTANT if topic.upload == "table")
    data = np.random.default_rng(0).normal(5, 2, (200, 3)).astype(np.float32)
    settings = topic.settings(source="upload")
    for one, other in zip(
        arrays(processes.run(topic.computation(settings, data))[0]), arrays(topic.compute(settings, data)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_it_is_another_process_behind_the_server_and_its_processor_time_is_told(processes: ComputeProcesses) -> None:
    process, seconds = processes.run(partial(spin, 0.2))
    assert process != os.getpid()
    assert seconds >= 0.2
    assert processes.run(partial(os.nice, 0))[0] == os.nice(0) + 5


def test_as_many_at_once_as_there_are_processes(processes: ComputeProcesses) -> None:
    both_of(processes)


def test_one_after_the_other_is_computed_where_the_last_one_was(processes: ComputeProcesses) -> None:
    """A topic keeps what its next movement does not change."""
    assert len({processes.run(os.getpid)[0] for _ in range(5)}) == 1


def test_an_error_arrives_as_it_was_raised(processes: ComputeProcesses) -> None:
    with pytest.raises(SettingError, match="seed must be below 1000; got 1000"):
        processes.run(partial(slow.run, slow.Settings(seed=slow.WRONG)))
    with pytest.raises(ZeroDivisionError):
        processes.run(partial(slow.run, slow.Settings(seed=slow.BROKEN)))
    assert processes.run(int) == (0, pytest.approx(0, abs=0.1))


def test_where_a_process_dies_another_computes_and_the_log_tells(
    processes: ComputeProcesses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert processes.run(partial(die_once, tmp_path / "trace"))[0] != os.getpid()
    assert "killed by SIGKILL" in caplog.text


def test_what_kills_two_is_refused_with_a_sentence_and_harms_nobody(processes: ComputeProcesses) -> None:
    with pytest.raises(ComputingDiedError, match="died twice"):
        processes.run(partial(slow.run, slow.Settings(seed=slow.DEADLY)))
    both_of(processes)


def kill_all(processes: ComputeProcesses) -> None:
    for process in processes._all:
        process.kill()
    wait(lambda: not any(process.alive for process in processes._all))


def test_who_died_stays_dead_though_its_sentinel_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fork server writes how the process ended, and closes the sentinel later."""
    process = OneWorker()
    process.submit(int).result()
    process.kill()
    wait(lambda: not process.alive)
    monkeypatch.setattr(jobs_processes, "wait", lambda sentinels, timeout: [])
    assert not process.alive
    process.shutdown()


def test_a_process_that_died_while_it_had_nothing_to_do_costs_no_try(
    processes: ComputeProcesses, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kill_all(processes)
    with caplog.at_level(logging.WARNING):
        assert processes.run(partial(die_once, tmp_path / "trace"))[0] != os.getpid()
        both_of(processes)
    assert caplog.text.count("died") == 1  # that of the call


def test_replaced_processes_leave_no_thread_and_no_descriptor(processes: ComputeProcesses) -> None:
    def taken() -> tuple[int, int]:
        threads = sum(thread.name == "bnviz-worker" for thread in threading.enumerate())
        return threads, psutil.Process().num_fds()

    both_of(processes)
    before = taken()
    for _ in range(3):
        kill_all(processes)
        both_of(processes)
        gc.collect()
    wait(lambda: taken() <= before)


class NoMore:
    """No process can be started. `asked`: how many times one was wanted."""

    asked = 0

    def __call__(self) -> None:
        self.asked += 1
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


@pytest.fixture
def no_more(monkeypatch: pytest.MonkeyPatch) -> NoMore:
    no_more = NoMore()
    monkeypatch.setattr(multiprocessing.context.ForkServerProcess, "start", no_more)
    return no_more


def test_where_no_process_can_be_started_the_server_computes_and_says_so_once(
    no_more: NoMore, caplog: pytest.LogCaptureFixture
) -> None:
    processes = ComputeProcesses(2)
    with caplog.at_level(logging.WARNING):
        processes.start()
        assert [processes.run(os.getpid) for _ in range(3)] == [
            (os.getpid(), 0.0)
        ] * 3  # it is this thread's time already
    assert no_more.asked == 1
    assert len(caplog.records) == 1
    assert "it computes by itself" in caplog.text


def test_processes_that_could_not_be_started_are_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes = ComputeProcesses(1)
    monkeypatch.setattr(compute_processes, "START_AGAIN_S", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(multiprocessing.context.ForkServerProcess, "start", NoMore())
        processes.start()
        assert not processes._all
    try:
        assert processes.run(os.getpid)[0] != os.getpid()
    finally:
        processes.close()


def test_what_kills_its_process_is_not_computed_in_the_server(
    request: pytest.FixtureRequest, processes: ComputeProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_of(processes)
    monkeypatch.setattr(compute_processes, "START_AGAIN_S", 0.0)
    request.getfixturevalue("no_more")
    with pytest.raises(ComputingDiedError):
        processes.run(partial(slow.run, slow.Settings(seed=slow.DEADLY)))


@pytest.mark.parametrize("seed", [slow.GREEDY, slow.GREEDY_TORCH])
def test_what_needs_too_much_memory_is_refused_with_a_sentence(processes: ComputeProcesses, seed: int) -> None:
    with pytest.raises(RunMemoryError, match="512 MB"):
        processes.run(partial(slow.run, slow.Settings(seed=seed)))
    assert processes.run(int)[0] == 0


def test_what_earlier_computations_have_left_in_memory_refuses_nothing(processes: ComputeProcesses) -> None:
    first = processes.run(partial(keep, 300))[0]
    assert processes.run(partial(keep, 400))[0] != first


def test_where_memory_runs_out_the_system_ends_it_and_not_the_server(processes: ComputeProcesses) -> None:
    def score(pid: int | str) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    assert score(processes.run(os.getpid)[0]) >= 500 > score("self")


def test_none_is_left_when_they_are_closed() -> None:
    processes = ComputeProcesses(2)
    processes.start()
    all_of_them = [process._process for process in processes._all]
    assert all(process.is_alive() for process in all_of_them)
    processes.close()
    for process in all_of_them:
        process.join(30)
        assert not process.is_alive()


def test_what_is_computed_when_they_are_closed_is_refused_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    processes = ComputeProcesses(1)
    processes.start()
    with caplog.at_level(logging.DEBUG), ThreadPoolExecutor(2) as threads:
        running = [threads.submit(processes.run, partial(time.sleep, 600)) for _ in range(2)]
        wait(processes._free.empty)
        processes.close()
        for future in running:
            with pytest.raises(ComputingDiedError):
                future.result(30)
    assert not processes._all
    assert not caplog.records


def test_none_is_left_when_they_are_closed_while_they_start(monkeypatch: pytest.MonkeyPatch) -> None:
    processes, started = ComputeProcesses(2), list[OneWorker]()

    def close_then_start(*given: Any) -> OneWorker:
        started.append(OneWorker(*given))
        processes.close()
        return started[-1]

    monkeypatch.setattr(compute_processes, "OneWorker", close_then_start)
    processes.start()
    assert len(started) == 1
    wait(lambda: not started[0].alive)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_the_process_that_they_are_forked_from_does_not_listen_to_what_ends_the_server(
    processes: ComputeProcesses, told: signal.Signals
) -> None:
    worker = processes.run(os.getpid)[0]
    fork_server = psutil.Process(worker).parent()
    assert fork_server is not None
    ignored = int(re.findall(r"SigIgn:\s+(\w+)", Path(f"/proc/{fork_server.pid}/status").read_text())[0], 16)
    assert ignored >> (told - 1) & 1
    ignored = int(re.findall(r"SigIgn:\s+(\w+)", Path(f"/proc/{worker}/status").read_text())[0], 16)
    assert ignored >> (told - 1) & 1 == (told == signal.SIGINT)
