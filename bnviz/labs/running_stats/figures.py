"""Pictures of the lab `running_stats`; each takes its `Result`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, key, line, log_axis, log_range
from bnviz.plot.scene import Axis, Layer, Marker, Panel, Readout, Row, Scene
from bnviz.plot.theme import SERIES, Role, axis, color, layout
from bnviz.settings import MomentumValue

if TYPE_CHECKING:
    from bnviz.labs.running_stats.experiment import Result, Spread

Floats = NDArray[np.float64]
MARGIN: Final = {"l": 72, "r": 160, "t": 40, "b": 52}
PHONE_MARGIN: Final = {"l": 56, "r": 112, "t": 68, "b": 48}
PHONE_FONT: Final = 12


def convergence(result: Result, language: Language = "en") -> Chart:
    """Running mean per momentum over the batches, band over replicas, closed form ± s.d., and the truth."""
    _ = translator(language)
    name = _("truth μ") if result.settings.disturbance == "none" else _("truth")
    return _curves(
        result, "convergence", result.mean_spread, result.expected_mean, result.expected_mean_std,
        (name, result.truth_mean), _("Running mean"), _,
    )  # fmt: skip


def variance(result: Result, language: Language = "en") -> Chart:
    """Running variance, fed with the unbiased batch variance and starting at 1, drawn as `convergence`."""
    _ = translator(language)
    truth = np.full(result.settings.steps + 1, result.truth_var)
    return _curves(
        result, "variance", result.var_spread, result.expected_var, result.expected_var_std,
        (_("truth σ²"), truth), _("Running variance"), _,
    )  # fmt: skip


def eval_error(result: Result, language: Language = "en") -> Chart:
    """RMS difference of eval-mode output from output normalized with the true moments, per momentum."""
    _ = translator(language)
    batches = np.arange(result.settings.steps + 1)
    traces: list[dict[str, Any]] = []
    for index in range(len(result.settings.momentums)):
        role = SERIES[index]
        name = momentum_name(result.settings.momentums[index], _)
        traces += [
            line(batches, result.eval_error[index], role, name, width=3),
            line(batches, result.eval_error_theory[index], "theory", _("theory"), dash="dash", width=1.5, opacity=0.7),
        ]
    seen = np.concatenate((result.eval_error, result.eval_error_theory), axis=1)
    low, high = log_range(seen[seen > 0])
    logs = np.log10(np.maximum(result.eval_error[:, -1], 10**low))
    labels = [(momentum_name(a, _), SERIES[i], float(logs[i])) for i, a in enumerate(result.settings.momentums)]
    ends = ", ".join(f"{text} {short(10**y)}" for text, _role, y in labels)
    key = _("line: measured over {replicas} replicas · dashed: theory, first order")
    notes = [_key(key, result), *end_labels(labels, low, high)]
    return Chart(
        "eval_error",
        traces,
        layout(
            _batches_axis(result, _),
            log_axis(_("RMS error of the eval output"), low, high),
            margin=MARGIN,
            annotations=notes,
        ),
        _("Error of the eval-mode output against output normalized with the true mean and variance, in its standard "
          "deviations, over {steps} batches. At the end: {ends}.").format(steps=result.settings.steps, ends=ends),
        phone_layout=_phone(notes),
        playhead_first=0,
    )  # fmt: skip


def trade_off(result: Result, language: Language = "en") -> Chart:
    """Batches to convergence against noise at the end, one labelled point per momentum; rings and line: closed form."""
    _ = translator(language)
    momentums, steps = result.settings.momentums, result.settings.steps
    arrive = np.where(result.steps_to_5pct >= 1, result.steps_to_5pct, math.nan)
    x_all = np.concatenate((arrive, result.steps_to_5pct_theory, [1.0]))
    x_low, x_high = math.log10(0.7), math.log10(3.5 * float(np.nanmax(x_all)))
    y_all = np.concatenate((result.noise, result.noise_theory))
    y_low, y_high = log_range(y_all[y_all > 0])
    shown = (result.curve_steps >= 1) & (result.curve_noise > 10**y_low)
    traces: list[dict[str, Any]] = [
        line(result.curve_steps[shown], result.curve_noise[shown], "theory", _("theory"), dash="dash", width=1.5),
    ]
    notes: list[dict[str, Any]] = []
    for index, momentum in enumerate(momentums):
        name = momentum_name(momentum, _)
        ring = {"size": 20, "color": color("theory"), "symbol": "circle-open", "line": {"width": 1.5}}
        dot = {"size": 12, "color": color(SERIES[index])}
        at = (result.steps_to_5pct_theory[index], result.noise_theory[index])
        traces.append(_points([at[0]], [at[1]], ring, f"{name}, " + _("theory")))
        traces.append(_points([arrive[index]], [result.noise[index]], dot, f"{name}, " + _("measured")))
        notes.append(
            {
                "x": math.log10(at[0]), "y": math.log10(max(at[1], 10**y_low)), "text": f"<b>{name}</b>",
                "font": {"color": color(SERIES[index])}, "showarrow": False,
                "xanchor": "left", "xshift": 13, "yshift": 13,
            }
        )  # fmt: skip
    shapes = []
    if math.log10(steps) < x_high:
        shapes.append(
            {
                "type": "rect", "xref": "x", "yref": "paper", "x0": steps, "x1": 10**x_high, "y0": 0, "y1": 1,
                "fillcolor": color("context", 0.14), "line": {"width": 0}, "layer": "below",
            }
        )  # fmt: skip
        notes.append(
            {
                "x": math.log10(steps), "y": 1, "xref": "x", "yref": "paper", "xanchor": "left", "yanchor": "top",
                "xshift": 4, "text": _("longer than<br>this run"), "align": "left", "showarrow": False,
                "font": {"color": color("context"), "size": 13},
            }
        )  # fmt: skip
    notes.append(_key(_("dots: measured · rings and dashed line: closed form"), result))
    ends = "; ".join(
        _("{momentum}: within 5 % at batch {count}, noise {noise}").format(
            momentum=momentum_name(momentum, _), count=short(result.steps_to_5pct_theory[index]),
            noise=short(result.noise_theory[index]),
        )
        for index, momentum in enumerate(momentums)
    )  # fmt: skip
    return Chart(
        "trade_off",
        traces,
        layout(
            log_axis(_("Batches until within 5 % of the truth"), x_low, x_high, tickangle=0),
            log_axis(_("Noise after {steps} batches (s.d.)").format(steps=steps), y_low, y_high),
            annotations=notes,
            shapes=shapes,
            margin={**MARGIN, "r": 24},
        ),
        _("Speed against noise, by the closed form. {ends}.").format(ends=ends),
        phone_layout=_phone(notes, right=16),
    )  # fmt: skip


def spread(result: Result, language: Language = "en") -> Scene:
    """The replicas' running means at each batch, one histogram per momentum, over the closed form's normal law."""
    _ = translator(language)
    momentums = result.settings.momentums
    edges = result.spread.edges
    settled = result.spread_share[:, result.settings.steps // 2 :, 1:-1]
    high = float(min(1.0, max(settled.max(), 1.2 * result.spread_theory[:, -1].max(), 0.1) * 1.1))
    x = Axis(_("Running mean"), float(edges[0]), float(edges[-1]))
    across = len(momentums) if len(momentums) <= 3 else math.ceil(len(momentums) / 2)
    panels = []
    for index, momentum in enumerate(momentums):
        panels.append(
            Panel(
                name=f"momentum_{index}",
                title=momentum_name(momentum, _),
                kind="histogram",
                x=x,
                y=Axis(_("Share of replicas") if index % across == 0 else "", 0.0, high),
                edges=edges,
                layers=(
                    Layer(SERIES[index], np.minimum(result.spread_share[index], high)),
                    Layer("theory", np.minimum(result.spread_theory[index], high), "dash"),
                ),
                markers=(Marker("ink", result.truth_mean, _("truth") if index == 0 else ""),),
                readouts=(
                    Readout(_("average"), result.mean_spread.average[index]),
                    Readout(_("s.d."), result.replica_std[index]),
                ),
            )
        )
    rows = tuple(Row(tuple(panels[start : start + across])) for start in range(0, len(panels), across))
    captions = [_("fresh layer: every running mean is 0")]
    captions += [_("after {count} batches").format(count=count) for count in range(1, result.settings.steps + 1)]
    ends = "; ".join(
        _("{momentum}: average {average}, s.d. {std}").format(
            momentum=momentum_name(momentum, _), average=short(result.mean_spread.average[index, -1]),
            std=short(result.noise[index]),
        )
        for index, momentum in enumerate(momentums)
    )  # fmt: skip
    return Scene(
        "spread",
        result.settings.steps + 1,
        _("batch"),
        rows,
        captions,
        _("Histograms of the running means of {replicas} replicas. After the last batch: {ends}.").format(
            replicas=result.settings.replicas, ends=ends
        ),
        height=300 if len(rows) == 1 else 460,
        fps=max(8.0, result.settings.steps / 15),
        first=0,
    )


def momentum_name(momentum: MomentumValue, _: Translate) -> str:
    """The label of a momentum: `α = 0.1`, or the word for the cumulative average."""
    return _("cumulative") if isinstance(momentum, str) else f"α = {short(momentum)}"


def _curves(
    result: Result, name: str, measured: Spread, expected: Floats, std: Floats, truth: tuple[str, Floats], label: str,
    _: Translate,
) -> Chart:  # fmt: skip
    momentums = result.settings.momentums
    batches = np.arange(result.settings.steps + 1)
    noisiest_first = np.argsort(-std[:, -1])
    bands, theory, lines = [], [], []
    for index in noisiest_first:
        role = SERIES[index]
        bands.append(band(batches, measured.low[index], measured.high[index], role))
        theory.append(line(batches, expected[index], "theory", _("theory"), dash="5px,6px", width=1.4))
        theory += [
            line(batches, expected[index] + side * std[index], "theory", "", dash="dot", width=1, opacity=0.45)
            for side in (-1, 1)
        ]
        lines.append(line(batches, measured.average[index], role, momentum_name(momentums[index], _), width=3))
    truth_line = line(batches, truth[1], "context", truth[0], width=2)
    values = [measured.low, measured.high, expected - std, expected + std, truth[1]]
    low, high = min(float(part.min()) for part in values), max(float(part.max()) for part in values)
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)
    labels = [
        (momentum_name(momentum, _), SERIES[index], float(measured.average[index, -1]))
        for index, momentum in enumerate(momentums)
    ]
    truth_label: tuple[str, Role, float] = (f"{truth[0]} = {short(truth[1][-1])}", "context", float(truth[1][-1]))
    key = _("line: average of {replicas} replicas · band: 15–85 % of them · dashed: closed form ± s.d.")
    notes = [_key(key, result), *end_labels([*labels, truth_label], low, high)]
    shapes: list[dict[str, Any]] = []
    if result.settings.disturbance != "none":
        shapes, words = _disturbance(result, 0 if name == "convergence" else 1, _)
        notes.append(words)
    ends = ", ".join(f"{text} {short(value)}" for text, _role, value in labels)
    return Chart(
        name,
        [*bands, truth_line, *lines, *theory],
        layout(
            _batches_axis(result, _),
            axis(label, range=[low, high]),
            margin=MARGIN,
            annotations=notes,
            shapes=shapes,
        ),
        _("{label} over {steps} batches, average of {replicas} replicas. At the end: {ends}; {truth}.").format(
            label=label, steps=result.settings.steps, replicas=result.settings.replicas, ends=ends, truth=truth_label[0]
        ),
        height=430,
        phone_layout=_phone(notes),
        playhead_first=0,
    )


def _batches_axis(result: Result, _: Translate) -> dict[str, Any]:
    return axis(_("Batches seen"), range=[0, result.settings.steps])


def _points(x: list[float], y: list[float], marker: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "x": [None if math.isnan(value) else value for value in x],
        "y": [None if math.isnan(value) else value for value in y], "marker": marker, "name": name,
        "hovertemplate": f"%{{x:.3g}}, %{{y:.3g}}<extra>{name}</extra>",
    }  # fmt: skip


def _key(text: str, result: Result) -> dict[str, Any]:
    """How to read the line styles, above the plot."""
    return key(text.format(replicas=result.settings.replicas))


def _disturbance(result: Result, y: int, _: Translate) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A line where the mean starts to move, named at the height `y` (0 or 1); beyond the run's end, words alone."""
    at, steps = result.settings.disturbance_at, result.settings.steps
    words = {
        "yref": "paper", "y": y, "yanchor": "top" if y else "bottom", "showarrow": False,
        "font": {"color": color("context")},
    }  # fmt: skip
    if at >= steps:
        text = _("nothing moves: the disturbance comes after the last batch")
        return [], {**words, "xref": "paper", "x": 0.99, "xanchor": "right", "text": text}
    line = {
        "type": "line", "x0": at, "x1": at, "yref": "paper", "y0": 0, "y1": 1,
        "line": {"color": color("context"), "width": 1.5, "dash": "dot"},
    }  # fmt: skip
    text = _("the mean jumps") if result.settings.disturbance == "jump" else _("the mean starts to drift")
    late = at > 0.6 * steps
    return [line], {
        **words, "x": at, "xanchor": "right" if late else "left", "xshift": -6 if late else 6, "text": text,
    }  # fmt: skip


def _phone(notes: list[dict[str, Any]], **margin: int) -> dict[str, Any]:
    """The layout on narrow screens: smaller words, and the key in several lines."""
    sides = {"l": "left", "r": "right", "t": "top", "b": "bottom"}
    small = [
        {**note, "font": {**note["font"], "size": PHONE_FONT}, "text": note["text"].replace(" · ", "<br>")}
        for note in notes
    ]
    return {
        "font": {"size": PHONE_FONT},
        "margin": {key: margin.get(side, PHONE_MARGIN[key]) for key, side in sides.items()},
        "annotations": small,
    }
