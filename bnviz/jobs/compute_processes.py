"""Processes that compute for the server, one call at a time each: what they take does not hold the lock of its Python."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import LifoQueue
from typing import Final, TypeVar

from bnviz.jobs import worker
from bnviz.jobs.errors import NOT_STARTED, ComputingDiedError, RunMemoryError, WorkerDiedError
from bnviz.jobs.processes import OneWorker

NICENESS: Final = 5
"""Behind the server, ahead of long runs: somebody waits for a slider."""
TRIES: Final = 2
START_AGAIN_S: Final = 60.0
"""After a process could not be started: to try takes seconds, too."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class ComputeProcesses:
    """`count` processes, from `start` to `close`; each is replaced when it dies. Where none can be had, this process computes.

    `modules`: what each imports first. `ceiling`: bytes of memory that a call may have, None for no bound.
    """

    def __init__(self, count: int, modules: tuple[str, ...] = (), ceiling: int | None = None) -> None:
        self.count = count
        self._modules, self._ceiling = modules, ceiling
        self._lock = threading.Lock()
        self._closed = False
        self._start_again = 0.0  # by the clock
        self._all: set[OneWorker] = set()
        # None in place of one that could not be started. The last that was used is the next: what a topic keeps for its sliders is
        # in that one.
        self._free: LifoQueue[OneWorker | None] = LifoQueue()
        self._here = threading.Lock()

    def start(self) -> None:
        """Start them, and wait for their imports. Those that do not start are tried again when they are wanted."""
        started = [self._started() for _ in range(self.count)]
        for process in started:
            self._free.put(process)

    def run(self, call: Callable[[], T]) -> tuple[T, float]:
        """What `call`, which is sent as a pickle, returns, and the seconds of processor time that it took besides this thread's.

        Raises what it raises; RunMemoryError where it needs too much memory, ComputingDiedError where its process dies twice, or
        dies and no other can be started.
        """
        process = self._free.get()
        try:
            for attempt in range(TRIES):
                used = process is not None and process.alive
                if not used:
                    self._dismiss(process)
                    process = self._started()
                if process is None:
                    if attempt or self._closed:
                        break
                    with self._here:
                        return call(), 0.0
                try:
                    made: tuple[T, float] = process.submit(partial(timed, call)).result()
                    return made
                except WorkerDiedError as error:
                    if not self._closed:
                        log.warning("%s while it computed for a page", error)
                except RunMemoryError:  # whose memory is in pieces, and holds what earlier calls have left
                    self._dismiss(process)
                    process = None
                    if attempt or not used:
                        raise
            raise ComputingDiedError
        finally:
            self._free.put(process)

    def close(self) -> None:
        """End them at once."""
        with self._lock:
            self._closed = True
        for process in list(self._all):
            self._dismiss(process)

    def _started(self) -> OneWorker | None:
        """A new process, ready to compute; None where there cannot be one now."""
        if self._closed or time.monotonic() < self._start_again:
            return None
        process = None
        try:
            process = OneWorker(self._modules, self._ceiling, NICENESS)
            with self._lock:
                if not self._closed:
                    self._all.add(process)
            if process in self._all:
                process.submit(worker.ready).result()
                return process
        except NOT_STARTED as error:
            if not self._closed:
                self._start_again = time.monotonic() + START_AGAIN_S
                log.warning("no process to compute in beside the server (%r): it computes by itself", error)
        self._dismiss(process)
        return None

    def _dismiss(self, process: OneWorker | None) -> None:
        if process is not None:
            self._all.discard(process)
            process.kill()
            process.shutdown(wait=False)


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What `call` returns, and the seconds of this thread's processor time that it took."""
    start = time.thread_time()
    return call(), time.thread_time() - start
