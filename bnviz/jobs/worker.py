"""What runs in a worker process: one experiment, reporting on the way and obeying orders."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import MutableMapping
from queue import Queue
from typing import Any, Final, Literal

Order = Literal["pause", "stop"]
SEND_EVERY_SECONDS: Final = 0.06
LOOK_EVERY_SECONDS: Final = 0.02
PAUSE_POLL_SECONDS: Final = 0.05
NICENESS: Final = 10


class Stopped(Exception):  # noqa: N818 - it is an order obeyed, not an error
    """The run was told to stop."""


def execute(
    job: int,
    module: str,
    settings: str,
    updates: Queue[tuple[int, Any]],
    orders: MutableMapping[int, Order],
    data: Any = None,
) -> Any:
    """Run `module.run` with `settings` (JSON) as job number `job`; partial results go into `updates`, not all if they come fast.

    `data`: what else the run works on, given to it as `data=` where there is any.

    Raises Stopped as soon as `orders[job]` is "stop"; waits while it is "pause".
    """
    experiment = importlib.import_module(module)
    sent = looked = 0.0

    def on_update(partial: object) -> None:
        nonlocal sent, looked
        now = time.monotonic()
        if now - sent >= SEND_EVERY_SECONDS:
            updates.put((job, partial))
            sent = now
        if now - looked >= LOOK_EVERY_SECONDS:
            _obey(job, orders)
            looked = time.monotonic()

    given = {} if data is None else {"data": data}
    return experiment.run(experiment.Settings.model_validate_json(settings), on_update=on_update, **given)


def _obey(job: int, orders: MutableMapping[int, Order]) -> None:
    while (order := orders.get(job)) == "pause":
        time.sleep(PAUSE_POLL_SECONDS)
    if order == "stop":
        raise Stopped


def warm_up(modules: tuple[str, ...]) -> None:
    """Make this process a worker: behind the server in the queue for the cores, gone when the server is gone, imports done."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Ctrl-C reaches every process of the terminal; the server is the one to end its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
