"""Pictures of the lab `gradient_flow`; each takes its `Result`. What is no finite number is left blank, and said so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.figures.chart import Chart
from bnviz.figures.ends import spread_out
from bnviz.figures.numbers import short
from bnviz.figures.parts import largest, note, power_ticks
from bnviz.figures.scene import Axis, Curve, Layer, Panel, Readout, Row, Scene, Zone
from bnviz.figures.theme import SERIES, Role, axis, color, layout
from bnviz.i18n import N_, Language, Translate, translator

if TYPE_CHECKING:
    from bnviz.experiments.gradient_flow import Result

Floats = NDArray[np.float64]

ROLES: Final[tuple[Role, Role]] = ("before", "after")
NAMES: Final = {
    "none": N_("no normalization"),
    "batch": N_("batch norm"),
    "layer": N_("layer norm"),
    "group": N_("group norm"),
}
VANISHED: Final = 1e-7  # of the last layer's gradient: about what float32 resolves of 1
DECADES: Final = 3.0  # the gradient axis shows this many at least
DENSITY: Final = 1.0  # the density axis ends here at the latest: what is narrower runs out of the panel


def flow(result: Result, language: Language = "en") -> Chart:
    """RMS gradient by layer, fresh and after training, without and with the normalizer, over the mean-field prediction."""
    _ = translator(language)
    layers = np.arange(1, result.settings.depth + 1)
    trained = int(result.steps[-1])
    fresh, last = _drawable(result.gradient_rms[:, 0]), _drawable(result.gradient_rms[:, -1])
    theory = _drawable(result.gradient_rms_theory)
    low, high = _decades(np.concatenate([fresh, last]))
    traces: list[dict[str, Any]] = []
    for index, variant in enumerate(result.variants):
        name, role = _(NAMES[variant]), ROLES[index]
        if trained:
            after = _("{variant}, after {steps} steps").format(variant=name, steps=trained)
            traces.append(_line(layers, last[index], role, after, width=2, opacity=0.4))
        first = _("{variant}, fresh network").format(variant=name)
        traces.append(_line(layers, fresh[index], role, first, width=3.5, marker={"size": 7}))
        predicted = _("{variant}, mean-field theory").format(variant=name)
        traces.append(_line(layers, theory[index], "theory", predicted, width=1.8, dash="dash"))
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
    ticks = {"tickvals": _layer_ticks(result.settings.depth), "range": _layer_range(result.settings.depth)}
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
                    _("{variant}, layer {layer}").format(variant=_(NAMES[variant]), layer=layer + 1),
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


def heat(result: Result, language: Language = "en") -> Chart:
    """Logarithm of the RMS gradient, layer by recorded step: without normalization above, with the normalizer below."""
    _ = translator(language)
    values = np.log10(_drawable(result.gradient_rms))
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
            _("Layer"), domain=domain, anchor="x", showgrid=False, tickvals=_layer_ticks(result.settings.depth, 5),
            range=_layer_range(result.settings.depth, 0.5),
        )  # fmt: skip
        traces.append(
            {
                "type": "heatmap", "x": points, "y": layers, "z": values[index].T, "xaxis": "x", "yaxis": f"y{suffix}",
                "coloraxis": "coloraxis", "name": _(NAMES[variant]), "hoverongaps": False,
                "customdata": np.broadcast_to(result.steps, values[index].T.shape),
                "hovertemplate": _("step %{customdata}, layer %{y}: 10^%{z:.1f}"),
            }
        )  # fmt: skip
        notes.append(
            note(f"<b>{_(NAMES[variant])}</b>", xref="paper", x=0, xanchor="left", yref="paper", y=domain[1],
                  yanchor="bottom", tone=ROLES[index])
        )  # fmt: skip
    if seen.size < values.size:
        blank = _("blank: too small for float32, or no longer a number")
        notes.append(note(blank, xref="paper", x=1, xanchor="right", yref="paper", y=1, yanchor="bottom"))
    ticks = _step_ticks(result.steps)
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


def layer_growth(result: Result, language: Language = "en") -> Chart:
    """Factor of the gradient from each layer to the one below it, fresh network: dots measured, dashed line theory."""
    _ = translator(language)
    depth = result.settings.depth
    layers = np.arange(1, depth)
    values = _drawable(result.layer_growth)
    traces: list[dict[str, Any]] = []
    for index, variant in enumerate(result.variants):
        name = _(NAMES[variant])
        dots = {"size": 9, "color": color(ROLES[index])}
        traces += [
            {"type": "scatter", "mode": "markers", "x": layers, "y": values[index], "marker": dots, "name": name},
            _line(layers, result.layer_growth_theory[index], "theory", _("mean-field theory"), width=2, dash="dash"),
        ]
    growths = []
    for index, variant in enumerate(result.variants):
        text = _("{variant}: ×{growth} per layer, theory ×{theory}").format(
            variant=_(NAMES[variant]), growth=short(result.growth[index]), theory=short(result.growth_theory[index])
        )
        growths.append((text, ROLES[index], largest(values[index], result.layer_growth_theory[index])))
    top = 1.2 * largest(values, result.layer_growth_theory, 1.0)
    notes = _stacked(growths, 0.0, top)
    y = axis(_("Gradient at layer l / layer l + 1"), range=[0, top])
    x = axis(_("Layer l"), range=_layer_range(max(depth - 1, 1)), tickvals=_layer_ticks(max(depth - 1, 1)))
    return Chart(
        "layer_growth", traces, layout(x, y, annotations=notes, shapes=[_level(1.0)]),
        _("Growth of the gradient from layer to layer in the fresh network: {growths}.").format(
            growths="; ".join(text for text, *_rest in growths)
        ),
        height=340,
    )  # fmt: skip


def growth_by_step(result: Result, language: Language = "en") -> Chart:
    """Growth per layer as training goes, against the prediction for the fresh network."""
    _ = translator(language)
    values = _drawable(result.growth_by_step)
    points = np.arange(len(result.steps))
    traces: list[dict[str, Any]] = []
    labels = []
    for index, variant in enumerate(result.variants):
        name, theory = _(NAMES[variant]), float(result.growth_theory[index])
        traces += [
            _line(
                points, np.full(len(points), theory), "theory", _("fresh, mean-field theory"), width=1.8, dash="dash"
            ),
            _line(points, values[index], ROLES[index], name, width=3, marker={"size": 7}),
        ]
        finite = values[index][np.isfinite(values[index])]
        label = (
            _("{variant}: fresh ×{first}, in the end ×{last}")
            if len(finite) == len(points)
            else _("{variant}: fresh ×{first}, then no longer a number")
        )
        ends = {"first": short(result.growth[index]), "last": short(finite[-1] if finite.size else math.nan)}
        labels.append((label.format(variant=name, **ends), ROLES[index], largest(values[index], theory)))
    top = 1.2 * largest(values, result.growth_theory, 1.0)
    ticks = _step_ticks(result.steps)
    x = axis(
        _("Training step (as recorded)"), range=[-0.5, len(points) - 0.5], tickvals=ticks,
        ticktext=[str(result.steps[tick]) for tick in ticks],
    )  # fmt: skip
    y = axis(_("Growth of the gradient per layer"), range=[0, top])
    return Chart(
        "growth_by_step", traces, layout(x, y, annotations=_stacked(labels, 0.0, top), shapes=[_level(1.0)]),
        _("Growth of the gradient per layer over training: {growths}.").format(
            growths="; ".join(text for text, *_rest in labels)
        ),
        height=340, playhead_first=0.0,
    )  # fmt: skip


def _drawable(values: Floats) -> Floats:
    """`values` with NaN where a log axis has no place: 0, infinite, not a number."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _decades(values: Floats) -> tuple[float, float]:
    """Exponents of a log axis that holds `values`, in whole decades, with room for a label above the highest."""
    seen = values[np.isfinite(values)]
    if not seen.size:
        return -DECADES, 0.0
    low, top = math.floor(math.log10(seen.min()) - 0.15), math.log10(seen.max())
    high = float(math.ceil(top + max(0.35, 0.15 * (top - low))))
    return low - max(0.0, DECADES - (high - low)), high


def _layer_range(depth: int, margin: float = 0.0) -> list[float]:
    return [1 - (margin or 0.03 * depth), depth + (margin or 0.03 * depth)]


def _layer_ticks(depth: int, most: int = 11) -> list[int]:
    step = next(step for step in (1, 2, 5, 10, 25) if depth / step <= most)
    return sorted({1, *range(step, depth + 1, step)}) if step != 2 else list(range(2, depth + 1, 2))


def _step_ticks(steps: NDArray[np.int64], most: int = 12) -> list[int]:
    stride = math.ceil(len(steps) / most)
    return list(range(len(steps) - 1, -1, -stride))[::-1]


def _line(
    x: Any, y: Floats, role: Role, name: str, width: float, dash: str = "solid", opacity: float = 1, **options: Any
) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines+markers" if "marker" in options else "lines", "x": x, "y": y, "name": name,
        "line": {"color": color(role), "width": width, "dash": dash}, "opacity": opacity, "connectgaps": False,
        "hovertemplate": "%{x}: %{y:.3g}", **options,
    }  # fmt: skip


def _level(y: float) -> dict[str, Any]:
    return {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "layer": "below",
        "line": {"color": color("context"), "width": 1},
    }  # fmt: skip


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


def _stacked(labels: list[tuple[str, Role, float]], low: float, high: float) -> list[dict[str, Any]]:
    """Labels inside the plot, each just above its level, none over another."""
    gap = 0.13 * (high - low)
    places = spread_out([level for *_rest, level in labels], gap, low, high - gap)
    return [
        note(f"<b>{text}</b>", role, xref="paper", x=0.99, xanchor="right", y=place, yanchor="bottom", yshift=6)
        for (text, role, _level), place in zip(labels, places, strict=True)
    ]


def _flow_labels(result: Result, fresh: Floats, low: float, high: float, _: Translate) -> list[dict[str, Any]]:
    """The growth at each line, on the side where the line leaves room."""
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
        text = _("{variant}: ×{growth} per layer").format(variant=_(NAMES[variant]), growth=short(result.growth[index]))
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
        _("{variant} {loss}").format(variant=_(NAMES[variant]), loss=short(float(result.loss[index, point])))
        for index, variant in enumerate(result.variants)
    ]
    return _("after {step} training steps; loss: {losses}").format(
        step=int(result.steps[point]), losses=", ".join(losses)
    )


def _flow_alt(result: Result, _: Translate) -> str:
    parts = [
        _(
            "{variant}: ×{growth} per layer (theory ×{theory}), in all ×{ratio} from layer {last} to layer {first}"
        ).format(
            variant=_(NAMES[variant]),
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


def _window_alt(result: Result, _: Translate) -> str:
    parts = [
        _("{variant}: {first} % in the fresh network, {last} % in the end").format(
            variant=_(NAMES[variant]),
            first=short(100 * float(result.saturated[index, 0].mean())),
            last=short(100 * float(result.saturated[index, -1].mean())),
        )
        for index, variant in enumerate(result.variants)
    ]
    return _(
        "Histograms of what enters the activation, under the activation φ and its slope φ′. Saturated, mean over layers: {parts}."
    ).format(parts="; ".join(parts))


def _heat_alt(result: Result, _: Translate) -> str:
    return _(
        "RMS gradient by layer and training step, in colours on a log scale: {variants}; {steps} training steps."
    ).format(variants=", ".join(_(NAMES[variant]) for variant in result.variants), steps=int(result.steps[-1]))
