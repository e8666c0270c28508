"""A Plotly picture that is updated in place: zoom and legend survive, nothing flashes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import streamlit as st

from bnviz.i18n import Language, translator
from bnviz.plot import theme
from bnviz.plot.chart import Chart
from bnviz.ui import assets

PALETTE: Final = {"light": theme.LIGHT, "dark": theme.DARK}
WORTH_PACKING: Final = 16


@dataclass(frozen=True, slots=True)
class ReadyChart:
    """A chart as it is sent. `key`: the component's."""

    key: str
    content: dict[str, Any]

    def show(self) -> None:
        """Put it on the page."""
        assets.component("chart")(key=self.key, data=self.content)

    def show_pickable(self, picked: Callable[[int, int], None]) -> None:
        """The same of a pickable chart; `picked` is told x and y of a click, before the next run of the script."""

        def tell() -> None:
            place = getattr(st.session_state.get(self.key), "picked", None)
            if isinstance(place, Mapping) and type(x := place.get("x")) is int and type(y := place.get("y")) is int:
                picked(x, y)

        assets.component("chart")(key=self.key, data=self.content, on_picked_change=tell)


def ready(chart: Chart, group: str, unit: str, language: Language) -> ReadyChart:
    """`chart`, ready to be shown; `group` names the playhead that it follows, `unit` one frame of it."""
    return ReadyChart(f"{group}.{chart.name}", payload(chart, group, unit, language))


def payload(chart: Chart, group: str, unit: str, language: Language) -> dict[str, Any]:
    """What chart.js needs to draw `chart`."""
    _ = translator(language)
    content = {
        "figure": {"data": _plain(chart.data), "layout": _plain(chart.layout)},
        "phone_layout": _plain(chart.phone_layout),
        "plotly": assets.url(assets.PLOTLY.name),
        "group": group,
        "playhead": None if chart.playhead_first is None else {"axis": "x", "first": chart.playhead_first},
        "unit": unit,
        "pickable": chart.pickable,
        "palette": PALETTE,
        "words": {
            "download": _("Download"),
            "png": _("Picture (PNG)"),
            "svg": _("Drawing (SVG)"),
            "html": _("Page (HTML)"),
        },
        "alt": chart.alt,
        "height": chart.height,
        "phone_height": chart.phone_height,
        "filename": f"bnviz-{chart.name}",
        "lang": language,
    }
    digest = hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
    return {"digest": digest, **content}


def _plain(value: Any) -> Any:
    """Plain JSON values. Arrays of numbers travel in Plotly's typed-array form; NaN and infinity become gaps elsewhere."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and value.dtype.kind == "f" and value.size > WORTH_PACKING:
            return {"dtype": "f4", "bdata": base64.b64encode(value.astype("<f4").tobytes()).decode()}
        return [_plain(part) for part in value.tolist()]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
