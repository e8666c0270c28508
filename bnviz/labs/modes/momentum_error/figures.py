"""Pictures of the topic `momentum_error` of the lab `modes`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, listed, translator
from bnviz.labs.modes.momentum_error.result import Floats, Result
from bnviz.labs.modes.shared.figures import line_chart, momentum_word
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import alike, short
from bnviz.plot.primitives import band, key, line, log_axis, note, phone, points, power_ticks
from bnviz.plot.theme import Role, axis
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import HIGHEST, LOWEST, TICKS, Pair
from bnviz.study.over_seeds import OverSeeds

LEAST: Final = 1e-6


def momentum_curve(result: Result, language: Language = "en") -> Chart:
    """Test error in eval mode by momentum, mean and range over seeds, with the level after recalibration; below, the initial weight."""
    _ = translator(language)
    words = [momentum_word(value, _) for value in result.momentums]
    numbers = np.arange(len(words))
    level = 100 * float(result.recalibrated_over.mean)
    notes = _curve_notes(result, words, _)
    x = axis(
        _("Momentum α (weight of the newest batch)"),
        range=[-0.4, len(words) - 0.6],
        tickvals=numbers,
        anchor="y2",
        ticktext=words,
    )
    below = axis(
        f"(1\u00a0−\u00a0α)ᵗ, t\u00a0=\u00a0{result.settings.steps}",
        range=[0, 1.05],
        domain=[0, 0.26],
        tickvals=[0, 0.5, 1],
    )
    *errors, told_level = alike(*(100 * float(mean) for mean in result.over.mean), float(level))
    alt = _(
        "Test error in eval mode by momentum after {steps} steps, mean of {seeds} seeds: {parts}. After recalibration with {passes} "
        "batches: {level} %."
    ).format(
        steps=result.settings.steps,
        seeds=result.error.shape[1],
        parts=listed(words, [f"{error} %" for error in errors], _),
        passes=result.settings.passes,
        level=told_level,
    )
    narrow = {"xaxis": {"tickangle": -50, "title": {"text": _("Momentum α")}}}
    return line_chart(
        "momentum_curve",
        _curve_traces(result, words, _),
        (x, _error_axis(_, domain=[0.34, 1])),
        notes,
        alt,
        margin={"l": 72, "r": 120},
        layout_options={"yaxis2": below},
        height=430,
        phone_height=440,
        phone_layout={**phone(notes, l=56, r=92, t=68), **narrow},
    )


def _curve_traces(result: Result, words: list[str], _: Translate) -> list[dict[str, Any]]:
    """The errors above, the initial weight below."""
    numbers = np.arange(len(words))
    span = [-0.4, len(words) - 0.6]
    low, mean, high = _percent(result.over)
    best, level, worst = _percent(result.recalibrated_over)
    lower: dict[str, Any] = {"yaxis": "y2"}
    hover: dict[str, Any] = {"customdata": words, "hovertemplate": "α = %{customdata}: %{y:.3g} %<extra></extra>"}
    chosen = [result.chosen], [mean[result.chosen]]
    return [
        band(span, [_shown(best)] * 2, [_shown(worst)] * 2, "after", 0.14),
        line(span, [float(level)] * 2, "after", _("recalibrated"), width=3),
        band(numbers, _shown(low), _shown(high), "running", 0.2),
        line(numbers, np.maximum(mean, LOWEST), "running", _("as trained"), width=3.5, marker={"size": 10}, **hover),
        points(*chosen, "ink", _("chosen"), size=19, symbol="circle-open", hoverinfo="skip"),
        points(numbers, result.left_over_measured, "before", _("measured"), size=8, **lower),
        line(numbers, result.left_over, "theory", "(1 − α)ᵗ", dash="dash", width=2, **lower),
    ]


def _curve_notes(result: Result, words: list[str], _: Translate) -> list[dict[str, Any]]:
    """The key, the lines' names and the chosen momentum's number."""
    _low, mean, _high = _percent(result.over)
    level = 100 * float(result.recalibrated_over.mean)
    # The first point bears the line's name, or its own number.
    named = int(result.chosen == 0 and len(words) > 1)
    right = {"xref": "paper", "x": 1}
    above = {"xanchor": "left", "yanchor": "bottom"}
    seeds_text = _("line: mean of {seeds} seeds · band: from the best seed to the worst")
    level_text = "<b>" + _("recalibrated") + f"<br>{short(level)} %</b>"
    weight = {"xanchor": "right", "yref": "y2", "y": 0.98, "yanchor": "top"}
    notes = [
        key(seeds_text.format(seeds=result.error.shape[1])),
        note(level_text, "after", y=_height(level), xanchor="left", xshift=6, align="left", **right),
        note("<b>" + _("as trained") + "</b>", "running", x=named, y=_height(mean[named]), xshift=14, **above),
        note(_("weight of the initial values"), "context", **weight, **right),
    ]
    error = float(mean[result.chosen])
    if math.isfinite(error):
        text = f"<b>α = {words[result.chosen]}: {short(error)} %</b>"
        side = "left" if result.chosen < len(words) - 2 else "center"
        notes.append(note(text, "ink", x=result.chosen, y=_height(error), **{**above, "xanchor": side}, yshift=12))
    return notes


def momentum_passes(result: Result, language: Language = "en") -> Chart:
    """Test error against the number of recalibration batches, with the level of the chosen momentum as it was trained."""
    _ = translator(language)
    counts = result.counts
    low, mean, high = _percent(result.count_over)
    span = [0.8, float(counts[-1]) * 1.25]
    trained = 100 * float(result.over.mean[result.chosen])
    chosen = momentum_word(result.momentums[result.chosen], _)
    hover = _("{count} batches: %{{y:.3g}} %").format(count="%{x}")
    curve: dict[str, Any] = {"width": 3.5, "marker": {"size": 10}, "hovertemplate": hover}
    traces = [
        line(span, [trained] * 2, "running", _("as trained, α = {momentum}").format(momentum=chosen), width=3),
        band(counts, _shown(low), _shown(high), "after", 0.18),
        line(counts, np.maximum(mean, LOWEST), "after", _("recalibrated"), **curve),
    ]
    notes = [key(_("same weights · mean and variance re-estimated"))]
    *errors, told_trained = alike(*map(float, mean), trained)
    labels: tuple[tuple[float, str, Role], ...] = (
        (trained, _("as trained") + f"<br>α = {chosen}<br>{told_trained} %", "running"),
        (float(mean[-1]), _("recalibrated") + f"<br>{errors[-1]} %", "after"),
    )
    beside = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 6, "align": "left"}
    for value, text, role in labels:
        if math.isfinite(value):
            side = "bottom" if value == trained else "top"
            notes.append(note(f"<b>{text}</b>", role, y=_height(value), yanchor=side, **beside))
    ends = [math.log10(end) for end in span]
    parts = listed(counts, [f"{error} %" for error in errors], _)
    return line_chart(
        "momentum_passes",
        traces,
        (axis(_("Recalibration batches, k"), type="log", range=ends, tickvals=counts), _error_axis(_)),
        notes,
        _("Test error after recalibration with k batches: {parts}. As trained: {trained} %.").format(
            parts=parts, trained=told_trained
        ),
        margin={"r": 130},
        height=360,
        phone_layout=phone(notes, r=100),
    )


def momentum_paired(result: Result, language: Language = "en") -> Chart:
    """Seed by seed: what recalibration takes off the error, for the chosen, the smallest and the largest momentum."""
    _ = translator(language)
    pairs = [
        Pair(_("gain, α = {momentum}").format(momentum=momentum_word(momentum, _)), values, finding)
        for momentum, values, finding in zip(result.pairs, result.differences, result.findings, strict=True)
    ]
    return seeds.differences("momentum_paired", pairs, result.settings.seed, _)


def momentum_left_over(result: Result, language: Language = "en") -> Chart:
    """Weight of the initial values by momentum, on a log axis: what `nn.BatchNorm1d` keeps of it, over (1 − α)^t."""
    _ = translator(language)
    steps = result.settings.steps
    numbers = [index for index, value in enumerate(result.momentums) if not isinstance(value, str)]
    alphas = np.array([float(result.momentums[index]) for index in numbers])
    theory, measured = (np.maximum(values[numbers], LEAST) for values in (result.left_over, result.left_over_measured))
    traces = [
        line(alphas, theory, "theory", "(1 − α)ᵗ", dash="dash", width=2),
        points(alphas, measured, "before", _("measured"), size=12),
    ]
    words = _(
        "dots: left of a running mean of 1 after {steps} batches of zeros · dashed: (1 − α)ᵗ; below 10⁻⁶ drawn there"
    )
    notes = [key(words.format(steps=steps))]
    x = log_axis(_("Momentum α"), math.log10(alphas[0]) - 0.1, 0.1)
    y = axis(_("Weight of the initial value"), type="log", range=[-6.3, 0.2], **power_ticks(-6, 0))
    kept = list(zip(alphas, result.left_over_measured[numbers], strict=True))
    parts = listed([short(alpha) for alpha, _value in kept], [short(value, LEAST) for _alpha, value in kept], _)
    return line_chart(
        "momentum_left_over",
        traces,
        (x, y),
        notes,
        _("Weight that the initial value still has after {steps} batches, by momentum: {parts}.").format(
            steps=steps, parts=parts
        ),
        margin={"l": 84, "r": 24},
        phone_layout=phone(notes, r=16, l=64),
    )


def _error_axis(_: Translate, **options: Any) -> dict[str, Any]:
    """Test error in %, logarithmic."""
    ends = [math.log10(LOWEST), math.log10(HIGHEST)]
    ticks = {"tickvals": list(TICKS), "ticktext": [f"{tick:g}" for tick in TICKS]}
    return axis(_("Test error in %"), type="log", range=ends, **ticks, **options)


def _percent(over: OverSeeds) -> tuple[Floats, Floats, Floats]:
    """Best, mean and worst seed in %."""
    return 100 * over.low, 100 * over.mean, 100 * over.high


def _shown(error: Floats) -> Floats:
    """`error` in % within the axis."""
    return np.clip(error, LOWEST, HIGHEST)


def _height(error: float) -> float:
    """Where an error in % stands on the logarithmic axis; 0 where it is no number."""
    return math.log10(np.clip(error, LOWEST, HIGHEST)) if math.isfinite(error) else 0
