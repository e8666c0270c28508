"""A Plotly picture that is updated in place: zoom and legend survive, nothing flashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from bnviz.i18n import Language, translator
from bnviz.plot import wire
from bnviz.plot.chart import Chart
from bnviz.plot.theme import PALETTES
from bnviz.ui import assets


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
        "figure": {"data": wire.plain(chart.data), "layout": wire.plain(chart.layout)},
        "phone_layout": wire.plain(chart.narrow_layout()),
        "plotly": assets.url(assets.PLOTLY.name),
        "group": group,
        "playhead": None if chart.playhead_first is None else {"axis": "x", "first": chart.playhead_first},
        "unit": unit,
        "pickable": chart.pickable,
        "palette": PALETTES,
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
