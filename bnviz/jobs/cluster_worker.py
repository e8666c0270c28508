"""What runs in a worker of a Dask cluster: one task at a time, on a lease that the server renews.

Nothing there can end a running task, and a server that is gone cannot say so: a task of which the server says nothing for
`LEASE_SECONDS` ends by itself, like one that is told to stop.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from distributed import Queue, get_worker

import bnviz
from bnviz.jobs import worker
from bnviz.jobs.backend import Task

LEASE_SECONDS: Final = 30.0
GO_POLL_SECONDS: Final = 0.02

Message = Literal["go", "pause", "stop"]
"""What the server says to a task: an order, or to begin and to go on."""


@dataclass(eq=False)
class Orders:
    """What the server said last to one task, and when (monotonic seconds)."""

    message: Message | None = None
    received_at: float = field(default_factory=time.monotonic)

    def get(self, job: int) -> worker.Order | None:
        """What `worker.execute` asks for on its way."""
        if time.monotonic() - self.received_at > LEASE_SECONDS:
            return "stop"
        return None if self.message in {None, "go"} else cast(worker.Order, self.message)

    def wait_for_the_start(self) -> None:
        """Raises Stopped where the server does not want it: it has given the same to somebody else, or is gone."""
        while self.message is None and self.get(0) is None:
            time.sleep(GO_POLL_SECONDS)
        if self.get(0) == "stop":
            raise worker.Stopped


@dataclass(frozen=True, slots=True)
class _Updates:
    """The way of partial results to the server."""

    claim: str
    queue: Any

    def put(self, update: tuple[int, object]) -> None:
        """Send one; raises Stopped where nobody takes them any more."""
        self.send("update", pickle.dumps(update))

    def send(self, kind: str, content: object) -> None:
        try:
            self.queue.put((self.claim, kind, content), timeout=LEASE_SECONDS)
        except TimeoutError:
            raise worker.Stopped from None


ORDERS: Final[dict[str, Orders]] = {}
_alone: Final = threading.Lock()
"""Tasks of one process wait for each other, however many threads Dask gives it: PyTorch's random numbers belong to the process."""


def receive(claim: str, message: Message) -> bool:
    """Take what the server says to the task of `claim`; whether there is one. Called by `Client.run`."""
    orders = ORDERS.get(claim)
    if orders is None:
        return False
    orders.message, orders.received_at = message, time.monotonic()
    return True


def perform(claim: str, queue: str, task: bytes) -> bytes:
    """Do the pickled `task` and return what `worker.answer` makes of it. Partial results go into the Dask queue named `queue`.

    `claim` names this try; the server lets only the first worker begin that asks with it.
    """
    dask_worker = get_worker()
    with _alone:
        orders = ORDERS[claim] = Orders()
        channel = Queue(queue)
        try:
            return worker.answer(
                _begin(_Updates(claim, channel), orders, dask_worker.address, task), _memory(dask_worker)
            )
        finally:
            del ORDERS[claim]
            channel.close()


def _begin(updates: _Updates, orders: Orders, address: str, pickled: bytes) -> Callable[[], Any]:
    def run() -> Any:
        updates.send("start", (address, bnviz.__version__))
        orders.wait_for_the_start()
        task: Task = pickle.loads(pickled)
        return worker.execute(
            task.job,
            task.function,
            task.settings,
            updates,
            orders,
            task.data,
        )

    return run


def _memory(dask_worker: Any) -> int:
    """Bytes that the worker may have, 0 where nobody says."""
    return int(dask_worker.memory_manager.memory_limit or 0)
