"""Running mean, running variance and the error of the eval output in the lab `running_stats`, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.running_stats.figures.momentums import MARGIN, key_of, momentum_name, momentum_role, on_a_phone
from bnviz.labs.running_stats.result import Floats, Result, Spread
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels, numbered
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, line, log_axis, log_range, note, vertical_line
from bnviz.plot.theme import Role, axis, layout


@dataclass(frozen=True, slots=True)
class _Curves:
    """One running statistic: what was measured, what the closed form says, and the truth with its name."""

    measured: Spread
    expected: Floats
    std: Floats
    truth: Floats
    truth_name: str
    deviations: bool
    """Whether the closed form's standard deviation is drawn too."""


def convergence(result: Result, language: Language = "en") -> Chart:
    """Running mean per momentum over the batches, band over replicas, closed form, and the truth."""
    _ = translator(language)
    name = _("true mean") if result.settings.disturbance == "none" else _("truth")
    curves = _Curves(result.mean_spread, result.expected_mean, result.expected_mean_std, result.truth_mean, name, False)
    return _chart(result, "convergence", curves, _("Running mean"), _)


def variance(result: Result, language: Language = "en") -> Chart:
    """Running variance, fed with the unbiased batch variance and starting at 1, drawn as `convergence`, with the closed form's s.d."""
    _ = translator(language)
    truth = np.full(result.settings.steps + 1, result.truth_var)
    curves = _Curves(result.var_spread, result.expected_var, result.expected_var_std, truth, _("true variance"), True)
    return _chart(result, "variance", curves, _("Running variance"), _)


def eval_error(result: Result, language: Language = "en") -> Chart:
    """RMS difference of eval-mode output from output normalized with the true moments, per momentum."""
    _ = translator(language)
    batches = np.arange(result.settings.steps + 1)
    traces: list[dict[str, Any]] = []
    for index, momentum in enumerate(result.settings.compared):
        theory = result.eval_error_theory[index]
        traces += [
            line(batches, result.eval_error[index], momentum_role(momentum), momentum_name(momentum, _), width=3),
            line(batches, theory, "theory", _("theory"), dash="dash", width=1.5, opacity=0.7),
        ]
    seen = np.concatenate((result.eval_error, result.eval_error_theory), axis=1)
    low, high = log_range(seen[seen > 0])
    logs = np.log10(np.maximum(result.eval_error[:, -1], 10**low))
    labels = [(momentum_name(a, _), momentum_role(a), float(logs[i])) for i, a in enumerate(result.settings.compared)]
    ends = _(", ").join(f"{text} {short(10**y)}" for text, _role, y in labels)
    words = _("line: measured over {replicas} replicas · dashed: theory, first order")
    notes = [key_of(words, result), *end_labels(labels, low, high)]
    return Chart(
        "eval_error",
        traces,
        layout(
            _batches_axis(result, _),
            log_axis(_("RMS error of the eval output"), low, high),
            margin=MARGIN,
            annotations=notes,
        ),
        _(
            "Error of the eval-mode output against output normalized with the true mean and variance, in its standard "
            "deviations, over {steps} batches. At the end: {ends}."
        ).format(steps=result.settings.steps, ends=ends),
        phone_layout=on_a_phone(notes),
        playhead_first=0,
    )


def _chart(result: Result, name: str, curves: _Curves, label: str, _: Translate) -> Chart:
    measured, truth = curves.measured, curves.truth
    values = [measured.low, measured.high, curves.expected - curves.std, curves.expected + curves.std, truth]
    low, high = min(float(part.min()) for part in values), max(float(part.max()) for part in values)
    low, high = low - 0.04 * (high - low), high + 0.04 * (high - low)
    labels = [
        (momentum_name(momentum, _), momentum_role(momentum), float(measured.average[index, -1]))
        for index, momentum in enumerate(result.settings.compared)
    ]
    last = float(truth[-1])
    *ends, told_truth = numbered([*labels, (f"{curves.truth_name} =", "context", last)])
    truth_label: tuple[str, Role, float] = told_truth
    words = _("line: average of {replicas} runs · band: the middle 70 % of them · dashed: what theory expects")
    if curves.deviations:
        words = _("line: average of {replicas} replicas · band: 15–85 % of them · dashed: closed form ± s.d.")
    notes = [key_of(words, result), *end_labels([*labels, truth_label], low, high)]
    shapes: list[dict[str, Any]] = []
    if result.settings.disturbance != "none":
        shapes, moved = _disturbance(result, 0 if name == "convergence" else 1, _)
        notes.append(moved)
    told = _(", ").join(text for text, *_more in ends)
    x, y = _batches_axis(result, _), axis(label, range=[low, high])
    return Chart(
        name,
        _traces(result, curves, _),
        layout(x, y, margin=MARGIN, annotations=notes, shapes=shapes),
        _("{label} over {steps} batches, average of {replicas} replicas. At the end: {ends}; {truth}.").format(
            label=label,
            steps=result.settings.steps,
            replicas=result.settings.replicas,
            ends=told,
            truth=truth_label[0],
        ),
        height=430,
        phone_layout=on_a_phone(notes),
        playhead_first=0,
    )


def _traces(result: Result, curves: _Curves, _: Translate) -> list[dict[str, Any]]:
    """Bands below, then the truth, the lines and the closed forms; of each the noisiest momentum first."""
    batches = np.arange(result.settings.steps + 1)
    measured, expected, std = curves.measured, curves.expected, curves.std
    bands, theory, lines = [], [], []
    for index in np.argsort(-std[:, -1]):
        momentum = result.settings.compared[index]
        role, name = momentum_role(momentum), momentum_name(momentum, _)
        bands.append(band(batches, measured.low[index], measured.high[index], role))
        theory.append(line(batches, expected[index], "theory", _("theory"), dash="5px,6px", width=1.4))
        for side in (-1, 1) if curves.deviations else ():
            around = expected[index] + side * std[index]
            theory.append(line(batches, around, "theory", "", dash="dot", width=1, opacity=0.45))
        lines.append(line(batches, measured.average[index], role, name, width=3))
    return [*bands, line(batches, curves.truth, "context", curves.truth_name, width=2), *lines, *theory]


def _batches_axis(result: Result, _: Translate) -> dict[str, Any]:
    return axis(_("Batches seen"), range=[0, result.settings.steps])


def _disturbance(result: Result, y: int, _: Translate) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A line where the mean starts to move, named at the height `y` (0 or 1); beyond the run's end, words alone."""
    at, steps = result.settings.disturbance_at, result.settings.steps
    height: dict[str, Any] = {"yref": "paper", "y": y, "yanchor": "top" if y else "bottom"}
    if at >= steps:
        text = _("nothing moves: the disturbance comes after the last batch")
        return [], note(text, xref="paper", x=0.99, xanchor="right", **height)
    text = _("the mean jumps") if result.settings.disturbance == "jump" else _("the mean starts to drift")
    late = at > 0.6 * steps
    beside = note(text, x=at, xanchor="right" if late else "left", xshift=-6 if late else 6, **height)
    return [vertical_line(at, "context")], beside
