"""What the pictures of the lab `gradient_flow` have in common."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.gradient_flow.result import Floats
from bnviz.plot.label_layout import spread_out
from bnviz.plot.primitives import note, segment
from bnviz.plot.theme import Role

ROLES: Final[tuple[Role, Role]] = ("before", "after")


def drawable(values: Floats) -> Floats:
    """`values` with NaN where a log axis has no place: 0, infinite, not a number."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def layer_range(depth: int, margin: float = 0.0) -> list[float]:
    """The layer axis, with a `margin` (0: a little) beyond the first and the last."""
    return [1 - (margin or 0.03 * depth), depth + (margin or 0.03 * depth)]


def layer_ticks(depth: int, most: int = 11) -> list[int]:
    """The layers that the axis names, `most` at the most and round ones."""
    step = next(step for step in (1, 2, 5, 10, 25) if depth / step <= most)
    return sorted({1, *range(step, depth + 1, step)}) if step != 2 else list(range(2, depth + 1, 2))


def step_ticks(steps: NDArray[np.int64], most: int = 12) -> list[int]:
    """Indices of the recorded `steps` that an axis names, the last among them."""
    stride = math.ceil(len(steps) / most)
    return list(range(len(steps) - 1, -1, -stride))[::-1]


def level(y: float) -> dict[str, Any]:
    """A thin line across the plot at `y`."""
    return segment((0, 1), (y, y), "context", 1, xref="paper", layer="below")


def stacked(labels: list[tuple[str, Role, float]], low: float, high: float) -> list[dict[str, Any]]:
    """Labels inside the plot, each just above its level, none over another."""
    gap = 0.13 * (high - low)
    places = spread_out([place for *_rest, place in labels], gap, low, high - gap)
    return [
        note(f"<b>{text}</b>", role, xref="paper", x=0.99, xanchor="right", y=place, yanchor="bottom", yshift=6)
        for (text, role, _level), place in zip(labels, places, strict=True)
    ]
