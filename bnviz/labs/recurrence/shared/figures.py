"""What the pictures of the lab `recurrence` have in common: names and colours of the variants, two panels over the time steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_
from bnviz.plot.chart import Chart
from bnviz.plot.panels import Panels, heading
from bnviz.plot.primitives import key, small
from bnviz.plot.theme import Role, axis
from bnviz.plot.variants import NORMALIZER_ROLES

Floats = NDArray[np.float64]

MANY: Final = 12  # time steps that can all be marked and numbered

VARIANT_NAMES: Final[Mapping[str, str]] = {
    "none": N_("no normalizer"),
    "batch_per_step": N_("batch norm per step"),
    "batch_shared": N_("batch norm shared"),
    "batch_input_only": N_("batch norm, input only"),
    "layer": N_("layer norm"),
}
SHORT_NAMES: Final[Mapping[str, str]] = {
    "none": N_("none"),
    "batch_per_step": N_("per step"),
    "batch_shared": N_("shared"),
    "batch_input_only": N_("input only"),
    "layer": N_("layer norm"),
}
VARIANT_ROLES: Final[Mapping[str, Role]] = {
    "none": NORMALIZER_ROLES["none"],
    "batch_per_step": NORMALIZER_ROLES["batch"],
    "batch_shared": "series_1",
    "batch_input_only": "series_5",
    "layer": NORMALIZER_ROLES["layer"],
}


def time_axis(steps: int, title: str, **options: Any) -> dict[str, Any]:
    """The time steps 1 … `steps`."""
    return axis(
        title, range=[0.4, steps + 0.6], dtick=1 if steps <= MANY else 8, tick0=1 if steps <= MANY else 0, **options
    )


def two_panels(
    name: str,
    left: Sequence[dict[str, Any]],
    right: Sequence[dict[str, Any]],
    titles: tuple[str, str],
    ranges: tuple[tuple[float, float], tuple[float, float]],
    x: dict[str, Any],
    how: str,
    alt: str,
    notes: Sequence[dict[str, Any]] = (),
    height: int = 430,
) -> Chart:
    """Two pictures side by side over the same x axis, `how` to read them above; on a phone one over the other."""
    panels = Panels()
    for place, (traces, title, wide, ends) in enumerate(
        zip((left, right), titles, ([0, 0.46], [0.54, 1]), ranges, strict=True)
    ):
        panels.add(traces, {**x, "domain": wide}, axis("", range=list(ends)))
        panels.notes.append(heading(f"<b>{title}</b>", 0.54 * place, 1.01))
    words = {**key(how), "yshift": 30}
    phone_heads = [
        {**head, "x": 0, "y": 1.0 - 0.56 * place, "font": {**head["font"], "size": 13}}
        for place, head in enumerate(panels.notes)
    ]
    base = panels.layout(annotations=[words, *panels.notes, *notes], margin={"l": 56, "r": 24, "t": 74, "b": 52})
    phone = {
        "font": {"size": 12},
        "margin": {"l": 48, "r": 12, "t": 96, "b": 44},
        "xaxis": {"domain": [0, 1], "title": {"text": ""}, "showticklabels": False},
        "xaxis2": {"domain": [0, 1]},
        "yaxis": {"domain": [0.56, 1]},
        "yaxis2": {"domain": [0, 0.44]},
        "annotations": [*small([words]), *phone_heads, *small(notes)],
    }
    return Chart(name, panels.traces, base, alt, height=height, phone_height=560, phone_layout=phone)


def dot(steps: int) -> dict[str, Any]:
    """A marker for each of `steps` time steps, small where there are many."""
    return {"size": 9 if steps <= MANY else 4}


def span(*values: Floats, lowest: float | None = None) -> tuple[float, float]:
    """An axis around the finite `values`, from `lowest` where that is given."""
    seen = np.concatenate([np.ravel(part) for part in values])
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return (0.0, 1.0)
    low, high = float(seen.min()), float(seen.max())
    room = 0.06 * (high - low) or 0.1
    return (low - room if lowest is None else lowest, high + room)
