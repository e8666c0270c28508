"""Pictures of the topic `race` of the lab `training`; each takes its `Result`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, clauses, translator
from bnviz.labs.training.race.result import Result
from bnviz.labs.training.shared.figures import effects, variant_curves
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import alike, points_alike, short, with_spreads
from bnviz.plot.panels import Panels, heading, stacked
from bnviz.plot.primitives import band, domain, key, largest, line, note, phone, theory_line
from bnviz.plot.theme import Role, axis, layout
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name
from bnviz.settings import NORMALIZERS
from bnviz.study.figures.forest import Claim, forest, times
from bnviz.study.figures.seeds import error_curves

Floats = NDArray[np.float64]

NORMAL_85: Final = 1.0364333894937898  # 85 % point of N(0, 1)
HALF_RANGES: Final = (4.0, 6.0, 12.0, 25.0, 50.0, 100.0, 1000.0)


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per variant: the mean over seeds, a band from the best to the worst seed."""
    _ = translator(language)
    per_epoch = result.total_steps / result.settings.epochs
    return error_curves("curves", variant_curves(result, _), result.epochs, result.settings.epochs, per_epoch, _)


def received(result: Result, language: Language = "en") -> Chart:
    """15, 50 and 85 % of what one unit of the last hidden layer receives, as training goes: Figure 1 of the batch norm paper."""
    _ = translator(language)
    half, count = _half_range(result), len(result.variants)
    panels = Panels()
    for number, name in enumerate(result.variants):
        role = NORMALIZER_ROLES[name]
        wide, tall = domain(number, count, 0.03), domain(count - 1 - number, count, 0.16)
        x = axis(_("Training steps"), range=[0, result.total_steps], domain=wide, nticks=4 if count > 2 else 7)
        title = _("Input of the unit's activation")
        y = axis(title if number == 0 else "", range=[-half, half], showticklabels=number == 0)
        phone_x, phone_y = stacked(tall, title)
        named = _(NORMALIZERS[name]) + _(": ")
        panels.add(_percentiles(result, number, half, role, named), x, y, (phone_x, phone_y | {"showticklabels": True}))
        head = f"<b>{normalizer_name(name, _)}</b><br>{_drift_words(result, number, _)}"
        panels.notes.append(heading(head, wide[0], 1.01, role, align="left"))
        panels.phone_notes.append(heading(head.replace("<br>", _(": ")), 0, tall[1], role, align="left"))
    return Chart(
        "received",
        panels.traces,
        panels.layout(margin={"l": 64, "r": 16, "t": 60, "b": 52}),
        _received_alt(result, _),
        height=380,
        phone_height=80 + 170 * count,
        phone_layout=phone(panels.phone_notes, l=44, r=8, t=40, b=48) | panels.phone_axes,
    )


def _percentiles(result: Result, index: int, half: float, role: Role, named: str) -> list[dict[str, Any]]:
    """Lines at 15, 50 and 85 % of what the unit receives, and the band between the outer ones; within ± `half`."""
    low, median, high = (np.clip(part, -half, half) for part in result.percentiles[index, 0].T)
    return [
        band(result.steps, low, high, role, 0.2),
        line(result.steps, low, role, f"{named}15 %", width=1.5),
        line(result.steps, high, role, f"{named}85 %", width=1.5),
        line(result.steps, median, role, f"{named}50 %", width=3.5),
    ]


def claims(result: Result, language: Language = "en") -> Chart:
    """Three claims, each variant against the first: better in the end, sooner at 90 %, and a unit's input that moves less."""
    _ = translator(language)
    against = _(NORMALIZERS[result.variants[0]])

    return forest(
        "claims",
        (
            Claim(
                _("Final accuracy, against {first}").format(first=against),
                _("points of test accuracy"),
                effects(result, result.differences, result.findings, _),
                points_alike,
                scale=100,
            ),
            Claim(
                _("Fewer steps to 90 %"),
                _("times fewer"),
                effects(result, result.speed_factors, result.speed_findings, _),
                times,
                factor=True,
            ),
            Claim(
                _("Drift of the unit's input"),
                _("change of the drift"),
                effects(result, result.drift_differences, result.drift_findings, _),
                _signed,
            ),
        ),
        _,
    )


def learned(result: Result, language: Language = "en") -> Chart:
    """The batch norm panel of `received` with what γ and β say: β, and β ± 1.04·|γ| for normal values, dashed."""
    _ = translator(language)
    half = _half_range(result)
    x = axis(_("Training steps"), range=[0, result.total_steps])
    y = axis(_("Input of the unit's activation"), range=[-half, half])
    if "batch" not in result.variants:
        told = _("Batch norm is not among the variants: only under it do γ and β say what the unit receives.")
        place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
        return Chart("learned", [], layout(x, y, annotations=[note(told, "ink", **place)]), told, height=340)
    index = result.variants.index("batch")
    low, median, high = (np.clip(part, -half, half) for part in result.percentiles[index, 0].T)
    gamma, beta = np.abs(result.scale[index, 0]), result.shift[index, 0]
    traces = _percentiles(result, index, half, "after", "")
    for values, label in (
        (beta, "β"),
        (beta - NORMAL_85 * gamma, "β − 1.04·|γ|"),
        (beta + NORMAL_85 * gamma, "β + 1.04·|γ|"),
    ):
        traces.append(theory_line(result.steps, np.clip(values, -half, half), label))
    words = key(
        _("line and band: 50 % and 15–85 % of the test samples, measured in eval mode · dashed: β and β ± 1.04·|γ|")
    )
    left, right = beta - NORMAL_85 * gamma, beta + NORMAL_85 * gamma
    alt = _(
        "Under batch norm the unit's input has its median at {median} at the end and 15 to 85 % from {low} to "
        "{high}; γ and β say {beta} and {left} to {right}."
    ).format(
        **{
            name: short(float(values[-1]))
            for name, values in {
                "median": median,
                "low": low,
                "high": high,
                "beta": beta,
                "left": left,
                "right": right,
            }.items()
        }
    )
    return Chart(
        "learned",
        traces,
        layout(x, y, annotations=[words]),
        alt,
        height=400,
        phone_layout=phone([words], l=48, r=8, t=60, b=44),
    )


def _signed(*values: float) -> tuple[str, ...]:
    rounded = [round(value, 3) for value in values]
    return tuple(f"{'+' if value > 0 else ''}{text}" for value, text in zip(rounded, alike(*rounded), strict=True))


def _half_range(result: Result) -> float:
    """Half the height of the axis: a step up only where the data leave it."""
    most = largest(np.abs(result.percentiles))
    return next((half for half in HALF_RANGES if most <= 1.1 * half), HALF_RANGES[-1])


def _drift_words(result: Result, number: int, _: Translate) -> str:
    if not math.isfinite(result.drift_mean[number]):
        return _("no drift can be given")
    drifts = with_spreads(list(map(float, result.drift_mean)), list(map(float, result.drift_deviation)))
    return _("drift {drift}").format(drift=drifts[number])


def _received_alt(result: Result, _: Translate) -> str:
    parts = []
    for number, name in enumerate(result.variants):
        low, median, high = result.percentiles[number, 0, -1]
        finite = math.isfinite(median)
        where = (
            _("{low} to {high}, median {median}").format(low=short(low), high=short(high), median=short(median))
            if finite
            else _("no longer a number")
        )
        parts.append(normalizer_name(name, _) + _(": ") + clauses(where, _drift_words(result, number, _), _))
    return _(
        "15, 50 and 85 % of what unit {unit} of the last hidden layer receives, seed {seed}, over {steps} training "
        "steps. At the end: {parts}."
    ).format(
        unit=result.settings.unit, seed=result.settings.seed, steps=int(result.steps[-1]), parts=_("; ").join(parts)
    )
