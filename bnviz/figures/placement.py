"""Pictures of the lab `placement`; each takes its `Result`. What is no number any more is left out, and said so."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.figures.chart import Chart
from bnviz.figures.ends import GAP, spread_out
from bnviz.figures.numbers import points, short, superscript
from bnviz.figures.scene import Axis, Layer, Panel, Readout, Row, Scene, Zone
from bnviz.figures.theme import Role, axis, color, layout
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.theory.activations import moments_after, saturated_intervals

if TYPE_CHECKING:
    from bnviz.experiments.placement import Result

Floats = NDArray[np.float64]

ROLES: Final[dict[str, Role]] = {"none": "series_6", "before": "series_2", "after": "series_4"}
NAMES: Final = {"none": N_("no batch norm"), "before": N_("before the activation"), "after": N_("after the activation")}
SHORT: Final = {"none": N_("none"), "before": N_("before"), "after": N_("after")}
LOWEST, HIGHEST = 0.5, 100.0  # ends of the error axis in %
TICKS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100)
DENSITY: Final = 1.2  # the density axis ends here at the latest: what is narrower runs out of the panel
BIAS_FLOOR: Final = 1e-18


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per position: the mean over seeds, a band from the best to the worst seed."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    phone_labels: list[tuple[str, Role, float]] = []
    for index, position in enumerate(result.positions):
        role, name = ROLES[position], _(NAMES[position])
        low, high = (np.clip(100 * values[index], LOWEST, HIGHEST) for values in (result.error_low, result.error_high))
        middle = 100 * result.error[index]
        traces += [
            _edge(result.epochs, low, role, {}),
            _edge(result.epochs, high, role, {"fill": "tonexty", "fillcolor": color(role, 0.16)}),
            {
                "type": "scatter", "mode": "lines", "x": result.epochs, "y": np.maximum(middle, LOWEST), "name": name,
                "line": {"color": color(role), "width": 3.5}, "connectgaps": False,
                "hovertemplate": _("epoch %{x:.3g}: error %{y:.3g} %"),
            },
        ]  # fmt: skip
        traces += _diverged_marks(result, index, _)
        seen = middle[np.isfinite(middle)]
        height = math.log10(min(max(float(seen[-1]), LOWEST), HIGHEST)) if seen.size else math.log10(HIGHEST)
        ending = _ending(result, index, _)
        labels.append((f"{name}<br>{ending}", role, height))
        phone_labels.append((f"{_(SHORT[position])} {ending}", role, height))
    ends = [math.log10(LOWEST), math.log10(HIGHEST)]
    y = axis(
        _("Test error in %"), type="log", range=ends, tickvals=list(TICKS), ticktext=[f"{tick:g}" for tick in TICKS]
    )
    x = axis(_("Epochs"), range=[0, result.settings.epochs])
    key = _("line: mean of {seeds} seeds · band: from the best seed to the worst").format(seeds=result.settings.seeds)
    note = _note(key, xref="paper", x=0, xanchor="left", yref="paper", y=1.01, yanchor="bottom", align="left")
    return Chart(
        "curves",
        traces,
        layout(x, y, annotations=[note, *_apart(labels, ends, 2.0)], margin={"l": 64, "r": 200, "t": 40, "b": 52}),
        _curves_alt(result, _),
        height=430,
        phone_height=420,
        phone_layout={
            "font": {"size": 12}, "margin": {"l": 52, "r": 10, "t": 96, "b": 48},
            "annotations": [_phone_key(key, phone_labels)],
        },
    )  # fmt: skip


def differences(result: Result, language: Language = "en") -> Chart:
    """Differences of test accuracy between two positions, seed by seed, with their mean, its 95 % interval and the verdict."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    phone_axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    phone_notes: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    seeds = np.arange(result.settings.seed, result.settings.seed + result.settings.seeds)
    span = [float(seeds[0]) - 0.8, float(seeds[-1]) + 0.8]
    for number, ((first, second), finding) in enumerate(zip(result.pairs, result.findings, strict=True)):
        suffix = "" if number == 0 else str(number + 1)
        values = 100 * result.differences[number]
        reach = 100 * np.array([finding.low, finding.high, finding.mean])
        limit = 1.2 * max(100 * 3 * finding.smallest_effect, _largest(values), _largest(reach))
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": seeds, "y": values, "xaxis": f"x{suffix}", "yaxis": f"y{suffix}",
                "marker": {"size": 9, "color": color("context")},
                "name": _("{second} − {first}").format(first=_(SHORT[first]), second=_(SHORT[second])),
                "hovertemplate": _("seed %{x}: %{y:.3g} points"),
            }
        )  # fmt: skip
        if math.isfinite(finding.low):
            traces += _interval(span, finding, suffix, _)
        matter = 100 * finding.smallest_effect
        shapes.append(
            {
                "type": "rect", "xref": f"x{suffix}", "yref": f"y{suffix}", "x0": span[0], "x1": span[1], "y0": -matter,
                "y1": matter, "layer": "below", "fillcolor": color("context", 0.16), "line": {"width": 0},
            }
        )  # fmt: skip
        domain, tall = [number / 3 + 0.01 * number, number / 3 + 0.3], [1 - number * 0.35 - 0.22, 1 - number * 0.35]
        axes[f"xaxis{suffix}"] = axis(
            _("Seed"), range=span, domain=domain, anchor=f"y{suffix}", tickformat="d", nticks=6
        )
        axes[f"yaxis{suffix}"] = axis(
            _("Difference in points") if number == 0 else "", range=[-limit, limit], anchor=f"x{suffix}"
        )
        phone_axes[f"xaxis{suffix}"] = {"domain": [0, 1], "title": {"text": ""}}
        phone_axes[f"yaxis{suffix}"] = {"domain": tall, "title": {"text": ""}}
        text = _headline(first, second, finding, _)
        notes.append(_note(text, "ink", xref="paper", x=domain[0], xanchor="left", yref="paper", y=1.02,
                           yanchor="bottom", align="left"))  # fmt: skip
        phone_notes.append(_note(text, "ink", xref="paper", x=0, xanchor="left", yref="paper", y=tall[1],
                                 yanchor="bottom", align="left"))  # fmt: skip
    base = layout(
        axes.pop("xaxis"), axes.pop("yaxis"), annotations=notes, shapes=shapes,
        margin={"l": 64, "r": 24, "t": 100, "b": 52},
    )  # fmt: skip
    return Chart(
        "differences", traces, {**base, **axes}, _differences_alt(result, _), height=400, phone_height=760,
        phone_layout={"font": {"size": 12}, "margin": {"l": 48, "r": 8, "t": 84, "b": 32}, "annotations": phone_notes,
                      **phone_axes},
    )  # fmt: skip


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
                    f"{_(NAMES[position])}: {title}",
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
    layers = np.arange(1, result.settings.depth + 1)
    traces: list[dict[str, Any]] = []
    notes = []
    tops: list[float] = [1.0]
    for panel, (values, title) in enumerate(
        ((result.passed_mean, _("mean")), (np.sqrt(result.passed_variance), _("standard deviation")))
    ):
        suffix = "" if panel == 0 else "2"
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        for position in ("none", "before", "after"):
            index = result.positions.index(position)
            expected = _expected(result, position, panel)
            if expected is not None:
                traces.append(
                    {
                        "type": "scatter", "mode": "lines", "x": [0.5, result.settings.depth + 0.5], "y": [expected] * 2,
                        "line": {"color": color("theory"), "width": 1.8, "dash": "dash"}, "hoverinfo": "skip",
                        "name": _("theory"), "showlegend": panel == 0 and position == "before", **axes,
                    }
                )  # fmt: skip
            traces.append(
                {
                    "type": "scatter", "mode": "lines+markers", "x": layers, "y": values[index], "marker": {"size": 10},
                    "line": {"color": color(ROLES[position]), "width": 2}, "name": _(NAMES[position]),
                    "showlegend": panel == 0, "hovertemplate": "%{x}: %{y:.3g}", **axes,
                }
            )  # fmt: skip
        tops.append(_largest(values))
        notes.append(_note(f"<b>{title}</b>", "ink", xref="paper", x=0.54 * panel, xanchor="left", yref="paper", y=1.02,
                           yanchor="bottom"))  # fmt: skip
    span = {"range": [0.5, result.settings.depth + 0.5], "dtick": 1 if result.settings.depth <= 12 else 5}
    limit = 1.15 * max(tops)
    base = layout(
        axis(_("Hidden layer"), domain=[0, 0.46], **span),
        axis(_("What the next layer receives"), range=[min(-0.1, float(np.nanmin(result.passed_mean)) - 0.1), limit]),
        annotations=notes,
        xaxis2=axis(_("Hidden layer"), domain=[0.54, 1], anchor="y2", **span),
        yaxis2=axis("", range=[0, limit], anchor="x2"),
        showlegend=True,
        legend={"orientation": "h", "y": -0.28},
        margin={"l": 64, "r": 24, "t": 40, "b": 110},
    )
    return Chart("moments", traces, base, _moments_alt(result, _), height=400)


def bias(result: Result, language: Language = "en") -> Chart:
    """What a random bias in the hidden layers changes, and the gradient that it gets, per position, on a log axis."""
    _ = translator(language)
    names = [_(NAMES[position]) for position in result.positions]
    colors = [color(ROLES[position]) for position in result.positions]
    traces: list[dict[str, Any]] = []
    rows = (
        (result.bias_effects, _("largest change of a logit"), "circle", "top right"),
        (result.bias_gradients, _("largest gradient of a bias"), "diamond", "bottom right"),
    )
    for values, name, symbol, place in rows:
        traces.append(
            {
                "type": "scatter", "mode": "markers+text", "x": names, "y": np.maximum(values, BIAS_FLOOR), "name": name,
                "marker": {"size": 15, "color": colors, "symbol": symbol}, "textposition": place,
                "text": [f"  {name}: {short(float(value))}" for value in values], "cliponaxis": False,
                "hovertemplate": "%{x}: %{y:.2g}",
            }
        )  # fmt: skip
    exponents = range(-18, 3, 4)
    y = axis(_("Size (double precision)"), type="log", range=[-19, 3], tickvals=[10.0**e for e in exponents],
             ticktext=[f"10{superscript(e)}" for e in exponents])  # fmt: skip
    note = _note(_("dashed: rounding error of one number, 2·10⁻¹⁶"), xref="paper", x=0.01, xanchor="left",
                 y=math.log10(2.2e-16), yanchor="bottom")  # fmt: skip
    line = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 2.2e-16, "y1": 2.2e-16,
        "line": {"color": color("theory"), "width": 1.8, "dash": "dash"},
    }  # fmt: skip
    x = axis("", range=[-0.3, 2.9])
    return Chart(
        "bias", traces, layout(x, y, annotations=[note], shapes=[line], margin={"l": 78, "r": 24, "t": 30, "b": 40}),
        _("A random bias added to every hidden unit changes a logit by at most {effect} where batch norm follows, and its "
          "gradient is at most {gradient}: rounding. Batch norm after the activation: {other}.").format(
            effect=short(result.bias_effect), gradient=short(result.bias_gradient),
            other=short(float(result.bias_effects[result.positions.index("after")])),
        ),
        height=340,
    )  # fmt: skip


def _edge(x: Floats, y: Floats, role: Role, fill: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "x": x, "y": y, "line": {"width": 0, "color": color(role)},
        "hoverinfo": "skip", "name": "", **fill,
    }  # fmt: skip


def _note(text: str, tone: Role = "context", **place: Any) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "font": {"color": color(tone)}, **place}


def _apart(labels: list[tuple[str, Role, float]], ends: list[float], lines: float) -> list[dict[str, Any]]:
    """Labels of several lines each at the right-hand line ends; y axis from `ends`, exponents of a log axis."""
    low, high = ends
    margin = 0.03 * lines * (high - low)
    places = spread_out([y for *_, y in labels], lines * GAP * (high - low), low + margin, high - margin)
    return [
        _note(
            f"<b>{text}</b>", role, xref="paper", x=1, xanchor="left", xshift=6, y=place, yanchor="middle", align="left"
        )
        for (text, role, _), place in zip(labels, places, strict=True)
    ]


def _phone_key(key: str, labels: list[tuple[str, Role, float]]) -> dict[str, Any]:
    """On a phone there is no room beside the lines: the labels stand above the plot, in the lines' colours."""
    rows = [
        key.replace(" · ", "<br>"),
        *(f'<span style="color:{color(role)}"><b>{text}</b></span>' for text, role, _ in labels),
    ]
    return _note(
        "<br>".join(rows), xref="paper", x=0, xanchor="left", yref="paper", y=1.01, yanchor="bottom", align="left"
    )


def _lost(result: Result, index: int) -> int:
    return int((result.diverged_at[index] >= 0).sum())


def _ending(result: Result, index: int, _: Translate) -> str:
    """Error ± s.d. at the line's end, and how many seeds are not in it any more."""
    error, deviation = 100 * result.error[index, -1], 100 * result.error_deviation[index, -1]
    parts = []
    if math.isfinite(error):
        spread = f" ± {short(deviation)}" if math.isfinite(deviation) else ""
        parts.append(f"{short(error)}{spread} %")
    lost = _lost(result, index)
    if lost:
        first = int(result.diverged_at[index][result.diverged_at[index] >= 0].min())
        parts.append(
            _("{lost} of {seeds} diverged (NaN), first at step {step}").format(
                lost=lost, seeds=result.settings.seeds, step=first
            )
        )
    return "<br>".join(parts)


def _diverged_marks(result: Result, index: int, _: Translate) -> list[dict[str, Any]]:
    """A cross at the top, at the step at which each replica stopped being a number."""
    steps = result.diverged_at[index][result.diverged_at[index] >= 0]
    if not steps.size:
        return []
    per_epoch = result.total_steps / result.settings.epochs
    return [
        {
            "type": "scatter", "mode": "markers", "x": steps / per_epoch, "y": np.full(len(steps), 90.0),
            "marker": {"symbol": "x", "size": 10, "color": color("error")},
            "name": _("diverged: {position}").format(position=_(NAMES[result.positions[index]])),
            "hovertemplate": _("no longer a number: epoch %{x:.3g}"),
        }
    ]  # fmt: skip


def _interval(span: list[float], finding: Any, suffix: str, _: Translate) -> list[dict[str, Any]]:
    """The mean as a line over the whole panel, its confidence interval as a band."""
    low, mean, high = 100 * finding.low, 100 * finding.mean, 100 * finding.high
    axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    left, right = span
    return [
        {
            "type": "scatter", "mode": "lines", "x": [left, right, right, left, left], "y": [low, low, high, high, low],
            "fill": "toself", "fillcolor": color("running", 0.25), "line": {"width": 0}, "hoverinfo": "skip",
            "name": _("95 % confidence interval of the mean"), **axes,
        },
        {
            "type": "scatter", "mode": "lines", "x": span, "y": [mean, mean], "name": _("mean"),
            "line": {"color": color("running"), "width": 3}, "hovertemplate": "%{y:.3g}", **axes,
        },
    ]  # fmt: skip


def _headline(first: str, second: str, finding: Any, _: Translate) -> str:
    title = _("{second} − {first}").format(first=_(SHORT[first]), second=_(SHORT[second]))
    lines = [f"<b>{title}: {_(finding.verdict)}</b>", _mean_line(finding, _)]
    if finding.lost:
        lines.append(_("{lost} seeds diverged and are left out").format(lost=finding.lost))
    return "<br>".join(lines)


def _mean_line(finding: Any, _: Translate) -> str:
    return _("{mean} points, 95 % interval {low} … {high}").format(
        mean=points(finding.mean), low=points(finding.low), high=points(finding.high)
    )


def _largest(values: Any) -> float:
    seen = np.abs(np.asarray(values, dtype=float))
    seen = seen[np.isfinite(seen)]
    return float(seen.max()) if seen.size else 0.0


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


def _curves_alt(result: Result, _: Translate) -> str:
    parts = [
        f"{_(NAMES[position])} {_ending(result, index, _).replace('<br>', ', ')}"
        for index, position in enumerate(result.positions)
    ]
    return _("Test error by epoch on a log axis, mean and range over {seeds} seeds. At epoch {epoch}: {parts}.").format(
        seeds=result.settings.seeds, epoch=short(float(result.epochs[-1])), parts="; ".join(parts)
    )


def _differences_alt(result: Result, _: Translate) -> str:
    parts = [
        _("{second} − {first}").format(first=_(SHORT[first]), second=_(SHORT[second]))
        + f": {_mean_line(finding, _)}, {_(finding.verdict)}"
        for (first, second), finding in zip(result.pairs, result.findings, strict=True)
    ]
    return _(
        "Differences of test accuracy, seed by seed. {parts}. Shaded: less than {least} points, too small to matter."
    ).format(parts="; ".join(parts), least=short(100 * result.findings[0].smallest_effect))


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
        "Histograms of what the last hidden layer's activation receives and of what the next layer receives. In the end: {parts}."
    ).format(parts="; ".join(parts))


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
        parts="; ".join(parts)
    )
