"""How much the gradient grows per layer in the lab `gradient_flow`, against theory and while it trains."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bnviz.i18n import Language, translator
from bnviz.labs.gradient_flow.figures.layers_axis import (
    ROLES,
    drawable,
    layer_range,
    layer_ticks,
    level,
    stacked,
    step_ticks,
)
from bnviz.labs.gradient_flow.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import largest, line
from bnviz.plot.theme import axis, color, layout
from bnviz.plot.variants import normalizer_name


def layer_growth(result: Result, language: Language = "en") -> Chart:
    """Factor of the gradient from each layer to the one below it, fresh network: dots measured, dashed line theory."""
    _ = translator(language)
    depth = result.settings.depth
    layers = np.arange(1, depth)
    values = drawable(result.layer_growth)
    traces: list[dict[str, Any]] = []
    for index, variant in enumerate(result.variants):
        name = normalizer_name(variant, _)
        dots = {"size": 9, "color": color(ROLES[index])}
        traces += [
            {"type": "scatter", "mode": "markers", "x": layers, "y": values[index], "marker": dots, "name": name},
            line(layers, result.layer_growth_theory[index], "theory", _("mean-field theory"), width=2, dash="dash"),
        ]
    growths = []
    for index, variant in enumerate(result.variants):
        text = _("{variant}: ×{growth} per layer, theory ×{theory}").format(
            variant=normalizer_name(variant, _),
            growth=short(result.growth[index]),
            theory=short(result.growth_theory[index]),
        )
        growths.append((text, ROLES[index], largest(values[index], result.layer_growth_theory[index])))
    top = 1.2 * largest(values, result.layer_growth_theory, 1.0)
    notes = stacked(growths, 0.0, top)
    y = axis(_("Gradient at layer l / layer l + 1"), range=[0, top])
    x = axis(_("Layer l"), range=layer_range(max(depth - 1, 1)), tickvals=layer_ticks(max(depth - 1, 1)))
    return Chart(
        "layer_growth",
        traces,
        layout(x, y, annotations=notes, shapes=[level(1.0)]),
        _("Growth of the gradient from layer to layer in the fresh network: {growths}.").format(
            growths=_("; ").join(text for text, *_rest in growths)
        ),
        height=340,
    )


def growth_by_step(result: Result, language: Language = "en") -> Chart:
    """Growth per layer as training goes, against the prediction for the fresh network."""
    _ = translator(language)
    values = drawable(result.growth_by_step)
    points = np.arange(len(result.steps))
    traces: list[dict[str, Any]] = []
    labels = []
    for index, variant in enumerate(result.variants):
        name, theory = normalizer_name(variant, _), float(result.growth_theory[index])
        traces += [
            line(points, np.full(len(points), theory), "theory", _("fresh, mean-field theory"), width=1.8, dash="dash"),
            line(points, values[index], ROLES[index], name, width=3, marker={"size": 7}),
        ]
        finite = values[index][np.isfinite(values[index])]
        label = (
            _("{variant}: fresh ×{first}, at the end ×{last}")
            if len(finite) == len(points)
            else _("{variant}: fresh ×{first}, then no longer a number")
        )
        ends = {"first": short(result.growth[index]), "last": short(finite[-1] if finite.size else math.nan)}
        labels.append((label.format(variant=name, **ends), ROLES[index], largest(values[index], theory)))
    top = 1.2 * largest(values, result.growth_theory, 1.0)
    ticks = step_ticks(result.steps)
    x = axis(
        _("Training step (as recorded)"),
        range=[-0.5, len(points) - 0.5],
        tickvals=ticks,
        ticktext=[str(result.steps[tick]) for tick in ticks],
    )
    y = axis(_("Growth of the gradient per layer"), range=[0, top])
    return Chart(
        "growth_by_step",
        traces,
        layout(x, y, annotations=stacked(labels, 0.0, top), shapes=[level(1.0)]),
        _("Growth of the gradient per layer over training: {growths}.").format(
            growths=_("; ").join(text for text, *_rest in labels)
        ),
        height=340,
        playhead_first=0.0,
    )
