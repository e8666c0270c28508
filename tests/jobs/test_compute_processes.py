"""What a page asks for and is heavy is computed beside the server: with the same numbers, and without harm to anything else."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bnviz.errors import SettingError
from bnviz.jobs.compute_processes import ComputeProcesses
from bnviz.jobs.errors import ComputingDiedError, RunMemoryError
from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import InstantTopic
from bnviz.ui.cache import arrays
from tests.jobs import slow

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
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(processes.run, partial(spin, 0.5)) for _ in range(2)]
        assert len({future.result()[0] for future in both}) == 2


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
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(processes.run, partial(spin, 0.5)) for _ in range(2)]
        assert len({future.result()[0] for future in both}) == 2


def test_a_process_that_died_while_it_had_nothing_to_do_costs_no_try(processes: ComputeProcesses) -> None:
    for process in processes._all:
        process.kill()
        process._process.join()
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(processes.run, partial(spin, 0.5)) for _ in range(2)]
        assert len({future.result()[0] for future in both}) == 2


@pytest.mark.parametrize("seed", [slow.GREEDY, slow.GREEDY_TORCH])
def test_what_needs_too_much_memory_is_refused_with_a_sentence(processes: ComputeProcesses, seed: int) -> None:
    with pytest.raises(RunMemoryError, match="512 MB"):
        processes.run(partial(slow.run, slow.Settings(seed=seed)))
    assert processes.run(int)[0] == 0


def test_none_is_left_when_they_are_closed() -> None:
    processes = ComputeProcesses(2)
    processes.start()
    all_of_them = [process._process for process in processes._all]
    assert all(process.is_alive() for process in all_of_them)
    processes.close()
    for process in all_of_them:
        process.join(30)
        assert not process.is_alive()
