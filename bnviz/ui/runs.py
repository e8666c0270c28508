"""The long runs of this server: who runs what, what is done, and what the newest picture is."""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from bnviz.classroom.limits import network
from bnviz.errors import BnvizError
from bnviz.i18n import Language
from bnviz.jobs import backends
from bnviz.jobs.errors import NOT_STARTED, NoProcessError
from bnviz.jobs.job import Job, fingerprint
from bnviz.jobs.pool import JobPool, Wait
from bnviz.plot.chart import Chart
from bnviz.settings import LabSettings
from bnviz.study import shipped
from bnviz.teaching.lab import LiveTopic
from bnviz.ui import chart

KEPT: Final = 32
GROWING: Final = (
    "live",
    "digest",
    "figure",
    "phone_layout",
    "alt",
)  # what a later picture of the same chart has of its own
MODULES: Final = ("bnviz.labs.course",)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment in one language. `status` and `charts` are JSON; `payloads` are the same charts, whole, for the page."""

    version: int
    updates: int
    over: bool
    status: str
    charts: str = "[]"
    payloads: tuple[dict[str, Any], ...] = ()


@dataclass(eq=False)
class Run:
    """A job and the topic that it runs for. `audience`: everybody whose run it ever was."""

    topic: LiveTopic[Any, Any]
    settings: LabSettings
    job: Job
    audience: set[str] = field(default_factory=set)
    _drawn: dict[Language, Snapshot] = field(default_factory=dict)
    _scenes: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def snapshot(self, language: Language, wait: Callable[[Job], Wait]) -> Snapshot:
        """The newest state; its charts are drawn once for everybody who reads `language`."""
        with self._lock:
            old = self._drawn.get(language)
            if old is None or old.version != self.job.version:
                self._drawn[language] = old = self._draw(old, language, wait(self.job))
            return old

    def _draw(self, old: Snapshot | None, language: Language, wait: Wait) -> Snapshot:
        job = self.job
        version, updates, over = (
            job.version,
            job.updates,
            job.over,
        )  # what changes while we draw comes with the next version
        status = json.dumps(
            {
                "job": job.number,
                "state": job.state,
                "place": wait.runs,
                "wait": wait.seconds,
                "progress": job.progress,
                "left": job.seconds_left,
                "problem": "" if job.problem is None else job.problem.text(language),
            },
            ensure_ascii=False,
        )
        if over or job.partial is None:
            return Snapshot(version, updates, over, status)
        if old is not None and old.updates == updates:
            return Snapshot(version, updates, over, status, old.charts, old.payloads)
        payloads = tuple(self._payloads(job.partial, updates, language))
        growing = [{key: payload[key] for key in GROWING} for payload in payloads]
        return Snapshot(version, updates, over, status, json.dumps(growing, ensure_ascii=False), payloads)

    def _payloads(self, partial: Any, updates: int, language: Language) -> list[dict[str, Any]]:
        """The charts of a partial result; scenes wait for the whole one."""
        name = self.topic.id
        payloads = []
        for number, draw in enumerate(self.topic.pictures):
            if number in self._scenes:
                continue
            try:
                picture = draw(partial, language)
            except BnvizError:
                continue
            except Exception:
                log.exception("picture %s of %s cannot be drawn from a partial result", number, name)
                continue
            if isinstance(picture, Chart):
                live = {"run": f"{self.job.number}/{language}", "update": updates, "key": f"{name}.{picture.name}"}
                payloads.append({**chart.payload(picture, name, "", language), "live": live})
            else:
                self._scenes.add(number)
        return payloads


class Runs:
    """All runs, by what they run: those alive, and the last `KEPT` that are over with their results.

    `make_pool`: starts the workers; may be set until somebody needs them.
    """

    def __init__(self, make_pool: Callable[[], JobPool] | None = None) -> None:
        self.make_pool = make_pool or (lambda: JobPool(backends.configured(MODULES)))
        self._closed = threading.Event()
        self._opening = threading.Lock()
        self._pool: JobPool | None = None
        self._lock = threading.RLock()
        self._runs: OrderedDict[tuple[str, str, str], Run] = OrderedDict()

    @property
    def pool(self) -> JobPool:
        """The workers, started by the first who needs them: that takes seconds. Raises NoProcessError."""
        with self._opening:
            if self._pool is None:
                self._closed.clear()
                try:
                    self._pool = self.make_pool()
                except NOT_STARTED as error:
                    log.warning("no processes for long runs: %r", error)
                    raise NoProcessError from error
            pool = self._pool
        if self._closed.is_set():
            self.close()
        return pool

    def close(self) -> None:
        """End every run and every worker. Workers that are just being started are not waited for: who starts them ends them."""
        self._closed.set()
        if self._opening.acquire(blocking=False):
            try:
                if self._pool is not None:
                    self._pool.close()
                    self._pool = None
            finally:
                self._opening.release()
        with self._lock:
            self._runs.clear()

    def start(
        self, topic: LiveTopic[Any, Any], settings: LabSettings, owner: str, data: Any = None, address: str = ""
    ) -> Run:
        """The run of `topic` with `settings` on `data`, new or already there, as `owner`'s only one.

        `address`: from where the owner comes; addresses take turns.
        """
        pool = self.pool
        with self._lock:
            run = self.latest(topic, settings, data)
            if run is None or run.job.state != "done":
                job = pool.submit(owner, topic.run, settings, data, topic.seconds(settings, data), network(address))
                if run is None or run.job is not job:
                    run = self._runs[_key(topic, settings, data)] = Run(topic, settings, job)
                    self._forget()
            run.audience.add(owner)
            return run

    def join(self, run: Run, owner: str) -> bool:
        """Make a living run one of `owner`'s, unless they have left it before."""
        if owner in run.audience and owner not in run.job.owners:
            return False
        run.audience.add(owner)
        return self.pool.join(owner, run.job)

    def latest(self, topic: LiveTopic[Any, Any], settings: LabSettings, data: Any = None) -> Run | None:
        """The last run with exactly these settings and data."""
        with self._lock:
            key = _key(topic, settings, data)
            if key in self._runs:
                self._runs.move_to_end(key)
            return self._runs.get(key)

    def find(self, number: int) -> Run | None:
        """The run whose job has this number."""
        with self._lock:
            return next((run for run in self._runs.values() if run.job.number == number), None)

    def _forget(self) -> None:
        over = [key for key, run in self._runs.items() if run.job.over]
        for key in over[: max(0, len(over) - KEPT)]:
            del self._runs[key]


def _key(topic: LiveTopic[Any, Any], settings: LabSettings, data: Any) -> tuple[str, str, str]:
    return topic.id, settings.model_dump_json(), fingerprint(data)


def shipped_result(topic: LiveTopic[Any, Any]) -> Any:
    """The result of the topic's opening, where one comes with the dashboard and is of just these settings; else None."""
    result = _load(topic)
    return None if result is None or result.settings != topic.opening else result


def _load(topic: LiveTopic[Any, Any]) -> Any:
    if topic.id not in _shipped:
        _shipped[topic.id] = None
        try:
            _shipped[topic.id] = shipped.load(topic.result, topic.shipped)
        except FileNotFoundError:
            pass
        except ValueError:
            log.exception("%s does not hold what it should: run scripts/make_shipped.py", topic.shipped)
    return _shipped[topic.id]


_shipped: Final[dict[str, Any]] = {}
RUNS: Final = Runs()
