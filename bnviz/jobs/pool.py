"""The jobs of all visitors: one running job per visitor, as many at once as there are workers, each address in its turn."""

from __future__ import annotations

import atexit
import bisect
import heapq
import itertools
import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, Final

from pydantic import BaseModel

from bnviz.errors import BnvizError, Phrase
from bnviz.i18n import N_
from bnviz.jobs.backend import Backend, Task, Worker
from bnviz.jobs.errors import NOT_STARTED, NoProcessError, QueueFullError, RunMemoryError
from bnviz.jobs.job import Job, identity
from bnviz.jobs.shares import fits
from bnviz.jobs.worker import Worked

RETRIES: Final = 1
MAX_ALIVE: Final = 200
"""Runs that are running or waiting; the next is refused."""
# A run that hears nothing is gone half a second after Stop at the latest: one look at the clock after its time to obey.
TICK_SECONDS: Final = 0.1
STOP_GRACE_SECONDS: Final = 0.35
FIRST_CONNECTION_SECONDS: Final = 20.0
RECONNECT_SECONDS: Final = 10.0
MAX_PAUSED_SECONDS: Final = 60.0
REMEMBERED: Final = 32  # durations of the latest runs, from which the wait is told

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Slot:
    """One worker and the job that it runs. `kill_at`: when a worker that was told to stop has not obeyed."""

    worker: Worker
    job: Job | None = None
    kill_at: float | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What a run waits for."""

    runs: int
    """How many must make room before it starts: 0 when it runs."""
    seconds: float | None
    """About how long that takes; None where nothing is known of them."""


class JobPool:
    """Runs experiments on a backend: the processes of this machine, or a cluster.

    A visitor's job lives as long as one of its owners looks on: when the last connection is gone it pauses at once, ends
    after `reconnect_seconds`, and at once where somebody waits for its worker.

    Raises one of `NOT_STARTED` where workers are not to be had.
    """

    def __init__(self, backend: Backend, reconnect_seconds: float = RECONNECT_SECONDS) -> None:
        self.reconnect_seconds = reconnect_seconds
        self._backend = backend
        self._durations: deque[float] = deque(maxlen=REMEMBERED)
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._queue: list[Job] = []
        self._turn = 0  # of what began last (start-time fair queueing: Goyal, Vin & Cheng, SIGCOMM 1996)
        self._closed = False
        self._busy = threading.Event()
        self._slots: list[Slot] = []
        try:
            for _ in range(backend.capacity):
                self._slots.append(Slot(backend.new_worker()))
            for slot in self._slots:
                slot.worker.wait_until_ready()
        except NOT_STARTED:
            for slot in self._slots:
                slot.worker.dismiss()
            backend.close()
            raise
        self._listener = threading.Thread(target=self._listen, daemon=True, name="bnviz-jobs")
        self._listener.start()
        # Before multiprocessing tidies up: the pool would start the processes anew that end one by one, and wait for them.
        atexit.register(self.close)

    def submit(
        self,
        owner: str,
        function: Callable[..., Any],
        settings: BaseModel,
        data: Any = None,
        expected_seconds: float | None = None,
        group: str = "",
    ) -> Job:
        """The job of `owner` that calls `function(settings, [data=,] on_update=)`, a function of a module that returns the result.

        Another visitor's identical job serves both, the owner's old one ends. `data`: an array that the run works on besides;
        the caller bounds its size. `expected_seconds`: how long it should take, for those who wait behind it.
        `group`: with whom the owner takes turns as one, as all who come from one address; within it, first come first served.
        Raises QueueFullError where too many run or wait already, of all or of a `group` that has a name.
        """
        wanted = identity(function, settings, data)
        with self._lock:
            alive = self.alive()
            job = next((job for job in alive if job.identity == wanted), None)
            if job is None:
                others = [job for job in alive if job.owners != {owner}]
                own = sum(job.group == group for job in others) if group else 0
                if not fits(1, own, len(others), MAX_ALIVE):
                    raise QueueFullError(len(self._queue), self.wait(self._queue[-1]).seconds)
                job = Job(
                    next(self._numbers),
                    wanted,
                    function,
                    settings,
                    set(),
                    data=data,
                    expected_seconds=expected_seconds,
                    group=group,
                    turn=max([self._turn, *(job.turn + 1 for job in alive if job.group == group)]),
                    alone_since=time.monotonic() + FIRST_CONNECTION_SECONDS,
                )
                bisect.insort(self._queue, job, key=attrgetter("turn"))
            self.join(owner, job)
            self._dispatch()
            return job

    def join(self, owner: str, job: Job) -> bool:
        """Make the living `job` one of `owner`'s, who leaves every other; False where it is over."""
        with self._lock:
            if job.over:
                return False
            job.owners.add(owner)
            self.leave(owner, keep=job)
            self._settle(job)
            return True

    def leave(self, owner: str, keep: Job | None = None) -> None:
        """Take `owner` off every job but `keep`; a job that nobody owns is stopped."""
        with self._lock:
            for job in self.alive():
                if owner in job.owners and job is not keep:
                    job.owners.discard(owner)
                    job.holding.discard(owner)
                    if job.owners:
                        self._settle(job)
                    else:
                        self.stop(job)

    @property
    def busy(self) -> int:
        """Workers that are not free: a run that was stopped keeps its own until it obeys or is killed."""
        with self._lock:
            return len(self._running())

    def alive(self) -> list[Job]:
        """Running and waiting jobs, in order."""
        with self._lock:
            running = sorted((job for job in self._running() if not job.over), key=lambda job: job.number)
            return [*running, *self._queue]

    def wait(self, job: Job) -> Wait:
        """What `job` waits for."""
        with self._lock:
            if job not in self._queue:
                return Wait(0, 0.0)
            slots = self._slots[: self._backend.capacity]
            free = [0.0 if slot.job is None else self._seconds_left(slot.job) for slot in slots]
            heapq.heapify(free)
            position = self._queue.index(job)
            for earlier in self._queue[:position]:
                heapq.heappush(free, heapq.heappop(free) + self._seconds_left(earlier))
            return Wait(position + 1, None if free[0] == float("inf") else free[0])

    def _seconds_left(self, job: Job) -> float:
        """Infinite where nothing is known."""
        if job.seconds_left is not None:
            return job.seconds_left
        expected = job.expected_seconds
        if expected is None:
            expected = statistics.median(self._durations) if self._durations else float("inf")
        return max(0.0, expected - job.seconds_worked)

    def connected(self, job: Job, owner: str) -> None:
        """A connection of `owner` to `job` was opened."""
        with self._lock:
            job.viewers[owner] += 1
            job.alone_since = None
            self._settle(job)

    def disconnected(self, job: Job, owner: str) -> None:
        """It is gone."""
        with self._lock:
            job.viewers[owner] -= 1
            if job.viewers[owner] <= 0:
                del job.viewers[owner]
            if not job.viewers:
                job.alone_since = time.monotonic()
            self._settle(job)
            self._tick()

    def pause(self, job: Job, owner: str) -> None:
        """`owner` wants to hold: the run waits at its next update once everybody who looks on does."""
        with self._lock:
            job.holding.add(owner)
            self._settle(job)
            job.announce()

    def resume(self, job: Job, owner: str) -> None:
        """`owner` wants to go on."""
        with self._lock:
            job.holding.discard(owner)
            self._settle(job)
            job.announce()

    def stop(self, job: Job, problem: Phrase | None = None) -> None:
        """End `job` for everybody; its worker is free at its next update, or killed."""
        with self._lock:
            if job.over:
                return
            slot = next((slot for slot in self._slots if slot.job is job), None)
            if slot is not None:
                self._backend.order(job.number, "stop")
                slot.kill_at = time.monotonic() + STOP_GRACE_SECONDS
            else:
                self._queue.remove(job)
            job.problem = problem
            job.enter("stopped")
            self._tell_the_queue()

    def close(self) -> None:
        """End everything, the processes too."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            atexit.unregister(self.close)
            for job in self.alive():
                self.stop(job)
            self._busy.set()
            for slot in self._slots:
                slot.worker.dismiss()
        self._listener.join(5)
        self._backend.close()

    def _running(self) -> list[Job]:
        return [slot.job for slot in self._slots if slot.job is not None]

    def _settle(self, job: Job) -> None:
        """Pause or go on, whichever those who look on want; before the first arrives that is every owner."""
        if job.state not in {"running", "paused"}:
            return
        arrived = job.viewers or (job.alone_since is not None and job.alone_since <= time.monotonic())
        pause = (set(job.viewers) if arrived else job.owners) <= job.holding
        if pause and job.state == "running":
            self._backend.order(job.number, "pause")
            job.enter("paused")
        elif not pause and job.state == "paused":
            self._backend.order(job.number, None)
            job.enter("running")

    def _dispatch(self) -> None:
        capacity = self._backend.capacity
        self._slots += [Slot(self._backend.new_worker()) for _ in range(capacity - len(self._slots))]
        for slot in self._slots[:capacity]:
            if self._closed or not self._queue or slot.job is not None:
                continue
            job = self._queue.pop(0)
            self._turn = max(self._turn, job.turn)
            job.attempts += 1
            try:
                future = self._begun(slot, Task(job.number, job.function, job.settings, job.data))
            except NOT_STARTED:
                job.problem = NoProcessError().phrase
                job.enter("failed")
                continue
            slot.job, slot.kill_at = job, None
            job.enter("running")
            self._settle(job)
            future.add_done_callback(partial(self._finish, slot, job))
        if self._queue or self._running():
            self._busy.set()
        self._tell_the_queue()

    def _begun(self, slot: Slot, task: Task) -> Future[Any]:
        """What becomes of `task`. Raises one of `NOT_STARTED` where there is no worker for it."""
        try:
            return slot.worker.start(task)
        except BrokenExecutor as error:  # it died while it had nothing to do
            log.warning("%s while it had nothing to do; another takes its place", error)
            self._renew(slot)
            return slot.worker.start(task)

    def _finish(self, slot: Slot, job: Job, future: Future[Any]) -> None:
        with self._lock:
            if self._closed:
                return
            slot.job, slot.kill_at = None, None
            self._backend.order(job.number, None)
            error = None if future.cancelled() else future.exception()
            died = isinstance(error, BrokenExecutor)
            if died or isinstance(error, RunMemoryError):  # whose memory is in pieces
                self._renew(slot)
            if job.over:
                pass
            elif died:
                log.warning("%s during job %s, %s", error, job.number, job.identity.function)
                self._retry(job)
            elif error is None and not future.cancelled():
                self._durations.append(job.seconds_worked)
                job.partial, job.updates = future.result(), job.updates + 1
                job.enter("done")
            else:
                job.problem = error.phrase if isinstance(error, BnvizError) else Phrase(N_("The run failed."))
                if not isinstance(error, BnvizError):
                    log.error("job %s, %s, failed", job.number, job.identity.function, exc_info=error)
                job.enter("failed")
            self._dispatch()

    def _retry(self, job: Job) -> None:
        if job.attempts <= RETRIES:
            job.problem = Phrase(N_("The worker process died; the run was started again."))
            self._queue.insert(0, job)
            job.enter("queued")
        else:
            job.problem = Phrase(N_("The worker process died twice on this run."))
            job.enter("failed")

    def _renew(self, slot: Slot) -> None:
        """Hire another worker; where there is none, who wants to start a run tries again."""
        slot.worker.dismiss()
        try:
            slot.worker = self._backend.new_worker()
        except NOT_STARTED as error:
            log.warning("no process for long runs in place of one that is gone: %r", error)

    def _listen(self) -> None:
        while not self._closed:
            self._busy.wait()
            update = self._backend.next_update(TICK_SECONDS)
            with self._lock:
                if update is not None:
                    self._take(*update)
                self._tick()
                self._rest()

    def _rest(self) -> None:
        """Let the listener sleep while there is nothing to hear."""
        if not (self._closed or self._queue or self._running()):
            self._busy.clear()

    def _take(self, number: int, latest: Any) -> None:
        job = next((job for job in self._running() if job.number == number), None)
        if job is None or job.over:
            return
        if isinstance(latest, Worked):
            job.estimate.worked(latest.seconds, job.told, job.expected_seconds)
        else:
            job.partial, job.updates = latest, job.updates + 1
        job.moved()

    def _tick(self) -> None:
        """Do what the clock asks for: end what nobody looks at or wants, kill what does not obey."""
        now = time.monotonic()
        for job in self.alive():
            waiting = bool(self._queue) and job not in self._queue
            alone = None if job.alone_since is None else now - job.alone_since
            if alone is not None and (alone >= self.reconnect_seconds or (waiting and alone >= 0)):
                self.stop(job)
            elif waiting and job.state == "paused" and job.seconds_in_state >= MAX_PAUSED_SECONDS:
                self.stop(job, Phrase(N_("The run stood paused while others waited, and was stopped.")))
        for slot in self._slots:
            if slot.kill_at is not None and now >= slot.kill_at:
                slot.kill_at = None
                slot.worker.kill()
        if self._queue and self._backend.capacity > len(self._slots):
            self._dispatch()

    def _tell_the_queue(self) -> None:
        for job in self._queue:
            job.announce()
