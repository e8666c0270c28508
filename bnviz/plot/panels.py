"""Charts of several plots, each with axes of its own: side by side on a wide screen, usually one over the other on a phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bnviz.plot.primitives import note
from bnviz.plot.theme import Role, layout


def axis_names(panel: int) -> dict[str, str]:
    """The axes of a panel, counted from 0, as a trace names them."""
    suffix = "" if panel == 0 else str(panel + 1)
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def axis_refs(panel: int) -> dict[str, Any]:
    """The axes of a panel, counted from 0, as its notes and shapes name them."""
    axes = axis_names(panel)
    return {"xref": axes["xaxis"], "yref": axes["yaxis"]}


def heading(text: str, x: float, y: float, role: Role = "ink", **options: Any) -> dict[str, Any]:
    """Words whose lower left corner stands at (x, y), in shares of the picture: what a panel shows."""
    return note(text, role, xref="paper", x=x, xanchor="left", yref="paper", y=y, yanchor="bottom", **options)


@dataclass(slots=True)
class Panels:
    """Collects what the panels of a chart are made of, in Plotly's words."""

    traces: list[dict[str, Any]] = field(default_factory=list)
    """Of all panels, each with the names of its panel's axes."""
    axes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By Plotly's name: xaxis, yaxis, xaxis2, …"""
    phone_axes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is different about them on a narrow screen."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    """Words in and over the panels."""
    phone_notes: list[dict[str, Any]] = field(default_factory=list)
    """The same on a narrow screen."""
    shapes: list[dict[str, Any]] = field(default_factory=list)
    """What is drawn and is no data."""

    def add(
        self,
        traces: Iterable[dict[str, Any]],
        x: Mapping[str, Any],
        y: Mapping[str, Any],
        phone: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
        *,
        square: bool = False,
    ) -> None:
        """One more panel with axes `x` and `y`; `square`: a unit is as long on both. `phone`: what differs there, for x and y."""
        names = axis_names(len(self.axes) // 2)
        self.traces += ({**trace, **names} for trace in traces)
        across, up = (f"{name[0]}axis{name[1:]}" for name in names.values())
        self.axes[across] = {**x, "anchor": names["yaxis"]}
        self.axes[up] = {**y, "anchor": names["xaxis"]} | ({"scaleanchor": names["xaxis"]} if square else {})
        if phone is not None:
            self.phone_axes[across], self.phone_axes[up] = map(dict, phone)

    def layout(self, **options: Any) -> dict[str, Any]:
        """The chart's layout; `options` go before what was collected."""
        drawn = {"annotations": self.notes} | ({"shapes": self.shapes} if self.shapes else {})
        return {**layout(self.axes.get("xaxis", {}), self.axes.get("yaxis", {}), **drawn | options), **self.axes}


def stacked(domain: list[float], title: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs on a phone where panels stand one over the other: the panel fills `domain` of the height.

    `title` of the y axis: side by side the first panel bears it for all. The x axis keeps its own on the lowest panel only.
    """
    across: dict[str, Any] = {"domain": [0, 1]} | ({"title": {"text": ""}} if domain[0] > 0 else {})
    return across, {"domain": domain, "title": {"text": title}}
