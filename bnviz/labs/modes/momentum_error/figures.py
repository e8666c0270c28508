"""Pictures of the topic `momentum_error` of the lab `modes`; each takes a `MomentumErrorResult`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.modes.shared.figures import phone
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, key, line, log_axis, note, points, power_ticks
from bnviz.plot.theme import Role, axis, layout
from bnviz.settings import MomentumValue
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import HIGHEST, LOWEST, TICKS, Pair

if TYPE_CHECKING:
    from bnviz.labs.modes.momentum_error.experiment import MomentumErrorResult

LEAST: Final = 1e-6


def momentum_curve(result: MomentumErrorResult, language: Language = "en") -> Chart:
    """Test error in eval mode by momentum, mean and range over seeds, with the level after recalibration; below, the initial weight."""
    _ = translator(language)
    places = np.arange(len(result.momentums))
    span = [-0.4, len(places) - 0.6]
    low, mean, high = (100 * values for values in (result.over.low, result.over.mean, result.over.high))
    level = 100 * float(result.recalibrated_over.mean)
    best, worst = 100 * float(result.recalibrated_over.low), 100 * float(result.recalibrated_over.high)
    clipped = [float(np.clip(value, LOWEST, HIGHEST)) for value in (best, worst)]
    lower = {"yaxis": "y2"}
    traces = [
        band(span, [clipped[0]] * 2, [clipped[1]] * 2, "after", 0.14),
        line(span, [level] * 2, "after", _("recalibrated"), width=3),
        band(places, np.clip(low, LOWEST, HIGHEST), np.clip(high, LOWEST, HIGHEST), "running", 0.2),
        line(places, np.maximum(mean, LOWEST), "running", _("as trained"), width=3.5, marker={"size": 10},
             customdata=[momentum_word(value, _) for value in result.momentums],
             hovertemplate="α = %{customdata}: %{y:.3g} %<extra></extra>"),
        points([result.chosen], [mean[result.chosen]], "ink", _("chosen"), size=19, symbol="circle-open",
               hoverinfo="skip"),
        {**points(places, result.left_over_measured, "before", _("measured"), size=8), **lower},
        {**line(places, result.left_over, "theory", "(1 − α)ᵗ", dash="dash", width=2), **lower},
    ]  # fmt: skip
    seeds_count = result.error.shape[1]
    ends = [math.log10(LOWEST), math.log10(HIGHEST)]
    chosen = momentum_word(result.momentums[result.chosen], _)
    # The first point bears the line's name, or its own number.
    named = int(result.chosen == 0 and len(places) > 1)
    notes = [
        key(_("line: mean of {seeds} seeds · band: from the best seed to the worst").format(seeds=seeds_count)),
        note("<b>" + _("recalibrated") + f"<br>{short(level)} %</b>", "after", xref="paper", x=1, xanchor="left", xshift=6,
             y=math.log10(np.clip(level, LOWEST, HIGHEST)) if math.isfinite(level) else 0, align="left"),
        note("<b>" + _("as trained") + "</b>", "running", x=named, xanchor="left", xshift=14, yanchor="bottom",
             y=math.log10(np.clip(mean[named], LOWEST, HIGHEST)) if math.isfinite(mean[named]) else 0),
        note(_("weight of the initial values"), "context", xref="paper", x=1, xanchor="right", yref="y2", y=0.98,
             yanchor="top"),
    ]  # fmt: skip
    if math.isfinite(mean[result.chosen]):
        notes.append(
            note(f"<b>α = {chosen}: {short(mean[result.chosen])} %</b>", "ink", x=result.chosen, yanchor="bottom",
                 xanchor="left" if result.chosen < len(places) - 2 else "center", yshift=12,
                 y=math.log10(np.clip(mean[result.chosen], LOWEST, HIGHEST)))
        )  # fmt: skip
    base = layout(
        axis(_("Momentum α (weight of the newest batch)"), range=span, tickvals=places, anchor="y2",
             ticktext=[momentum_word(value, _) for value in result.momentums]),
        axis(_("Test error in %"), type="log", range=ends, tickvals=list(TICKS), ticktext=[f"{tick:g}" for tick in TICKS],
             domain=[0.34, 1]),
        yaxis2=axis(f"(1 − α)ᵗ, t = {result.settings.steps}", range=[0, 1.05], domain=[0, 0.26], tickvals=[0, 0.5, 1]),
        annotations=notes,
        margin={"l": 72, "r": 120, "t": 40, "b": 52},
    )  # fmt: skip
    parts = ", ".join(
        f"{momentum_word(value, _)} {short(mean[place])} %" for place, value in enumerate(result.momentums)
    )
    return Chart(
        "momentum_curve", traces, base,
        _("Test error in eval mode by momentum after {steps} steps, mean of {seeds} seeds: {parts}. After recalibration with {passes} "
          "batches: {level} %.").format(steps=result.settings.steps, seeds=seeds_count, parts=parts,
                                       passes=result.settings.passes, level=short(level)),
        height=430, phone_height=440,
        phone_layout={**phone(notes, l=56, r=92, t=68), "xaxis": {"tickangle": -50, "title": {"text": _("Momentum α")}}},
    )  # fmt: skip


def momentum_passes(result: MomentumErrorResult, language: Language = "en") -> Chart:
    """Test error against the number of recalibration batches, with the level of the chosen momentum as it was trained."""
    _ = translator(language)
    counts = result.counts
    low, mean, high = (
        100 * values for values in (result.count_over.low, result.count_over.mean, result.count_over.high)
    )
    span = [0.8, float(counts[-1]) * 1.25]
    trained = 100 * float(result.over.mean[result.chosen])
    chosen = momentum_word(result.momentums[result.chosen], _)
    traces = [
        line(span, [trained] * 2, "running", _("as trained, α = {momentum}").format(momentum=chosen), width=3),
        band(counts, np.clip(low, LOWEST, HIGHEST), np.clip(high, LOWEST, HIGHEST), "after", 0.18),
        line(counts, np.maximum(mean, LOWEST), "after", _("recalibrated"), width=3.5, marker={"size": 10},
             hovertemplate=_("{count} batches: %{{y:.3g}} %").format(count="%{x}")),
    ]  # fmt: skip
    ends = [math.log10(LOWEST), math.log10(HIGHEST)]
    notes = [key(_("same weights · mean and variance counted again"))]
    ends_of_lines: tuple[tuple[float, str, Role], ...] = (
        (trained, _("as trained") + f"<br>α = {chosen}<br>{short(trained)} %", "running"),
        (float(mean[-1]), _("recalibrated") + f"<br>{short(mean[-1])} %", "after"),
    )
    for value, text, role in ends_of_lines:
        if math.isfinite(value):
            notes.append(
                note(f"<b>{text}</b>", role, xref="paper", x=1, xanchor="left", xshift=6, align="left",
                     y=math.log10(np.clip(value, LOWEST, HIGHEST)), yanchor="bottom" if value == trained else "top")
            )  # fmt: skip
    return Chart(
        "momentum_passes",
        traces,
        layout(
            axis(_("Recalibration batches, k"), type="log", range=[math.log10(end) for end in span], tickvals=counts),
            axis(_("Test error in %"), type="log", range=ends, tickvals=list(TICKS),
                 ticktext=[f"{tick:g}" for tick in TICKS]),
            annotations=notes, margin={"l": 64, "r": 130, "t": 40, "b": 52},
        ),
        _("Test error after recalibration with k batches: {parts}. As trained: {trained} %.").format(
            parts=", ".join(f"{count}: {short(value)} %" for count, value in zip(counts, mean, strict=True)),
            trained=short(trained)),
        height=360,
        phone_layout=phone(notes, r=100),
    )  # fmt: skip


def momentum_paired(result: MomentumErrorResult, language: Language = "en") -> Chart:
    """Seed by seed: what recalibration takes off the error, for the chosen, the smallest and the largest momentum."""
    _ = translator(language)
    pairs = [
        Pair(_("gain, α = {momentum}").format(momentum=momentum_word(momentum, _)), values, finding)
        for momentum, values, finding in zip(result.pairs, result.differences, result.findings, strict=True)
    ]
    return seeds.differences("momentum_paired", pairs, result.settings.seed, _)


def momentum_left_over(result: MomentumErrorResult, language: Language = "en") -> Chart:
    """Weight of the initial values by momentum, on a log axis: what `nn.BatchNorm1d` keeps of it, over (1 − α)^t."""
    _ = translator(language)
    numbers = [place for place, value in enumerate(result.momentums) if not isinstance(value, str)]
    alphas = np.array([float(result.momentums[place]) for place in numbers])
    theory, measured = (np.maximum(values[numbers], LEAST) for values in (result.left_over, result.left_over_measured))
    traces: list[dict[str, Any]] = [
        line(alphas, theory, "theory", "(1 − α)ᵗ", dash="dash", width=2),
        points(alphas, measured, "before", _("measured"), size=12),
    ]
    notes = [key(_("dots: left of a running mean of 1 after {steps} batches of zeros · dashed: (1 − α)ᵗ; below 10⁻⁶ drawn there").format(
        steps=result.settings.steps))]  # fmt: skip
    y = axis(_("Weight of the initial value"), type="log", range=[-6.3, 0.2], **power_ticks(-6, 0))
    x = log_axis(_("Momentum α"), math.log10(alphas[0]) - 0.1, 0.1)
    kept = zip(alphas, result.left_over_measured[numbers], strict=True)
    parts = ", ".join(f"{short(alpha)}: {short(value, LEAST)}" for alpha, value in kept)
    return Chart(
        "momentum_left_over", traces, layout(x, y, annotations=notes, margin={"l": 84, "r": 24, "t": 40, "b": 52}),
        _("Weight that the initial value still has after {steps} batches, by momentum: {parts}.").format(
            steps=result.settings.steps, parts=parts),
        height=380,
        phone_layout=phone(notes, r=16, l=64),
    )  # fmt: skip


def momentum_word(momentum: MomentumValue, _: Translate) -> str:
    """A momentum as an axis shows it."""
    return _("cumulative") if isinstance(momentum, str) else short(momentum)
