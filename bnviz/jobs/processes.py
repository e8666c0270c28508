"""The processes behind the pool: one executor of one worker for each place, and the exchange between them and the server.

`ProcessPoolExecutor` gives up all of its work when one of its processes dies, has no public way to kill one (before Python
3.14), and leaves semaphores to Python's resource tracker, which complains of them at the end.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import pickle
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.managers import SyncManager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from bnviz.jobs import resources, worker
from bnviz.jobs.backend import Task, Worker
from bnviz.jobs.errors import NOT_STARTED, WorkerDiedError

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

WAITING_UPDATES: Final = 32

log = logging.getLogger(__name__)


def context(modules: tuple[str, ...] = ()) -> ForkServerContext | SpawnContext:
    """Processes forked from a server with nothing else in it; started anew where the system has no fork (Windows).

    `modules` are imported once, in the process that the others are forked from: they start in no time and share the memory.
    """
    if "forkserver" in multiprocessing.get_all_start_methods():
        start = multiprocessing.get_context("forkserver")
        start.set_forkserver_preload(["bnviz.jobs.fork_server", *modules])
        start_fork_server()
        return start
    return multiprocessing.get_context("spawn")


def start_fork_server() -> None:
    """Start it where there is none, deaf to what ends the server until it has seen to that itself."""
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # whose start would unblock the signals again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class OneWorker(Executor):
    """An executor of one process, which dies alone: its work fails with `WorkerDiedError`, and nothing more is taken.

    `modules`: what the process imports before its first work. `ceiling`: bytes that it gets besides, None for no bound.
    `niceness`: how far it stands behind the server in the queue for the cores, from 0 to 19.
    """

    def __init__(
        self, modules: tuple[str, ...] = (), ceiling: int | None = None, niceness: int = worker.NICENESS
    ) -> None:
        start = context(modules)
        self._pipe, theirs = start.Pipe()
        self._process = start.Process(
            target=worker.serve, args=(theirs, modules, ceiling, niceness), daemon=True, name="bnviz-worker"
        )
        self._process.start()
        theirs.close()
        self._work: SimpleQueue[tuple[Future[Any], bytes] | None] = SimpleQueue()
        self._closed = self._gone = False
        try:
            threading.Thread(target=self._drive, daemon=True, name="bnviz-worker").start()
        except RuntimeError:  # there may be no more threads
            self._process.kill()
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process.pid is not None  # it was started
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process lives."""
        # Once how it ended has been read, its sentinel says nothing for a moment, until the fork server has closed its end.
        self._gone = self._gone or bool(wait([self._process.sentinel], 0))
        return not self._gone

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have the process call `fn`. Raises `WorkerDiedError` where it is dead already, and what pickling raises."""
        if self._closed or not self.alive:
            raise WorkerDiedError(self._process.pid, self._process.exitcode)
        future: Future[Any] = Future()
        self._work.put((future, pickle.dumps(partial(fn, *args, **kwargs))))
        return future

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the process end when its work is done."""
        self._closed = True
        self._work.put(None)
        if wait:
            self._process.join()

    def _drive(self) -> None:
        """Hand work to the process and wait for its answers, in a thread of its own."""
        while (work := self._work.get()) is not None:
            future, call = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                self._pipe.send_bytes(call)
                answer = self._pipe.recv_bytes()
            except (EOFError, OSError):
                self._process.join()
                self._gone = True
                future.set_exception(WorkerDiedError(self._process.pid, self._process.exitcode))
                continue
            try:
                returned, value = pickle.loads(answer)
            except Exception as error:
                returned, value = False, error
            if returned:
                future.set_result(value)
            else:
                future.set_exception(value)
        self._pipe.close()
        self._process.join()
        self._gone = True


class Exchange:
    """Partial results upwards, orders downwards, through a process of its own: a worker killed in mid-sentence harms nobody."""

    def __init__(self, modules: tuple[str, ...] = ()) -> None:
        self._manager = SyncManager(ctx=context(modules))
        self._manager.start(worker.follow_parent)
        self.updates: Any = self._manager.Queue(WAITING_UPDATES)
        self.orders: Any = self._manager.dict()

    def next_update(self, seconds: float) -> tuple[int, Any] | None:
        """The next (job number, partial result), or None after `seconds`. Raises EOFError or OSError where the exchange is gone."""
        try:
            number, partial_result = self.updates.get(timeout=seconds)
        except Empty:
            return None
        return number, partial_result

    def answers(self) -> bool:
        """Whether the process lives."""
        try:
            self.orders.pop(None, None)
        except (EOFError, OSError):
            return False
        return True

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


@dataclass(frozen=True, slots=True)
class LocalWorker:
    """One process, as the pool sees it. `exchange`: the present one of its backend."""

    process: OneWorker
    exchange: Callable[[], Exchange]

    def wait_until_ready(self) -> None:
        """Wait for the imports."""
        self.process.submit(worker.ready).result()

    def start(self, task: Task) -> Future[Any]:
        """Have the process do `task`."""
        exchange = self.exchange()
        return self.process.submit(
            worker.execute, task.job, task.function, task.settings, exchange.updates, exchange.orders, task.data
        )

    def kill(self) -> None:
        """End the process."""
        self.process.kill()

    def dismiss(self) -> None:
        """End the process and take nothing more."""
        self.process.kill()
        self.process.shutdown(wait=False)


class Processes:
    """The backend on this machine.

    `workers`: processes, by default as many as processors and memory allow. `modules`: what each imports before its first task.
    `run_bytes`: what one run may take in memory, by default its share of what there is.
    """

    def __init__(self, workers: int | None = None, modules: tuple[str, ...] = (), run_bytes: int | None = None) -> None:
        self.capacity = workers or resources.worker_count()
        self._modules = modules
        self._ceiling = run_bytes or resources.run_bytes(self.capacity)
        self._lock = threading.Lock()
        self._closed = False
        self._exchange = Exchange(self._modules)

    def new_worker(self) -> Worker:
        """Start a process."""
        return LocalWorker(OneWorker(self._modules, self._ceiling), self._present_exchange)

    def _present_exchange(self) -> Exchange:
        """An exchange that answers. Raises one of `NOT_STARTED` where the last is gone and there cannot be another."""
        with self._lock:  # one that is being replaced is waited for
            if not self._closed and not self._exchange.answers():
                try:
                    self._exchange = Exchange(self._modules)
                except NOT_STARTED as error:
                    log.error("the exchange with the workers is gone, and no other can be started: %r", error)
                    raise
                log.error("the exchange with the workers was gone; there is another, the running jobs fail")
            return self._exchange

    def next_update(self, seconds: float) -> tuple[int, Any] | None:
        """As told by `Backend`; an exchange that is gone is replaced."""
        try:
            return self._exchange.next_update(seconds)
        except (EOFError, OSError):
            try:
                self._present_exchange()
            except NOT_STARTED:
                time.sleep(seconds)
            return None

    def order(self, job: int, order: worker.Order | None) -> None:
        """As told by `Backend`."""
        self._exchange.order(job, order)

    def close(self) -> None:
        """End the exchange; whoever hired a worker dismisses it."""
        with self._lock:
            self._closed = True
            self._exchange.close()
