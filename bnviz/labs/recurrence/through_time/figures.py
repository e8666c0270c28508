"""Pictures of the topic `through_time` of the lab `recurrence`; each takes its `Result`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.recurrence.shared.figures import SHORT_NAMES, VARIANT_NAMES, VARIANT_ROLES, dot, span, time_axis
from bnviz.labs.recurrence.through_time.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, key, line, log_axis, log_range, note, phone, power_ticks
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures.seeds import apart

LOWEST: Final = 1e-40  # gradients below float32's reach are not drawn
MARGIN: Final = {"l": 72, "r": 190, "t": 44, "b": 52}
PHONE_MARGIN: Final = {"l": 56, "r": 84, "t": 84, "b": 44}


def gradient(result: Result, language: Language = "en") -> Chart:
    """RMS gradient at each step relative to the last step's, on a log axis, over the closed form."""
    _ = translator(language)
    count = result.settings.steps
    steps = np.arange(count)[::-1]
    over = result.relative
    traces: list[dict[str, Any]] = []
    for index, variant in enumerate(result.variants):
        low, middle, high = (_positive(part[index]) for part in (over.low, over.mean, over.high))
        traces += [
            band(steps, low, high, VARIANT_ROLES[variant]),
            line(steps, middle, VARIANT_ROLES[variant], _(VARIANT_NAMES[variant]), width=3.5),
        ]
        expected = _positive(result.relative_theory[index])
        if np.isfinite(expected).sum() > 1:
            traces.append(line(steps, expected, "theory", "", width=1.8, dash="dash"))
    low, high = log_range(np.concatenate([np.ravel(_positive(over.mean)), [1.0]]))
    firsts = [_at_first(over.mean[index]) for index in range(len(result.variants))]
    labels, phone_labels = _labels(result, firsts, low, high, _)
    labels = [
        (f"{name}<br>{_times(value)}", role, height) for (name, role, height), value in zip(labels, firsts, strict=True)
    ]
    how = key(_how(result, _))
    ends = _("; ").join(
        _("{variant} {times}").format(variant=_(VARIANT_NAMES[variant]), times=_times(value))
        for variant, value in zip(result.variants, firsts, strict=True)
    )
    y = log_axis(_("Gradient, relative to the last step"), low, high)
    if high - low > 6:
        y |= power_ticks(low, high)
    x = axis(_("Steps back in time, from the last one"), range=[0, count - 1], dtick=1 if count <= 12 else 8)
    return Chart(
        "gradient",
        traces,
        layout(x, y, annotations=[how, *apart(labels, (low, high), 2.0)], margin=MARGIN),
        _("RMS gradient of the loss at the first time step, relative to the last: {ends}.").format(ends=ends),
        height=430,
        phone_height=400,
        phone_layout=phone([how, *end_labels(phone_labels, low, high)], **PHONE_MARGIN),
    )


def gammas(result: Result, language: Language = "en") -> Chart:
    """Growth of the gradient per step back, batch norm per step, for several γ; 1 means that it stays as it is."""
    _ = translator(language)
    traces, labels = _gamma_curves(result, _)
    over = result.gamma_over_seeds
    low, high = span(over.low, over.high, result.gamma_growth_theory, result.gamma_growth_alone, np.ones(1))
    low = min(low, 0.5)
    x_low, x_high = math.log10(float(result.gammas[0])) - 0.06, math.log10(float(result.gammas[-1])) + 0.06
    how = _("batch norm per step, from the last step to the second · bars: the least and the largest of the networks")
    notes = [
        key(how),
        note(_("1: stays as it is"), x=x_low, xanchor="left", y=1.0, yanchor="top", xshift=4),
        *end_labels(labels, low, high),
    ]
    at = {value: float(over.mean[list(result.gammas).index(value)]) for value in (0.1, 1.0)}
    return Chart(
        "gammas",
        traces,
        layout(
            log_axis(_("γ at the start"), x_low, x_high),
            axis(_("Growth per step back"), range=[low, high]),
            annotations=notes,
            margin={**MARGIN, "r": 130},
        ),
        _(
            "Growth of the gradient per step back in time with batch norm per step: {small} at γ = 0.1, {one} at γ = 1."
        ).format(small=short(at[0.1]), one=short(at[1.0])),
        height=380,
        phone_layout=phone(notes, **{**PHONE_MARGIN, "t": 64}),
    )


def _gamma_curves(result: Result, _: Translate) -> tuple[list[dict[str, Any]], list[tuple[str, Role, float]]]:
    """What was measured with bars over the networks, what theory says with and without input; and the lines' labels."""
    over, role = result.gamma_over_seeds, VARIANT_ROLES["batch_per_step"]
    reach = {"symmetric": False, "array": over.high - over.mean, "arrayminus": over.mean - over.low}
    look: dict[str, Any] = {
        "marker": {"size": 11},
        "error_y": {"type": "data", **reach, "color": color(role), "thickness": 1.5},
    }
    traces = [
        line(result.gammas, [1.0] * len(result.gammas), "context", "", width=2),
        line(result.gammas, over.mean, role, _("measured"), **look),
    ]
    labels: list[tuple[str, Role, float]] = [(_("measured"), role, float(over.mean[-1]))]
    for values, dash, name in (
        (result.gamma_growth_theory, "dash", _("closed form")),
        (result.gamma_growth_alone, "dot", _("without input")),
    ):
        if np.isfinite(values).all():
            traces.append(line(result.gammas, values, "theory", name, width=1.8, dash=dash))
            labels.append((name, "theory", float(values[-1])))
    return traces, [label for label in labels if math.isfinite(label[2])]


def growth(result: Result, language: Language = "en") -> Chart:
    """Growth of the gradient step by step, over the closed form and over the same with the units' own variances."""
    _ = translator(language)
    count, over = result.settings.steps, result.growth_over_seeds
    low, high = log_range(np.concatenate((np.ravel(over.mean), np.ravel(result.growth_theory), [1.0])))
    lasts = [float(value) for value in over.mean[:, -1]]
    labels, short_labels = _labels(result, lasts, low, high, _)
    how = key(
        _("lines: measured · dashed: closed form · dotted: with the variances that the units really have")
        if result.settings.cell == "rnn"
        else _("lines: measured · there is no closed form for cells with gates")
    )
    parts = _("; ").join(
        _("{variant} {growth}").format(variant=_(VARIANT_NAMES[variant]), growth=short(last))
        for variant, last in zip(result.variants, lasts, strict=True)
    )
    return Chart(
        "growth",
        _growth_curves(result, _),
        layout(
            time_axis(count - 1, _("To time step t, from t + 1")),
            log_axis(_("Growth of the gradient"), low, high),
            annotations=[how, *end_labels(labels, low, high)],
            margin=MARGIN,
        ),
        _("Growth of the gradient from the last step to the one before it: {parts}.").format(parts=parts),
        height=400,
        phone_layout=phone([how, *end_labels(short_labels, low, high)], **PHONE_MARGIN),
    )


def _growth_curves(result: Result, _: Translate) -> list[dict[str, Any]]:
    """The line at 1, and per variant what was measured over the closed forms."""
    count = result.settings.steps
    steps = np.arange(1, count)
    traces = [line([0.6, count - 0.4], [1.0, 1.0], "context", "", width=2)]
    for index, variant in enumerate(result.variants):
        seen = _positive(result.growth_over_seeds.mean[index])
        traces.append(line(steps, seen, VARIANT_ROLES[variant], _(VARIANT_NAMES[variant]), marker=dot(count)))
        for values, dash in ((result.growth_theory, "dash"), (result.growth_unequal, "dot")):
            if np.isfinite(values[index]).any():
                traces.append(line(steps, _positive(values[index]), "theory", "", width=1.8, dash=dash))
    return traces


def _labels(
    result: Result, values: Sequence[float], low: float, high: float, _: Translate
) -> tuple[list[tuple[str, Role, float]], list[tuple[str, Role, float]]]:
    """Names at the lines' ends, where `values` (V,) stand on a log axis; for wide screens and, shorter, for phones."""
    rows = [
        (variant, VARIANT_ROLES[variant], _height(value, low, high))
        for variant, value in zip(result.variants, values, strict=True)
    ]
    wide = [(_(VARIANT_NAMES[variant]), role, height) for variant, role, height in rows]
    return wide, [(_(SHORT_NAMES[variant]), role, height) for variant, role, height in rows]


def _how(result: Result, _: Translate) -> str:
    words = _("line: mean of {seeds} fresh networks · band: the least and the largest").format(
        seeds=result.settings.seeds
    )
    return words + (" · " + _("dashed: closed form") if result.settings.cell == "rnn" else "")


def _positive(values: Any) -> Any:
    return np.where(values > LOWEST, values, np.nan)


def _at_first(values: Any) -> float:
    return float(values[0])


def _times(value: float) -> str:
    return f"× {short(value)}"


def _height(value: float, low: float, high: float) -> float:
    return min(max(math.log10(value), low), high) if value > 0 and math.isfinite(value) else low
