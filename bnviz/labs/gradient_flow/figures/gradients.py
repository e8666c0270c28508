"""The gradient of the lab `gradient_flow` on its way back through the layers. What is no finite number is left blank, and said so."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.gradient_flow.figures.layers_axis import ROLES, drawable, layer_range, layer_ticks
from bnviz.labs.gradient_flow.result import Floats, Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import PHONE_FONT, line, note, power_ticks, rectangle, theory_line
from bnviz.plot.theme import axis, color, layout
from bnviz.plot.variants import normalizer_name

VANISHED: Final = 1e-7  # of the last layer's gradient: about what float32 resolves of 1
DECADES: Final = 3.0  # the gradient axis shows this many at least


def flow(result: Result, language: Language = "en") -> Chart:
    """RMS gradient by layer, fresh and after training, without and with the normalizer, over the mean-field prediction."""
    _ = translator(language)
    depth, trained = result.settings.depth, int(result.steps[-1])
    fresh, last = drawable(result.gradient_rms[:, 0]), drawable(result.gradient_rms[:, -1])
    low, high = _decades(np.concatenate([fresh, last]))
    notes = [_key(trained, _), *_flow_labels(result, fresh, low, high, _)]
    shapes = []
    floor = math.log10(VANISHED * fresh[0, -1]) if np.isfinite(fresh[0, -1]) else -math.inf
    if floor > low:
        shapes.append(rectangle((0, 1), (10.0**low, 10.0**floor), "context", 0.14, xref="paper"))
        notes.append(_vanished(floor, low, high, _))
    x = axis(
        _("Layer (the gradient travels from right to left)"), tickvals=layer_ticks(depth), range=layer_range(depth)
    )
    y = axis(_("RMS gradient at the pre-activation"), type="log", range=[low, high], **power_ticks(low, high))
    return Chart(
        "flow",
        _lines(result, fresh, last, _),
        layout(x, y, annotations=notes, shapes=shapes, margin={"l": 78, "r": 24, "t": 40, "b": 52}),
        _flow_alt(result, _),
        height=420,
        phone_height=400,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 62, "r": 10, "t": 66, "b": 48},
            "annotations": [_key(trained, _, line_break=True), *notes[1:]],
        },
    )


def _lines(result: Result, fresh: Floats, last: Floats, _: Translate) -> list[dict[str, Any]]:
    """Per variant the fresh network, the trained one where it was trained, and the prediction."""
    layers, trained = np.arange(1, result.settings.depth + 1), int(result.steps[-1])
    theory = drawable(result.gradient_rms_theory)
    traces: list[dict[str, Any]] = []
    for index, variant in enumerate(result.variants):
        name, role = normalizer_name(variant, _), ROLES[index]
        if trained:
            after = _("{variant}, after {steps} steps").format(variant=name, steps=trained)
            traces.append(line(layers, last[index], role, after, width=2, opacity=0.4))
        first = _("{variant}, fresh network").format(variant=name)
        traces.append(line(layers, fresh[index], role, first, width=3.5, marker={"size": 7}))
        traces.append(theory_line(layers, theory[index], _("{variant}, mean-field theory").format(variant=name)))
    return traces


def _vanished(floor: float, low: float, high: float, _: Translate) -> dict[str, Any]:
    """What the band up to 10^floor means: the lines run from its lower left to its upper right, the label goes where there is room."""
    side: dict[str, Any] = {"x": 0.99, "xanchor": "right", "y": low, "yanchor": "bottom"}
    if floor - low > 0.3 * (high - low):
        side = {"x": 0.01, "xanchor": "left", "y": floor, "yanchor": "top"}
    return note(_("vanished: below 10⁻⁷ of the last layer's gradient"), xref="paper", **side)


def _decades(values: Floats) -> tuple[float, float]:
    """Exponents of a log axis that holds `values`, in whole decades, with room for a label above the highest."""
    seen = values[np.isfinite(values)]
    if not seen.size:
        return -DECADES, 0.0
    low, top = math.floor(math.log10(seen.min()) - 0.15), math.log10(seen.max())
    high = float(math.ceil(top + max(0.35, 0.15 * (top - low))))
    return low - max(0.0, DECADES - (high - low)), high


def _key(trained: int, _: Translate, *, line_break: bool = False) -> dict[str, Any]:
    text = _("thick: fresh network · dashed: mean-field theory")
    if trained:
        text = _("thick: fresh network · faint: after {steps} training steps · dashed: mean-field theory").format(
            steps=trained
        )
    if line_break:
        text = text.replace(" · ", "<br>")
    return note(text, xref="paper", x=0, xanchor="left", yref="paper", y=1.02, yanchor="bottom", align="left")


def _flow_labels(result: Result, fresh: Floats, low: float, high: float, _: Translate) -> list[dict[str, Any]]:
    """The growth at each on the side where the line leaves room."""
    depth = result.settings.depth
    anchors = []
    for values in fresh:
        seen = np.flatnonzero(np.isfinite(values))
        at = int(seen[round(0.3 * (seen.size - 1))]) if seen.size else 0
        anchors.append((at, math.log10(values[at]) if seen.size else low))
    upper = max(range(len(anchors)), key=lambda index: anchors[index][1])
    several = len(anchors) > 1
    notes = []
    for index in range(len(result.variants)):
        at, level = anchors[index]
        rising = bool(result.growth[index] < 1)
        offset: dict[str, Any] = {"xanchor": "left", "yanchor": "top", "yshift": -12}
        if rising and at > 0.5 * depth:
            offset = {"xanchor": "right", "yanchor": "middle", "xshift": -16}
        elif index == upper and not rising and level < high - 0.12 * (high - low):
            offset = {"xanchor": "left", "yanchor": "bottom", "yshift": 12}
        elif several and index == upper and rising:  # the other line passes below: the room is above, to the left
            at = round(0.6 * (depth - 1))
            level = math.log10(fresh[index, at]) if np.isfinite(fresh[index, at]) else level
            offset = {"xanchor": "right", "yanchor": "bottom", "xshift": -6, "yshift": 8}
        elif several and index != upper and not rising:  # the other line comes down on it further right
            at, level = 0, math.log10(fresh[index, 0]) if np.isfinite(fresh[index, 0]) else level
            offset = {**offset, "yshift": -24}
        words, look = _flow_label(result, index, _), {"align": "left", "bgcolor": color("paper", 0.75)}
        notes.append(note(f"<b>{words}</b>", ROLES[index], x=at + 1, y=level, **look, **offset))
    return notes


def _flow_label(result: Result, index: int, _: Translate) -> str:
    """The variant's growth per layer, and what float32 lost."""
    growth = short(result.growth[index])
    lines = [
        _("{variant}: ×{growth} per layer").format(variant=normalizer_name(result.variants[index], _), growth=growth)
    ]
    first = int(result.first_measurable[index])
    if first > 0:
        lines.append(_("lost in float32 before layer {layer}").format(layer=first + 1))
    if not np.isfinite(result.gradient_rms[index]).all():
        lines.append(_("training: no longer a number"))
    return "<br>".join(lines)


def _flow_alt(result: Result, _: Translate) -> str:
    parts = [
        _(
            "{variant}: ×{growth} per layer (theory ×{theory}), in all ×{ratio} from layer {last} to layer {first}"
        ).format(
            variant=normalizer_name(variant, _),
            growth=short(float(result.growth[index])),
            theory=short(float(result.growth_theory[index])),
            ratio=short(
                float(result.growth[index]) ** (result.settings.depth - 1 - int(result.first_measurable[index]))
            ),
            last=result.settings.depth,
            first=int(result.first_measurable[index]) + 1,
        )
        for index, variant in enumerate(result.variants)
    ]
    return _("RMS gradient of the fresh network on its way back, on a log axis. {parts}.").format(
        parts=_("; ").join(parts)
    )
