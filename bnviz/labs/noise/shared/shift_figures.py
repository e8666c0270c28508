"""Pictures of the variance shift in any network, for the topics `shift` and `dropout` of the lab `noise`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import Translate
from bnviz.labs.noise.shared.shift import Shift
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, line, log_axis, note, phone, points
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures.seeds import phone_key

MARGIN: Final = {"l": 72, "r": 190, "t": 44, "b": 52}
PHONE: Final = {"l": 54, "r": 96, "t": 84, "b": 46}
DEEP: Final = 12
MEAN_ROLES: Final[tuple[Role, ...]] = ("series_2", "series_4", "series_6")
SHOWN_UNITS: Final = 150


def ratio_chart(name: str, shift: Shift, words: str, _: Translate) -> Chart:
    """Variance of each batch norm's output in eval mode, layer by layer, over its prediction; `words`: how to read it."""
    layers = np.arange(1, len(shift.ratio) + 1)
    lowest = float(np.nanmin([*shift.ratio, *shift.ratio_theory, *shift.local, 0.05]))
    low, high = math.log10(max(lowest, 1e-6)) - 0.2, 0.15
    one: tuple[str, Role, float] = (_("training: 1"), "after", 0.0)
    labels = [
        one,
        *_labelled((_("eval"), "running", shift.ratio), _),
        *_labelled((_("theory"), "theory", shift.ratio_theory), _),
        *_labelled((_("own Dropout alone"), "context", shift.local), _),
    ]
    if np.allclose(shift.local, shift.ratio_theory, rtol=0.02):
        labels = labels[:-1]
    span = [0.7, len(layers) + 0.3]
    traces = [
        line(span, [1, 1], "after", _("training: 1"), width=3),
        line(layers, shift.local, "context", _("own Dropout alone"), width=2, dash="dot"),
        line(layers, shift.ratio, "running", _("eval"), width=3.5, marker={"size": 13, "color": color("running")}),
        line(layers, shift.ratio_theory, "theory", _("theory"), width=2, dash="dash"),
    ]
    notes = [key(words), *end_labels(labels, low, high)]
    x = axis(_("Hidden layer"), range=span, dtick=1 if len(layers) <= DEEP else 5)
    y = log_axis(_("Variance of the output x̂"), low, high)
    told = _(", ").join(short(float(value)) for value in shift.ratio[:6])
    return Chart(
        name,
        traces,
        layout(x, y, annotations=notes, margin=MARGIN),
        _(
            "Variance of batch norm's output in eval mode by hidden layer: {measured}; in training it is 1. Predicted for the last "
            "layer: {theory}."
        ).format(measured=told, theory=short(float(shift.ratio_theory[-1]))),
        height=400,
        phone_layout={
            "font": {"size": 12},
            "margin": {**PHONE, "r": 14, "t": 70 + 18 * len(labels)},
            "annotations": [phone_key(words, labels)],
        },
    )


def unit_chart(shift: Shift, _: Translate) -> Chart:
    """Every unit's variance in eval mode against its prediction, first, second and last layer."""
    depth = len(shift.ratio)
    chosen = sorted({0, min(1, depth - 1), depth - 1})
    traces: list[dict[str, Any]] = []
    seen = np.concatenate([*shift.unit_ratio, *shift.unit_theory, np.array([0.5])])
    low = math.log10(max(float(seen[seen > 0].min()), 1e-5)) - 0.1
    high = math.log10(max(float(seen.max()), 1.0)) + 0.2
    ends = [10**low, 10**high]
    notes = [key(_("each dot one unit · dashed: measured as predicted"))]
    for number, (index, role) in enumerate(zip(chosen, MEAN_ROLES, strict=False)):
        name = _("layer {number}").format(number=index + 1)
        every = max(1, len(shift.unit_ratio[index]) // SHOWN_UNITS)
        traces.append(
            points(shift.unit_theory[index][::every], shift.unit_ratio[index][::every], role, name, size=7, opacity=0.7)
        )
        notes.append(
            note(
                f"<b>{name}</b>",
                role,
                xref="paper",
                x=0.02,
                yref="paper",
                y=0.98 - 0.09 * number,
                xanchor="left",
                yanchor="top",
            )
        )
    traces.append(line(ends, ends, "theory", "", width=2, dash="dash"))
    off = [
        float(np.median(np.abs(a[b > 0] / b[b > 0] - 1))) if (b > 0).any() else math.nan
        for a, b in zip(shift.unit_ratio, shift.unit_theory, strict=True)
    ]
    return Chart(
        "units",
        traces,
        layout(
            log_axis(_("Predicted variance in eval mode"), low, high),
            log_axis(_("Measured"), low, high),
            annotations=notes,
            margin={**MARGIN, "r": 24},
        ),
        _(
            "Measured against predicted variance, unit by unit. Median difference in layer 1: {first} %, in the last: {last} %."
        ).format(first=short(100 * off[0]), last=short(100 * off[-1])),
        height=400,
        phone_layout=phone(notes, **{**PHONE, "r": 14, "t": 50}),
    )


def _labelled(entry: tuple[str, Role, Any], _: Translate) -> list[tuple[str, Role, float]]:
    """The label at the end of a line on the log axis, with its number."""
    text, role, numbers = entry
    last = float(numbers[-1])
    return [(_("{name}: {value}").format(name=text, value=short(last)), role, math.log10(last))] if last > 0 else []
