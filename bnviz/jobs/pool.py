"""The jobs of all visitors: one running job per visitor, as many at once as there are workers, first come first served."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bnviz.errors import BnvizError, Phrase
from bnviz.i18n import N_
from bnviz.jobs import worker
from bnviz.jobs.job import Job, fingerprint
from bnviz.jobs.processes import Exchange, OneWorker

RETRIES: Final = 1
TICK_SECONDS: Final = 0.2
OBEY_SECONDS: Final = 0.6
ARRIVE_SECONDS: Final = 20.0
RETURN_SECONDS: Final = 10.0
HOLD_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Place:
    """One worker and the job that it runs. `kill_at`: when a worker that was told to stop has not obeyed."""

    executor: Executor
    job: Job | None = None
    kill_at: float | None = None


class JobPool:
    """Runs experiments in processes. `make_executor` makes the executor of one place: any `Executor`, a cluster's too.

    A visitor's job lives as long as one of its owners looks on: when the last connection is gone it pauses at once, ends
    after `return_seconds`, and at once where somebody waits for its worker.
    """

    def __init__(
        self,
        workers: int | None = None,
        modules: tuple[str, ...] = (),
        make_executor: Callable[[], Executor] | None = None,
        return_seconds: float = RETURN_SECONDS,
    ) -> None:
        self.workers = workers or os.cpu_count() or 1
        self.return_seconds = return_seconds
        self._make_executor = make_executor or partial(OneWorker, modules)
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._queue: list[Job] = []
        self._closed = False
        self._busy = threading.Event()
        self._places = [Place(self._make_executor()) for _ in range(self.workers)]
        for ready in [place.executor.submit(worker.ready) for place in self._places]:
            ready.result()
        self._exchange = Exchange()
        self._listener = threading.Thread(target=self._listen, daemon=True, name="bnviz-jobs")
        self._listener.start()

    def submit(self, owner: str, module: str, settings: str, data: Any = None) -> Job:
        """The job of `owner` that runs `module` with `settings`; another visitor's identical one serves both, the owner's old one ends.

        `data`: an array that the run works on besides; the caller bounds its size.
        """
        wanted = module, settings, fingerprint(data)
        with self._lock:
            job = next((job for job in self.alive() if (job.module, job.settings, job.fingerprint) == wanted), None)
            if job is None:
                job = Job(next(self._numbers), module, settings, set(), alone_since=time.monotonic() + ARRIVE_SECONDS,
                          data=data, fingerprint=wanted[2])  # fmt: skip
                self._queue.append(job)
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

    def alive(self) -> list[Job]:
        """Running and waiting jobs, in order."""
        with self._lock:
            running = sorted((job for job in self._running() if not job.over), key=lambda job: job.number)
            return [*running, *self._queue]

    def place(self, job: Job) -> int:
        """How many jobs must make room before `job` starts: 0 when it runs."""
        with self._lock:
            return self._queue.index(job) + 1 if job in self._queue else 0

    def attend(self, job: Job, owner: str) -> None:
        """A connection of `owner` to `job` was opened."""
        with self._lock:
            job.viewers[owner] += 1
            job.alone_since = None
            self._settle(job)

    def unattend(self, job: Job, owner: str) -> None:
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
            place = next((place for place in self._places if place.job is job), None)
            if place is not None:
                self._exchange.order(job.number, "stop")
                place.kill_at = time.monotonic() + OBEY_SECONDS
            else:
                self._queue.remove(job)
            job.problem = problem
            job.become("stopped")
            self._tell_the_queue()

    def close(self) -> None:
        """End everything, the processes too."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for job in self.alive():
                self.stop(job)
            self._busy.set()
            for place in self._places:
                _drop(place.executor)
        self._exchange.close()
        self._listener.join(5)

    def _running(self) -> list[Job]:
        return [place.job for place in self._places if place.job is not None]

    def _settle(self, job: Job) -> None:
        """Pause or go on, whichever those who look on want; before the first arrives that is every owner."""
        if job.state not in {"running", "paused"}:
            return
        arrived = job.viewers or (job.alone_since is not None and job.alone_since <= time.monotonic())
        pause = (set(job.viewers) if arrived else job.owners) <= job.holding
        if pause and job.state == "running":
            self._exchange.order(job.number, "pause")
            job.become("paused")
        elif not pause and job.state == "paused":
            self._exchange.order(job.number, None)
            job.become("running")

    def _dispatch(self) -> None:
        for place in self._places:
            if self._closed or not self._queue or place.job is not None:
                continue
            job = self._queue.pop(0)
            job.tries += 1
            place.job, place.kill_at = job, None
            exchange = self._exchange
            run = partial(
                worker.execute, job.number, job.module, job.settings, exchange.updates, exchange.orders, job.data
            )
            try:
                future = place.executor.submit(run)
            except BrokenProcessPool:  # it died while it had nothing to do
                self._renew(place)
                future = place.executor.submit(run)
            job.become("running")
            self._settle(job)
            future.add_done_callback(partial(self._finish, place, job))
        if self._queue or self._running():
            self._busy.set()
        self._tell_the_queue()

    def _finish(self, place: Place, job: Job, future: Future[Any]) -> None:
        with self._lock:
            if self._closed:
                return
            place.job, place.kill_at = None, None
            self._exchange.order(job.number, None)
            error = None if future.cancelled() else future.exception()
            died = isinstance(error, BrokenProcessPool)
            if died:
                self._renew(place)
            if job.over:
                pass
            elif died:
                self._retry(job)
            elif error is None and not future.cancelled():
                job.partial, job.updates = future.result(), job.updates + 1
                job.become("done")
            else:
                job.problem = error.phrase if isinstance(error, BnvizError) else Phrase(N_("The run failed."))
                if not isinstance(error, BnvizError):
                    log.error("job %s of %s failed", job.number, job.module, exc_info=error)
                job.become("failed")
            self._dispatch()

    def _retry(self, job: Job) -> None:
        if job.tries <= RETRIES:
            job.problem = Phrase(N_("The worker process died; the run was started again."))
            self._queue.insert(0, job)
            job.become("queued")
        else:
            job.problem = Phrase(N_("The worker process died twice on this run."))
            job.become("failed")

    def _renew(self, place: Place) -> None:
        _drop(place.executor)
        place.executor = self._make_executor()

    def _listen(self) -> None:
        while not self._closed:
            self._busy.wait()
            try:
                update = self._exchange.next_update(TICK_SECONDS)
            except (EOFError, OSError):
                self._reconnect()
                continue
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
        if job is not None and not job.over:
            job.partial, job.updates = latest, job.updates + 1
            job.announce()

    def _reconnect(self) -> None:
        with self._lock:
            if not self._closed:
                log.error("the exchange with the workers is gone; a new one is started, the running jobs fail")
                self._exchange = Exchange()

    def _tick(self) -> None:
        """Do what the clock asks for: end what nobody looks at or wants, kill what does not obey."""
        now = time.monotonic()
        for job in self.alive():
            waiting = bool(self._queue) and job not in self._queue
            alone = None if job.alone_since is None else now - job.alone_since
            if alone is not None and (alone >= self.return_seconds or (waiting and alone >= 0)):
                self.stop(job)
            elif waiting and job.state == "paused" and job.seconds_in_state >= HOLD_SECONDS:
                self.stop(job, Phrase(N_("The run stood paused while others waited, and was stopped.")))
        for place in self._places:
            if place.kill_at is not None and now >= place.kill_at:
                place.kill_at = None
                _kill(place.executor)

    def _tell_the_queue(self) -> None:
        for job in self._queue:
            job.announce()


def _kill(executor: Executor) -> None:
    if isinstance(executor, OneWorker):
        executor.kill()


def _drop(executor: Executor) -> None:
    _kill(executor)
    executor.shutdown(wait=False, cancel_futures=True)
