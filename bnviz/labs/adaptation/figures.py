"""Pictures of the lab `adaptation`; each takes its `Result`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, Translate, clauses, translator
from bnviz.labs.adaptation.result import Floats, Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, key, line, log_axis, log_range, note, phone, points, segment, theory_line
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures.seeds import HIGHEST, LOWEST, error_axis
from bnviz.study.over_seeds import OverSeeds

AT_ZERO: Final = 0.1
"""Where N = 0 stands on the logarithmic axis."""
TWO_LINES: Final = 0.35
"""Of the axis of the error, in powers of ten: what a label of two lines takes."""


def errors(result: Result, language: Language = "en") -> Chart:
    """Test error by source weight, random and class-sorted batches, with N* and the errors of pure source and pure target."""
    _ = translator(language)
    span, chosen = _span(result), result.chosen
    rows: tuple[tuple[OverSeeds, Floats, Role, str], ...] = (
        (result.over_sorted, result.error_sorted, "before", _("sorted by class")),
        (result.over, result.error, "after", _("random batches")),
    )
    here = [_places(result.source_weights)[chosen]], [_shown(result.error[chosen])]
    traces = [
        line(span, [_shown(result.error_source)] * 2, "context", _("statistics from training"), width=2),
        *(trace for over, mean, role, name in rows for trace in _by_weight(result, over, mean, role, name)),
        points(*here, "ink", _("chosen"), size=18, symbol="circle-open"),
    ]
    star = min(max(result.best_theory, span[0]), span[1])
    notes = _errors_notes(result, rows, star, _)
    return Chart(
        "errors",
        traces,
        layout(
            _weight_axis(_),
            error_axis(_),
            annotations=notes,
            margin={"l": 64, "r": 150, "t": 40, "b": 52},
            shapes=[segment((star, star), (0, 1), "theory", 1.8, "dash", yref="paper")],
        ),
        _errors_alt(result, _),
        height=430,
        phone_height=420,
        phone_layout=phone(notes, r=100, t=84),
    )


def _by_weight(result: Result, over: OverSeeds, mean: Floats, role: Role, name: str) -> list[dict[str, Any]]:
    """The error of one kind of batches at every source weight, with its band."""
    x, text = _places(result.source_weights), [f"N = {short(float(n))}" for n in result.source_weights]
    hover: dict[str, Any] = {"customdata": text, "hovertemplate": "%{customdata}: %{y:.3g} %"}
    return [
        band(x, _shown(over.low), _shown(over.high), role, 0.16),
        line(x, _shown(mean), role, name, width=3.5, marker={"size": 8}, **hover),
    ]


def _errors_notes(
    result: Result, rows: Sequence[tuple[OverSeeds, Floats, Role, str]], star: float, _: Translate
) -> list[dict[str, Any]]:
    """How to read the picture, the error of the statistics from training, that of pure target statistics, and N*."""
    how = _(
        "line: mean of {seeds} seeds · band: from the best seed to the worst · dashed: N* = σ²/Δ² · ring: chosen N"
    ).format(seeds=result.settings.seeds)
    text = "<b>" + _("N = ∞ (training)") + f"<br>{short(result.error_source)} %</b>"
    beside: dict[str, Any] = {
        "xref": "paper",
        "x": 1,
        "xanchor": "left",
        "xshift": 6,
        "yanchor": "middle",
        "align": "left",
    }
    notes = [key(how), note(text, y=_height(result.error_source), **beside)]
    high = False
    for _over, mean, role, name in rows:
        error = f"N = 0: {short(float(mean[0]))} %"
        if _height(float(mean[0])) > math.log10(HIGHEST) - TWO_LINES:
            # Above it stands the key, and below it the line comes down: the room is at the right.
            # Where both lines are that high, the lower one's label stands below its end.
            corner: dict[str, Any] = {"xref": "paper", "x": 0.99, "xanchor": "right", "yanchor": "top"}
            corner |= (
                {"y": _height(float(mean[-1])), "yshift": -12} if high else {"y": math.log10(HIGHEST), "yshift": -2}
            )
            notes.append(note(f"<b>{clauses(name, error, _)}</b>", role, **corner))
            high = True
            continue
        corner = {"xanchor": "left", "yanchor": "bottom", "yshift": 4, "align": "left"}
        place = {"x": math.log10(AT_ZERO), "y": _height(float(mean[0])), "bgcolor": color("paper", 0.75)}
        notes.append(note(f"<b>{name}<br>{error}</b>", role, **place, **corner))
    corner = {"yref": "paper", "y": 0.02, "xanchor": "left", "yanchor": "bottom", "xshift": 5}
    notes.append(note(f"<b>N* = {short(result.best_theory)}</b>", "theory", x=math.log10(star), **corner))
    return notes


def _errors_alt(result: Result, _: Translate) -> str:
    return _(
        "Test error by source weight N, batches of {size}. Random batches: {random} % at N = 0, least {least} % at N = {best}; sorted "
        "by class: {sorted} % at N = 0. With the statistics from training: {source} %. Predicted optimum: N* = {star}."
    ).format(
        size=result.settings.batch_size,
        random=short(float(result.error[0])),
        least=short(float(result.error.min())),
        best=short(result.best_measured),
        sorted=short(float(result.error_sorted[0])),
        source=short(result.error_source),
        star=short(result.best_theory),
    )


def units(result: Result, language: Language = "en") -> Chart:
    """Every hidden unit's own N* = σ²/Δ², sorted, all seeds together: what one N has to serve."""
    _ = translator(language)
    values = np.sort(result.unit_best.ravel())
    share = 100 * (np.arange(len(values)) + 0.5) / len(values)
    low, high = log_range(np.append(values, result.best_theory))
    low, high = max(low, -3.0), min(high, 6.0)
    notes = [key(_("one dot per hidden unit and seed · dashed: their geometric mean, N*"))]
    x = axis(_("Units, sorted (%)"), range=[0, 100])
    return Chart(
        "units",
        [
            points(share, np.clip(values, 10**low, 10**high), "running", _("units"), size=5),
            theory_line([0, 100], [result.best_theory] * 2, "N*"),
        ],
        layout(x, log_axis("σ²/Δ²", low, high), annotations=notes, margin={"l": 72, "r": 24, "t": 40, "b": 52}),
        _(
            "σ²/Δ² of the hidden units: lowest tenth below {low}, highest tenth above {high}, geometric mean {mean}."
        ).format(
            low=short(float(np.quantile(values, 0.1))),
            high=short(float(np.quantile(values, 0.9))),
            mean=short(result.best_theory),
        ),
        height=340,
        phone_layout=phone(notes, r=16),
    )


def mean_error(result: Result, language: Language = "en") -> Chart:
    """Squared error of the typical unit's mixed mean by source weight, measured over the closed form."""
    _ = translator(language)
    x = _places(result.source_weights)
    notes = [key(_("dots: measured in the typical unit, in σ² · dashed: (N²Δ² + nσ²f)/(N + n)²"))]
    low, high = log_range(np.concatenate((result.mean_error, result.mean_error_theory)))
    return Chart(
        "mean_error",
        [
            points(x, result.mean_error, "after", _("measured"), size=11),
            theory_line(x, result.mean_error_theory, _("predicted")),
        ],
        layout(
            _weight_axis(_),
            log_axis(_("Squared error of the mean / σ²"), low, high),
            annotations=notes,
            margin={"l": 80, "r": 24, "t": 40, "b": 52},
        ),
        _("Squared error of the mixed mean at the chosen N: measured {measured}, predicted {predicted} σ².").format(
            measured=short(float(result.mean_error[result.chosen])),
            predicted=short(float(result.mean_error_theory[result.chosen])),
        ),
        height=340,
        phone_layout=phone(notes, r=16),
    )


def _places(weights: Floats) -> Floats:
    """Where the weights stand; 0 to the left of all others."""
    return np.maximum(weights, AT_ZERO)


def _span(result: Result) -> list[float]:
    return [0.8 * AT_ZERO, 1.3 * float(result.source_weights[-1])]


def _weight_axis(_: Translate) -> dict[str, Any]:
    ticks = [0.5, 1, 2, 4, 8, 16, 64, 256, 1024]
    text = ["0", "½", *(str(tick) for tick in ticks[1:])]
    ends = [math.log10(0.8 * AT_ZERO), math.log10(1.3 * 1024)]
    return axis(_("Source weight N (images)"), type="log", range=ends, tickvals=[AT_ZERO, *ticks], ticktext=text)


def _shown(error: Any) -> Any:
    """`error` in % within the axis."""
    return np.clip(error, LOWEST, HIGHEST)


def _height(error: float) -> float:
    return math.log10(float(np.clip(error, LOWEST, HIGHEST)))
