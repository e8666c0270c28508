"""Processes that compute for the server, one call at a time each: what they take does not hold the lock of its Python."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from queue import LifoQueue
from typing import Final, TypeVar

from bnviz.jobs import worker
from bnviz.jobs.errors import ComputingDiedError, RunMemoryError, WorkerDiedError
from bnviz.jobs.processes import OneWorker

NICENESS: Final = 5
"""Behind the server, ahead of long runs: somebody waits for a slider."""
TRIES: Final = 2

T = TypeVar("T")

log = logging.getLogger(__name__)


class ComputeProcesses:
    """`count` processes, from `start` to `close`; each is replaced when it dies.

    `modules`: what each imports first. `ceiling`: bytes of memory that a call may have, None for no bound.
    """

    def __init__(self, count: int, modules: tuple[str, ...] = (), ceiling: int | None = None) -> None:
        self.count = count
        self._modules, self._ceiling = modules, ceiling
        self._closed = False
        self._all: list[OneWorker] = []
        # The last that was used is the next: what a topic keeps for its sliders is in that one.
        self._free: LifoQueue[OneWorker] = LifoQueue()

    def start(self) -> None:
        """Start them, and wait for their imports."""
        self._all = [self._new() for _ in range(self.count)]
        for process in self._all:
            process.submit(worker.ready).result()
            self._free.put(process)

    def run(self, call: Callable[[], T]) -> tuple[T, float]:
        """What `call`, which is sent as a pickle, returns, and the seconds of processor time that it took.

        Raises what it raises; RunMemoryError where it needs too much memory, ComputingDiedError where its process dies twice.
        """
        process = self._free.get()
        try:
            for _ in range(TRIES):
                try:
                    made: tuple[T, float] = process.submit(partial(timed, call)).result()
                    return made
                except (WorkerDiedError, RunMemoryError) as error:
                    process = self._replaced(process)
                    if isinstance(error, RunMemoryError):  # whose memory is in pieces
                        raise
                    log.warning("%s while it computed for a page; another takes its place", error)
            raise ComputingDiedError
        finally:
            self._free.put(process)

    def close(self) -> None:
        """End them at once."""
        self._closed = True
        for process in self._all:
            process.kill()
            process.shutdown(wait=False)

    def _new(self) -> OneWorker:
        return OneWorker(self._modules, self._ceiling, NICENESS)

    def _replaced(self, process: OneWorker) -> OneWorker:
        if self._closed:
            return process
        process.kill()
        process.shutdown(wait=False)
        new = self._new()
        self._all[self._all.index(process)] = new
        return new


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What `call` returns, and the seconds of this thread's processor time that it took."""
    start = time.thread_time()
    return call(), time.thread_time() - start
