"""Pictures of the topic `ghost` of the lab `noise`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, listed, translator
from bnviz.labs.noise.ghost.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import alike, short
from bnviz.plot.primitives import key, line, log_axis, log_range, note, phone, points
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import ErrorCurve, Pair, error_curves
from bnviz.study.over_seeds import over_seeds

SIZE_ROLES: Final[dict[int, Role]] = {8: "series_4", 4: "series_6", 2: "series_1"}
WHOLE: Final[Role] = "series_2"
MARGIN: Final = {"l": 72, "r": 28, "t": 44, "b": 52}
PHONE: Final = {"l": 54, "r": 14, "t": 74, "b": 46}


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per ghost size."""
    _ = translator(language)
    variants = [
        ErrorCurve(
            _("whole batch, {size}").format(size=size) if index == 0 else _("ghosts of {size}").format(size=size),
            _("whole, {size}").format(size=size) if index == 0 else _("ghosts of {size}").format(size=size),
            _role(result, index),
            result.courses.error[index],
            result.courses.diverged_at[index],
        )
        for index, size in enumerate(result.sizes)
    ]
    per_epoch = result.courses.total_steps / result.settings.epochs
    return error_curves("ghost_curves", variants, result.courses.epochs, result.settings.epochs, per_epoch, _)


def differences(result: Result, language: Language = "en") -> Chart:
    """Each ghost size against the whole batch, seed by seed."""
    _ = translator(language)
    pairs = [
        Pair(_("{second} − {first}").format(first=result.sizes[0], second=size), values, finding)
        for size, values, finding in zip(result.sizes[1:], result.differences, result.findings, strict=True)
    ]
    return seeds.differences("ghost_differences", pairs, result.settings.seed, _)


def sizes(result: Result, language: Language = "en") -> Chart:
    """Final test error by ghost size, every seed a dot, as trained and with recalibrated running statistics."""
    _ = translator(language)
    error = 100 * (1 - result.courses.accuracy[:, :, -1])
    afresh = 100 * (1 - result.recalibrated)
    low, high = log_range(np.concatenate((error.ravel(), afresh.ravel())))
    mean = 100 * result.courses.error.mean[:, -1]
    traces = [
        points([size / 1.07] * error.shape[1], error[index], _role(result, index), "", size=6, opacity=0.45)
        for index, size in enumerate(result.sizes)
    ]
    traces.append(line(result.sizes, mean, "ink", _("as trained"), width=3, marker={"size": 11, "color": color("ink")}))
    if np.isfinite(afresh).any():
        look: dict[str, Any] = {"width": 2, "dash": "dash", "marker": {"size": 9, "color": color("running")}}
        traces.append(line(result.sizes, over_seeds(afresh).mean, "running", _("recalibrated"), **look))
    notes = [key(_("solid: mean error as trained · dashed: recalibrated · dots: single seeds"))]
    for size, value in zip(result.sizes, mean, strict=True):
        if math.isfinite(value) and value > 0:
            side = {"xanchor": "right" if size == result.sizes[0] else "left", "xshift": 8, "yshift": 14}
            where = {"x": math.log10(size), "y": math.log10(value)}
            notes.append(note(f"<b>{short(float(value))} %</b>", "ink", **where, **side))
    told = listed(result.sizes, [f"{error} %" for error in alike(*map(float, mean))], _)
    return Chart(
        "ghost_sizes",
        traces,
        layout(
            _size_axis(result, 1.4, 1.5, _),
            log_axis(_("Test error in %"), low, high),
            annotations=notes,
            margin=MARGIN,
        ),
        _("Test error by samples per statistic. {told}.").format(told=told),
        height=400,
        phone_layout=phone(notes, **{**PHONE, "t": 84}),
    )


def _size_axis(result: Result, least: float, margin: float, _: Translate) -> dict[str, Any]:
    """The ghost sizes on a log axis from `least` to `margin` times the largest."""
    ends = [math.log10(least), math.log10(margin * result.sizes[0])]
    text = [str(size) for size in result.sizes]
    return axis(_("Samples per statistic m"), type="log", range=ends, tickvals=list(result.sizes), ticktext=text)


def noise(result: Result, language: Language = "en") -> Chart:
    """How noisy each ghost size is: R² behind a real ghost batch norm, with its closed form."""
    _ = translator(language)
    fine = np.array(sorted(result.sizes))
    order = np.argsort(result.sizes)
    traces = [
        line(fine, result.fidelity_theory[order], "theory", _("closed form"), width=2, dash="dash"),
        points(fine, result.fidelity[order], "after", _("measured"), size=12),
    ]
    notes = [
        key(_("dots: measured on normal values · dashed: closed form R²(m)")),
        *(
            note(
                _("like Dropout with p = {rate}").format(rate=short(1 - float(value))),
                "after",
                x=math.log10(size),
                y=float(value),
                **(
                    {"yanchor": "bottom", "yshift": 8, "xanchor": "right"}
                    if size == result.sizes[0]
                    else {"yanchor": "top", "yshift": -10, "xanchor": "left"}
                ),
            )
            for size, value in zip(result.sizes, result.fidelity, strict=True)
        ),
    ]
    told = _("; ").join(
        f"{size}: {short(float(value))}" for size, value in zip(result.sizes, result.fidelity, strict=True)
    )
    return Chart(
        "ghost_noise",
        traces,
        layout(
            _size_axis(result, 1.7, 1.3, _),
            axis(_("R² of output and true value"), range=[0, 1.2], tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1]),
            annotations=notes,
            margin=MARGIN,
        ),
        _("Squared correlation of output and true value by samples per statistic. {told}.").format(told=told),
        height=360,
        phone_layout=phone(notes, **PHONE),
    )


def _role(result: Result, index: int) -> Role:
    return WHOLE if index == 0 else SIZE_ROLES[result.sizes[index]]
