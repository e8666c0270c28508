"""The browser's Plotly: of the version that the package has in full, and with every kind of trace that our charts use."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType

from bnviz.ui import assets
from scripts.get_plotly import version

PACKAGE = Path(assets.__file__).parents[1]
FULL = Path(str(distribution("plotly").locate_file("plotly/package_data/plotly.min.js")))


def test_the_browser_has_the_version_that_notebooks_have() -> None:
    assert version(assets.PLOTLY) == version(FULL)
    assert assets.PLOTLY.stat().st_size < 0.35 * FULL.stat().st_size


def test_every_kind_of_trace_is_in_the_bundle() -> None:
    kinds = {
        name.lower()
        for name, kind in ((name, getattr(go, name)) for name in dir(go))
        if isinstance(kind, type) and issubclass(kind, BaseTraceType) and kind is not BaseTraceType
    }
    used = {
        kind
        for path in PACKAGE.rglob("*.py")
        for kind in re.findall(r'"type": "(\w+)"', path.read_text(encoding="utf-8"))
        if kind in kinds
    }
    assert {"scatter", "bar", "heatmap", "contour"} <= used
    bundle = assets.PLOTLY.read_text(encoding="utf-8")
    known = {kind for kind in kinds if re.search(rf'moduleType:"trace",name:"{kind}"', bundle)}
    assert used <= known
