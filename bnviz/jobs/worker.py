"""What runs in a worker process: one experiment, reporting on the way and obeying orders."""

from __future__ import annotations

import importlib
import time
from collections.abc import MutableMapping
from queue import Queue
from typing import Any, Final, Literal

Order = Literal["pause", "stop"]
PAUSE_POLL_SECONDS: Final = 0.05


class Stopped(Exception):  # noqa: N818 - it is an order obeyed, not an error
    """The run was told to stop."""


def execute(
    job: int, module: str, settings: str, updates: Queue[tuple[int, Any]], orders: MutableMapping[int, Order]
) -> Any:
    """Run `module.run` with `settings` (JSON) as job number `job`; each partial result goes into `updates`.

    Raises Stopped as soon as `orders[job]` is "stop"; waits while it is "pause".
    """
    experiment = importlib.import_module(module)

    def on_update(partial: object) -> None:
        updates.put((job, partial))
        while (order := orders.get(job)) == "pause":
            time.sleep(PAUSE_POLL_SECONDS)
        if order == "stop":
            raise Stopped

    return experiment.run(experiment.Settings.model_validate_json(settings), on_update=on_update)


def warm_up(module: str) -> None:
    """Import what the runs need."""
    importlib.import_module(module)
