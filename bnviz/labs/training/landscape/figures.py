"""Pictures of the topic `landscape` of the lab `training`; each takes its `Result`. What is no number any more is left out."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, in_brackets, translator
from bnviz.labs.training.landscape.result import Result
from bnviz.labs.training.shared.figures import effects
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import labels_above, labels_at_ends
from bnviz.plot.numbers import short
from bnviz.plot.primitives import (
    band,
    crosses,
    key,
    largest,
    line,
    log_range,
    phone,
    power_ticks,
    theory_line,
)
from bnviz.plot.primitives import points as dots
from bnviz.plot.theme import Role, axis, layout
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name
from bnviz.settings import NORMALIZERS
from bnviz.study.figures.forest import Claim, forest, times

Floats = NDArray[np.float64]
FIXED: Final = {"ranges": (-3.0, 2.0), "changes": (-1.0, 2.0)}  # the log axes, where the data do not leave them


def ranges(result: Result, language: Language = "en") -> Chart:
    """Range of the loss along the gradient, look by look: the geometric mean over seeds, a band from the least to the largest."""
    _ = translator(language)
    return _over_training(
        "ranges",
        result,
        (result.range_mean, result.range_low, result.range_high),
        _("Range of the loss along the gradient"),
        _("nats"),
        _,
    )


def changes(result: Result, language: Language = "en") -> Chart:
    """Largest change of the gradient along itself over its own length: 1 means that nothing need be left of it."""
    _ = translator(language)
    return _over_training(
        "changes",
        result,
        (result.relative_mean, result.relative_low, result.relative_high),
        _("Change of the gradient"),
        _("its own lengths"),
        _,
    )


def claims(result: Result, language: Language = "en") -> Chart:
    """Three claims, each later variant against the first: factors of the range, the gradient's change, and the relative change."""
    _ = translator(language)
    against = _(NORMALIZERS[result.variants[0]])

    return forest(
        "landscape_claims",
        (
            Claim(
                _("Range of the loss, against {first}").format(first=against),
                _("times"),
                effects(result, result.range_factors, result.range_findings, _),
                times,
                factor=True,
            ),
            Claim(
                _("Change of the gradient"),
                _("times"),
                effects(result, result.change_factors, result.change_findings, _),
                times,
                factor=True,
            ),
            Claim(
                _("… over its length"),
                _("times"),
                effects(result, result.relative_factors, result.relative_findings, _),
                times,
                factor=True,
            ),
        ),
        _,
    )


def along(result: Result, language: Language = "en") -> Chart:
    """The loss along the gradient of the first seed in the middle of training, over its parabola L − s‖g‖² + ½s²·gᵀHg."""
    _ = translator(language)
    middle = int(np.argmin(np.abs(result.look_steps - result.total_steps / 4)))
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    tops = [0.1]
    x = np.concatenate([[0.0], result.sizes])
    fine = np.linspace(0, float(result.sizes[-1]), 60)
    for number, name in enumerate(result.variants):
        role = NORMALIZER_ROLES[name]
        start = float(result.start_loss[number, 0, middle])
        y = np.concatenate([[start], result.loss[number, 0, middle]])
        parabola = (
            start + fine * result.slope_expected[number, 0, middle] + fine**2 / 2 * result.curvature[number, 0, middle]
        )
        traces.append(
            theory_line(fine, parabola, _("second order, {variant}").format(variant=normalizer_name(name, _)))
        )
        traces.append(dots(x, y, role, normalizer_name(name, _), size=11))
        if np.isfinite(y).any():
            tops.append(largest(y))
            labels.append((normalizer_name(name, _), role, float(y[np.isfinite(y)][-1])))
    high = 1.1 * min(max(tops), 1e6)
    ends = labels_at_ends(labels, 0.07 * high, 0.03 * high, 0.97 * high)
    words = key(
        _("seed {seed}, after {step} steps · points: measured · dashed: L − s‖g‖² + ½s²·gᵀHg").format(
            seed=result.settings.seed, step=int(result.look_steps[middle])
        )
    )
    told = _("; ").join(f"{text} {short(place)}" for text, _role, place in labels)
    return Chart(
        "along",
        traces,
        layout(
            axis(_("Step along the gradient, s"), range=[0, 1.03 * float(result.sizes[-1])]),
            axis(_("Training loss of the batch in nats"), range=[-0.05 * high, high]),
            annotations=[words, *ends],
            margin={"l": 64, "r": 150, "t": 40, "b": 52},
        ),
        _(
            "Loss of one batch along its gradient after {step} training steps, over its parabola. At the longest step: {parts}."
        ).format(step=int(result.look_steps[middle]), parts=told),
        height=400,
        phone_layout=phone([words, *ends], l=48, r=96, t=56, b=46),
    )


def _over_training(
    name: str, result: Result, values: tuple[Floats, Floats, Floats], title: str, unit: str, _: Translate
) -> Chart:
    """One line with its band per variant over training, on a log axis."""
    mean, low, high = values
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    seen = log_range(np.concatenate([np.ravel(low), np.ravel(high)]))
    low_end, high_end = FIXED[name]
    ends = [min(low_end, math.floor(seen[0])), min(max(high_end, math.ceil(seen[1])), 12.0)]
    epochs = result.look_steps / result.steps_per_epoch
    for number, variant in enumerate(result.variants):
        role = NORMALIZER_ROLES[variant]
        traces.append(band(epochs, low[number], np.minimum(high[number], 10.0 ** ends[1]), role, 0.16))
        hover = _("epoch %{x:.3g}: %{y:.3g}")
        traces.append(line(epochs, mean[number], role, normalizer_name(variant, _), width=3.5, hovertemplate=hover))
        traces += _diverged(result, number, 10 ** (ends[1] - 0.2), _)
        labels.append(_label(result, number, mean[number], ends[1], _))
    span = ends[1] - ends[0]
    notes = labels_at_ends(labels, 0.14 * span, ends[0] + 0.06 * span, ends[1] - 0.06 * span, align="left")
    words = _(
        "steps of {low} to {high} along the gradient · line: geometric mean of {seeds} seeds · band: from the least to the largest"
    )
    words = words.format(
        low=short(float(result.sizes[0])), high=short(float(result.sizes[-1])), seeds=result.settings.seeds
    )
    told = _("; ").join(text.replace("<br>", " ") for text, _role, _place in labels)
    return Chart(
        name,
        traces,
        layout(
            axis(_("Epochs"), range=[0, result.settings.epochs]),
            axis(in_brackets(title, unit, _), type="log", range=ends, **power_ticks(ends[0], ends[1])),
            annotations=[key(words), *notes],
            margin={"l": 72, "r": 170, "t": 40, "b": 52},
        ),
        _(
            "{title}, {unit}, over training on a log axis, mean and range of {seeds} seeds. At epoch {epoch}: {parts}."
        ).format(title=title, unit=unit, seeds=result.settings.seeds, epoch=short(float(epochs[-1])), parts=told),
        height=430 if name == "ranges" else 380,
        phone_height=430,
        phone_layout=phone([key(labels_above(words, labels))], l=52, r=10, t=70 + 17 * len(labels), b=46),
    )


def _diverged(result: Result, number: int, height: float, _: Translate) -> list[dict[str, Any]]:
    """A cross at `height` for every seed of a variant that has diverged."""
    lost = result.diverged_at[number][result.diverged_at[number] >= 0]
    if not lost.size:
        return []
    name = _("diverged: {variant}").format(variant=normalizer_name(result.variants[number], _))
    hover = _("no longer a number: epoch %{x:.3g}")
    return [crosses(lost / result.steps_per_epoch, np.full(len(lost), height), name, hover)]


def _label(result: Result, number: int, mean: Floats, top: float, _: Translate) -> tuple[str, Role, float]:
    """What stands at the end of a variant's line, in which colour and at which exponent: the last `mean`, and who has diverged."""
    variant, steps = result.variants[number], result.diverged_at[number]
    finite = mean[np.isfinite(mean)]
    words = short(float(finite[-1])) if finite.size and math.isfinite(mean[-1]) else ""
    lost = steps[steps >= 0]
    if lost.size:
        gone = _("{lost} of {seeds} diverged (NaN), first at step {step}").format(
            lost=lost.size, seeds=len(steps), step=int(lost.min())
        )
        words = f"{words}<br>{gone}" if words else gone
    height = math.log10(float(finite[-1])) if finite.size and finite[-1] > 0 else top
    return f"{normalizer_name(variant, _)}<br>{words}", NORMALIZER_ROLES[variant], height
