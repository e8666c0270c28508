"""One picture for several claims: each effect with its seeds, its 95 % interval, its verdict, and what would be too small to matter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Translate, in_brackets
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import alike, interval, short
from bnviz.plot.panels import Panels, axis_refs, heading
from bnviz.plot.primitives import PHONE_FONT, SILENT, domain, largest, line, note, points, rectangle, segment
from bnviz.plot.theme import Role, axis, color
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
    """One panel: `title` says what a positive value means, `unit` stands at the axis.

    `words`: turns values that stand beside each other into texts.
    `factor`: values are log10 of a factor, and the axis says so. `scale`: what they are multiplied by on the axis.
    """

    title: str
    unit: str
    effects: Sequence[Effect]
    words: Callable[..., tuple[str, ...]]
    factor: bool = False
    scale: float = 1.0


def times(*values: float) -> tuple[str, ...]:
    """Factors whose log10 are `values`."""
    return tuple(f"×{factor}" for factor in alike(*(10.0**value for value in values)))


def times_within(finding: Finding, _: Translate) -> str:
    """The mean factor of a finding and, in brackets, its interval."""
    factor, low, high = times(finding.mean, finding.low, finding.high)
    return in_brackets(factor, interval(low, high), _)


def forest(name: str, claims: Sequence[Claim], _: Translate) -> Chart:
    """At most three panels, one row per effect; what has no interval says so."""
    rows = max((len(claim.effects) for claim in claims), default=0)
    panels = Panels()
    for number, claim in enumerate(claims):
        _add(panels, number, claim, len(claims), rows, _)
    if rows:
        inside = [entry for entry in panels.notes if entry["xref"] != "paper"]
        above = [{**entry, "font": {**entry["font"], "size": PHONE_FONT}} for entry in (*inside, *panels.phone_notes)]
    else:
        text = _("Choose two variants or more: there is nothing to compare.")
        panels.notes = above = [note(text, "ink", xref="paper", yref="paper", x=0.5, y=0.5)]
    return Chart(
        name,
        panels.traces,
        panels.layout(margin={"l": 20, "r": 20, "t": 44, "b": 56}, shapes=panels.shapes),
        _alt(claims, _),
        height=110 + ROW * max(rows, 2),
        phone_height=60 + (100 + ROW * max(rows, 1)) * len(claims),
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 10, "r": 10, "t": 36, "b": 50},
            "annotations": above,
            **panels.phone_axes,
        },
    )


def _add(panels: Panels, number: int, claim: Claim, count: int, rows: int, _: Translate) -> None:
    """The panel of claim `number` of `count`, as high as `rows` effects."""
    limit = _limit(claim)
    wide, tall = domain(number, count, 0.05), domain(count - 1 - number, count, 0.14)
    x = axis(claim.unit, range=[-limit, limit], domain=wide, **_ticks(claim, limit))
    y = axis("", range=[rows - 0.5, -0.75], showticklabels=False, ticks="", showgrid=False)
    effects = list(enumerate(claim.effects))
    traces = [trace for row, effect in effects for trace in _row(effect, row, claim, _)]
    panels.add(traces, x, y, ({"domain": [0, 1]}, {"domain": tall}))
    for row, effect in effects:
        text = f'<span style="color:{color(effect.role)}"><b>{effect.label}</b></span>{_(": ")}{_words(effect.finding, claim, _)}'
        panels.notes.append(_above(text, number, -limit, row))
    if effects:
        panels.shapes += _nothing(number, claim.scale * claim.effects[0].finding.smallest_effect, rows)
    title = f"<b>{claim.title}</b>"
    panels.notes.append(heading(title, wide[0], 1.02, align="left"))
    panels.phone_notes.append(heading(title, 0, tall[1], align="left"))


def _row(effect: Effect, row: int, claim: Claim, _: Translate) -> list[dict[str, Any]]:
    """The seeds of one effect, its interval and its mean, as far as there are any."""
    finding, role, scale = effect.finding, effect.role, claim.scale
    seeds = {"color": dot_colors(effect.values, finding), "size": 7, "opacity": 0.7}
    text = [claim.words(float(value))[0] for value in effect.values]
    heights = np.full(len(effect.values), row + 0.18)
    hover: dict[str, Any] = {"text": text, "hovertemplate": "%{text}"}
    traces = [points(scale * effect.values, heights, role, effect.label, marker=seeds, **hover)]
    if finding.has_interval:
        ends, name = [scale * finding.low, scale * finding.high], _("95 % confidence interval of the mean")
        traces.append(line(ends, [row, row], role, name, width=6, opacity=0.55, **SILENT))
    if math.isfinite(finding.mean):
        said = claim.words(finding.mean)[0]
        mean = points([scale * finding.mean], [row], role, _("mean"), size=13, symbol="diamond", hovertemplate=said)
        traces.append(mean)
    return traces


def _words(finding: Finding, claim: Claim, _: Translate) -> str:
    """Verdict, then the numbers in a second line."""
    lines = [f"<b>{words(finding, _)}</b>"]
    if math.isfinite(finding.mean):
        numbers = claim.words(finding.mean)[0]
        if finding.has_interval:
            mean, low, high = claim.words(finding.mean, finding.low, finding.high)
            numbers = in_brackets(mean, interval(low, high), _)
        lines.append(numbers)
    if finding.lost:
        lines.append(_("{lost} seeds are left out").format(lost=finding.lost))
    return lines[0] + "<br>" + " · ".join(lines[1:])


def _above(text: str, panel: int, x: float, row: int) -> dict[str, Any]:
    words = note(text, x=x, y=row - 0.08, xanchor="left", yanchor="bottom", align="left", **axis_refs(panel))
    return {**words, "font": {"color": color("ink"), "size": 13}}


def _nothing(panel: int, least: float, rows: int) -> list[dict[str, Any]]:
    """The line at no effect, and the zone of what is too small to matter."""
    where = (-0.75, rows - 0.5)
    return [
        rectangle((-least, least), where, "context", 0.16, **axis_refs(panel)),
        segment((0, 0), where, "context", 1, layer="below", **axis_refs(panel)),
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
        parts = [effect.label + _(": ") + _words(effect.finding, claim, _) for effect in claim.effects]
        told.append(claim.title + _(": ") + _("; ").join(parts))
    plain = _("; ").join(told).replace("<br>", _(", ")).replace("<b>", "").replace("</b>", "")
    return _("Effects with their 95 % intervals and verdicts, one dot per seed.") + " " + plain
