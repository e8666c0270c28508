"""Where the runs of a pool are done: what the pool wants of the processes of this machine and of a cluster alike."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from bnviz.jobs.worker import Order


@dataclass(frozen=True, slots=True)
class Task:
    """One try at a job, as it travels to the worker."""

    job: int
    """Number of the job."""
    function: Callable[..., Any]
    """Called as `function(settings, [data=,] on_update=)`: a function of a module."""
    settings: BaseModel
    """What it is called with."""
    data: Any = None
    """What it works on besides, None for nothing."""


class Worker(Protocol):
    """Who does one task at a time."""

    def wait_until_ready(self) -> None:
        """Return when a task would start without delay."""

    def start(self, task: Task) -> Future[Any]:
        """Do `task`; its result. `BrokenExecutor`, raised or in the future, says that the worker is gone and another may do it."""

    def kill(self) -> None:
        """End what is done at once, where that is possible: what does not look at its orders goes on otherwise."""

    def dismiss(self) -> None:
        """Let it go, whatever it does."""


class Backend(Protocol):
    """Workers, what they report, and the orders that they look at."""

    @property
    def capacity(self) -> int:
        """How many may work at once; may change with time."""

    def new_worker(self) -> Worker:
        """A new worker."""

    def next_update(self, seconds: float) -> tuple[int, Any] | None:
        """The next (job number, partial result or `Worked`), or None after `seconds`."""

    def order(self, job: int, order: Order | None) -> None:
        """Tell who does `job` to pause or stop, or (None) to go on."""

    def close(self) -> None:
        """End everything."""
