"""Panels side by side, and one over the other on a phone."""

from __future__ import annotations

from bnviz.plot.panels import Panels, stacked
from bnviz.plot.theme import axis


def test_on_a_phone_every_panel_says_what_is_up_and_the_lowest_what_is_across() -> None:
    panels = Panels()
    for number, tall in enumerate(([0.55, 1.0], [0.0, 0.45])):
        y = axis("Points" if number == 0 else "")
        panels.add([], axis("Seed"), y, stacked(tall, "Points"))
    upper, lower = panels.phone_axes["xaxis"], panels.phone_axes["xaxis2"]
    assert upper["title"]["text"] == ""
    assert "title" not in lower  # its own stays
    assert [panels.phone_axes[name]["title"]["text"] for name in ("yaxis", "yaxis2")] == ["Points"] * 2
    assert [panels.phone_axes[name]["domain"] for name in ("yaxis", "yaxis2")] == [[0.55, 1.0], [0.0, 0.45]]
