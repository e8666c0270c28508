"""What may go wrong with a run besides its settings."""

from __future__ import annotations

import math
import signal
from concurrent.futures import BrokenExecutor
from typing import Final

from bnviz.errors import BnvizError
from bnviz.i18n import N_


class QueueFullError(BnvizError):
    """As many runs as the server takes are running or waiting. `seconds`: until the last of them starts, None where unknown."""

    def __init__(self, runs: int, seconds: float | None) -> None:
        if seconds is None:
            super().__init__(N_("{runs} runs are waiting already. Please try again later."), runs=runs)
        else:
            minutes = max(1, math.ceil(seconds / 60))
            super().__init__(
                N_("{runs} runs are waiting already, for about {minutes} min. Please try again later."),
                runs=runs,
                minutes=minutes,
            )


class RunMemoryError(BnvizError):
    """A run asked for more than its worker may have, `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            N_(
                "This run needs more than the {megabytes} MB of memory that one run may have. Ask for less of something."
            ),
            megabytes=limit // 2**20,
        )


class WorkerDiedError(BrokenExecutor):
    """The process of a worker is gone. `exit_code` as `multiprocessing` tells it: −N where signal N killed it."""

    def __init__(self, process: int | None, exit_code: int | None) -> None:
        self.exit_code = exit_code
        how = f"exit code {exit_code}"
        if exit_code is not None and exit_code < 0:
            how = f"killed by {signal.Signals(-exit_code).name}"
        super().__init__(f"worker process {process} died ({how})")


NOT_STARTED: Final = (OSError, EOFError, RuntimeError)
"""What comes where a process, its socket, pipe or thread is not to be had, and (`WorkerDiedError`) where it dies before it is ready."""


class NoProcessError(BnvizError):
    """The process that a run needs cannot be started."""

    def __init__(self) -> None:
        super().__init__(N_("This server cannot start a process for the run at the moment. Please try again later."))


class ComputingDiedError(BnvizError):
    """The process that computed something for a page died, and so did the one that took its place."""

    def __init__(self) -> None:
        super().__init__(N_("The process that computed this died twice. Ask for less of something."))


class ClusterWorkerLostError(BrokenExecutor):
    """The cluster has lost the worker at `address`, or nothing is heard of it."""

    def __init__(self, address: str) -> None:
        super().__init__(f"the cluster's worker {address} is gone")


class ClusterLostError(BnvizError):
    """The scheduler of the cluster does not answer."""

    def __init__(self) -> None:
        super().__init__(
            N_("The cluster that long runs are computed on cannot be reached at the moment. Please try again later.")
        )


class NoWorkerError(BnvizError):
    """No worker of the cluster has begun the run within `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            N_("The cluster has had no worker for this run for {seconds} s. Please try again later."),
            seconds=round(seconds),
        )


class OtherVersionError(BnvizError):
    """The workers of the cluster have another version of bnviz than this server, `version`, or none."""

    def __init__(self, version: str) -> None:
        super().__init__(
            N_(
                "The workers of the cluster do not have bnviz {version}, which this server has: there the run cannot be done."
            ),
            version=version,
        )
