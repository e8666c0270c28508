"""How fast a momentum arrives in the lab `running_stats`, against how noisy it stays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bnviz.i18n import Language, Translate, clauses, translator
from bnviz.labs.running_stats.figures.momentums import MARGIN, key_of, momentum_name, momentum_role, on_a_phone
from bnviz.labs.running_stats.result import Floats, Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import line, log_axis, log_range, note, points, rectangle
from bnviz.plot.theme import color, layout


def trade_off(result: Result, language: Language = "en") -> Chart:
    """Batches to convergence against noise at the end, one labelled point per momentum; rings and line: closed form."""
    _ = translator(language)
    steps = result.settings.steps
    arrive = np.where(result.steps_to_5pct >= 1, result.steps_to_5pct, math.nan)
    x_all = np.concatenate((arrive, result.steps_to_5pct_theory, [1.0]))
    x_low, x_high = math.log10(0.7), math.log10(3.5 * float(np.nanmax(x_all)))
    y_all = np.concatenate((result.noise, result.noise_theory))
    y_low, y_high = log_range(y_all[y_all > 0])
    shown = (result.curve_steps >= 1) & (result.curve_noise > 10**y_low)
    curve = line(result.curve_steps[shown], result.curve_noise[shown], "theory", _("theory"), dash="dash", width=1.5)
    notes = _names(result, y_low, _)
    shapes = []
    if math.log10(steps) < x_high:
        shapes.append(rectangle((steps, 10**x_high), (0, 1), "context", 0.14, xref="x", yref="paper"))
        notes.append(_beyond(steps, _))
    notes.append(key_of(_("dots: measured · rings and dashed line: closed form"), result))
    return Chart(
        "trade_off",
        [curve, *_points(result, arrive, _)],
        layout(
            log_axis(_("Batches until within 5 % of the truth"), x_low, x_high, tickangle=0),
            log_axis(_("Noise after {steps} batches (s.d.)").format(steps=steps), y_low, y_high),
            annotations=notes,
            shapes=shapes,
            margin={**MARGIN, "r": 24},
        ),
        _trade_off_alt(result, _),
        phone_layout=on_a_phone(notes, right=16),
    )


def _points(result: Result, arrive: Floats, _: Translate) -> list[dict[str, Any]]:
    """A ring where the closed form puts a momentum and a dot where it was measured; what is not finite is left out."""
    traces = []
    for index, momentum in enumerate(result.settings.compared):
        name = momentum_name(momentum, _)
        ring = {"size": 20, "color": color("theory"), "symbol": "circle-open", "line": {"width": 1.5}}
        dot = {"size": 12, "color": color(momentum_role(momentum))}
        expected = (result.steps_to_5pct_theory[index], result.noise_theory[index])
        measured = (arrive[index], result.noise[index])
        for (x, y), marker, whose in ((expected, ring, _("theory")), (measured, dot, _("measured"))):
            at_x, at_y = ([None if math.isnan(value) else value] for value in (x, y))
            title = clauses(name, whose, _)
            hover = f"%{{x:.3g}}, %{{y:.3g}}<extra>{title}</extra>"
            traces.append(points(at_x, at_y, "ink", title, marker=marker, hovertemplate=hover))
    return traces


def _names(result: Result, y_low: float, _: Translate) -> list[dict[str, Any]]:
    """Each momentum's name beside its ring."""
    return [
        note(
            f"<b>{momentum_name(momentum, _)}</b>",
            momentum_role(momentum),
            x=math.log10(result.steps_to_5pct_theory[index]),
            y=math.log10(max(result.noise_theory[index], 10**y_low)),
            xanchor="left",
            xshift=13,
            yshift=13,
        )
        for index, momentum in enumerate(result.settings.compared)
    ]


def _beyond(steps: int, _: Translate) -> dict[str, Any]:
    place: dict[str, Any] = {
        "x": math.log10(steps),
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "xshift": 4,
    }
    words = note(_("longer than<br>this run"), align="left", **place)
    return {**words, "font": {**words["font"], "size": 13}}


def _trade_off_alt(result: Result, _: Translate) -> str:
    ends = _("; ").join(
        _("{momentum}: within 5 % at batch {count}, noise {noise}").format(
            momentum=momentum_name(momentum, _),
            count=short(result.steps_to_5pct_theory[index]),
            noise=short(result.noise_theory[index]),
        )
        for index, momentum in enumerate(result.settings.compared)
    )
    return _("Speed against noise, by the closed form. {ends}.").format(ends=ends)
