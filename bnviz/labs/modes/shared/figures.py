"""Pieces that several pictures of the lab `modes` are made of."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnviz.plot.chart import Chart
from bnviz.plot.primitives import PHONE_FONT, key, note, small
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures.seeds import phone_key

MARGIN: Final = {"l": 64, "r": 190, "t": 40, "b": 52}
PHONE_MARGIN: Final = {"l": 50, "r": 116, "t": 68, "b": 48}


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar: `label`, its `value` (not finite: a red cross in its place), `text` at its end, where `predicted` stands."""

    label: str
    value: float
    text: str
    role: Role
    predicted: float = math.nan


def bars(
    name: str, rows: Sequence[Bar], title: str, high: float, how_to_read: str, alt: str, *, row_height: int = 44
) -> Chart:
    """Horizontal bars from 0 to `high`, the first on top, with what is predicted as a dashed stroke."""
    traces: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    last = len(rows) - 1
    finite = [(last - place, row) for place, row in enumerate(rows) if math.isfinite(row.value)]
    broken = [(last - place, row) for place, row in enumerate(rows) if not math.isfinite(row.value)]
    traces.append(
        {
            "type": "bar", "orientation": "h", "y": [place for place, _ in finite], "x": [row.value for _, row in finite],
            "width": 0.62, "marker": {"color": [color(row.role) for _, row in finite]}, "name": title,
            "customdata": [row.label for _, row in finite], "hovertemplate": "%{customdata}: %{x:.3g}<extra></extra>",
        }
    )  # fmt: skip
    if broken:
        traces.append(
            {
                "type": "scatter", "mode": "markers", "y": [place for place, _ in broken], "x": [0.02 * high] * len(broken),
                "marker": {"symbol": "x", "size": 13, "color": color("error")}, "name": "NaN",
                "customdata": [row.text for _, row in broken], "hovertemplate": "%{customdata}<extra></extra>",
            }
        )  # fmt: skip
    for place, row in enumerate(rows):
        y = last - place
        ok = math.isfinite(row.value)
        end = max(row.value, row.predicted if math.isfinite(row.predicted) else 0) if ok else 0.02 * high
        notes.append(
            note(
                f"<b>{row.text}</b>",
                row.role if ok else "error",
                x=min(end, high),
                y=y,
                xanchor="left",
                xshift=8,
                align="left",
            )
        )
        if math.isfinite(row.predicted):
            shapes.append(
                {
                    "type": "line", "x0": row.predicted, "x1": row.predicted, "y0": y - 0.33, "y1": y + 0.33,
                    "line": {"color": color("theory"), "width": 2.5, "dash": "dash"},
                }
            )  # fmt: skip
    labels = {"tickvals": [last - place for place in range(len(rows))], "ticktext": [row.label for row in rows]}
    y_axis = axis("", range=[-0.6, last + 0.6], showgrid=False, ticks="", **labels)
    x_axis = axis(title, range=[0, high])
    notes.append(key(how_to_read))
    above = [
        note(row.label, "ink", xref="paper", x=0, y=last - place + 0.31, xanchor="left", yanchor="bottom", align="left")
        for place, row in enumerate(rows)
    ]
    height = 110 + row_height * len(rows)
    return Chart(
        name, traces, layout(x_axis, y_axis, annotations=notes, shapes=shapes, margin={"l": 40, "r": 130, "t": 40, "b": 52},
                             bargap=0.3), alt,
        height=height, phone_height=120 + 56 * len(rows),
        phone_layout={
            "font": {"size": PHONE_FONT}, "margin": {"l": 12, "r": 96, "t": 68, "b": 64},
            "yaxis": {"showticklabels": False, "range": [-0.6, last + 0.9]},
            "xaxis": {"title": {"text": _wrapped(title)}},
            "annotations": small([*notes, *above]),
        },
    )  # fmt: skip


def _wrapped(title: str) -> str:
    """`title` in lines that fit a phone; a Chinese character takes the room of two others."""
    return "<br>".join(textwrap.wrap(title, 40 if title.isascii() else 22))


def phone(notes: Sequence[dict[str, Any]], **margin: int) -> dict[str, Any]:
    """The layout of a line chart on narrow screens."""
    return {
        "font": {"size": PHONE_FONT}, "margin": {**PHONE_MARGIN, **margin}, "annotations": small(list(notes)),
    }  # fmt: skip


def phone_labels_above(key_text: str, labels: Sequence[tuple[str, Role, float]]) -> dict[str, Any]:
    """The layout of a line chart on narrow screens whose labels are too long to stand beside the lines: they stand above."""
    lines = len(key_text.split(" · ")) + len(labels)
    return {
        "font": {"size": PHONE_FONT}, "margin": {"l": 50, "r": 12, "t": 14 + 17 * lines, "b": 48},
        "annotations": [phone_key(key_text, labels)],
    }  # fmt: skip
