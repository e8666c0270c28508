"""A Plotly picture that is updated in place: zoom and legend survive, nothing flashes."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Final

import numpy as np

from bnviz.figures import theme
from bnviz.figures.chart import Chart
from bnviz.i18n import Language, translator
from bnviz.ui import assets

PALETTE: Final = {"light": theme.LIGHT, "dark": theme.DARK}


def draw(chart: Chart, group: str, unit: str, language: Language) -> None:
    """Show `chart`; `group` names the playhead that it follows, `unit` one frame of it."""
    _ = translator(language)
    figure = json.dumps(
        {"data": chart.data, "layout": chart.layout, "phone_layout": chart.phone_layout},
        default=_plain,
        separators=(",", ":"),
    )
    content = json.loads(figure)
    assets.component("chart")(
        key=f"{group}.{chart.name}",
        data={
            "figure": {"data": content["data"], "layout": content["layout"]},
            "phone_layout": content["phone_layout"],
            "plotly": assets.url(assets.PLOTLY.name),
            "group": group,
            "playhead": None if chart.playhead_first is None else {"axis": "x", "first": chart.playhead_first},
            "unit": unit,
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
            "digest": hashlib.blake2b((figure + chart.alt + language).encode(), digest_size=8).hexdigest(),
            "filename": f"bnviz-{chart.name}",
            "lang": language,
        },
    )


def _plain(value: object) -> Any:
    """NumPy values as Plotly reads them: one-dimensional arrays as its typed-array form, the rest as lists."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "f" and value.size > 16:
        return {"dtype": "f4", "bdata": base64.b64encode(value.astype("<f4").tobytes()).decode()}
    if isinstance(value, np.ndarray):
        cells = value.astype(object)
        if value.dtype.kind == "f":
            cells[~np.isfinite(value)] = None
        return cells.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be sent to the browser")
