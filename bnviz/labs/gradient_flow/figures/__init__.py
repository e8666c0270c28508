"""Pictures of the gradient in the lab `gradient_flow`, by layer and step. What is no finite number is left blank, and said so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.gradient_flow.figures.layers_axis import ROLES, drawable, layer_range, layer_ticks, step_ticks
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import line, note, power_ticks
from bnviz.plot.theme import SERIES, axis, color, layout
from bnviz.plot.variants import normalizer_name

if TYPE_CHECKING:
    from bnviz.labs.gradient_flow.experiment import Result

Floats = NDArray[np.float64]

VANISHED: Final = 1e-7  # of the last layer's gradient: about what float32 resolves of 1
DECADES: Final = 3.0  # the gradient axis shows this many at least


def flow(result: Result, language: Language = "en") -> Chart:
    """RMS gradient by layer, fresh and after training, without and with the normalizer, over the mean-field prediction."""
    _ = translator(language)
    layers = np.arange(1, result.settings.depth + 1)
    trained = int(result.steps[-1])
    fresh, last = drawable(result.gradient_rms[:, 0]), drawable(result.gradient_rms[:, -1])
    theory = drawable(result.gradient_rms_theory)
    low, high = _decades(np.concatenate([fresh, last]))
    traces: list[dict[str, Any]] = []
    for index, variant in enumerate(result.variants):
        name, role = normalizer_name(variant, _), ROLES[index]
        if trained:
            after = _("{variant}, after {steps} steps").format(variant=name, steps=trained)
            traces.append(line(layers, last[index], role, after, width=2, opacity=0.4))
        first = _("{variant}, fresh network").format(variant=name)
        traces.append(line(layers, fresh[index], role, first, width=3.5, marker={"size": 7}))
        predicted = _("{variant}, mean-field theory").format(variant=name)
        traces.append(line(layers, theory[index], "theory", predicted, width=1.8, dash="dash"))
    notes = [_key(trained, _), *_flow_labels(result, fresh, low, high, _)]
    shapes = []
    floor = math.log10(VANISHED * fresh[0, -1]) if np.isfinite(fresh[0, -1]) else -math.inf
    if floor > low:
        shapes.append(_band(low, floor))
        # The lines run from the band's lower left to its upper right: the label goes where there is room.
        side: dict[str, Any] = (
            {"x": 0.01, "xanchor": "left", "y": floor, "yanchor": "top"}
            if floor - low > 0.3 * (high - low)
            else {"x": 0.99, "xanchor": "right", "y": low, "yanchor": "bottom"}
        )
        text = _("vanished: below 10⁻⁷ of the last layer's gradient")
        notes.append(note(text, xref="paper", **side))
    ticks = {"tickvals": layer_ticks(result.settings.depth), "range": layer_range(result.settings.depth)}
    y = axis(_("RMS gradient at the pre-activation"), type="log", range=[low, high], **power_ticks(low, high))
    return Chart(
        "flow",
        traces,
        layout(axis(_("Layer (the gradient travels from right to left)"), **ticks), y, annotations=notes, shapes=shapes,
               margin={"l": 78, "r": 24, "t": 40, "b": 52}),
        _flow_alt(result, _),
        height=420,
        phone_height=400,
        phone_layout={
            "font": {"size": 12}, "margin": {"l": 62, "r": 10, "t": 66, "b": 48},
            "annotations": [_key(trained, _, line_break=True), *notes[1:]],
        },
    )  # fmt: skip


def heat(result: Result, language: Language = "en") -> Chart:
    """Logarithm of the RMS gradient, layer by recorded step: without normalization above, with the normalizer below."""
    _ = translator(language)
    values = np.log10(drawable(result.gradient_rms))
    seen = values[np.isfinite(values)]
    low, high = (math.floor(seen.min()), math.ceil(seen.max())) if seen.size else (-1, 0)
    points = np.arange(len(result.steps))
    layers = np.arange(1, result.settings.depth + 1)
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    notes = []
    count = len(result.variants)
    share = 1 / count
    for index, variant in enumerate(result.variants):
        suffix = "" if index == 0 else str(index + 1)
        domain = [1 - (index + 0.84 + 0.16 * index) * share, 1 - index * 1.16 * share] if count > 1 else [0, 1]
        axes[f"yaxis{suffix}"] = axis(
            _("Layer"), domain=domain, anchor="x", showgrid=False, tickvals=layer_ticks(result.settings.depth, 5),
            range=layer_range(result.settings.depth, 0.5),
        )  # fmt: skip
        traces.append(
            {
                "type": "heatmap", "x": points, "y": layers, "z": values[index].T, "xaxis": "x", "yaxis": f"y{suffix}",
                "coloraxis": "coloraxis", "name": normalizer_name(variant, _), "hoverongaps": False,
                "customdata": np.broadcast_to(result.steps, values[index].T.shape),
                "hovertemplate": _("step %{customdata}, layer %{y}: 10^%{z:.1f}"),
            }
        )  # fmt: skip
        notes.append(
            note(f"<b>{normalizer_name(variant, _)}</b>", xref="paper", x=0, xanchor="left", yref="paper", y=domain[1],
                  yanchor="bottom", tone=ROLES[index])
        )  # fmt: skip
    if seen.size < values.size:
        blank = _("blank: too small for float32, or no longer a number")
        notes.append(note(blank, xref="paper", x=1, xanchor="right", yref="paper", y=1, yanchor="bottom"))
    ticks = step_ticks(result.steps)
    x = axis(
        _("Training step (as recorded)"), showgrid=False, range=[-0.5, len(points) - 0.5], tickvals=ticks,
        ticktext=[str(result.steps[tick]) for tick in ticks], anchor=f"y{count}" if count > 1 else "y",
    )  # fmt: skip
    base = layout(x, axes.pop("yaxis"), annotations=notes, margin={"l": 64, "r": 24, "t": 40, "b": 52})
    bar = power_ticks(low, high)
    base["coloraxis"] = {
        "colorscale": [[place / (len(SERIES) - 1), color(role)] for place, role in enumerate(SERIES)],
        "cmin": low, "cmax": max(high, low + 1),
        "colorbar": {
            "title": {"text": _("RMS gradient"), "side": "right"}, "thickness": 14, "outlinewidth": 0,
            "tickvals": [math.log10(value) for value in bar["tickvals"]], "ticktext": bar["ticktext"],
        },
    }  # fmt: skip
    return Chart(
        "heat", traces, {**base, **axes}, _heat_alt(result, _), height=200 + 110 * count, playhead_first=0.0,
        phone_layout={"font": {"size": 12}, "margin": {"l": 48, "r": 8, "t": 40, "b": 48}},
    )  # fmt: skip


def _decades(values: Floats) -> tuple[float, float]:
    """Exponents of a log axis that holds `values`, in whole decades, with room for a label above the highest."""
    seen = values[np.isfinite(values)]
    if not seen.size:
        return -DECADES, 0.0
    low, top = math.floor(math.log10(seen.min()) - 0.15), math.log10(seen.max())
    high = float(math.ceil(top + max(0.35, 0.15 * (top - low))))
    return low - max(0.0, DECADES - (high - low)), high


def _band(low: float, high: float) -> dict[str, Any]:
    return {
        "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": 10.0**low, "y1": 10.0**high, "layer": "below",
        "fillcolor": color("context", 0.14), "line": {"width": 0},
    }  # fmt: skip


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
    places = []
    for values in fresh:
        seen = np.flatnonzero(np.isfinite(values))
        at = int(seen[round(0.3 * (seen.size - 1))]) if seen.size else 0
        places.append((at, math.log10(values[at]) if seen.size else low))
    upper = max(range(len(places)), key=lambda index: places[index][1])
    several = len(places) > 1
    notes = []
    for index, variant in enumerate(result.variants):
        at, level = places[index]
        text = _("{variant}: ×{growth} per layer").format(
            variant=normalizer_name(variant, _), growth=short(result.growth[index])
        )
        if result.first_measurable[index] > 0:
            text += "<br>" + _("lost in float32 before layer {layer}").format(
                layer=int(result.first_measurable[index]) + 1
            )
        if not np.isfinite(result.gradient_rms[index]).all():
            text += "<br>" + _("training: no longer a number")
        rising = bool(result.growth[index] < 1)
        place: dict[str, Any] = {"xanchor": "left", "yanchor": "top", "yshift": -12}
        if rising and at > 0.5 * depth:
            place = {"xanchor": "right", "yanchor": "middle", "xshift": -16}
        elif index == upper and not rising and level < high - 0.12 * (high - low):
            place = {"xanchor": "left", "yanchor": "bottom", "yshift": 12}
        elif several and index == upper and rising:  # the other line passes below: the room is above, to the left
            at = round(0.6 * (depth - 1))
            level = math.log10(fresh[index, at]) if np.isfinite(fresh[index, at]) else level
            place = {"xanchor": "right", "yanchor": "bottom", "xshift": -6, "yshift": 8}
        elif several and index != upper and not rising:  # the other line comes down on it further right
            at, level = 0, math.log10(fresh[index, 0]) if np.isfinite(fresh[index, 0]) else level
            place = {**place, "yshift": -24}
        notes.append(
            note(f"<b>{text}</b>", ROLES[index], x=at + 1, y=level, align="left", bgcolor=color("paper", 0.75), **place)
        )
    return notes


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
        parts="; ".join(parts)
    )


def _heat_alt(result: Result, _: Translate) -> str:
    return _(
        "RMS gradient by layer and training step, in colours on a log scale: {variants}; {steps} training steps."
    ).format(
        variants=", ".join(normalizer_name(variant, _) for variant in result.variants), steps=int(result.steps[-1])
    )
