"""Labels at the right-hand ends of lines, moved apart just far enough that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bnviz.plot.numbers import alike
from bnviz.plot.theme import Role, color

GAP = 0.064  # least distance of two labels, as a share of the axis


def spread_out(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions nearest to `values` (least squares), in the same order, at least `gap` apart, within [low, high].

    More values than fit are squeezed to equal distances.
    """
    if len(values) > 1:
        gap = min(gap, (high - low) / (len(values) - 1))
    order = sorted(range(len(values)), key=lambda index: values[index])
    blocks: list[tuple[float, int]] = []  # (mean of value − rank·gap, members): isotonic regression by pooling
    for rank, index in enumerate(order):
        mean, members = values[index] - rank * gap, 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean = (before * count + mean * members) / (count + members)
            members += count
        blocks.append((mean, members))
    starts = [mean for mean, members in blocks for _ in range(members)]
    last = len(values) - 1
    placed = [0.0] * len(values)
    for rank, index in enumerate(order):
        placed[index] = min(max(starts[rank], low), high - last * gap) + rank * gap
    return placed


def numbered(labels: Sequence[tuple[str, Role, float]], unit: str = "") -> list[tuple[str, Role, float]]:
    """The labels, each with its height as a number of this `unit`, all to the same place."""
    told = alike(*(height for _text, _role, height in labels))
    return [(f"{text} {number}{unit}", role, height) for (text, role, height), number in zip(labels, told, strict=True)]


def end_labels(labels: Sequence[tuple[str, Role, float]], low: float, high: float) -> list[dict[str, Any]]:
    """Plotly annotations right of the plot for (text, role, y), y axis from `low` to `high` (log axes: exponents)."""
    margin = 0.02 * (high - low)
    return labels_at_ends(labels, GAP * (high - low), low + margin, high - margin, xshift=6, align="left")


def labels_at_ends(
    labels: Sequence[tuple[str, Role, float]], gap: float, low: float, high: float, **options: Any
) -> list[dict[str, Any]]:
    """As `end_labels`, with `gap` between them and within [low, high], all in the axis' unit (log axes: exponents)."""
    places = spread_out([y for *_, y in labels], gap, low, high)
    common = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 8, "yanchor": "middle", "showarrow": False}
    return [
        {"text": f"<b>{text}</b>", "font": {"color": color(role)}, **common, "y": place, **options}
        for (text, role, _), place in zip(labels, places, strict=True)
    ]


def labels_above(words: str, labels: Sequence[tuple[str, Role, float]], between: str = " ") -> str:
    """On a phone there is no room beside the lines: `words`, then the labels in lines of their own, in the lines' colours."""
    rows = (
        f'<span style="color:{color(role)}"><b>{text.replace("<br>", between)}</b></span>' for text, role, _ in labels
    )
    return "<br>".join([words.replace(" · ", "<br>"), *rows])
