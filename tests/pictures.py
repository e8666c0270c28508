"""What tests of pictures ask a chart for."""

from __future__ import annotations

from typing import Any

from bnviz.plot.chart import Chart


def trace_of(chart: Chart, name: str) -> dict[str, Any]:
    """The first trace called `name`."""
    return next(trace for trace in chart.data if trace["name"] == name)


def words_of(chart: Chart) -> str:
    """The words in the picture."""
    return " | ".join(note["text"] for note in chart.layout["annotations"])
