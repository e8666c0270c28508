"""The slider that moves: its pictures come ahead by `pictures_route`; where they cannot, the script runs for every value of a drag."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import streamlit as st

from bnviz.classroom.limits import network
from bnviz.ui import assets, visit

KEY: Final = "drag"
LET_GO_S: Final = 1.0
"""After the last value of a slider, until it counts as let go."""
FRESH_S: Final = 15.0
"""As long as a hand drags without a rest before it counts for less: sooner or later a hand rests, a program does not."""
TIRED: Final = 0.2
"""What it counts for at least."""
WITH_SENDING: Final = 2.2
"""Processor time of a value with what Streamlit does to send it, against that of its run alone: 15 against 7 ms on `layer`."""
ROOM: Final = 1.5
"""Time that pictures which come ahead leave to each other, against what they take: without any, each would wait for all others."""


@dataclass(frozen=True, slots=True)
class Held:
    """A slider under the visitor's finger."""

    slider: str
    """The CSS name that Streamlit makes of the widget's key."""
    index: int
    """Where it is now, among its stops."""
    start: int
    """Where it was when it was taken."""

    def value(self, key: str, stops: Sequence[Any], committed: Any) -> Any:
        """What the slider `key` says: the stop under the finger; `committed`, what Streamlit knows, once that is newer or of another."""
        if self.slider != css_name(key) or not 0 <= self.index < len(stops):
            return committed
        return stops[self.index] if stops.index(committed) == self.start else committed


@dataclass(frozen=True, slots=True)
class Ahead:
    """What the page shows, to ask `pictures_route` for what comes next."""

    url: str
    """Of the route."""
    settings: str
    """As in a link to the page."""
    view: str
    """Of the page."""
    pinned: str
    """As in a link to the page; "" where nothing is pinned."""


@dataclass(slots=True)
class _Hand:
    """A visitor who drags."""

    address: str
    since: float
    """By the clock, in seconds."""
    until: float
    """When it counts as let go, unless another value comes."""

    def weight(self, now: float) -> float:
        """What it counts for."""
        return max(FRESH_S / max(now - self.since, FRESH_S), TIRED)


class Pace:
    """How long each visitor waits between two values of a slider, so that all who drag together fit into one process.

    Every address has the same share, however many visitors come from it; they divide it among them. Those who never rest leave more
    time to pages, too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hands: dict[str, _Hand] = {}  # by visitor

    def pause(self, visitor: str, seconds: float, now: float, address: str = "") -> float:
        """Seconds until `visitor`, whose value took `seconds` of the processor in all, sends the next one: the others' turns."""
        with self._lock:
            self._hands = {one: hand for one, hand in self._hands.items() if now < hand.until}
            own = self._hands.setdefault(visitor, _Hand(address, now, now))
            addresses = len({hand.address for hand in self._hands.values()})
            beside = sum(hand.weight(now) for hand in self._hands.values() if hand.address == own.address)
            weight = own.weight(now)
            pause = seconds * (addresses * beside / weight - 1) / weight
            own.until = now + pause + LET_GO_S
            return pause

    def wait(self, visitor: str, now: float) -> float:
        """Seconds of its last pause that are still to come."""
        with self._lock:
            hand = self._hands.get(visitor)
            return 0.0 if hand is None else max(0.0, hand.until - LET_GO_S - now)


def css_name(key: str) -> str:
    """The name of a widget's key in the class `st-key-…`."""
    return re.sub(r"[^a-zA-Z0-9_-]", "-", key.strip())


def held() -> Held | None:
    """The slider that is held now."""
    said = _said()
    slider, index, start = said.get("slider"), said.get("index"), said.get("start")
    if isinstance(slider, str) and isinstance(index, int) and isinstance(start, int):
        return Held(slider, index, start)
    return None


def pause(visitor: str, seconds: float, factor: float, address: str) -> int:
    """Milliseconds until `visitor`, whose value took `seconds` so far and counts `factor` times as much, sends the next one."""
    return round(1000 * _pace.pause(visitor, factor * seconds, time.monotonic(), network(address)))


def wait(visitor: str) -> float:
    """Seconds that `visitor` has to wait before the next value."""
    return _pace.wait(visitor, time.monotonic())


def listen(seconds: float, ahead: Ahead | None) -> None:
    """Draw the component that tells which slider is held, and answer what it told before this run, which took `seconds` so far.

    It stands last: once it is answered, the picture is on its way, and the next value may come. `ahead`: where pictures come from
    before that, if they can.
    """
    number = _said().get("number")
    answer = {
        "answered": number if isinstance(number, int) else 0,
        "pause": pause(visit.owner(), seconds, WITH_SENDING, st.context.ip_address or "") if held() else 0,
        "ahead": None if ahead is None else asdict(ahead),
    }
    assets.component("drag")(key=KEY, data=answer, default={"held": None}, on_held_change=lambda: None)


def _said() -> Mapping[str, Any]:
    value = getattr(st.session_state.get(KEY), "held", None)
    return value if isinstance(value, Mapping) else {}


_pace: Final = Pace()
