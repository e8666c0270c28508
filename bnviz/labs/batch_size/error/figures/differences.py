"""Batch norm against the best other normalizer at every batch size, paired over seeds: the second picture of `batch_size`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnviz.i18n import Language, Translate, translator
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import points as in_points
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, largest, line, note, points, wrapped
from bnviz.plot.theme import axis, color, layout
from bnviz.plot.variants import normalizer_name
from bnviz.study.figures.seeds import mean_line

if TYPE_CHECKING:
    from bnviz.labs.batch_size.error.advice import Match
    from bnviz.labs.batch_size.error.experiment import Result
    from bnviz.study.verdict import Finding

Floats = NDArray[np.float64]

TICKS: Final = (1, 3, 10, 30, 100)
HALF: Final = 0.34  # of a column's width


def differences(result: Result, language: Language = "en") -> Chart:
    """Error of batch norm − error of the best other at each batch size: seed by seed, with its 95 % interval and the verdict."""
    _ = translator(language)
    places = np.argsort(result.batch_sizes)
    matches = [result.matches[place] for place in places]
    values = 100 * result.differences[places]
    traces: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    told: list[str] = []
    for column, match in enumerate(matches):
        words = _column_words(match, _)
        if match.standing not in ("missing", "refused"):
            traces += _column(column, match, values[column], result.settings.seed, _)
        notes.append(note(words, "ink", x=column, yref="paper", y=1.01, yanchor="bottom"))
        told += [f"{match.batch_size}: {words.replace('<br>', ' ')}"] if match.standing == "refused" else []
        if match.standing not in ("missing", "refused"):
            told.append(f"{match.batch_size}: {mean_line(match.finding, _)}, {_(match.finding.verdict)}")
    findings = [match.finding for match in matches]
    low, high = _ends(values, findings)
    ticks = sorted(sign * tick for tick in (0, *TICKS) for sign in (-1, 1) if low <= stretched(sign * tick) <= high)
    y = axis(
        _("Batch norm − other, in points"), range=[low, high], tickvals=[float(stretched(tick)) for tick in ticks],
        ticktext=[short(tick) for tick in ticks],
    )  # fmt: skip
    columns = [
        f"<b>{match.batch_size}</b><br>"
        + (wrapped(normalizer_name(match.alternative, _), 84 // len(matches)) if match.alternative else "")
        for match in matches
    ]
    x = axis(
        _("Batch size, and the other normalizer"), range=[-0.6, len(matches) - 0.4], tickvals=list(range(len(matches))),
        ticktext=columns,
    )  # fmt: skip
    worse: dict[str, Any] = {"xref": "paper", "x": 0.995, "xanchor": "right"}
    sides = [
        note(_("batch norm worse ↑"), y=high, yanchor="top", **worse),
        note(_("batch norm better ↓"), y=low, yanchor="bottom", **worse),
    ]
    matter = float(stretched(100 * findings[0].smallest_effect))
    grey = {
        "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": -matter, "y1": matter, "layer": "below",
        "fillcolor": color("context", 0.16), "line": {"width": 0},
    }  # fmt: skip
    key = _("dots: seeds · band: 95 % interval of the mean · grey: less than a point")
    return Chart(
        "differences",
        traces,
        layout(
            x, y, shapes=[grey], annotations=[*notes, *sides, _key(key, 72)], margin={"l": 72, "r": 24, "t": 98, "b": 76}
        ),
        _("Test error with batch norm − test error of the best other normalizer, paired over seeds, by batch size. {parts}. "
          "Shaded: less than one point, too small to matter.").format(parts="; ".join(told)),
        height=420,
        phone_height=330 + 34 * len(told),
        phone_layout={
            "font": {"size": 11}, "margin": {"l": 52, "r": 8, "t": 64 + 15 * len(told), "b": 64},
            "annotations": [*sides, _key("<br>".join([*key.split(" · "), *told]), 6)],
        },
    )  # fmt: skip


def stretched(values: ArrayLike) -> Floats:
    """Where a difference in points stands on the axis: linear near 0, logarithmic far from it."""
    return np.arcsinh(np.asarray(values, dtype=np.float64))


def _column(column: int, match: Match, values: Floats, first_seed: int, _: Translate) -> list[dict[str, Any]]:
    """One batch size: the seeds side by side, the mean and its interval."""
    finding, count = match.finding, len(values)
    words = [f"{first_seed + seed}: {short(float(value))}" for seed, value in enumerate(values)]
    dots = points(
        column + 0.5 * ((np.arange(count) + 0.5) / count - 0.5), stretched(values), "context", str(match.batch_size),
        size=8, text=words, hovertemplate=_("seed %{text} points") + "<extra></extra>",
    )  # fmt: skip
    if not math.isfinite(finding.low):
        return [dots]
    across = [column - HALF, column + HALF]
    low, mean, high = (stretched([100 * part] * 2) for part in (finding.low, finding.mean, finding.high))
    told = mean_line(finding, _)
    return [
        dots,
        band(across, low, high, "running", 0.28, _("95 % confidence interval of the mean")),
        line(across, mean, "running", _("mean"), text=[told] * 2, hovertemplate="%{text}<extra></extra>"),
    ]


def _column_words(match: Match, _: Translate) -> str:
    if match.standing == "missing":
        return ""
    if match.standing == "refused":
        return wrapped(_("PyTorch refuses batch norm"), 13)
    return f"<b>{in_points(match.finding.mean)}</b><br>{wrapped(_(match.finding.verdict), 14)}"


def _ends(values: Floats, findings: Sequence[Finding]) -> tuple[float, float]:
    """Ends of the axis: just beyond a tick, so that it rarely jumps while the picture grows."""
    seen = [*values.ravel(), *(100 * end for finding in findings for end in (finding.low, finding.high))]
    ends = []
    for sign in (-1, 1):
        reach = max(largest(sign * np.asarray(seen)), 1.0)
        ends.append(sign * 1.06 * float(stretched(next(tick for tick in (3, 10, 30, 101) if reach <= tick))))
    return ends[0], ends[1]


def _key(text: str, shift: int) -> dict[str, Any]:
    return {
        **note(text, xref="paper", x=0, xanchor="left", yref="paper", y=1, yanchor="bottom", align="left"),
        "yshift": shift,
    }
