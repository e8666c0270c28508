"""The slider that moves: its pictures come ahead by `pictures_route`; where they cannot, the script runs for every value of a drag."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import streamlit as st

from bnviz.ui import assets, visit

KEY: Final = "drag"
LET_GO_S: Final = 1.0
"""After the last value of a slider, until it counts as let go."""
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


class Pace:
    """How long each visitor waits between two values of a slider, so that all who drag together fit into one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}  # by visitor, by the clock

    def pause(self, visitor: str, seconds: float, now: float) -> float:
        """Seconds until `visitor`, whose value took `seconds` of the processor in all, sends the next one: the others' turns."""
        with self._lock:
            self._last[visitor] = now
            self._last = {one: last for one, last in self._last.items() if now - last < LET_GO_S}
            return seconds * (len(self._last) - 1)


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


def pause(visitor: str, seconds: float, factor: float) -> int:
    """Milliseconds until `visitor`, whose value took `seconds` so far and counts `factor` times as much, sends the next one."""
    return round(1000 * _pace.pause(visitor, factor * seconds, time.monotonic()))


def listen(seconds: float, ahead: Ahead | None) -> None:
    """Draw the component that tells which slider is held, and answer what it told before this run, which took `seconds` so far.

    It stands last: once it is answered, the picture is on its way, and the next value may come. `ahead`: where pictures come from
    before that, if they can.
    """
    number = _said().get("number")
    answer = {
        "answered": number if isinstance(number, int) else 0,
        "pause": pause(visit.owner(), seconds, WITH_SENDING) if held() else 0,
        "ahead": None if ahead is None else asdict(ahead),
    }
    assets.component("drag")(key=KEY, data=answer, default={"held": None}, on_held_change=lambda: None)


def _said() -> Mapping[str, Any]:
    value = getattr(st.session_state.get(KEY), "held", None)
    return value if isinstance(value, Mapping) else {}


_pace: Final = Pace()
