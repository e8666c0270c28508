"""Pictures of the lab `averages`; each takes its `Result`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, listed, translator
from bnviz.labs.averages.result import VARIANTS, Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import alike, points_alike, short
from bnviz.plot.primitives import band, key, line, log_axis, log_range, note, phone, points, theory_line, vertical_line
from bnviz.plot.theme import Role, axis, layout
from bnviz.study.figures.forest import Claim, Effect, forest
from bnviz.study.figures.seeds import HIGHEST, LOWEST, TICKS, ErrorCurve, error_curves
from bnviz.study.over_seeds import OverSeeds

Floats = NDArray[np.float64]

ROLES: Final[dict[str, Role]] = {
    "raw": "context",
    "parameters_only": "before",
    "buffers_averaged": "series_1",
    "buffers_copied": "series_3",
    "refilled": "after",
}
NAMES: Final = {
    "raw": N_("no average"),
    "parameters_only": N_("parameters only"),
    "buffers_averaged": N_("buffers averaged"),
    "buffers_copied": N_("buffers copied"),
    "refilled": N_("buffers refilled"),
}
SHORT: Final = {
    "raw": N_("no average"),
    "parameters_only": N_("param. only"),
    "buffers_averaged": N_("averaged"),
    "buffers_copied": N_("copied"),
    "refilled": N_("refilled"),
}
SYMBOLS: Final = {
    "parameters_only": "circle",
    "buffers_averaged": "square",
    "buffers_copied": "diamond",
    "refilled": "circle-open",
}


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per variant: the mean over seeds, a band from the best to the worst seed."""
    _ = translator(language)
    variants = [
        ErrorCurve(_(NAMES[name]), _(SHORT[name]), ROLES[name], _as_shares(result.over[index]), result.diverged_at)
        for index, name in enumerate(result.variants)
    ]
    return error_curves(
        "curves", variants, result.epochs, result.settings.epochs, result.total_steps / result.settings.epochs, _
    )


def differences(result: Result, language: Language = "en") -> Chart:
    """What each variant has more error than the trained model itself, seed by seed, with interval and verdict; the first apart."""
    _ = translator(language)

    effects = [
        Effect(_(NAMES[name]), ROLES[name], values, finding)
        for name, values, finding in zip(result.compared, result.differences, result.findings, strict=True)
    ]
    unit = _("Error − error without average (points)")
    claims = [
        Claim(_("The buffers of the start"), unit, effects[:1], points_alike, scale=100.0),
        Claim(_("Buffers that were taken care of"), unit, effects[1:], points_alike, scale=100.0),
    ]
    return forest("differences", claims, _)


def refill(result: Result, language: Language = "en") -> Chart:
    """Test error of the averaged model against the number of batches from which its statistics are re-estimated."""
    _ = translator(language)
    raw = float(result.over.mean[0, -1])
    span = [0.85, 1.2 * float(result.counts[-1])]
    over = result.count_over
    hover = _("{count} batches: {error} %").format(count="%{x}", error="%{y:.3g}")
    look: dict[str, Any] = {"marker": {"size": 10}, "hovertemplate": hover}
    traces = [
        line(span, [_shown(raw)] * 2, "context", _(NAMES["raw"]), width=3),
        band(result.counts, _shown(over.low), _shown(over.high), "after", 0.18),
        line(result.counts, _shown(over.mean), "after", _(NAMES["refilled"]), width=3.5, **look),
    ]
    chosen = result.settings.refill_batches
    shapes = [vertical_line(float(chosen), "ink")]
    seeds = _("line: mean of {seeds} seeds · band: from the best seed to the worst").format(seeds=result.error.shape[1])
    notes = [key(seeds)]
    beside = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 6, "align": "left"}
    for value, name, side in ((raw, "raw", "bottom"), (float(over.mean[-1]), "refilled", "top")):
        if math.isfinite(value):
            label = f"<b>{_(SHORT[name])}<br>{short(value)} %</b>"
            notes.append(note(label, ROLES[name], y=math.log10(_shown(value)), yanchor=side, **beside))
    told = listed(result.counts, [f"{error} %" for error in alike(*map(float, over.mean))], _)
    x = axis(_("Refill batches"), type="log", range=[math.log10(end) for end in span], tickvals=result.counts)
    return Chart(
        "refill",
        traces,
        layout(
            x,
            _error_axis(_("Test error in %")),
            annotations=notes,
            shapes=shapes,
            margin={"l": 64, "r": 120, "t": 40, "b": 52},
        ),
        _("Test error of the averaged model by number of refill batches: {parts}. Without average: {raw} %.").format(
            parts=told, raw=short(raw)
        ),
        height=360,
        phone_layout=phone(notes, r=92),
    )


def held(result: Result, language: Language = "en") -> Chart:
    """What each variant's first batch norm holds as variance of a unit, as a multiple of what the averaged layer really gives."""
    _ = translator(language)
    units = np.arange(1, len(result.spread) + 1)
    traces = [theory_line([0, len(units) + 1], [1, 1], _("right"))]
    parts = []
    for index, name in enumerate(VARIANTS):
        if name == "raw":
            continue
        ratio = result.held_variance[index] / result.averaged_variance
        hover = _("unit {unit}: {times} times").format(unit="%{x}", times="%{y:.3g}")
        traces.append(
            points(units, ratio, ROLES[name], _(NAMES[name]), size=11, symbol=SYMBOLS[name], hovertemplate=hover)
        )
        parts.append(f"{_(NAMES[name])} {short(_typical(ratio))}")
    notes = [key(" · ".join(_key_part(name, _(NAMES[name])) for name in VARIANTS[1:]))]
    low, high = log_range(np.concatenate([trace["y"] for trace in traces]))
    return Chart(
        "held",
        traces,
        layout(
            axis(_("Unit of the first layer"), range=[0, len(units) + 1]),
            log_axis(_("Variance held / variance given"), low, high),
            annotations=notes,
            margin={"l": 72, "r": 24, "t": 40, "b": 52},
        ),
        _(
            "Variance that the first batch norm holds, as a multiple of the right one, median over units: {parts}."
        ).format(parts=_(", ").join(parts)),
        height=340,
        phone_layout=phone(notes, r=16, t=100),
    )


def spread(result: Result, language: Language = "en") -> Chart:
    """By how much the averaged layer's variance lies below the mean of the variances: measured over the closed form."""
    _ = translator(language)
    units = np.arange(1, len(result.spread) + 1)
    measured = (result.mean_variance - result.averaged_variance) / result.mean_variance
    theory = result.spread / result.mean_variance
    traces = [
        points(units, 100 * measured, "after", _("measured"), size=12),
        theory_line(units, 100 * theory, "Σ a(w − w̄)ᵀΣ(w − w̄)"),
    ]
    notes = [key(_("dots: measured · dashed: Σ a(w − w̄)ᵀΣ(w − w̄), as a share of the mean variance"))]
    top = 1.25 * max(1e-6, float(np.nan_to_num(100 * np.concatenate((measured, theory))).max()))
    return Chart(
        "spread",
        traces,
        layout(
            axis(_("Unit of the first layer"), range=[0, len(units) + 1]),
            axis(_("Variance lost by averaging (%)"), range=[0, top]),
            annotations=notes,
            margin={"l": 72, "r": 24, "t": 40, "b": 52},
        ),
        _(
            "Share of variance that averaging takes away, median over units: measured {measured} %, predicted {predicted} %."
        ).format(measured=short(100 * _typical(measured)), predicted=short(100 * _typical(theory))),
        height=340,
        phone_layout=phone(notes, r=16),
    )


def _as_shares(over: OverSeeds) -> OverSeeds:
    return OverSeeds(over.mean / 100, over.deviation / 100, over.low / 100, over.high / 100)


def _shown(error: Any) -> Any:
    """`error` in % within the axis."""
    return np.clip(error, LOWEST, HIGHEST)


def _error_axis(title: str) -> dict[str, Any]:
    ends = [math.log10(LOWEST), math.log10(HIGHEST)]
    return axis(title, type="log", range=ends, tickvals=list(TICKS), ticktext=[f"{tick:g}" for tick in TICKS])


def _key_part(name: str, label: str) -> str:
    sign = {"circle": "●", "square": "■", "diamond": "◆", "circle-open": "○"}[SYMBOLS[name]]
    return f"{sign} {label}"


def _typical(values: Floats) -> float:
    """The median, NaN where there is none."""
    return float(np.median(values))
