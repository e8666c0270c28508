"""A Plotly picture that is updated in place: zoom and legend survive, nothing flashes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

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


def ready(chart: Chart, group: str, unit: str, language: Language) -> ReadyChart:
    """`chart`, ready to be shown; `group` names the playhead that it follows, `unit` one frame of it."""
    return ReadyChart(f"{group}.{chart.name}", payload(chart, group, unit, language))


def payload(chart: Chart, group: str, unit: str, language: Language) -> dict[str, Any]:
    """What chart.js needs to draw `chart`."""
    _ = translator(language)
    content = {
        "figure": {"data": wire.plain(chart.data), "layout": wire.plain(chart.layout)},
        "phone_layout": wire.plain(chart.phone_layout),
        "plotly": assets.url(assets.PLOTLY.name),
        "group": group,
        "playhead": None if chart.playhead_first is None else {"axis": "x", "first": chart.playhead_first},
        "unit": unit,
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
