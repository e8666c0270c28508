"""What the activations receive while the network of the lab `gradient_flow` trains, over their curve and slope."""

from __future__ import annotations

from typing import Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.gradient_flow.figures.layers_axis import ROLES
from bnviz.labs.gradient_flow.result import Floats, Result
from bnviz.plot.numbers import short
from bnviz.plot.scene import Axis, Curve, Layer, Panel, Readout, Row, Scene, Zone
from bnviz.plot.variants import normalizer_name

DENSITY: Final = 1.0  # the density axis ends here at the latest: what is narrower runs out of the panel


def activation_window(result: Result, language: Language = "en") -> Scene:
    """What enters the activation at the first, middle and last layer, under the activation and its slope, as training goes."""
    _ = translator(language)
    depth, curve = result.settings.depth, result.curve
    density = result.preactivations.density()
    highest = min(DENSITY, 1.05 * float(density.max(initial=0.1)))
    low, high = float(curve.x[0]), float(curve.x[-1])
    floor, ceiling = _scale(curve.value, curve.slope)
    shown = sorted({0, depth // 2, depth - 1})
    rows = []
    for index, variant in enumerate(result.variants):
        panels = []
        lowest = index == len(result.variants) - 1
        for layer in shown:
            curves = (
                Curve("ink", curve.x, np.clip(curve.value, floor - 1, ceiling + 1), "φ", floor, ceiling),
                Curve("context", curve.x, curve.slope, "φ′", floor, ceiling),
            )
            panels.append(
                Panel(
                    f"{variant}-{layer + 1}",
                    _("{variant}, layer {layer}").format(variant=normalizer_name(variant, _), layer=layer + 1),
                    "histogram",
                    Axis(_("pre-activation z") if lowest else "", low, high),
                    Axis("", 0.0, highest),
                    result.preactivations.edges,
                    (Layer(ROLES[index], density[index, :, layer]),),
                    zones=_zones(result, _),
                    curves=curves,
                    readouts=(Readout(_("saturated"), 100 * result.saturated[index, :, layer], "%"),),
                )
            )
        rows.append(Row(tuple(panels)))
    return Scene(
        "activation_window",
        len(result.steps),
        _("look"),
        tuple(rows),
        [_caption(result, point, _) for point in range(len(result.steps))],
        _window_alt(result, _),
        height=260 * len(rows),
        fps=3,
    )


def _scale(value: Floats, slope: Floats) -> tuple[float, float]:
    """Right-hand scale of the activation panels: φ and φ′, cut where φ has no bound."""
    return max(-1.1, min(float(value.min()), float(slope.min()))) - 0.05, min(
        1.2, float(max(value.max(), slope.max()))
    ) + 0.05


def _zones(result: Result, _: Translate) -> tuple[Zone, ...]:
    """The saturated intervals within the axis; the narrow one of GELU and SiLU goes unlabelled."""
    low, high = float(result.curve.x[0]), float(result.curve.x[-1])
    clipped = [(max(a, low), min(b, high)) for a, b in result.curve.saturated if a < high and b > low]
    return tuple(Zone(a, b, _("saturated") if b - a > 0.15 * (high - low) else "") for a, b in clipped)


def _caption(result: Result, point: int, _: Translate) -> str:
    losses = [
        _("{variant} {loss}").format(variant=normalizer_name(variant, _), loss=short(float(result.loss[index, point])))
        for index, variant in enumerate(result.variants)
    ]
    return _("after {step} training steps; loss: {losses}").format(
        step=int(result.steps[point]), losses=_(", ").join(losses)
    )


def _window_alt(result: Result, _: Translate) -> str:
    parts = [
        _("{variant}: {first} % in the fresh network, {last} % at the end").format(
            variant=normalizer_name(variant, _),
            first=short(100 * float(result.saturated[index, 0].mean())),
            last=short(100 * float(result.saturated[index, -1].mean())),
        )
        for index, variant in enumerate(result.variants)
    ]
    return _(
        "Histograms of what enters the activation, under the activation φ and its slope φ′. Saturated, mean over layers: {parts}."
    ).format(parts=_("; ").join(parts))
