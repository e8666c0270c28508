"""How large what enters the activation is from layer to layer in the lab `gradient_flow`, against theory."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, translator
from bnviz.labs.gradient_flow.figures.layers_axis import ROLES, drawable, layer_range, layer_ticks
from bnviz.labs.gradient_flow.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import line, note, power_ticks, theory_line
from bnviz.plot.theme import axis, layout
from bnviz.plot.variants import normalizer_name

LEAST: Final = 2.0
"""Decades that the axis shows at least."""
ROOM: Final = 0.16
"""Of the height of the data, above them: what a label takes."""


def mean_square(result: Result, language: Language = "en") -> Chart:
    """Mean square of z by layer in the fresh network, on a log axis: dots measured, dashed line theory."""
    _ = translator(language)
    depth = result.settings.depth
    layers = np.arange(1, depth + 1)
    measured, theory = drawable(result.preactivation_rms[:, 0] ** 2), drawable(result.preactivation_rms_theory**2)
    traces: list[dict[str, Any]] = []
    texts = []
    for index, variant in enumerate(result.variants):
        name = normalizer_name(variant, _)
        traces += [
            line(layers, measured[index], ROLES[index], name, width=3, marker={"size": 8}),
            theory_line(layers, theory[index], _("{variant}, mean-field theory").format(variant=name)),
        ]
        ends = {"measured": short(measured[index, -1]), "theory": short(theory[index, -1])}
        text = _("{variant}: {measured} in the last layer, theory {theory}").format(variant=name, **ends)
        texts.append(text)
    seen = np.concatenate([measured, theory])
    seen = seen[np.isfinite(seen)]
    low, top = (math.log10(seen.min()), math.log10(seen.max())) if seen.size else (0.0, 0.0)
    height = max(top - low, LEAST)
    high, low = top + ROOM * len(texts) * height, low - 0.15 * height
    notes = [
        note(
            f"<b>{text}</b>",
            ROLES[index],
            xref="paper",
            x=0.01,
            xanchor="left",
            y=high - ROOM * index * height,
            yanchor="top",
        )
        for index, text in enumerate(texts)
    ]
    y = axis(_("Mean square of z"), type="log", range=[low, high], **power_ticks(low, high))
    x = axis(_("Layer"), tickvals=layer_ticks(depth), range=layer_range(depth))
    return Chart(
        "mean_square",
        traces,
        layout(x, y, annotations=notes),
        _("Mean square of what enters the activation, by layer: {parts}.").format(parts=_("; ").join(texts)),
        height=340,
    )
