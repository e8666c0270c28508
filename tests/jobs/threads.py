"""A backend whose workers are threads of the test: quick to start, and nothing can be killed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue
from typing import Any

from bnviz.jobs.backend import Task, Worker
from bnviz.jobs.worker import Order, execute


class Thread:
    """One thread."""

    def __init__(self, execute: Callable[[Task], Any]) -> None:
        self._execute = execute
        self._thread = ThreadPoolExecutor(1)

    def wait_until_ready(self) -> None:
        """It is."""

    def start(self, task: Task) -> Future[Any]:
        return self._thread.submit(self._execute, task)

    def kill(self) -> None:
        """Not possible."""

    def dismiss(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class Threads:
    """`capacity` threads, with updates and orders in the memory of the test."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._updates: Queue[tuple[int, Any]] = Queue(32)
        self._orders: dict[int, Order | None] = {}

    def new_worker(self) -> Worker:
        return Thread(
            lambda task: execute(task.job, task.function, task.settings, self._updates, self._orders, task.data)
        )

    def next_update(self, seconds: float) -> tuple[int, Any] | None:
        try:
            return self._updates.get(timeout=seconds)
        except Empty:
            return None

    def order(self, job: int, order: Order | None) -> None:
        self._orders[job] = order

    def close(self) -> None:
        """Nothing is open."""
