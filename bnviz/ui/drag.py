"""The slider that is being dragged: Streamlit hears of it on release, `drag.js` while it moves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st

from bnviz.ui import assets

KEY: Final = "drag"


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


def css_name(key: str) -> str:
    """The name of a widget's key in the class `st-key-…`."""
    return re.sub(r"[^a-zA-Z0-9_-]", "-", key.strip())


def held() -> Held | None:
    """The slider that is held now; draws the component that tells, once in a run of the script."""
    said = _read(getattr(st.session_state.get(KEY), "held", None))
    number = said.get("number")
    # The answer to the value that this very run shows.
    answered = {"answered": number if isinstance(number, int) else 0}
    assets.component("drag")(key=KEY, data=answered, default={"held": None}, on_held_change=lambda: None)
    slider, index, start = said.get("slider"), said.get("index"), said.get("start")
    if isinstance(slider, str) and isinstance(index, int) and isinstance(start, int):
        return Held(slider, index, start)
    return None


def _read(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
