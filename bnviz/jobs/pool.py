"""The jobs of all visitors: one running job per visitor, as many at once as there are workers, first come first served."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

from bnviz.errors import BnvizError, Phrase
from bnviz.i18n import N_
from bnviz.jobs import worker

State = Literal["queued", "running", "paused", "done", "failed", "stopped"]
OVER: Final = ("done", "failed", "stopped")
RETRIES: Final = 1


@dataclass
class Job:
    """One run. `version` grows with every change; `partial` is the latest result, the whole one when `done`."""

    number: int
    module: str
    settings: str
    owners: set[str]
    state: State = "queued"
    version: int = 0
    partial: Any = None
    problem: Phrase | None = None
    started: float | None = None
    tries: int = 0
    listeners: list[Callable[[], None]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in OVER


class JobPool:
    """Runs experiments in processes. `make_executor` may return any `concurrent.futures.Executor`, a cluster's too."""

    def __init__(self, workers: int | None = None, make_executor: Callable[[int], Executor] | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        self._make_executor = make_executor or _process_pool
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._queue: list[Job] = []
        self._running: dict[int, Job] = {}
        self._manager = multiprocessing.get_context("forkserver").Manager()
        self._updates = self._manager.Queue()
        self._orders = self._manager.dict()
        self._executor = self._make_executor(self.workers)
        threading.Thread(target=self._listen, daemon=True, name="bnviz-jobs").start()

    def submit(self, owner: str, module: str, settings: str) -> Job:
        """The job of `owner` that runs `module` with `settings`; another visitor's identical one serves both, the owner's old one ends."""
        with self._lock:
            job = next((job for job in self.alive() if (job.module, job.settings) == (module, settings)), None)
            self.leave(owner, keep=job)
            if job is None:
                job = Job(next(self._numbers), module, settings, {owner})
                self._queue.append(job)
                self._dispatch()
            job.owners.add(owner)
            if job.state == "paused":
                self.resume(job)
            return job

    def alive(self) -> list[Job]:
        """Running and waiting jobs, in order."""
        return [*self._running.values(), *self._queue]

    def find(self, number: int) -> Job | None:
        """The living job with this number."""
        with self._lock:
            return next((job for job in self.alive() if job.number == number), None)

    def place(self, job: Job) -> int:
        """How many jobs run before `job` starts: 0 when it runs."""
        with self._lock:
            return self._queue.index(job) + 1 if job in self._queue else 0

    def leave(self, owner: str, keep: Job | None = None) -> None:
        """Take `owner` off every job but `keep`; a job that nobody owns is stopped."""
        with self._lock:
            for job in self.alive():
                if owner in job.owners and job is not keep:
                    job.owners.discard(owner)
                    if not job.owners:
                        self.stop(job)

    def stop(self, job: Job) -> None:
        """End `job` for everybody; its worker is free at its next update."""
        with self._lock:
            if job in self._queue:
                self._queue.remove(job)
            elif job.number in self._running:
                self._orders[job.number] = "stop"
            if not job.over:
                self._change(job, "stopped")

    def pause(self, job: Job) -> None:
        """Let `job` wait at its next update."""
        with self._lock:
            if job.state == "running":
                self._orders[job.number] = "pause"
                self._change(job, "paused")

    def resume(self, job: Job) -> None:
        """Let a paused `job` go on."""
        with self._lock:
            if job.state == "paused":
                self._orders.pop(job.number, None)
                self._change(job, "running")

    def close(self) -> None:
        """End everything."""
        with self._lock:
            for job in self.alive():
                self.stop(job)
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._manager.shutdown()

    def _dispatch(self) -> None:
        while self._queue and len(self._running) < self.workers:
            job = self._queue.pop(0)
            self._running[job.number] = job
            job.started, job.tries = time.monotonic(), job.tries + 1
            self._change(job, "running")
            run = partial(worker.execute, job.number, job.module, job.settings, self._updates, self._orders)
            try:
                future = self._executor.submit(run)
            except BrokenProcessPool:
                self._replace(self._executor)
                future = self._executor.submit(run)
            future.add_done_callback(partial(self._finish, job, self._executor))

    def _finish(self, job: Job, executor: Executor, future: Future[Any]) -> None:
        with self._lock:
            if self._running.pop(job.number, None) is None:
                return
            self._orders.pop(job.number, None)
            error = None if future.cancelled() else future.exception()
            if isinstance(error, BrokenProcessPool):
                self._replace(executor)
                self._retry(job)
            elif job.over:
                pass
            elif error is None and not future.cancelled():
                job.partial = future.result()
                self._change(job, "done")
            else:
                job.problem = error.phrase if isinstance(error, BnvizError) else Phrase(N_("The run failed."))
                self._change(job, "failed")
            self._dispatch()

    def _retry(self, job: Job) -> None:
        if job.over:
            return
        if job.tries <= RETRIES:
            job.problem = Phrase(N_("The worker process died; the run was started again."))
            self._queue.insert(0, job)
            self._change(job, "queued")
        else:
            job.problem = Phrase(N_("The worker process died twice on this run."))
            self._change(job, "failed")

    def _replace(self, broken: Executor) -> None:
        if broken is self._executor:
            self._executor = self._make_executor(self.workers)
            broken.shutdown(wait=False, cancel_futures=True)

    def _listen(self) -> None:
        while True:
            try:
                number, latest = self._updates.get()
            except (EOFError, OSError):
                return
            with self._lock:
                job = self._running.get(number)
                if job is not None and not job.over:
                    job.partial = latest
                    self._change(job, job.state)

    def _change(self, job: Job, state: State) -> None:
        job.state, job.version = state, job.version + 1
        for listener in job.listeners:
            listener()


def _process_pool(workers: int) -> Executor:
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(workers, context, initializer=worker.warm_up, initargs=("bnviz.lessons.course",))
