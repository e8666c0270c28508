"""Two pictures that every lab with trained networks shares: error curves over seeds, and paired differences with their verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Translate, clauses
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import GAP, labels_above, labels_at_ends
from bnviz.plot.numbers import points, points_alike, short, with_spreads
from bnviz.plot.panels import Panels, axis_refs, heading, stacked
from bnviz.plot.primitives import PHONE_FONT, band, crosses, domain, largest, line, note, rectangle
from bnviz.plot.primitives import points as dots
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.study.verdict import Finding, words

if TYPE_CHECKING:
    from bnviz.study.over_seeds import OverSeeds

Floats = NDArray[np.float64]

LOWEST, HIGHEST = 0.5, 100.0  # ends of the error axis in %
EXPONENTS: Final = (math.log10(LOWEST), math.log10(HIGHEST))
TICKS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100)
ALIKE: Final = 2.0  # panels whose differences are at most so many times as large as another's share one axis


@dataclass(frozen=True, slots=True)
class ErrorCurve:
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
    name: str, curves: Sequence[ErrorCurve], epochs: Floats, last_epoch: float, steps_per_epoch: float, _: Translate
) -> Chart:
    """Test error by epoch on a log axis, one line per curve: the mean over seeds, a band from the best to the worst seed.

    `epochs` (E,); `last_epoch`: where the run will end. Crosses mark the steps at which seeds diverged.
    """
    traces = [trace for curve in curves for trace in _traces(curve, epochs, steps_per_epoch, _)]
    heights = [_last_height(curve) for curve in curves]
    ends = endings(curves, _)
    labels = [
        (f"{curve.name}<br>{end}", curve.role, height) for curve, end, height in zip(curves, ends, heights, strict=True)
    ]
    phone_labels = [
        (_("{name}: {value}").format(name=curve.short_name, value=end), curve.role, height)
        for curve, end, height in zip(curves, ends, heights, strict=True)
    ]
    seeds = len(curves[0].diverged_at)
    how = _("line: mean of {seeds} seeds · band: from the best seed to the worst").format(seeds=seeds)
    notes = [heading(how, 0, 1.01, "context", align="left"), *apart(labels, EXPONENTS, 2.0)]
    told = _("; ").join(f"{curve.name} {end.replace('<br>', _(', '))}" for curve, end in zip(curves, ends, strict=True))
    margin = {"l": 64, "r": 200, "t": 40, "b": 52}
    return Chart(
        name,
        traces,
        layout(axis(_("Epochs"), range=[0, last_epoch]), error_axis(_), annotations=notes, margin=margin),
        _("Test error by epoch on a log axis, mean and range over {seeds} seeds. At epoch {epoch}: {parts}.").format(
            seeds=seeds, epoch=short(float(epochs[-1])), parts=told
        ),
        height=430,
        phone_height=420,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 52, "r": 10, "t": 60 + 18 * len(curves), "b": 48},
            "annotations": [phone_key(how, phone_labels)],
        },
    )


def error_axis(_: Translate) -> dict[str, Any]:
    """Test error in %, on a log axis from `LOWEST` to `HIGHEST`."""
    text = [f"{tick:g}" for tick in TICKS]
    return axis(_("Test error in %"), type="log", range=list(EXPONENTS), tickvals=list(TICKS), ticktext=text)


def _traces(curve: ErrorCurve, epochs: Floats, steps_per_epoch: float, _: Translate) -> list[dict[str, Any]]:
    """One curve: its band, its line, and where its seeds diverged."""
    low, high, middle = (100 * part for part in (curve.error.low, curve.error.high, curve.error.mean))
    hover = _("epoch %{x:.3g}: error %{y:.3g} %")
    return [
        band(epochs, np.clip(low, LOWEST, HIGHEST), np.clip(high, LOWEST, HIGHEST), curve.role, 0.16),
        line(epochs, np.maximum(middle, LOWEST), curve.role, curve.name, width=3.5, hovertemplate=hover),
        *_diverged_marks(curve, steps_per_epoch, _),
    ]


def _last_height(curve: ErrorCurve) -> float:
    """The exponent at which the curve's line ends; the top of the axis where it has no point."""
    middle = 100 * curve.error.mean
    seen = middle[np.isfinite(middle)]
    return math.log10(min(max(float(seen[-1]), LOWEST), HIGHEST)) if seen.size else EXPONENTS[1]


def differences(name: str, pairs: Sequence[Pair], first_seed: int, _: Translate) -> Chart:
    """At most three panels: accuracy differences by seed, their mean, its 95 % interval and the verdict; grey: too small to matter."""
    panels = Panels()
    count, limits = len(pairs), _limits(pairs)
    for number, (pair, limit) in enumerate(zip(pairs, limits, strict=True)):
        seeds = np.arange(first_seed, first_seed + len(pair.differences))
        span = [float(seeds[0]) - 0.8, float(seeds[-1]) + 0.8]
        matter = 100 * pair.finding.smallest_effect
        panels.shapes.append(rectangle(span, (-matter, matter), "context", 0.16, **axis_refs(number)))
        wide, tall = domain(number, count, 0.04), domain(count - 1 - number, count, 0.13)
        x = axis(_("Seed"), range=span, domain=wide, tickformat="d", nticks=6)
        title = _("Difference in accuracy (points)")
        y = axis(title if number == 0 else "", range=[-limit, limit])
        panels.add(_differences(pair, seeds, span, _), x, y, stacked(tall, title))
        text = _headline(pair, _)
        panels.notes.append(heading(text, wide[0], 1.02, align="left"))
        panels.phone_notes.append(heading(text, 0, tall[1], align="left"))
    parts = _("; ").join(
        pair.title + _(": ") + clauses(mean_line(pair.finding, _), words(pair.finding, _), _) for pair in pairs
    )
    return Chart(
        name,
        panels.traces,
        panels.layout(margin={"l": 64, "r": 24, "t": 100, "b": 52}),
        _(
            "Differences of test accuracy, seed by seed. {parts}. Shaded: less than {least} points, too small to matter."
        ).format(parts=parts, least=short(100 * pairs[0].finding.smallest_effect)),
        height=400,
        phone_height=130 + 210 * count,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 48, "r": 8, "t": 84, "b": 48},
            "annotations": panels.phone_notes,
            **panels.phone_axes,
        },
    )


def _differences(pair: Pair, seeds: NDArray[np.int64], span: list[float], _: Translate) -> list[dict[str, Any]]:
    """A dot for each seed; their mean and its interval, where there is one."""
    look = {"size": 9, "color": dot_colors(pair.differences, pair.finding)}
    hover = _("seed %{x}: %{y:.3g} points")
    seen = dots(seeds, 100 * pair.differences, "context", pair.title, marker=look, hovertemplate=hover)
    return [seen, *(_interval(span, pair.finding, _) if pair.finding.has_interval else [])]


def dot_colors(values: Floats, finding: Finding) -> list[str]:
    """One colour per seed (S,): the one that lies far from all others stands out."""
    return [color("error" if value == finding.outlier else "context") for value in values]


def endings(curves: Sequence[ErrorCurve], _: Translate) -> list[str]:
    """Of each curve the error ± s.d. at the line's end, and how many seeds are not in it any more."""
    errors = with_spreads(
        [100 * float(curve.error.mean[-1]) for curve in curves],
        [100 * float(curve.error.deviation[-1]) for curve in curves],
    )
    return [_ending(curve, error, _) for curve, error in zip(curves, errors, strict=True)]


def _ending(curve: ErrorCurve, error: str, _: Translate) -> str:
    parts = []
    if math.isfinite(curve.error.mean[-1]):
        parts.append(f"{error} %")
    lost = curve.diverged_at[curve.diverged_at >= 0]
    if lost.size:
        parts.append(
            _("{lost} of {seeds} diverged (NaN), first at step {step}").format(
                lost=lost.size, seeds=len(curve.diverged_at), step=int(lost.min())
            )
        )
    return "<br>".join(parts)


def mean_line(finding: Finding, _: Translate) -> str:
    """The finding in numbers: mean and interval, where there is one, in points."""
    if not finding.has_interval:
        return _("{mean} points").format(mean=points(finding.mean))
    mean, low, high = points_alike(finding.mean, finding.low, finding.high)
    return _("{mean} points, 95 % interval {low} … {high}").format(mean=mean, low=low, high=high)


def apart(labels: Sequence[tuple[str, Role, float]], ends: Sequence[float], lines: float) -> list[dict[str, Any]]:
    """Labels of `lines` lines each at the right-hand line ends; y axis from `ends`, exponents of a log axis."""
    low, high = ends
    margin = 0.03 * lines * (high - low)
    gap = lines * GAP * (high - low)
    return labels_at_ends(labels, gap, low + margin, high - margin, xshift=6, align="left")


def phone_key(key: str, labels: Sequence[tuple[str, Role, float]]) -> dict[str, Any]:
    """On a phone there is no room beside the lines: the labels stand above the plot, in the lines' colours."""
    text = labels_above(key, labels, "<br>")
    return note(text, xref="paper", x=0, xanchor="left", yref="paper", y=1.01, yanchor="bottom", align="left")


def _diverged_marks(curve: ErrorCurve, steps_per_epoch: float, _: Translate) -> list[dict[str, Any]]:
    """A cross at the top, at the step at which each replica stopped being a number."""
    steps = curve.diverged_at[curve.diverged_at >= 0]
    if not steps.size:
        return []
    name = _("diverged: {variant}").format(variant=curve.name)
    hover = _("no longer a number: epoch %{x:.3g}")
    return [crosses(steps / steps_per_epoch, np.full(len(steps), 90.0), name, hover)]


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


def _interval(span: list[float], finding: Finding, _: Translate) -> list[dict[str, Any]]:
    """The mean as a line over the whole panel, its confidence interval as a band."""
    low, mean, high = 100 * finding.low, 100 * finding.mean, 100 * finding.high
    return [
        band(span, [low, low], [high, high], "running", 0.25, _("95 % confidence interval of the mean")),
        line(span, [mean, mean], "running", _("mean"), hovertemplate="%{y:.3g}"),
    ]


def _headline(pair: Pair, _: Translate) -> str:
    title = _("{name}: {value}").format(name=pair.title, value=words(pair.finding, _))
    lines = [f"<b>{title}</b>", mean_line(pair.finding, _)]
    if pair.finding.lost:
        lines.append(_("{lost} seeds diverged and are left out").format(lost=pair.finding.lost))
    return "<br>".join(lines)
