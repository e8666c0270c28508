"""Two pictures that every lab with trained networks shares: error curves over seeds, and paired differences with their verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Translate
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import GAP, spread_out
from bnviz.plot.numbers import points, short, with_spread
from bnviz.plot.primitives import band, domain, largest, line, note
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.verdict import Finding, words

if TYPE_CHECKING:
    from bnviz.study.over_seeds import OverSeeds

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 0.5, 100.0  # ends of the error axis in %
TICKS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100)
ALIKE: Final = 2.0  # panels whose differences are at most so many times as large as another's share one axis


@dataclass(frozen=True, slots=True)
class Course:
    """One variant: its error as a share over E points.

    `name`, `short_name` (on a phone) in the reader's language. `error`: over seeds, each (E,). `diverged_at` (S,): step at which a
    seed's loss was no number any more, −1 where it always was.
    """

    name: str
    short_name: str
    role: Role
    error: OverSeeds
    diverged_at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """One panel: `title` ("after − before"), differences (S,) as shares seed by seed, and what they say."""

    title: str
    differences: Floats
    finding: Finding


def error_curves(
    name: str, courses: Sequence[Course], epochs: Floats, last_epoch: float, steps_per_epoch: float, _: Translate
) -> Chart:
    """Test error by epoch on a log axis, one line per course: the mean over seeds, a band from the best to the worst seed.

    `epochs` (E,); `last_epoch`: where the run will end. Crosses mark the steps at which seeds diverged.
    """
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    phone_labels: list[tuple[str, Role, float]] = []
    for course in courses:
        low, high, middle = (100 * part for part in (course.error.low, course.error.high, course.error.mean))
        traces += [
            band(epochs, np.clip(low, LOWEST, HIGHEST), np.clip(high, LOWEST, HIGHEST), course.role, 0.16),
            line(
                epochs,
                np.maximum(middle, LOWEST),
                course.role,
                course.name,
                width=3.5,
                hovertemplate=_("epoch %{x:.3g}: error %{y:.3g} %"),
            ),
        ]
        traces += _diverged_marks(course, steps_per_epoch, _)
        seen = middle[np.isfinite(middle)]
        height = math.log10(min(max(float(seen[-1]), LOWEST), HIGHEST)) if seen.size else math.log10(HIGHEST)
        labels.append((f"{course.name}<br>{ending(course, _)}", course.role, height))
        phone_labels.append((f"{course.short_name} {ending(course, _)}", course.role, height))
    ends = [math.log10(LOWEST), math.log10(HIGHEST)]
    y = axis(
        _("Test error in %"), type="log", range=ends, tickvals=list(TICKS), ticktext=[f"{tick:g}" for tick in TICKS]
    )
    x = axis(_("Epochs"), range=[0, last_epoch])
    seeds = len(courses[0].diverged_at)
    key = _("line: mean of {seeds} seeds · band: from the best seed to the worst").format(seeds=seeds)
    above = note(key, xref="paper", x=0, xanchor="left", yref="paper", y=1.01, yanchor="bottom", align="left")
    told = "; ".join(f"{course.name} {ending(course, _).replace('<br>', ', ')}" for course in courses)
    return Chart(
        name,
        traces,
        layout(x, y, annotations=[above, *apart(labels, ends, 2.0)], margin={"l": 64, "r": 200, "t": 40, "b": 52}),
        _("Test error by epoch on a log axis, mean and range over {seeds} seeds. At epoch {epoch}: {parts}.").format(
            seeds=seeds, epoch=short(float(epochs[-1])), parts=told
        ),
        height=430,
        phone_height=420,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 52, "r": 10, "t": 60 + 18 * len(courses), "b": 48},
            "annotations": [phone_key(key, phone_labels)],
        },
    )


def differences(name: str, pairs: Sequence[Pair], first_seed: int, _: Translate) -> Chart:
    """At most three panels: accuracy differences by seed, their mean, its 95 % interval and the verdict; grey: too small to matter."""
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    phone_axes: dict[str, Any] = {}
    notes: list[dict[str, Any]] = []
    phone_notes: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    count, limits = len(pairs), _limits(pairs)
    for number, (pair, limit) in enumerate(zip(pairs, limits, strict=True)):
        suffix = "" if number == 0 else str(number + 1)
        seeds = np.arange(first_seed, first_seed + len(pair.differences))
        span = [float(seeds[0]) - 0.8, float(seeds[-1]) + 0.8]
        finding, values = pair.finding, 100 * pair.differences
        matter = 100 * finding.smallest_effect
        panel = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": seeds,
                "y": values,
                "name": pair.title,
                "marker": {"size": 9, "color": dot_colors(pair.differences, finding)},
                "hovertemplate": _("seed %{x}: %{y:.3g} points"),
                **panel,
            }
        )
        if math.isfinite(finding.low):
            traces += _interval(span, finding, panel, _)
        shapes.append(
            {
                "type": "rect",
                "xref": f"x{suffix}",
                "yref": f"y{suffix}",
                "x0": span[0],
                "x1": span[1],
                "y0": -matter,
                "y1": matter,
                "layer": "below",
                "fillcolor": color("context", 0.16),
                "line": {"width": 0},
            }
        )
        wide, tall = domain(number, count, 0.04), domain(count - 1 - number, count, 0.13)
        axes[f"xaxis{suffix}"] = axis(_("Seed"), range=span, domain=wide, anchor=f"y{suffix}", tickformat="d", nticks=6)
        axes[f"yaxis{suffix}"] = axis(
            _("Difference in accuracy (points)") if number == 0 else "", range=[-limit, limit], anchor=f"x{suffix}"
        )
        phone_axes[f"xaxis{suffix}"] = {"domain": [0, 1], "title": {"text": ""}}
        phone_axes[f"yaxis{suffix}"] = {"domain": tall, "title": {"text": ""}}
        text = _headline(pair, _)
        above = {"xref": "paper", "xanchor": "left", "yref": "paper", "yanchor": "bottom", "align": "left"}
        notes.append(note(text, "ink", x=wide[0], y=1.02, **above))
        phone_notes.append(note(text, "ink", x=0, y=tall[1], **above))
    base = layout(
        axes.pop("xaxis"),
        axes.pop("yaxis"),
        annotations=notes,
        shapes=shapes,
        margin={"l": 64, "r": 24, "t": 100, "b": 52},
    )
    parts = "; ".join(f"{pair.title}: {mean_line(pair.finding, _)}, {words(pair.finding, _)}" for pair in pairs)
    return Chart(
        name,
        traces,
        {**base, **axes},
        _(
            "Differences of test accuracy, seed by seed. {parts}. Shaded: less than {least} points, too small to matter."
        ).format(parts=parts, least=short(100 * pairs[0].finding.smallest_effect)),
        height=400,
        phone_height=130 + 210 * count,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 48, "r": 8, "t": 84, "b": 32},
            "annotations": phone_notes,
            **phone_axes,
        },
    )


def dot_colors(values: Floats, finding: Finding) -> list[str]:
    """One colour per seed (S,): the one that lies far from all others stands out."""
    return [color("error" if value == finding.outlier else "context") for value in values]


def ending(course: Course, _: Translate) -> str:
    """Error ± s.d. at the line's end, and how many seeds are not in it any more."""
    error, deviation = 100 * course.error.mean[-1], 100 * course.error.deviation[-1]
    parts = []
    if math.isfinite(error):
        parts.append(f"{with_spread(error, deviation)} %")
    lost = course.diverged_at[course.diverged_at >= 0]
    if lost.size:
        parts.append(
            _("{lost} of {seeds} diverged (NaN), first at step {step}").format(
                lost=lost.size, seeds=len(course.diverged_at), step=int(lost.min())
            )
        )
    return "<br>".join(parts)


def mean_line(finding: Finding, _: Translate) -> str:
    """The finding in numbers: mean and interval in points."""
    return _("{mean} points, 95 % interval {low} … {high}").format(
        mean=points(finding.mean), low=points(finding.low), high=points(finding.high)
    )


def apart(labels: Sequence[tuple[str, Role, float]], ends: Sequence[float], lines: float) -> list[dict[str, Any]]:
    """Labels of `lines` lines each at the right-hand line ends; y axis from `ends`, exponents of a log axis."""
    low, high = ends
    margin = 0.03 * lines * (high - low)
    places = spread_out([y for *_, y in labels], lines * GAP * (high - low), low + margin, high - margin)
    return [
        note(
            f"<b>{text}</b>", role, xref="paper", x=1, xanchor="left", xshift=6, y=place, yanchor="middle", align="left"
        )
        for (text, role, _), place in zip(labels, places, strict=True)
    ]


def phone_key(key: str, labels: Sequence[tuple[str, Role, float]]) -> dict[str, Any]:
    """On a phone there is no room beside the lines: the labels stand above the plot, in the lines' colours."""
    rows = [
        key.replace(" · ", "<br>"),
        *(f'<span style="color:{color(role)}"><b>{text}</b></span>' for text, role, _ in labels),
    ]
    return note(
        "<br>".join(rows), xref="paper", x=0, xanchor="left", yref="paper", y=1.01, yanchor="bottom", align="left"
    )


def _diverged_marks(course: Course, steps_per_epoch: float, _: Translate) -> list[dict[str, Any]]:
    """A cross at the top, at the step at which each replica stopped being a number."""
    steps = course.diverged_at[course.diverged_at >= 0]
    if not steps.size:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": steps / steps_per_epoch,
            "y": np.full(len(steps), 90.0),
            "marker": {"symbol": "x", "size": 10, "color": color("error")},
            "name": _("diverged: {variant}").format(variant=course.name),
            "hovertemplate": _("no longer a number: epoch %{x:.3g}"),
        }
    ]


def _limits(pairs: Sequence[Pair]) -> list[float]:
    """The end of each panel's axis, in points: one for all where it leaves everything to be seen, else each its own."""
    reaches = [_reach(pair) for pair in pairs]
    widest = max(reaches)
    return [widest] * len(pairs) if widest <= ALIKE * min(reaches) else reaches


def _reach(pair: Pair) -> float:
    """How far the axis must reach to both sides for this pair, in points."""
    told = np.array([pair.finding.low, pair.finding.high, pair.finding.mean])
    seen = [largest(np.abs(100 * values)) for values in (pair.differences, told)]
    return 1.2 * max(300 * pair.finding.smallest_effect, *seen)


def _interval(span: list[float], finding: Finding, panel: dict[str, str], _: Translate) -> list[dict[str, Any]]:
    """The mean as a line over the whole panel, its confidence interval as a band."""
    low, mean, high = 100 * finding.low, 100 * finding.mean, 100 * finding.high
    interval = band(span, [low, low], [high, high], "running", 0.25, _("95 % confidence interval of the mean"))
    return [
        {**interval, **panel},
        {**line(span, [mean, mean], "running", _("mean"), hovertemplate="%{y:.3g}"), **panel},
    ]


def _headline(pair: Pair, _: Translate) -> str:
    title = _("{name}: {value}").format(name=pair.title, value=words(pair.finding, _))
    lines = [f"<b>{title}</b>", mean_line(pair.finding, _)]
    if pair.finding.lost:
        lines.append(_("{lost} seeds diverged and are left out").format(lost=pair.finding.lost))
    return "<br>".join(lines)
