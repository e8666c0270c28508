"""Pieces that several pictures of the lab `modes` are made of."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnviz.i18n import Translate
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import PHONE_FONT, key, note, phone, points, segment, small
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.settings import MomentumValue
from bnviz.study.figures.seeds import phone_key

MARGIN: Final = {"l": 64, "r": 190, "t": 40, "b": 52}
BAR_MARGIN: Final = {"l": 40, "r": 130, "t": 40, "b": 52}
HALF_BAR: Final = 0.26  # of the distance between two: on narrow screens a line of words stands over each bar
BROKEN: Final = 0.02  # of the axis: where the cross of a bar that is no number stands

Label = tuple[str, Role, float]  # text, role, height


@dataclass(frozen=True, slots=True)
class Bar:
    """One horizontal bar."""

    label: str
    """In front of it."""
    value: float
    """Its length; not finite: a red cross in its place."""
    text: str
    """At its end."""
    role: Role
    """Its colour."""
    predicted: float = math.nan
    """Where the dashed stroke stands; none where it is not finite."""


def line_chart(
    name: str,
    traces: list[dict[str, Any]],
    axes: tuple[dict[str, Any], dict[str, Any]],
    notes: list[dict[str, Any]],
    alt: str,
    *,
    margin: dict[str, int] | None = None,
    layout_options: dict[str, Any] | None = None,
    height: int = 380,
    phone_height: int = 360,
    phone_layout: dict[str, Any] | None = None,
) -> Chart:
    """A chart with one plot: its `axes` (x, y) and `notes`; `margin` overrides sides of `MARGIN`."""
    base = layout(*axes, annotations=notes, margin={**MARGIN, **(margin or {})}, **(layout_options or {}))
    narrow = phone(notes) if phone_layout is None else phone_layout
    return Chart(name, traces, base, alt, height=height, phone_height=phone_height, phone_layout=narrow)


def bars(
    name: str, rows: Sequence[Bar], title: str, high: float, how_to_read: str, alt: str, *, row_height: int = 44
) -> Chart:
    """Horizontal bars from 0 to `high`, the first on top, with what is predicted as a dashed stroke."""
    last = len(rows) - 1
    notes = [_bar_text(row, last - index, high) for index, row in enumerate(rows)] + [key(how_to_read)]
    labels = {"tickvals": [last - index for index in range(len(rows))], "ticktext": [row.label for row in rows]}
    y_axis = axis("", range=[-0.6, last + 0.6], showgrid=False, ticks="", **labels)
    beside = {"xref": "paper", "x": 0, "xanchor": "left", "yanchor": "bottom", "align": "left"}
    above = [note(row.label, "ink", y=last - index + HALF_BAR, **beside) for index, row in enumerate(rows)]
    strokes = [
        segment((row.predicted, row.predicted), (y - HALF_BAR - 0.02, y + HALF_BAR + 0.02), "theory", 2.5, "dash")
        for y, row in ((last - index, row) for index, row in enumerate(rows))
        if math.isfinite(row.predicted)
    ]
    base = layout(
        axis(title, range=[0, high]), y_axis, annotations=notes, shapes=strokes, margin=BAR_MARGIN, bargap=0.3
    )
    phone_layout = {
        "font": {"size": PHONE_FONT},
        "margin": {"l": 12, "r": 96, "t": 68, "b": 64},
        "yaxis": {"showticklabels": False, "range": [-0.6, last + 0.9]},
        "xaxis": {"title": {"text": _wrapped(title)}},
        "annotations": small([*notes, *above]),
    }
    return Chart(
        name,
        _bar_traces(rows, title, high),
        base,
        alt,
        height=110 + row_height * len(rows),
        phone_height=120 + 56 * len(rows),
        phone_layout=phone_layout,
    )


def _bar_traces(rows: Sequence[Bar], title: str, high: float) -> list[dict[str, Any]]:
    """The bars, and a cross for each that is no number."""
    heights = range(len(rows) - 1, -1, -1)
    finite = [(y, row) for y, row in zip(heights, rows, strict=True) if math.isfinite(row.value)]
    broken = [(y, row) for y, row in zip(heights, rows, strict=True) if not math.isfinite(row.value)]
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [y for y, _ in finite],
            "x": [row.value for _, row in finite],
            "width": 2 * HALF_BAR,
            "marker": {"color": [color(row.role) for _, row in finite]},
            "name": title,
            "customdata": [row.label for _, row in finite],
            "hovertemplate": "%{customdata}: %{x:.3g}<extra></extra>",
        }
    ]
    if broken:
        hover = {
            "customdata": [row.text for _, row in broken],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
        x, y = [BROKEN * high] * len(broken), [y for y, _ in broken]
        traces.append(points(x, y, "error", "NaN", size=13, symbol="x", **hover))
    return traces


def _bar_text(row: Bar, y: int, high: float) -> dict[str, Any]:
    """What stands at the end of a bar."""
    finite = math.isfinite(row.value)
    end = max(row.value, row.predicted if math.isfinite(row.predicted) else 0) if finite else BROKEN * high
    role = row.role if finite else "error"
    return note(f"<b>{row.text}</b>", role, x=min(end, high), y=y, xanchor="left", xshift=8, align="left")


def _wrapped(title: str) -> str:
    """`title` in lines that fit a phone; a Chinese character takes the room of two others."""
    return "<br>".join(textwrap.wrap(title, 40 if title.isascii() else 22))


def phone_labels_above(key_text: str, labels: Sequence[Label]) -> dict[str, Any]:
    """The layout of a line chart on narrow screens whose labels are too long to stand beside the lines: they stand above."""
    lines = len(key_text.split(" · ")) + len(labels)
    margin = {"l": 50, "r": 12, "t": 14 + 17 * lines, "b": 48}
    return {"font": {"size": PHONE_FONT}, "margin": margin, "annotations": [phone_key(key_text, labels)]}


def finite(labels: Sequence[Label]) -> list[Label]:
    """The labels whose height is a number."""
    return [label for label in labels if math.isfinite(label[2])]


def momentum_word(momentum: MomentumValue, _: Translate) -> str:
    """A momentum as an axis shows it."""
    return _("cumulative") if isinstance(momentum, str) else short(momentum)
