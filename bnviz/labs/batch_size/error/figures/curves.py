"""Test error by batch size, and what recalibration changes: pictures of `batch_size`. Each takes a `Result`, partial or whole."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, closed_up, translator
from bnviz.labs.batch_size.error.result import Result
from bnviz.labs.batch_size.shared.figures import size_axis
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import with_spreads
from bnviz.plot.primitives import PHONE_FONT, band, line, note, points, wrapped
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name
from bnviz.study import verdict
from bnviz.study.figures.seeds import apart, mean_line

Floats = NDArray[np.float64]
Label = tuple[str, Role, float]

LOWEST, HIGHEST = 1.0, 100.0  # ends of the error axis in %
RANGE: Final = (math.log10(LOWEST), math.log10(HIGHEST))
ERROR_TICKS: Final = (1, 2, 5, 10, 20, 50, 100)
WIDTH, PHONE_WIDTH = 104, 46  # letters per line
NETWORK_NAMES: Final = {"mlp": "MLP", "cnn": "CNN"}


def cliff(result: Result, language: Language = "en") -> Chart:
    """Test error by batch size, one line per normalizer: the mean over seeds, a band from best to worst, and the advice in short."""
    _ = translator(language)
    traces: list[dict[str, Any]] = []
    labels: list[Label] = []
    ends = _endings(result, _)
    for row, normalizer in enumerate(result.normalizers):
        role, name = NORMALIZER_ROLES[normalizer], normalizer_name(normalizer, _)
        sizes, low, mean, high = _by_size(result, row)
        hover = _("batch %{x}: error %{y:.3g} %") + f"<extra>{name}</extra>"
        look: dict[str, Any] = {"marker": {"size": 9, "color": color(role)}, "hovertemplate": hover}
        traces += [
            band(sizes, low, high, role, 0.14),
            line(sizes, mean, role, name, width=3.5, **look),
            *_at_work(result, row, role, name, _),
            *_failures(result, row, name, _),
        ]
        height = _height(np.append(100 * result.current_error[row], mean))
        labels.append((f"{name}<br>{ends[row]}", role, height))
    advice = [sentence.text(language) for sentence in result.advice.sentences]
    how = _("{network} · line: mean of {seeds} seeds · band: from the best seed to the worst").format(
        network=NETWORK_NAMES[result.settings.network], seeds=result.settings.seeds
    )
    endings = _("; ").join(text.replace("<br>", _(": ")) for text, _role, _height in labels)
    notes = [_head(advice[:1], how, WIDTH), *apart(labels, RANGE, 2.8), *_refusals(result, _)]
    top, phone_top = (20 * _rows(advice[:1], how, WIDTH), 16 * (_rows(advice[:1], how, PHONE_WIDTH) + len(labels)))
    return Chart(
        "cliff",
        traces,
        layout(
            size_axis(np.sort(result.batch_sizes).astype(float), _),
            error_axis(_),
            margin={"l": 64, "r": 190, "t": 24 + top, "b": 52},
            annotations=notes,
        ),
        _("Test error by batch size on a log axis, mean over {seeds} seeds. {parts}. {advice}").format(
            seeds=result.settings.seeds, parts=endings, advice=" ".join(advice)
        ),
        height=410,
        phone_height=480,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 48, "r": 10, "t": 20 + phone_top, "b": 48},
            "annotations": [_head(advice[:1], how, PHONE_WIDTH, labels, _(", "))],
        },
    )


def _by_size(result: Result, row: int) -> tuple[Floats, Floats, Floats, Floats]:
    """The batch sizes in rising order, and a normalizer's least, mean and largest error at each in %, within the axis; (B,) each."""
    order = np.argsort(result.batch_sizes)
    low, mean, high = (
        np.clip(100 * part[row, order], LOWEST, HIGHEST)
        for part in (result.error_low, result.error_mean, result.error_high)
    )
    return result.batch_sizes[order].astype(float), low, mean, high


def recalibration(result: Result, language: Language = "en") -> Chart:
    """Batch norm as trained, with its statistics recomputed precisely, and the best of the others, by batch size."""
    _ = translator(language)
    order = np.argsort(result.batch_sizes)
    sizes = result.batch_sizes[order].astype(float)
    trained = np.full(len(sizes), np.nan)
    if "batch" in result.normalizers:
        trained = result.error_mean[result.normalizers.index("batch"), order]
    curves: tuple[tuple[Floats, Role, str, str, str], ...] = (
        (
            np.array([match.error for match in result.matches])[order],
            "context",
            _("best of the others"),
            "solid",
            "circle",
        ),
        (trained, NORMALIZER_ROLES["batch"], _("batch norm as trained"), "solid", "circle"),
        (result.recalibrated_mean[order], "running", _("batch norm recalibrated"), "dot", "diamond"),
    )
    traces, labels = [], []
    for share, role, name, dash, symbol in curves:
        percent = np.clip(100 * share, LOWEST, HIGHEST)
        marker = {"size": 10, "symbol": symbol, "color": color(role)}
        traces.append(line(sizes, percent, role, name, dash=dash, marker=marker))
        labels.append((name, role, _height(percent)))
    words = _rescue(result, _)
    return Chart(
        "recalibration",
        traces,
        layout(
            size_axis(sizes, _),
            error_axis(_),
            margin={"l": 64, "r": 215, "t": 24 + 20 * _rows(words, "", WIDTH), "b": 52},
            annotations=[_head(words, "", WIDTH), *apart(labels, RANGE, 1.5)],
        ),
        _(
            "Test error by batch size: batch norm as trained, batch norm with recomputed statistics, and the best other "
            "normalizer. {words}"
        ).format(words=" ".join(words)),
        height=380,
        phone_height=430,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 48, "r": 10, "t": 20 + 16 * (_rows(words, "", PHONE_WIDTH) + len(labels)), "b": 48},
            "annotations": [_head(words, "", PHONE_WIDTH, labels, _(", "))],
        },
    )


def error_axis(_: Translate) -> dict[str, Any]:
    """Test error in % on a logarithmic axis that is the same for every run."""
    ticks = {"tickvals": list(ERROR_TICKS), "ticktext": [str(tick) for tick in ERROR_TICKS]}
    return axis(_("Test error in %"), type="log", range=list(RANGE), **ticks)


def _at_work(result: Result, row: int, role: Role, name: str, _: Translate) -> list[dict[str, Any]]:
    """A ring where the training at work stands now."""
    if not result.training or not math.isfinite(result.current_error[row]):
        return []
    percent = min(max(100 * float(result.current_error[row]), LOWEST), HIGHEST)
    words = _("epoch {epoch} of {epochs}").format(epoch=result.current_epoch, epochs=result.settings.epochs)
    ring = points([float(result.training)], [percent], role, f"{name}: {words}", size=13, symbol="circle-open")
    return [{**ring, "marker": {**ring["marker"], "line": {"width": 3}}}]


def _failures(result: Result, row: int, name: str, _: Translate) -> list[dict[str, Any]]:
    """A cross at the top where PyTorch refused a batch size, or where seeds diverged."""
    where: list[float] = []
    words: list[str] = []
    for refusal in result.refusals:
        if refusal.normalizer == result.normalizers[row]:
            where.append(float(refusal.batch_size))
            words.append(f"ValueError: {refusal.message}")
    for size, lost in zip(result.batch_sizes, (result.diverged_at[row] >= 0).sum(1), strict=True):
        if lost:
            where.append(float(size))
            words.append(
                _("{lost} of {seeds} seeds diverged (NaN)").format(lost=int(lost), seeds=result.settings.seeds)
            )
    if not where:
        return []
    cross = points(where, np.full(len(where), 88.0), "error", name, size=11, symbol="x", text=words)
    return [{**cross, "hovertemplate": f"{name}, %{{x}}: %{{text}}<extra></extra>"}]


def _refusals(result: Result, _: Translate) -> list[dict[str, Any]]:
    """PyTorch's own words, once for each normalizer that it refuses somewhere, in the empty bottom of the plot."""
    rows = []
    for row, normalizer in enumerate(result.normalizers):
        mine = [refusal for refusal in result.refusals if refusal.normalizer == normalizer]
        lost = int((result.diverged_at[row] >= 0).sum())
        name = normalizer_name(normalizer, _)
        if mine:
            sizes = _(", ").join(str(size) for size in sorted(refusal.batch_size for refusal in mine))
            rows.append(f"{name}, {sizes}: ValueError: {mine[-1].message.partition(', got')[0]}")
        if lost:
            rows.append(_("{name}: {lost} trainings diverged (NaN)").format(name=name, lost=lost))
    if not rows:
        return []
    corner = {"xref": "paper", "x": 0.01, "xanchor": "left", "yref": "paper", "y": 0.02, "yanchor": "bottom"}
    words = note("<br>".join(rows), "error", align="left", **corner)
    return [{**words, "font": {"color": color("error"), "size": 13}}]


def _endings(result: Result, _: Translate) -> list[str]:
    """Of each row the error ± s.d. over seeds at the largest batch size that has a number: where the line ends and its label stands."""
    done = [np.flatnonzero(np.isfinite(row)) for row in result.error_mean]
    last = [known[np.argmax(result.batch_sizes[known])] if known.size else 0 for known in done]
    rows = range(len(done))
    errors = with_spreads(
        [100 * float(result.error_mean[row, last[row]]) for row in rows],
        [100 * float(result.error_deviation[row, last[row]]) for row in rows],
    )
    told = _("at {size}: {error} %")
    return [
        told.format(size=int(result.batch_sizes[last[row]]), error=errors[row]) if done[row].size else ""
        for row in rows
    ]


def _rescue(result: Result, _: Translate) -> list[str]:
    """What recalibration does at the smallest batch size that has been recalibrated."""
    first = result.rescued
    if first is None:
        return []
    rescue, remaining, match = result.rescues[first], result.remaining[first], result.matches[first]
    words = [
        _("At batch {size} recalibration lowers the error by {numbers}: {verdict}.").format(
            size=match.batch_size, numbers=mean_line(rescue, _), verdict=verdict.words(rescue, _)
        )
    ]
    if math.isfinite(remaining.mean):
        words.append(
            _("What remains above {alternative}: {numbers}: {verdict}.").format(
                alternative=normalizer_name(match.alternative, _),
                numbers=mean_line(remaining, _),
                verdict=verdict.words(remaining, _),
            )
        )
    return words


def _height(percent: Floats) -> float:
    """Exponent of the last finite value of a line in %."""
    seen = percent[np.isfinite(percent)]
    return math.log10(min(max(float(seen[-1]), LOWEST), HIGHEST)) if seen.size else RANGE[1]


def _rows(sentences: list[str], how: str, width: int) -> int:
    """Room for the words above the plot, in lines; never less than a run usually comes to, so that the axes stay while it grows."""
    return max(_written(sentences, how, width).count("<br>") + 1, 2)


def _written(sentences: list[str], how: str, width: int) -> str:
    """The first sentence in bold, the others below it, and how to read the picture."""
    first, rest = sentences[:1], closed_up(" ".join(sentences[1:]))
    parts = [*(f"<b>{wrapped(text, width)}</b>" for text in first), *([wrapped(rest, width)] if rest else [])]
    return "<br>".join([*parts, *([wrapped(how, width)] if how else [])])


def _head(
    sentences: list[str], how: str, width: int, labels: list[Label] | None = None, between: str = " "
) -> dict[str, Any]:
    """Words above the plot; on a phone the `labels` of the lines stand there too, in the lines' colours."""
    rows = [_written(sentences, how, width)]
    for text, role, _ in labels or []:
        rows.append(f'<span style="color:{color(role)}"><b>{text.replace("<br>", between)}</b></span>')
    place = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": 1.01, "yanchor": "bottom"}
    return note("<br>".join(rows), "ink", align="left", **place)
