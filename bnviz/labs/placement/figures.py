"""Pictures of the lab `placement`; each takes its `Result`. What is no number any more is left out, and said so."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.placement.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short, superscript
from bnviz.plot.panels import Panels, heading
from bnviz.plot.primitives import SILENT, key, largest, line, phone, segment, theory_line
from bnviz.plot.scene import Axis, Layer, Panel, Readout, Row, Scene, Zone
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import ErrorCurve, Pair, error_curves
from bnviz.theory.activations import moments_after, saturated_intervals

Floats = NDArray[np.float64]

ROLES: Final[dict[str, Role]] = {"none": "series_6", "before": "series_2", "after": "series_4"}
NAMES: Final = {"none": N_("no batch norm"), "before": N_("before the activation"), "after": N_("after the activation")}
SHORT: Final = {"none": N_("none"), "before": N_("before"), "after": N_("after")}
DENSITY: Final = 1.2  # the density axis ends here at the latest: what is narrower runs out of the panel
BIAS_FLOOR: Final = 1e-18


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per position: the mean over seeds, a band from the best to the worst seed."""
    _ = translator(language)
    variants = [
        ErrorCurve(
            _(NAMES[position]), _(SHORT[position]), ROLES[position], result.error[index], result.diverged_at[index]
        )
        for index, position in enumerate(result.positions)
    ]
    per_epoch = result.total_steps / result.settings.epochs
    return error_curves("curves", variants, result.epochs, result.settings.epochs, per_epoch, _)


def differences(result: Result, language: Language = "en") -> Chart:
    """Differences of test accuracy between two positions, seed by seed, with their mean, its 95 % interval and the verdict."""
    _ = translator(language)
    pairs = [
        Pair(_("{second} − {first}").format(first=_(SHORT[first]), second=_(SHORT[second])), values, finding)
        for (first, second), values, finding in zip(result.pairs, result.differences, result.findings, strict=True)
    ]
    return seeds.differences("differences", pairs, result.settings.seed, _)


def signals(result: Result, language: Language = "en") -> Scene:
    """What the last hidden layer's activation receives, and what the layer behind it receives, as training goes."""
    _ = translator(language)
    places = ((result.received, _("the activation receives")), (result.passed, _("the next layer receives")))
    rows = []
    for lower, (histogram, title) in enumerate(places):
        density = histogram.density()[:, :, -1]
        low, high = float(histogram.edges[0]), float(histogram.edges[-1])
        top = min(DENSITY, 1.05 * float(density.max(initial=0.1)))
        panels = []
        for index, position in enumerate(result.positions):
            readouts: tuple[Readout, ...] = ()
            zones: tuple[Zone, ...] = ()
            if not lower:
                zones = _zones(result, low, high, _)
                readouts = (
                    Readout(_("saturated"), 100 * result.saturated[index, :, -1], "%"),
                    Readout(_("dead units"), 100 * result.dead[index, :, -1], "%"),
                )
            panels.append(
                Panel(
                    f"{position}-{lower}",
                    _(NAMES[position]) + _(": ") + title,
                    "histogram",
                    Axis(_("value") if lower else "", low, high),
                    Axis("", 0.0, top),
                    histogram.edges,
                    (Layer(ROLES[position], density[index]),),
                    zones=zones,
                    readouts=readouts,
                )
            )
        rows.append(Row(tuple(panels)))
    return Scene(
        "signals",
        len(result.look_steps),
        _("look"),
        tuple(rows),
        [_("after {step} training steps").format(step=int(step)) for step in result.look_steps],
        _signals_alt(result, _),
        height=520,
        fps=2,
    )


def moments(result: Result, language: Language = "en") -> Chart:
    """Mean and s.d. of what the next layer receives in the fresh networks, layer by layer, over what theory says."""
    _ = translator(language)
    depth = result.settings.depth
    limit = 1.15 * max(1.0, largest(result.passed_mean), largest(np.sqrt(result.passed_variance)))
    lowest = min(-0.1, float(np.nanmin(result.passed_mean)) - 0.1)
    panels = Panels()
    for panel, (title, wide, low) in enumerate(
        ((_("mean"), [0, 0.46], lowest), (_("standard deviation"), [0.54, 1], 0))
    ):
        span = {"range": [0.5, depth + 0.5], "dtick": 1 if depth <= 12 else 5}
        x = axis(_("Hidden layer"), domain=wide, **span)
        y = axis("" if panel else _("What the next layer receives"), range=[low, limit])
        panels.add(_moment_traces(result, panel, _), x, y)
        panels.notes.append(heading(f"<b>{title}</b>", 0.54 * panel, 1.02))
    legend = {"showlegend": True, "legend": {"orientation": "h", "y": -0.28}}
    base = panels.layout(margin={"l": 64, "r": 24, "t": 40, "b": 110}, **legend)
    return Chart("moments", panels.traces, base, _moments_alt(result, _), height=400)


def _moment_traces(result: Result, panel: int, _: Translate) -> list[dict[str, Any]]:
    """Means (panel 0) or standard deviations (panel 1) by layer, one line per position, over theory."""
    depth = result.settings.depth
    values = np.sqrt(result.passed_variance) if panel else result.passed_mean
    traces = []
    for position in ("none", "before", "after"):
        expected = _expected(result, position, panel)
        if expected is not None:
            theory = {**theory_line([0.5, depth + 0.5], [expected] * 2, _("theory")), **SILENT}
            traces.append({**theory, "showlegend": panel == 0 and position == "before"})
        y, name = values[result.positions.index(position)], _(NAMES[position])
        look: dict[str, Any] = {
            "width": 2,
            "marker": {"size": 10},
            "hovertemplate": "%{x}: %{y:.3g}",
            "showlegend": panel == 0,
        }
        traces.append(line(np.arange(1, depth + 1), y, ROLES[position], name, **look))
    return traces


def bias(result: Result, language: Language = "en") -> Chart:
    """What a random bias in the hidden layers changes, and the gradient that it gets, per position, on a log axis."""
    _ = translator(language)
    notes = [
        key(
            _(
                "circle: largest change of a logit · diamond: largest gradient of a bias · dashed: rounding of one number"
            )
        )
    ]
    rounding = segment((0, 1), (2.2e-16, 2.2e-16), "theory", 1.8, "dash", xref="paper")
    exponents = range(-18, 3, 4)
    y = axis(
        _("Size (double precision)"),
        type="log",
        range=[-19, 3],
        tickvals=[10.0**e for e in exponents],
        ticktext=[f"10{superscript(e)}" for e in exponents],
    )
    x, margin = axis("", range=[-0.5, 2.5]), {"l": 78, "r": 24, "t": 40, "b": 40}
    return Chart(
        "bias",
        [
            _sizes(result, result.bias_effects, _("largest change of a logit"), "circle", "middle right", _),
            _sizes(result, result.bias_gradients, _("largest gradient of a bias"), "diamond", "middle left", _),
        ],
        layout(x, y, annotations=notes, shapes=[rounding], margin=margin),
        _(
            "A random bias added to every hidden unit changes a logit by at most {effect} where batch norm follows, and its "
            "gradient is at most {gradient}: rounding. Batch norm after the activation: {other}."
        ).format(
            effect=short(result.bias_effect),
            gradient=short(result.bias_gradient),
            other=short(float(result.bias_effects[result.positions.index("after")])),
        ),
        height=340,
        phone_layout=phone(notes, l=62, r=10, t=72, b=40),
    )


def _sizes(result: Result, values: Floats, name: str, symbol: str, side: str, _: Translate) -> dict[str, Any]:
    """A size per position as a point with its number beside it."""
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [_(NAMES[position]) for position in result.positions],
        "y": np.maximum(values, BIAS_FLOOR),
        "name": name,
        "marker": {"size": 15, "color": [color(ROLES[position]) for position in result.positions], "symbol": symbol},
        "textposition": side,
        "text": [f"  {short(float(value))}  " for value in values],
        "cliponaxis": False,
        "hovertemplate": "%{x}: %{y:.2g}",
    }


def _zones(result: Result, low: float, high: float, _: Translate) -> tuple[Zone, ...]:
    clipped = [
        (max(a, low), min(b, high)) for a, b in saturated_intervals(result.settings.activation) if a < high and b > low
    ]
    return tuple(Zone(a, b, _("saturated") if b - a > 0.15 * (high - low) else "") for a, b in clipped)


def _expected(result: Result, position: str, panel: int) -> float | None:
    """Mean (panel 0) or s.d. (panel 1) that theory gives the next layer's input; None where it gives none."""
    if position == "after":
        return float(panel)
    if position == "before":
        known = moments_after(result.settings.activation)
        return known.mean if panel == 0 else math.sqrt(known.variance)
    return None


def _signals_alt(result: Result, _: Translate) -> str:
    parts = [
        _("{position}: {saturated} % saturated, {dead} % of units dead").format(
            position=_(NAMES[position]),
            saturated=short(100 * float(result.saturated[index, -1, -1])),
            dead=short(100 * float(result.dead[index, -1, -1])),
        )
        for index, position in enumerate(result.positions)
    ]
    return _(
        "Histograms of what the last hidden layer's activation receives and of what the next layer receives. At the "
        "end: {parts}."
    ).format(parts=_("; ").join(parts))


def _moments_alt(result: Result, _: Translate) -> str:
    parts = [
        _("{position}: mean {mean}, standard deviation {deviation}").format(
            position=_(NAMES[position]),
            mean=short(round(float(result.passed_mean[index, -1]), 4)),
            deviation=short(float(np.sqrt(result.passed_variance[index, -1]))),
        )
        for index, position in enumerate(result.positions)
    ]
    return _("What the next layer receives in the fresh networks, last hidden layer. {parts}. Dashed: theory.").format(
        parts=_("; ").join(parts)
    )
