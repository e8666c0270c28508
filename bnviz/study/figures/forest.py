"""One picture for several claims: each effect with its seeds, its 95 % interval, its verdict, and what would be too small to matter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Translate
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import PHONE_FONT, domain, largest, note
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.figures.seeds import dot_colors
from bnviz.study.verdict import Finding, words

Floats = NDArray[np.float64]
ROW: Final = 74  # pixels
FACTORS: Final = tuple(digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class Effect:
    """One row: `label` in `role`'s colour, `values` (S,) seed by seed, and what they say."""

    label: str
    role: Role
    values: Floats
    finding: Finding


@dataclass(frozen=True, slots=True)
class Claim:
    """One panel: `title` says what a positive value means, `unit` stands at the axis, `words` turns a value into text.

    `factor`: values are log10 of a factor, and the axis says so. `scale`: what they are multiplied by on the axis.
    """

    title: str
    unit: str
    effects: Sequence[Effect]
    words: Callable[[float], str]
    factor: bool = False
    scale: float = 1.0


def times(value: float) -> str:
    """A factor whose log10 is `value`."""
    return f"×{short(10.0**value)}"


def forest(name: str, claims: Sequence[Claim], _: Translate) -> Chart:
    """At most three panels, one row per effect; what has no interval says so."""
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    phone_axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    phone_notes: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    rows = max((len(claim.effects) for claim in claims), default=0)
    for number, claim in enumerate(claims):
        suffix = "" if number == 0 else str(number + 1)
        panel = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        limit = _limit(claim)
        for row, effect in enumerate(claim.effects):
            traces += _row(effect, row, panel, claim, _)
            text = f'<span style="color:{color(effect.role)}"><b>{effect.label}</b></span>: {_words(effect.finding, claim, _)}'
            notes.append(_above(text, suffix, -limit, row))
        if claim.effects:
            least = claim.scale * claim.effects[0].finding.smallest_effect
            shapes += _nothing(suffix, least, rows)
        wide, tall = domain(number, len(claims), 0.05), domain(len(claims) - 1 - number, len(claims), 0.14)
        axes[f"xaxis{suffix}"] = axis(
            claim.unit, range=[-limit, limit], domain=wide, anchor=f"y{suffix}", **_ticks(claim, limit)
        )
        axes[f"yaxis{suffix}"] = axis(
            "", range=[rows - 0.5, -0.75], anchor=f"x{suffix}", showticklabels=False, ticks="", showgrid=False
        )
        phone_axes[f"xaxis{suffix}"], phone_axes[f"yaxis{suffix}"] = {"domain": [0, 1]}, {"domain": tall}
        above = {"xref": "paper", "xanchor": "left", "yref": "paper", "yanchor": "bottom", "align": "left"}
        notes.append(note(f"<b>{claim.title}</b>", "ink", x=wide[0], y=1.02, **above))
        phone_notes.append({**notes[-1], "x": 0, "y": tall[1]})
    if not rows:
        notes = phone_notes = [
            note(
                _("Choose two variants or more: there is nothing to compare."),
                "ink",
                xref="paper",
                yref="paper",
                x=0.5,
                y=0.5,
            )
        ]
    else:
        inside = [entry for entry in notes if entry["xref"] != "paper"]
        phone_notes = [{**entry, "font": {**entry["font"], "size": PHONE_FONT}} for entry in (*inside, *phone_notes)]
    base = layout(
        axes.pop("xaxis"),
        axes.pop("yaxis"),
        annotations=notes,
        shapes=shapes,
        margin={"l": 20, "r": 20, "t": 44, "b": 56},
    )
    return Chart(
        name,
        traces,
        {**base, **axes},
        _alt(claims, _),
        height=110 + ROW * max(rows, 2),
        phone_height=60 + (100 + ROW * max(rows, 1)) * len(claims),
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 10, "r": 10, "t": 36, "b": 50},
            "annotations": phone_notes,
            **phone_axes,
        },
    )


def _row(effect: Effect, row: int, panel: dict[str, str], claim: Claim, _: Translate) -> list[dict[str, Any]]:
    finding, tint = effect.finding, color(effect.role)
    count = len(effect.values)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": claim.scale * effect.values,
            "y": np.full(count, row + 0.18),
            "name": effect.label,
            "marker": {"color": dot_colors(effect.values, finding), "size": 7, "opacity": 0.7},
            "text": [claim.words(float(value)) for value in effect.values],
            "hovertemplate": "%{text}",
            **panel,
        }
    ]
    if math.isfinite(finding.low):
        interval = {
            "x": [claim.scale * finding.low, claim.scale * finding.high],
            "y": [row, row],
            "line": {"color": tint, "width": 6},
            "opacity": 0.55,
        }
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": _("95 % confidence interval of the mean"),
                **interval,
                "hoverinfo": "skip",
                **panel,
            }
        )
    if math.isfinite(finding.mean):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [claim.scale * finding.mean],
                "y": [row],
                "name": _("mean"),
                "marker": {"color": tint, "size": 13, "symbol": "diamond"},
                "hovertemplate": claim.words(finding.mean),
                **panel,
            }
        )
    return traces


def _words(finding: Finding, claim: Claim, _: Translate) -> str:
    """Verdict, then the numbers in a second line."""
    lines = [f"<b>{words(finding, _)}</b>"]
    if math.isfinite(finding.mean):
        numbers = claim.words(finding.mean)
        if math.isfinite(finding.low):
            numbers += f" ({claim.words(finding.low)} … {claim.words(finding.high)})"
        lines.append(numbers)
    if finding.lost:
        lines.append(_("{lost} seeds are left out").format(lost=finding.lost))
    return lines[0] + "<br>" + " · ".join(lines[1:])


def _above(text: str, suffix: str, x: float, row: int) -> dict[str, Any]:
    return {
        **note(
            text,
            "ink",
            xref=f"x{suffix}",
            yref=f"y{suffix}",
            x=x,
            y=row - 0.08,
            xanchor="left",
            yanchor="bottom",
            align="left",
        ),
        "font": {"color": color("ink"), "size": 13},
    }


def _nothing(suffix: str, least: float, rows: int) -> list[dict[str, Any]]:
    """The line at no effect, and the zone of what is too small to matter."""
    return [
        {
            "type": "rect",
            "xref": f"x{suffix}",
            "yref": f"y{suffix}",
            "x0": -least,
            "x1": least,
            "y0": -0.75,
            "y1": rows - 0.5,
            "layer": "below",
            "fillcolor": color("context", 0.16),
            "line": {"width": 0},
        },
        {
            "type": "line",
            "xref": f"x{suffix}",
            "yref": f"y{suffix}",
            "x0": 0,
            "x1": 0,
            "y0": -0.75,
            "y1": rows - 0.5,
            "layer": "below",
            "line": {"color": color("context"), "width": 1},
        },
    ]


def _limit(claim: Claim) -> float:
    """Where the axis ends: a round number that holds everything."""
    parts = [np.abs(effect.values) for effect in claim.effects]
    ends = [abs(end) for effect in claim.effects for end in (effect.finding.low, effect.finding.high)]
    least = max((effect.finding.smallest_effect for effect in claim.effects), default=1.0)
    wanted = 1.08 * claim.scale * max(largest(*parts, ends) if parts else 0.0, 3 * least)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step * power for step in (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0) if step * power >= wanted)


def _ticks(claim: Claim, limit: float) -> dict[str, Any]:
    if not claim.factor:
        return {"nticks": 6}
    wide = limit > 1.05
    shown = [
        factor
        for factor in FACTORS
        if abs(math.log10(factor)) <= limit and (not wide or abs(math.log10(factor) % 1) < 1e-9)
    ]
    return {"tickvals": [math.log10(factor) for factor in shown], "ticktext": [f"×{short(factor)}" for factor in shown]}


def _alt(claims: Sequence[Claim], _: Translate) -> str:
    told = []
    for claim in claims:
        parts = [f"{effect.label}: {_words(effect.finding, claim, _)}" for effect in claim.effects]
        told.append(f"{claim.title}. " + "; ".join(parts))
    plain = ". ".join(told).replace("<br>", ", ").replace("<b>", "").replace("</b>", "")
    return _("Effects with their 95 % intervals and verdicts, one dot per seed.") + " " + plain
