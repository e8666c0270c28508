"""Two runs in one picture: what was pinned stands faint behind what is shown now, where the two can share their axes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from bnviz.plot.chart import Chart
from bnviz.plot.scene import Axis, Layer, Panel, Row, Scene

FAINT: Final = 0.3
CURVES: Final = ("scatter", "scattergl")
AXIS: Final = re.compile(r"[xy]axis\d*")


def over(now: Chart, pinned: Chart) -> Chart | None:
    """`now` with the curves of `pinned` faint behind it; None where it holds anything but curves, or has other axes."""
    axes = {name for name in now.layout if AXIS.fullmatch(name)}
    if any(trace.get("type", "scatter") not in CURVES for trace in (*now.data, *pinned.data)):
        return None
    if axes != {name for name in pinned.layout if AXIS.fullmatch(name)}:
        return None
    if any(now.layout[name].get("type") != pinned.layout[name].get("type") for name in axes):
        return None
    both = {name: _holding(now.layout[name], pinned.layout[name]) for name in axes}
    return replace(now, data=[*map(_faint, pinned.data), *now.data], layout=now.layout | both)


def _faint(trace: dict[str, Any]) -> dict[str, Any]:
    mode = "+".join(part for part in trace.get("mode", "lines").split("+") if part != "text")
    opacity = FAINT * trace.get("opacity", 1.0)
    return {**trace, "mode": mode or "none", "opacity": opacity, "showlegend": False, "hoverinfo": "skip"}


def _holding(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The axis `one`, wide enough for what `other` shows as well."""
    if not ("range" in one and "range" in other):
        return one
    (start, end), ends = one["range"], (*one["range"], *other["range"])
    low, high = min(ends), max(ends)
    return {**one, "range": [low, high] if start <= end else [high, low]}


def over_scene(now: Scene, pinned: Scene, title: str) -> Scene | None:
    """`now` with the histograms of `pinned` faint behind its own; what is no histogram stands beside, its title after `title`.

    None where the two runs are not as long as each other, or not made of the same panels.
    """
    rows = list(zip(now.rows, pinned.rows, strict=False))
    names = [[[panel.name for panel in row.panels] for row in scene.rows] for scene in (now, pinned)]
    if now.frames != pinned.frames or names[0] != names[1]:
        return None
    return replace(now, rows=tuple(_row(one, other, title) for one, other in rows))


def _row(now: Row, pinned: Row, title: str) -> Row:
    panels: list[Any] = []
    for one, other in zip(now.panels, pinned.panels, strict=True):
        if isinstance(one, Panel) and isinstance(other, Panel) and one.kind == "histogram":
            panels.append(_histogram(one, other))
        else:
            panels += [one, replace(other, name=f"{other.name}_pinned", title=f"{title}: {other.title}")]
    return replace(now, panels=tuple(panels))


def _histogram(now: Panel, pinned: Panel) -> Panel:
    faint = tuple(replace(layer, edges=pinned.edges, faint=True, label="") for layer in pinned.layers)
    layers: tuple[Layer, ...] = (*faint, *now.layers)
    return replace(now, layers=layers, x=_wider(now.x, pinned.x), y=_wider(now.y, pinned.y))


def _wider(one: Axis, other: Axis) -> Axis:
    return replace(one, low=min(one.low, other.low), high=max(one.high, other.high))
