"""A Plotly picture as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bnviz.plot.primitives import PHONE_FONT
from bnviz.plot.shown import Shown

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Chart(Shown):
    """A Plotly figure as plain dictionaries, ready to be sent.

    `data` and `layout` follow Plotly's schema; NumPy arrays are allowed as values. `alt` says in one or two sentences what the
    picture shows, with its numbers. `height`, `phone_height` in pixels. `phone_layout` overrides `layout` on narrow screens.
    `playhead_first`: where the page has a playhead, frame i stands at x = playhead_first + i; None draws no playhead.
    `pickable`: a click tells the page the whole numbers next to its x and y.
    """

    name: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    alt: str
    height: int = 420
    phone_height: int = 360
    phone_layout: dict[str, Any] = field(default_factory=dict)
    playhead_first: float | None = None
    pickable: bool = False

    def narrow_layout(self) -> dict[str, Any]:
        """What overrides `layout` on narrow screens: a phone's type, and what the picture itself says."""
        return {"font": {"size": PHONE_FONT}} | self.phone_layout

    def to_plotly(self) -> go.Figure:
        """The same picture as a Plotly figure."""
        import plotly.graph_objects as go

        return go.Figure({"data": self.data, "layout": {**self.layout, "height": self.height}})
