"""An existing Dask cluster as the backend: this server talks to its scheduler only, in an event loop of its own.

A task is Dask's to place. It asks before it begins, and the server answers the first who asks; so a task that Dask gives to
another worker when the first has died does not begin twice, and how often a run is tried is decided here.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
import time
import uuid
from collections.abc import Coroutine
from concurrent import futures
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from distributed import Client, Queue

import bnviz
from bnviz.jobs import cluster_worker
from bnviz.jobs.backend import Task, Worker
from bnviz.jobs.errors import ClusterLostError, ClusterWorkerLostError, NoWorkerError, OtherVersionError
from bnviz.jobs.worker import Order, Stopped

CONNECT_SECONDS: Final = 5.0
START_SECONDS: Final = 120.0
"""A cluster that grows on demand has this long for a worker."""
RENEW_SECONDS: Final = 5.0
"""Between two words to a task, well within its lease."""
ANSWER_SECONDS: Final = 25.0
"""A worker that does not take a message within this is lost."""
GOODBYE_SECONDS: Final = 5.0
WAITING_UPDATES: Final = 32

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Try:
    """One try at a task. `address`: who does it, empty until somebody asks to begin. `changed`: there is something to say to it."""

    job: int
    claim: str = field(default_factory=lambda: uuid.uuid4().hex)
    order: Order | None = None
    address: str = ""
    version: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    lost: asyncio.Event = field(default_factory=asyncio.Event)


class ClusterWorker:
    """A place at the cluster: whichever worker Dask finds for a task."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def wait_until_ready(self) -> None:
        """There is nothing to wait for."""

    def start(self, task: Task) -> Future[Any]:
        """Hand `task` to the cluster."""
        return self._cluster.start(task)

    def kill(self) -> None:
        """Not possible: the worker is not ours to end."""

    def dismiss(self) -> None:
        """Nor is it ours to let go."""


class Cluster:
    """The cluster whose scheduler listens at `address`, such as `tcp://host:8786`.

    `capacity`: tasks at once, by default as many as the cluster has workers. `start_seconds`: how long a task may wait for one.
    A scheduler that is out of reach is asked again at the next task.
    """

    def __init__(self, address: str, capacity: int | None = None, start_seconds: float = START_SECONDS) -> None:
        self.address = address
        self._capacity = capacity
        self._start_seconds = start_seconds
        self._client: Any = None
        self._queue: Any = None
        self._reading: asyncio.Task[None] | None = None
        self._workers: set[str] = set()
        self._tries: dict[str, _Try] = {}
        self._updates: asyncio.Queue[tuple[int, Any]] = asyncio.Queue(WAITING_UPDATES)
        self._connecting = asyncio.Lock()
        self._ask_again = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="bnviz-cluster")
        self._thread.start()
        with suppress(ClusterLostError):  # which is in the log; whoever wants a run is told
            self._do(self._connect()).result()

    @property
    def capacity(self) -> int:
        """As told by `Backend`; one at least, at which a task waits for the first worker."""
        return self._capacity or max(1, len(self._workers))

    def new_worker(self) -> Worker:
        """A place."""
        return ClusterWorker(self)

    def start(self, task: Task) -> Future[Any]:
        """Do `task` somewhere; its result."""
        one = _Try(task.job)
        # At once, so that an order that is given while the cluster is looked for finds it.
        self._loop.call_soon_threadsafe(self._tries.setdefault, one.claim, one)
        return self._do(self._try(task, one))

    def next_update(self, seconds: float) -> tuple[int, Any] | None:
        """As told by `Backend`."""

        async def take() -> tuple[int, Any] | None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    return await self._updates.get()
            return None

        taken: tuple[int, Any] | None = self._do(take()).result()
        return taken

    def order(self, job: int, order: Order | None) -> None:
        """As told by `Backend`."""

        def give() -> None:
            for one in self._tries.values():
                if one.job == job:
                    one.order = order
                    one.changed.set()

        self._loop.call_soon_threadsafe(give)

    def close(self) -> None:
        """Have all tasks end, and leave the cluster."""

        async def leave() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    while self._tries:
                        for one in self._tries.values():
                            one.order = "stop"
                            one.changed.set()
                        await asyncio.sleep(0.02)
            await self._disconnect()
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        self._do(leave()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _connect(self) -> Any:
        """The client of the scheduler. Raises ClusterLostError."""
        async with self._connecting:
            if self._client is not None and self._client.status == "running":
                return self._client
            if time.monotonic() < self._ask_again:
                raise ClusterLostError
            await self._disconnect()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._client = client = Client(
                        self.address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False, name="bnviz"
                    )
                    await client
                    # A new one each time: who still waits at an old one would take what is meant for us.
                    self._queue = await Queue(f"bnviz-{uuid.uuid4().hex}", client, WAITING_UPDATES)
                    client.subscribe_topic("all", self._notice)
                    self._workers = set((await client.scheduler.identity())["workers"])
            except (OSError, ValueError, ImportError) as error:  # TimeoutError is an OSError
                log.error("the scheduler at %s does not answer: %s", self.address, error)
                await self._disconnect()
                self._ask_again = time.monotonic() + CONNECT_SECONDS
                raise ClusterLostError from error
            self._reading = asyncio.create_task(self._read(self._queue))
            return client

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if self._reading is not None:
            self._reading.cancel()
        self._reading, self._workers = None, set()
        if client is not None:
            with suppress(Exception):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    if client.status == "running" and self._queue is not None:
                        self._queue.close()
                    await client.close()

    def _notice(self, event: tuple[float, Any]) -> None:
        """Dask says that a worker came or went."""
        message = event[1] if isinstance(event[1], dict) else {}
        worker = message.get("worker", "")
        if message.get("action") == "add-worker":
            self._workers.add(worker)
        elif message.get("action") == "remove-worker":
            self._workers.discard(worker)
            for one in self._tries.values():
                if one.address == worker:
                    one.lost.set()

    async def _read(self, queue: Any) -> None:
        """Take what tasks send, until the connection is gone."""
        with suppress(OSError):
            while True:
                claim, kind, content = await queue.get()
                one = self._tries.get(claim)
                if kind == "start":
                    address, version = content
                    if one is None or one.address:
                        self._tell(claim, address, "stop")
                    else:
                        one.address, one.version = address, version
                        one.changed.set()
                elif one is not None and one.version == bnviz.__version__:
                    await self._updates.put(pickle.loads(content))

    def _tell(self, claim: str, address: str, message: cluster_worker.Message) -> None:
        """Send one message and do not wait for its arrival."""
        saying = asyncio.ensure_future(
            self._client.run(cluster_worker.receive, claim, message, workers=[address], on_error="ignore")
        )
        saying.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _try(self, task: Task, one: _Try) -> Any:
        """What `task` returns or raises, or what became of it."""
        try:
            client = await self._connect()
            return await self._follow(task, one, client)
        finally:
            del self._tries[one.claim]

    async def _follow(self, task: Task, one: _Try, client: Any) -> Any:
        name = f"bnviz-{one.claim}"
        future = client.submit(
            cluster_worker.perform, one.claim, self._queue.name, pickle.dumps(task), key=name, pure=False
        )
        answer = asyncio.ensure_future(future.result())
        leading = asyncio.ensure_future(self._lead(one, client))
        try:
            await asyncio.wait({answer, leading}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                leading.result()  # it never returns
            return _open(answer)
        except ClusterWorkerLostError:
            if client.status == "running":
                raise
            raise ClusterLostError from None  # and of the worker nothing is known
        finally:
            done = future.done()
            leading.cancel()
            answer.cancel()
            await asyncio.gather(leading, answer, return_exceptions=True)
            if client.status == "running" and not done:
                if one.address and not one.lost.is_set():
                    self._tell(one.claim, one.address, "stop")
                with suppress(OSError, TimeoutError):
                    await client.cancel([future])

    async def _lead(self, one: _Try, client: Any) -> None:
        """Let the task begin, tell it every order, and renew its lease; raises what ends it."""
        try:
            async with asyncio.timeout(self._start_seconds):
                while not one.address:
                    await one.changed.wait()
                    one.changed.clear()
                    if one.order == "stop" and not one.address:
                        raise Stopped
        except TimeoutError:
            raise NoWorkerError(self._start_seconds) from None
        if one.version != bnviz.__version__:
            raise OtherVersionError(bnviz.__version__)
        lost = asyncio.ensure_future(one.lost.wait())
        waiting: set[asyncio.Future[Any]] = {lost}
        try:
            while not lost.done():
                one.changed.clear()
                saying = asyncio.ensure_future(
                    client.run(cluster_worker.receive, one.claim, one.order or "go", workers=[one.address])
                )
                waiting = {lost, saying}
                await asyncio.wait(waiting, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not saying.done() or saying.exception() is not None:
                    break
                waiting = {lost, asyncio.ensure_future(one.changed.wait())}
                await asyncio.wait(waiting, timeout=RENEW_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                (waiting - {lost}).pop().cancel()
        finally:
            for left in waiting:
                left.cancel()
        raise ClusterWorkerLostError(one.address)


def _open(answer: asyncio.Future[Any]) -> Any:
    """The value that a task returned; raises what it raised, or what kept it from being done."""
    try:
        returned, value = pickle.loads(answer.result())
    except (asyncio.CancelledError, futures.CancelledError):  # by Dask's client, when the scheduler is gone
        raise ClusterLostError from None
    except ImportError as error:
        raise OtherVersionError(bnviz.__version__) from error
    if returned:
        return value
    raise value
