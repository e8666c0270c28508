"""One run as everybody sees it: whose it is, who looks on, how far it is."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel

from bnviz.errors import Phrase
from bnviz.jobs.estimate import Estimate, Pace

State = Literal["queued", "running", "paused", "done", "failed", "stopped"]
OVER: Final = ("done", "failed", "stopped")
SPEED_KNOWN: Final = 0.1
"""Share of a run after which its speed tells more than what was expected of it."""
SPEED_KNOWN_SECONDS: Final = 5.0
"""Seconds of a long run that tell as much: no preparation takes longer, and another program may take half the processor."""


def fingerprint(data: Any) -> str:
    """What two equal arrays share and two different ones do not; empty where there is no data."""
    if data is None:
        return ""
    return hashlib.blake2b(repr((data.shape, data.dtype.str)).encode() + data.tobytes(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Identity:
    """What two runs share that give the same numbers."""

    function: str
    """Module and qualified name."""
    settings: str
    """As JSON."""
    data: str
    """Fingerprint of what the run works on besides."""


def identity(function: Callable[..., Any], settings: BaseModel, data: Any) -> Identity:
    """Raises TypeError where `function` cannot be named from another process."""
    name = f"{function.__module__}.{function.__qualname__}"
    if "<" in name:  # <lambda>, <locals>, <stdin>
        raise TypeError(f"a run needs a function of a module, not {name}")
    return Identity(name, settings.model_dump_json(), fingerprint(data))


@dataclass(eq=False)
class Job:
    """One run of `function` with `settings`, to be called as `function(settings, [data=,] on_update=)`.

    `version` grows with every change, `updates` with every partial result; `partial` is the latest one, the whole result
    when `done`. `owners` are the visitors whose run this is, `viewers` counts their open connections, `holding` are those
    who pressed Pause. `data`: what the run works on besides its settings, kept until it is over.
    `expected_seconds`: how long it should take, None where nobody knows.
    `group`: whose it is when turns are taken; `turn`: its own, smaller ones come first.
    `alone_since`: when the last connection went (monotonic seconds), None while there is one.
    """

    number: int
    identity: Identity
    function: Callable[..., Any]
    settings: BaseModel
    owners: set[str]
    state: State = "queued"
    version: int = 0
    updates: int = 0
    partial: Any = None
    problem: Phrase | None = None
    attempts: int = 0
    data: Any = None
    expected_seconds: float | None = None
    group: str = ""
    turn: int = 0
    viewers: Counter[str] = field(default_factory=Counter)
    holding: set[str] = field(default_factory=set)
    alone_since: float | None = None
    listeners: list[Callable[[], None]] = field(default_factory=list)
    estimate: Estimate = field(default_factory=Estimate)
    pace: Pace = field(default_factory=Pace)
    _worked: float = 0.0
    _since: float | None = None
    _entered: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in OVER

    @property
    def told(self) -> float | None:
        """Share of the run that the latest partial result says to hold, in [0, 1]; None where it does not tell."""
        share = float(getattr(self.partial, "progress", math.nan))
        return None if math.isnan(share) else min(1.0, max(0.0, share))

    @property
    def progress(self) -> float | None:
        """Share of the run that is done, in [0, 1]: what its partial result tells, and the work since; None where nothing is known."""
        if self.state == "done":
            return 1.0
        shares = [share for share in (self.told, self.estimate.share) if share is not None]
        return max(shares, default=None)

    @property
    def seconds_left(self) -> float | None:
        """Seconds of work until the end: at the speed of late; at first as expected, None where that is over."""
        progress, expected, worked = self.progress, self.expected_seconds, self.seconds_worked
        if not progress:
            left = (expected or 0.0) - worked
            return left if left > 0 else None
        left = self.pace.left(worked, progress)
        weight = max(progress / SPEED_KNOWN, worked / SPEED_KNOWN_SECONDS)
        if expected is None or weight >= 1:
            return left
        # In the first moments a run does other things than later.
        return weight * left + (1 - weight) * expected * (1 - progress)

    @property
    def seconds_worked(self) -> float:
        """Seconds during which this try was running, pauses left out."""
        return self._worked + (0.0 if self._since is None else time.monotonic() - self._since)

    @property
    def seconds_in_state(self) -> float:
        """Seconds since the state was entered."""
        return time.monotonic() - self._entered

    def enter(self, state: State) -> None:
        """Enter `state`; a run that goes back into the queue starts from nothing."""
        self._worked, self._since = self.seconds_worked, None
        self._entered = time.monotonic()
        if state == "running":
            self._since = self._entered
        elif state == "queued":
            self._worked, self.partial, self.estimate, self.pace = 0.0, None, Estimate(), Pace()
        self.state = state
        if self.over:
            self.data = None
        self.announce()

    def moved(self) -> None:
        """Something of the run was heard: how far it is by now is kept, and the listeners are told."""
        if self.progress:
            self.pace.at(self.seconds_worked, self.progress)
        self.announce()

    def announce(self) -> None:
        """Tell the listeners that something changed."""
        self.version += 1
        for listener in self.listeners[:]:
            listener()
