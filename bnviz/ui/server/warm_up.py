"""What happens before the first visitor comes and after the last has gone."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final

from bnviz.jobs import resources
from bnviz.jobs.compute_processes import ComputeProcesses
from bnviz.jobs.errors import NoProcessError
from bnviz.labs.cases.search import search
from bnviz.teaching.lab import AnyTopic, InstantTopic, LiveTopic
from bnviz.ui import cache
from bnviz.ui.runs import MODULES, RUNS
from bnviz.ui.server.bounded_log import BoundedLog, bound_the_log
from bnviz.ui.server.limits import raise_file_limit
from bnviz.ui.server.memory import keep_giving_back
from bnviz.ui.server.sockets import send_at_once
from bnviz.ui.server.temporary_files import find_a_folder

ENDING_S: Final = 5.0
"""From a signal that reaches the server and its children alike, as Ctrl-C in a terminal does, to the server's word that it ends."""

log = logging.getLogger(__name__)


def warming(
    course: Callable[[], Sequence[AnyTopic]],
) -> Callable[[object], AbstractAsyncContextManager[dict[str, Any]]]:
    """The server's lifespan: every instant topic runs once, so that the first visitor does not wait for it.

    Processes start for what is heavy, and for long runs.
    """

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[dict[str, Any]]:
        find_a_folder()
        raise_file_limit()
        send_at_once()
        bound_the_log(BoundedLog())
        topics = course()
        for topic in topics:
            if isinstance(topic, InstantTopic):
                cache.result(topic, topic.opening, None)
        importlib.import_module("bnviz.ui.lab")  # and pandas with it
        # What was imported stays: collections that go through it again stop every visitor for a third of a second.
        gc.collect()
        gc.freeze()
        computing = ComputeProcesses(resources.compute_count(), MODULES, resources.COMPUTE_BYTES)
        warm_up = _WarmUp(computing, topics)
        if topics:
            threading.Thread(target=warm_up.run, daemon=True, name="bnviz-warm-up").start()
        giving_back = asyncio.create_task(keep_giving_back())
        try:
            yield {}
        finally:
            warm_up.end()
            giving_back.cancel()
            computing.close()  # what is still waited for is refused
            RUNS.close()
            cache.compute_elsewhere(None)

    return lifespan


class _WarmUp:
    """What is not needed to answer the first visitor, and takes seconds. Nothing of it begins after `end`."""

    def __init__(self, computing: ComputeProcesses, topics: Sequence[AnyTopic]) -> None:
        self._computing, self._topics = computing, topics
        self._ended = threading.Event()

    def run(self) -> None:
        """All of it; what fails, and is then in the log, is tried again by who needs it."""
        self._computing.start()
        for step in (self._compute_beside, self._workers, self._search):
            if self._ended.is_set():
                return
            try:
                step()
            except Exception:
                if not self._ended.wait(ENDING_S):
                    log.exception("a part of what should be ready before it is needed is not")

    def end(self) -> None:
        """Begin nothing more."""
        self._ended.set()

    def _compute_beside(self) -> None:
        cache.compute_elsewhere(self._computing)

    def _workers(self) -> None:
        if any(isinstance(topic, LiveTopic) for topic in self._topics):
            with suppress(NoProcessError):
                RUNS.pool  # noqa: B018 - it starts its workers

    def _search(self) -> None:
        search("batch norm in eval mode")  # which learns from the titles of threads first


def the_course() -> Sequence[AnyTopic]:
    """Every topic of every lab."""
    from bnviz.labs.course import TOPICS  # imports every lab, and PyTorch

    return TOPICS
