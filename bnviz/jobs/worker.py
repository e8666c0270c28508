"""What runs in a worker process: one experiment at a time, reporting on the way and obeying orders."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import re
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel

from bnviz import work
from bnviz.errors import BnvizError
from bnviz.jobs.errors import RunMemoryError
from bnviz.jobs.memory import give_back

Order = Literal["pause", "stop"]
SEND_EVERY_SECONDS: Final = 0.06
TELL_EVERY_SECONDS: Final = 0.2
LOOK_EVERY_SECONDS: Final = 0.02
PAUSE_POLL_SECONDS: Final = 0.05
NICENESS: Final = 10
REST_S: Final = 2.0
"""Without work, until memory that nothing needs goes back to the system."""
# How PyTorch, oneDNN and C++ word it; Python and NumPy raise MemoryError.
OUT_OF_MEMORY: Final = re.compile(r"can't allocate memory|not enough memory|bad_alloc|could not create a memory")


class Updates(Protocol):
    """The way of partial results to the server."""

    def put(self, update: tuple[int, Any], /) -> None:
        """Send the (job number, partial result or `Worked`); waits where the server is behind."""


class Orders(Protocol):
    """What the server wants of the runs."""

    def get(self, job: int, /) -> Order | None:
        """What it wants of `job`: None to go on."""


@dataclass(frozen=True, slots=True)
class Worked:
    """How far a run is, without a picture."""

    seconds: float
    """What the pieces of work done so far take one core, as `bnviz.work` counts them."""


class Stopped(Exception):  # noqa: N818 - it is an order obeyed, not an error
    """The run was told to stop."""


def execute(
    job: int,
    function: Callable[..., Any],
    settings: BaseModel,
    updates: Updates,
    orders: Orders,
    data: Any = None,
) -> Any:
    """What `function` makes of `settings`, as job number `job`; partial results go into `updates`, not all if they come fast.

    Between them goes how much work is done. `data`: what else the run works on, given to it as `data=` where there is any.

    Raises Stopped as soon as `orders[job]` is "stop", at the next partial result or piece of work; waits while it is "pause".
    """
    sent = told = looked = worked = 0.0

    def look(now: float) -> None:
        nonlocal looked
        if now - looked >= LOOK_EVERY_SECONDS:
            _obey(job, orders)
            looked = time.monotonic()

    def on_update(partial: object) -> None:
        nonlocal sent
        now = time.monotonic()
        if now - sent >= SEND_EVERY_SECONDS:
            updates.put((job, partial))
            sent = now
        look(now)

    def on_work(seconds: float) -> None:
        nonlocal told, worked
        worked += seconds
        now = time.monotonic()
        if now - told >= TELL_EVERY_SECONDS:
            updates.put((job, Worked(worked)))
            told = now
        look(now)

    given = {} if data is None else {"data": data}
    with work.heard_by(on_work):
        return function(settings, on_update=on_update, **given)


def _obey(job: int, orders: Orders) -> None:
    while (order := orders.get(job)) == "pause":
        time.sleep(PAUSE_POLL_SECONDS)
    if order == "stop":
        raise Stopped


def serve(pipe: Connection, modules: tuple[str, ...], ceiling: int | None, niceness: int = NICENESS) -> None:
    """Do what comes through `pipe`, one pickled call after the other, until its other end is closed.

    `modules` are imported first; from then on the process gets no more than `ceiling` bytes besides what it has.
    """
    warm_up(modules, niceness)
    if ceiling is not None:
        limit_memory(ceiling)
    while True:
        if not pipe.poll(REST_S):
            give_back()
        try:
            call = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(answer(partial(_unpickled, call), ceiling or 0))


def _unpickled(call: bytes) -> Any:
    return pickle.loads(call)()


def answer(call: Callable[[], Any], ceiling: int) -> bytes:
    """(whether `call` returned, what it returned or raised), pickled. `ceiling`: bytes that it could have."""
    try:
        return pickle.dumps((True, call()))
    except BaseException as error:  # whatever it is: the server decides, and this process lives on
        if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error))):
            error = RunMemoryError(ceiling)
        elif not isinstance(error, BnvizError | Stopped):
            error.add_note(traceback.format_exc())  # which frames cannot go through a pipe
        try:
            return pickle.dumps((False, error))
        except Exception:
            return pickle.dumps((False, RuntimeError(traceback.format_exc())))


def limit_memory(ceiling: int) -> None:
    """Let every allocation of this process fail that would take it more than `ceiling` bytes beyond what it has (Linux).

    What counts is writable memory of its own, not libraries and reserved addresses: those differ from machine to machine.
    """
    found = re.search(r"VmData:\s+(\d+) kB", _status())
    if found is None:
        return
    import resource

    limit = int(found[1]) * 1024 + ceiling
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _status() -> str:
    try:
        return Path("/proc/self/status").read_text()
    except OSError:
        return ""


def warm_up(modules: tuple[str, ...], niceness: int = NICENESS) -> None:
    """Make this process a worker: behind the server in the queue for the cores, gone when the server is gone, imports done.

    Where all memory is taken the system ends it rather than the server (Linux).
    """
    if hasattr(os, "nice"):
        os.nice(niceness)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    # Ctrl-C reaches every process of the terminal; the server is the one to end its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which the process that it was forked from does not listen to
    follow_parent()
    for module in modules:
        importlib.import_module(module)


def follow_parent() -> None:
    """End this process when the one that started it ends, however it ends."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="bnviz-follow-parent").start()


def ready() -> int:
    """The process id: submitted to bring a worker up before it is needed."""
    return os.getpid()
