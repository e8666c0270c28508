"""The processes behind the pool: one executor of one worker for each place, and the exchange between them and the server.

A worker of its own executor dies alone: `ProcessPoolExecutor` gives up all of its work when one of its processes dies.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.managers import SyncManager
from queue import Empty
from typing import TYPE_CHECKING, Any, Final

from bnviz.jobs import worker

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

WAITING_UPDATES: Final = 32


def context() -> BaseContext:
    """Processes forked from a server with nothing else in it; started anew where the system has no fork (Windows)."""
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


class OneWorker(ProcessPoolExecutor):
    """An executor of one process, which is up and has imported `modules` when this returns from its first work."""

    def __init__(self, modules: tuple[str, ...] = ()) -> None:
        start = context()
        # Imported once, in the process that the workers are forked from: they start in no time and share the memory.
        start.set_forkserver_preload(["bnviz.jobs.fork_server", *modules])
        super().__init__(1, start, initializer=worker.warm_up, initargs=(modules,))

    def kill(self) -> None:
        """End the process at once; its work fails with `BrokenProcessPool`."""
        for process in list((self._processes or {}).values()):
            process.kill()


class Exchange:
    """Partial results upwards, orders downwards, through a process of its own: a worker killed in mid-sentence harms nobody.

    `updates` and `orders` travel to the workers, which may as well sit on other machines.
    """

    def __init__(self) -> None:
        self._manager = SyncManager(ctx=context())
        self._manager.start(worker.follow_parent)
        self.updates: Any = self._manager.Queue(WAITING_UPDATES)
        self.orders: Any = self._manager.dict()

    def next_update(self, seconds: float) -> tuple[int, Any] | None:
        """The next (job number, partial result), or None after `seconds`. Raises EOFError or OSError where the exchange is gone."""
        try:
            number, partial = self.updates.get(timeout=seconds)
        except Empty:
            return None
        return number, partial

    def order(self, job: int, order: worker.Order | None) -> None:
        """Tell the worker of `job` to pause or stop, or (None) to go on."""
        with contextlib.suppress(EOFError, OSError):  # whose run it was fails by itself
            if order is None:
                self.orders.pop(job, None)
            else:
                self.orders[job] = order

    def close(self) -> None:
        """End the process."""
        self._manager.shutdown()
