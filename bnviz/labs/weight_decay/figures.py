"""Pictures of the lab `weight_decay`; each takes its `Result`. Angles are drawn in degrees."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from bnviz.i18n import Language, Translate, in_brackets, listed, translator
from bnviz.labs.weight_decay.result import Floats, Result
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.listing import Listing, Table
from bnviz.plot.numbers import alike, short
from bnviz.plot.primitives import key, line, log_axis, log_range, phone, points, theory_line
from bnviz.plot.theme import Role, axis, color, layout

ROLES: Final[tuple[Role, ...]] = ("series_1", "series_3", "series_6", "before")
"""Of the learning rates, ascending."""
SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up")
SIGNS: Final = ("●", "■", "◆", "▲")
CROWDED: Final = 6
"""Levels of theory that are named at the edge, at most."""


def angles(result: Result, language: Language = "en") -> Chart:
    """Angle per step in the end against η·λ, one dot per run, over the equilibrium's dashed line; hollow where not settled."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    span = _span(result.product)
    if result.settings.batch_norm:
        ratio = float(result.angle_theory[0] ** 2 / result.product[0])
        ends = np.array([10.0 ** span[0], 10.0 ** span[1]])
        traces.append(theory_line(ends, np.degrees(np.sqrt(ratio * ends)), _("equilibrium")))
    for number, rate, runs in _by_rate(result):
        look = {
            "symbol": [SYMBOLS[number] if result.settled[run] else f"{SYMBOLS[number]}-open" for run in runs],
            "color": color(ROLES[number]),
            "size": 14 - 2 * number,
            "line": {"width": 2, "color": color(ROLES[number])},
        }
        traces.append(
            points(
                result.product[runs],
                np.degrees(result.angle[runs]),
                ROLES[number],
                f"η = {short(rate)}",
                marker=look,
                customdata=[_state(result, run, _) for run in runs],
                hovertemplate="ηλ = %{x:.3g}: %{y:.3g}°, %{customdata}",
            )
        )
    notes = [key(_key(result, _))]
    low, high = log_range(np.concatenate([trace["y"] for trace in traces]))
    return Chart(
        "angles",
        traces,
        layout(
            log_axis(_("Learning rate × weight decay (η·λ)"), *span),
            log_axis(_("Angle per step (degrees)"), low, high),
            annotations=notes,
            margin={"l": 72, "r": 24, "t": 58, "b": 52},
        ),
        _angles_alt(result, _),
        height=420,
        phone_layout=phone(notes, r=16, t=120),
    )


def courses(result: Result, language: Language = "en") -> Chart:
    """Angle per step as training goes, one line per run; dashed and labelled at the edge: where each should end."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    ends = [0, result.total_steps]
    for number, _rate, runs in _by_rate(result):
        for run in runs:
            name = _run(result, run, _)
            hover = _("step {step}: {angle}°").format(step="%{x}", angle="%{y:.3g}")
            traces.append(
                line(
                    result.steps,
                    np.degrees(result.angle_by_point[run]),
                    ROLES[number],
                    name,
                    width=2.2,
                    hovertemplate=f"{hover}<extra>{name}</extra>",
                )
            )
    levels = {
        float(f"{product:.6g}"): float(np.degrees(level))
        for product, level in zip(result.product, result.angle_theory, strict=True)
    }
    levels = {product: level for product, level in sorted(levels.items()) if math.isfinite(level)}
    traces += [theory_line(ends, [level, level], f"√(2ηλ), ηλ = {short(product)}") for product, level in levels.items()]
    low, high = log_range(np.concatenate([trace["y"] for trace in traces]))
    named = list(levels.items())
    named = named[:: max(1, math.ceil(len(named) / CROWDED))]
    labels: list[tuple[str, Role, float]] = [(f"ηλ = {short(p)}", "theory", math.log10(level)) for p, level in named]
    notes = [key(_("colour: learning rate ({rates}) · dashed: equilibrium").format(rates=_rates(result, _)))]
    beside = end_labels(labels, low, high)
    return Chart(
        "courses",
        traces,
        layout(
            axis(_("Training step"), range=ends),
            log_axis(_("Angle per step (degrees)"), low, high),
            annotations=[*notes, *beside],
            margin={"l": 72, "r": 110, "t": 40, "b": 52},
        ),
        _("Angle per step over training. {parts}.").format(parts=_runs_told(result, _)),
        height=380,
        phone_layout=phone([*notes, *beside], r=92, t=90),
    )


def runs(result: Result, language: Language = "en") -> Listing:
    """Every run in a row: its angle against equilibrium, whether it has settled, its length, γ and test error."""
    _ = translator(language)
    order = np.lexsort((result.learning_rate, np.round(result.product, 12)))
    columns: dict[str, list[str | int | float]] = {
        "η·λ": [short(float(result.product[run])) for run in order],
        "η": [short(float(result.learning_rate[run])) for run in order],
        "λ": [short(float(result.weight_decay[run])) for run in order],
        _("angle per step"): [f"{short(math.degrees(result.angle[run]))}°" for run in order],
        _("in equilibrium"): [f"{short(math.degrees(result.angle_theory[run]))}°" for run in order],
        _("settled"): [_state(result, run, _) for run in order],
        "‖w‖": [short(float(result.length[run, -1])) for run in order],
        _("mean |γ|"): [short(float(result.gamma[run, -1])) for run in order],
        _("test error"): [f"{short(float(result.error[run, -1]))} %" for run in order],
    }
    title = _("The runs, by η·λ")
    return Listing("runs", title, {title: Table(columns)}, _("All runs. {parts}.").format(parts=_runs_told(result, _)))


def lengths(result: Result, language: Language = "en") -> Chart:
    """Length of the weights as training goes; dashed: where what decay takes is what the gradients add."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    ends = [0, result.total_steps]
    for number, _rate, runs_of in _by_rate(result):
        for run in runs_of:
            name = _run(result, run, _)
            traces.append(line(result.steps, result.length[run], ROLES[number], name, width=2.5))
            level = float(result.length_theory[run])
            if math.isfinite(level) and level > 0:
                last = [0.8 * result.total_steps, result.total_steps]
                traces.append(theory_line(last, [level, level], _("equilibrium, {run}").format(run=name)))
    notes = [key(_("colour: learning rate ({rates}) · dashed: (ηg̃²/2λ)^¼").format(rates=_rates(result, _)))]
    low, high = log_range(np.concatenate([np.asarray(trace["y"]) for trace in traces]))
    pairs = [alike(*map(float, pair)) for pair in zip(result.length[:, -1], result.length_theory, strict=True)]
    runs = [_run(result, run, _) for run in range(len(result.product))]
    told = listed(runs, [in_brackets(length, theory, _) for length, theory in pairs], _)
    return Chart(
        "lengths",
        traces,
        layout(
            axis(_("Training step"), range=ends),
            log_axis(_("Length of the weights ‖w‖"), low, high),
            annotations=notes,
            margin={"l": 72, "r": 24, "t": 40, "b": 52},
        ),
        _("Length of the weights at the end, and in equilibrium in brackets: {parts}.").format(parts=told),
        height=360,
        phone_layout=phone(notes, r=16, t=90),
    )


def identity(result: Result, language: Language = "en") -> Chart:
    """Angle of the steps against η‖g‖/‖w‖, settled or not: all on the diagonal where plain SGD moves weights before batch norm."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    seen: list[Floats] = []
    for number, rate, runs_of in _by_rate(result):
        x, y = np.degrees(result.angle_by_gradient[runs_of].ravel()), np.degrees(result.angle_by_point[runs_of].ravel())
        seen += [x, y]
        traces.append(points(x, y, ROLES[number], f"η = {short(rate)}", size=7, symbol=SYMBOLS[number]))
    low, high = log_range(np.concatenate(seen))
    ends = [10.0**low, 10.0**high]
    traces.insert(0, theory_line(ends, ends, "η‖g‖/‖w‖"))
    notes = [key(_("one dot per run and recorded stretch of steps · dashed: equal"))]
    worst = float(np.nan_to_num(result.identity_error).max())
    return Chart(
        "identity",
        traces,
        layout(
            log_axis(_("η‖g‖/‖w‖ (degrees)"), low, high),
            log_axis(_("Angle per step (degrees)"), low, high),
            annotations=notes,
            margin={"l": 72, "r": 24, "t": 40, "b": 52},
        ),
        _(
            "Angle per step against what the gradient says; the largest difference of a single step is {worst} %."
        ).format(worst=short(100 * worst)),
        height=360,
        phone_layout=phone(notes, r=16),
    )


def _by_rate(result: Result) -> list[tuple[int, float, list[int]]]:
    """The learning rates in ascending order: number, rate, and the runs with it."""
    distinct = sorted(set(result.learning_rate.tolist()))
    return [
        (number, rate, np.flatnonzero(result.learning_rate == rate).tolist()) for number, rate in enumerate(distinct)
    ]


def _span(products: Floats) -> tuple[float, float]:
    """Exponents of an axis around the products, with as much room on both sides."""
    return math.log10(float(products.min())) - 0.2, math.log10(float(products.max())) + 0.2


def _rates(result: Result, _: Translate) -> str:
    return _(", ").join(
        f'<span style="color:{color(ROLES[number])}"><b>{short(rate)}</b></span>'
        for number, rate, _runs in _by_rate(result)
    )


def _key(result: Result, _: Translate) -> str:
    rates = " ".join(
        f'<span style="color:{color(ROLES[number])}">{SIGNS[number]} η = {short(rate)}</span>'
        for number, rate, _runs in _by_rate(result)
    )
    if not result.settings.batch_norm:
        return rates + " · " + _("no batch norm: no equilibrium of the direction")
    return (
        rates
        + " · "
        + _("filled: settled, hollow: not yet · dashed: equilibrium {formula}").format(
            formula="√(2ηλ(1 − β₁)/(1 + β₁))"
            if result.settings.optimizer == "adamw"
            else "√(2ηλ/(1 + β))"
            if result.settings.momentum
            else "√(2ηλ)"
        )
    )


def _state(result: Result, run: ArrayLike, _: Translate) -> str:
    """Whether a run has settled, and how long it would take."""
    index = int(np.asarray(run))
    if result.settled[index]:
        return _("yes")
    remaining = float(result.remaining[index])
    if not math.isfinite(remaining):
        return "–"
    if remaining < 1:
        return _("not steady")
    return _("no: {steps} more steps").format(steps=short(float(f"{remaining:.2g}")))


def _run(result: Result, run: int, _: Translate) -> str:
    rate, decay = float(result.learning_rate[run]), float(result.weight_decay[run])
    return _(", ").join((f"η = {short(rate)}", f"λ = {short(decay)}"))


def _angles_alt(result: Result, _: Translate) -> str:
    return _("Angle per step at the end against η·λ, on log axes. {parts}.").format(parts=_runs_told(result, _))


def _runs_told(result: Result, _: Translate) -> str:
    def told(run: int) -> str:
        angle, theory = alike(math.degrees(result.angle[run]), math.degrees(result.angle_theory[run]))
        return _("ηλ = {product}: {angle}° (equilibrium {theory}°), settled: {settled}").format(
            product=short(float(result.product[run])),
            angle=angle,
            theory=theory,
            settled=_state(result, run, _),
        )

    return _("; ").join(told(run) for run in np.argsort(result.product, kind="stable"))
