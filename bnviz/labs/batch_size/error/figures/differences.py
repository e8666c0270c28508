"""Batch norm against the best other normalizer at every batch size, paired over seeds: the second picture of `batch_size`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnviz.i18n import Language, Translate, clauses, translator
from bnviz.labs.batch_size.error.advice import Match
from bnviz.labs.batch_size.error.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import points as in_points
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, largest, line, note, points, rectangle, wrapped
from bnviz.plot.theme import axis, layout
from bnviz.plot.variants import normalizer_name
from bnviz.study import verdict
from bnviz.study.figures.seeds import mean_line
from bnviz.study.verdict import Finding

Floats = NDArray[np.float64]

TICKS: Final = (1, 3, 10, 30, 100)
HALF: Final = 0.34  # of a column's width


def differences(result: Result, language: Language = "en") -> Chart:
    """Error of batch norm − error of the best other at each batch size: seed by seed, with its 95 % interval and the verdict."""
    _ = translator(language)
    order = np.argsort(result.batch_sizes)
    matches = [result.matches[index] for index in order]
    values = 100 * result.differences[order]
    traces = [
        trace
        for column, (match, row) in enumerate(zip(matches, values, strict=True))
        if match.standing not in ("missing", "refused")
        for trace in _column(column, match, row, result.settings.seed, _)
    ]
    low, high = _range(values, [match.finding for match in matches])
    heads = [
        note(_column_words(match, _), "ink", x=column, yref="paper", y=1.01, yanchor="bottom")
        for column, match in enumerate(matches)
    ]
    side: dict[str, Any] = {"xref": "paper", "x": 0.995, "xanchor": "right"}
    sides = [
        note(_("batch norm worse ↑"), y=high, yanchor="top", **side),
        note(_("batch norm better ↓"), y=low, yanchor="bottom", **side),
    ]
    matter = float(stretched(100 * matches[0].finding.smallest_effect))
    grey = rectangle((0, 1), (-matter, matter), "context", 0.16, xref="paper")
    key = _("dots: seeds · band: 95 % interval of the mean · grey: less than a point")
    sentences = [sentence for match in matches for sentence in _sentence(match, _)]
    alt = _(
        "Test error with batch norm − test error of the best other normalizer, paired over seeds, by batch size. {parts}. "
        "Shaded: less than one point, too small to matter."
    )
    return Chart(
        "differences",
        traces,
        layout(
            _sizes_axis(matches, _),
            _points_axis(low, high, _),
            shapes=[grey],
            annotations=[*heads, *sides, _key(key, 72)],
            margin={"l": 72, "r": 24, "t": 98, "b": 76},
        ),
        alt.format(parts=_("; ").join(sentences)),
        height=420,
        phone_height=330 + 34 * len(sentences),
        phone_layout={
            "font": {"size": 11},
            "margin": {"l": 52, "r": 8, "t": 64 + 15 * len(sentences), "b": 64},
            "annotations": [*sides, _key("<br>".join([*key.split(" · "), *sentences]), 6)],
        },
    )


def _points_axis(low: float, high: float, _: Translate) -> dict[str, Any]:
    ticks = sorted(sign * tick for tick in (0, *TICKS) for sign in (-1, 1) if low <= stretched(sign * tick) <= high)
    heights = [float(stretched(tick)) for tick in ticks]
    words = [short(tick) for tick in ticks]
    return axis(_("Batch norm − other, in points"), range=[low, high], tickvals=heights, ticktext=words)


def _sizes_axis(matches: Sequence[Match], _: Translate) -> dict[str, Any]:
    """One column per batch size; under it the normalizer that batch norm stands against there."""
    width = 84 // len(matches)
    words = [
        f"<b>{match.batch_size}</b><br>"
        + (wrapped(normalizer_name(match.alternative, _), width) if match.alternative else "")
        for match in matches
    ]
    columns = list(range(len(matches)))
    return axis(
        _("Batch size, and the other normalizer"),
        range=[-0.6, len(matches) - 0.4],
        tickvals=columns,
        ticktext=words,
    )


def _sentence(match: Match, _: Translate) -> list[str]:
    """A column in words, where there is something to say."""
    if match.standing == "missing":
        return []
    if match.standing == "refused":
        return [f"{match.batch_size}" + _(": ") + _column_words(match, _).replace("<br>", " ")]
    return [f"{match.batch_size}" + _(": ") + clauses(mean_line(match.finding, _), _verdict(match, _), _)]


def _verdict(match: Match, _: Translate) -> str:
    """What the interval says; where it holds 0 and rules out that batch norm is a point worse, that it does."""
    return _("not worse by a point or more") if match.standing == "not_worse" else verdict.words(match.finding, _)


def stretched(values: ArrayLike) -> Floats:
    """Where a difference in points stands on the axis: linear near 0, logarithmic far from it."""
    return np.arcsinh(np.asarray(values, dtype=np.float64))


def _column(column: int, match: Match, values: Floats, first_seed: int, _: Translate) -> list[dict[str, Any]]:
    """One batch size: the seeds side by side, the mean and its interval."""
    finding, count = match.finding, len(values)
    words = [f"{first_seed + seed}: {short(float(value))}" for seed, value in enumerate(values)]
    dots = points(
        column + 0.5 * ((np.arange(count) + 0.5) / count - 0.5),
        stretched(values),
        "context",
        str(match.batch_size),
        size=8,
        text=words,
        hovertemplate=_("seed %{text} points") + "<extra></extra>",
    )
    if not finding.has_interval:
        return [dots]
    across = [column - HALF, column + HALF]
    low, mean, high = (stretched([100 * part] * 2) for part in (finding.low, finding.mean, finding.high))
    words_of_mean = [mean_line(finding, _)] * 2
    return [
        dots,
        band(across, low, high, "running", 0.28, _("95 % confidence interval of the mean")),
        line(across, mean, "running", _("mean"), text=words_of_mean, hovertemplate="%{text}<extra></extra>"),
    ]


def _column_words(match: Match, _: Translate) -> str:
    if match.standing == "missing":
        return ""
    if match.standing == "refused":
        return wrapped(_("PyTorch refuses batch norm"), 13)
    return f"<b>{in_points(match.finding.mean)}</b><br>{wrapped(_verdict(match, _), 14)}"


def _range(values: Floats, findings: Sequence[Finding]) -> tuple[float, float]:
    """The axis: to just beyond a tick, so that it rarely jumps while the picture grows."""
    seen = [*values.ravel(), *(100 * bound for finding in findings for bound in (finding.low, finding.high))]
    reaches = [max(largest(sign * np.asarray(seen)), 1.0) for sign in (-1, 1)]
    low, high = (1.06 * float(stretched(next(tick for tick in (3, 10, 30, 101) if reach <= tick))) for reach in reaches)
    return -low, high


def _key(text: str, shift: int) -> dict[str, Any]:
    return {
        **note(text, xref="paper", x=0, xanchor="left", yref="paper", y=1, yanchor="bottom", align="left"),
        "yshift": shift,
    }
