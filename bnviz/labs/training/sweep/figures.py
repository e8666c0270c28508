"""Pictures of the topic `sweep` of the lab `training`; each takes its `Result`. What has diverged is marked, not drawn."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, clauses, translator
from bnviz.labs.training.shared.figures import effects
from bnviz.labs.training.sweep.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import labels_above, labels_at_ends
from bnviz.plot.numbers import points_alike, short
from bnviz.plot.primitives import crosses, key, line, log_range, phone, power_ticks, segment, theory_line
from bnviz.plot.primitives import points as dots
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name
from bnviz.settings import NORMALIZERS
from bnviz.study.figures.forest import Claim, forest, times

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 0.5, 100.0  # in %; above it is the strip of the crosses
TOP: Final = 190.0
TICKS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100)
SYMBOLS: Final = {"none": "circle", "batch": "square", "layer": "diamond", "group": "triangle-up"}


def rates(result: Result, language: Language = "en") -> Chart:
    """Test error against learning rate, one line per variant with the range of seeds, and the largest rate that trains."""
    _ = translator(language)
    variants = range(len(result.variants))
    traces = [trace for number in variants for trace in (_errors(result, number, _), *_diverged(result, number, _))]
    labels = [_label(result, number, _) for number in variants]
    low_end, high_end = (math.log10(value) for value in (LOWEST, TOP))
    span = high_end - low_end
    ends = labels_at_ends(labels, 0.13 * span, low_end + 0.15, high_end - 0.1, align="left")
    goal = segment((0, 1), (10, 10), "context", 1.5, "dot", xref="paper", layer="below")
    words = _(
        "mean of {seeds} seeds, bars from the best to the worst · dotted: 90 % right · epoch {epoch} of {epochs}"
    ).format(seeds=result.settings.seeds, epoch=short(float(result.epochs[-1])), epochs=result.settings.epochs)
    y = axis(
        _("Test error in %"),
        type="log",
        range=[low_end, high_end],
        tickvals=list(TICKS),
        ticktext=[f"{tick:g}" for tick in TICKS],
    )
    return Chart(
        "rates",
        traces,
        layout(
            _rate_axis(result, _),
            y,
            annotations=[key(words), *ends],
            shapes=[goal],
            margin={"l": 64, "r": 210, "t": 40, "b": 52},
        ),
        _rates_alt(result, _),
        height=430,
        phone_height=440,
        phone_layout=phone([key(labels_above(words, labels, _(": ")))], l=48, r=10, t=70 + 17 * len(labels), b=46),
    )


def claims(result: Result, language: Language = "en") -> Chart:
    """Two claims, each later variant against the first: it stands larger rates, and it is better even where each has its best rate."""
    _ = translator(language)
    against = _(NORMALIZERS[result.variants[0]])

    return forest(
        "sweep_claims",
        (
            Claim(
                _("Largest rate that trains, against {first}").format(first=against),
                _("times larger"),
                effects(result, result.tolerance, result.tolerance_findings, _),
                times,
                factor=True,
            ),
            Claim(
                _("Accuracy, each at its best rate"),
                _("points of test accuracy"),
                effects(result, result.differences, result.findings, _),
                points_alike,
                scale=100,
            ),
        ),
        _,
    )


def lengths(result: Result, language: Language = "en") -> Chart:
    """Growth of the hidden layers' squared weights against learning rate, over what their gradients say, dashed. Log axes."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    start = result.start_square[:, :, 0]
    measured, predicted = result.end_square[:, :, 0] / start - 1, result.predicted_square[:, :, 0] / start - 1
    low, high = log_range([measured, predicted])
    high = min(high, 12.0)
    for number, name in enumerate(result.variants):
        role = NORMALIZER_ROLES[name]
        shown = np.where((measured[number] > 0) & (measured[number] <= 10.0**high), measured[number], np.nan)
        if result.settings.optimizer == "sgd":
            words = _("predicted, {variant}").format(variant=normalizer_name(name, _))
            traces.append(theory_line(result.rates, predicted[number], words))
        traces.append(dots(result.rates, shown, role, normalizer_name(name, _), size=11, symbol=SYMBOLS[name]))
        seen = shown[np.isfinite(shown)]
        labels.append((normalizer_name(name, _), role, math.log10(float(seen[-1])) if seen.size else high))
    span = high - low
    ends = labels_at_ends(labels, 0.07 * span, low + 0.03 * span, high - 0.03 * span)
    told = key(
        _("seed {seed} · points: measured · dashed: η²Σ‖g‖²/‖W₀‖², from the gradients alone").format(
            seed=result.settings.seed
        )
        if result.settings.optimizer == "sgd"
        else _("seed {seed} · the law holds for plain SGD only").format(seed=result.settings.seed)
    )
    y = axis(_("Growth of the weights, ‖W‖²/‖W₀‖² − 1"), type="log", range=[low, high], **power_ticks(low, high))
    return Chart(
        "lengths",
        traces,
        layout(_rate_axis(result, _), y, annotations=[told, *ends], margin={"l": 72, "r": 150, "t": 40, "b": 52}),
        _lengths_alt(result, measured, predicted, _),
        height=400,
        phone_layout=phone([told, *ends], l=52, r=96, t=56, b=46),
    )


def _errors(result: Result, number: int, _: Translate) -> dict[str, Any]:
    """A variant's mean test error at every rate, bars from the best seed to the worst."""
    name, over = result.variants[number], result.error[number]
    role = NORMALIZER_ROLES[name]
    mean, low, high = (np.clip(100 * part, LOWEST, HIGHEST) for part in (over.mean, over.low, over.high))
    look = {"color": color(role), "thickness": 1.6, "width": 5}
    bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, **look}
    marker = {"size": 10, "symbol": SYMBOLS[name]}
    hover = _("rate %{x:.3g}: error %{y:.3g} %")
    return line(result.rates, mean, role, normalizer_name(name, _), marker=marker, hovertemplate=hover, error_y=bars)


def _label(result: Result, number: int, _: Translate) -> tuple[str, Role, float]:
    """What stands at the end of a variant's line, in which colour and at which exponent."""
    name = result.variants[number]
    errors = np.clip(100 * result.error.mean[number], LOWEST, HIGHEST)
    seen = errors[np.isfinite(errors)]
    text = f"{normalizer_name(name, _)}<br>{_largest_words(result, number, _)}"
    return text, NORMALIZER_ROLES[name], math.log10(float(seen[-1])) if seen.size else 2.0


def _rate_axis(result: Result, _: Translate) -> dict[str, Any]:
    low, high = math.log10(float(result.rates[0])) - 0.12, math.log10(float(result.rates[-1])) + 0.12
    return axis(
        _("Learning rate"),
        type="log",
        range=[low, high],
        tickvals=result.rates,
        ticktext=[short(float(rate)) for rate in result.rates],
    )


def _diverged(result: Result, number: int, _: Translate) -> list[dict[str, Any]]:
    """A cross at the top for every rate at which seeds diverged, with how many and since when."""
    steps = result.diverged_at[number]
    where = np.flatnonzero((steps >= 0).any(axis=1))
    if not len(where):
        return []
    told = [
        _("{lost} of {seeds} diverged (NaN), first at step {step}").format(
            lost=int((steps[place] >= 0).sum()), seeds=steps.shape[1], step=int(steps[place][steps[place] >= 0].min())
        )
        for place in where
    ]
    name = _("diverged: {variant}").format(variant=normalizer_name(result.variants[number], _))
    heights = np.full(len(where), 112.0 * 1.15**number)
    return [crosses(result.rates[where], heights, name, "%{text}", 11, text=told, cliponaxis=False)]


def _largest_words(result: Result, number: int, _: Translate) -> str:
    largest = float(result.largest_rate[number])
    return _("trains up to {rate}").format(rate=short(largest)) if math.isfinite(largest) else _("trains at no rate")


def _rates_alt(result: Result, _: Translate) -> str:
    parts = []
    for number, name in enumerate(result.variants):
        place = int(result.best[number])
        best = (
            _("best {error} % at rate {rate}").format(
                error=short(100 * float(result.error.mean[number, place])), rate=short(float(result.rates[place]))
            )
            if place >= 0
            else _("diverged everywhere")
        )
        lost = int((result.diverged_at[number] >= 0).sum())
        told = clauses(_largest_words(result, number, _), best, _)
        if lost:
            told = clauses(told, _("{lost} trainings diverged").format(lost=lost), _)
        parts.append(normalizer_name(name, _) + _(": ") + told)
    return _(
        "Test error against learning rate for {count} rates, mean and range of {seeds} seeds. Trains means: every seed ends with 90 % "
        "or more. {parts}."
    ).format(count=len(result.rates), seeds=result.settings.seeds, parts=_("; ").join(parts))


def _lengths_alt(result: Result, measured: Floats, predicted: Floats, _: Translate) -> str:
    parts = []
    for number, name in enumerate(result.variants):
        seen = np.flatnonzero(np.isfinite(measured[number]))
        if not len(seen):
            continue
        place = seen[-1]
        parts.append(
            _("{variant} {length} at rate {rate}, predicted {predicted}").format(
                variant=normalizer_name(name, _),
                length=short(float(measured[number, place])),
                rate=short(float(result.rates[place])),
                predicted=short(float(predicted[number, place])),
            )
        )
    return _("Growth of the squared hidden weights, ‖W‖²/‖W₀‖² − 1, against learning rate. {parts}.").format(
        parts=_("; ").join(parts)
    )
