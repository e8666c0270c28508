"""Pictures of the topic `update_count` of the lab `modes`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bnviz.i18n import N_, Language, Translate, listed, translator
from bnviz.labs.modes.shared.figures import Bar, Label, bars, finite, line_chart, momentum_word
from bnviz.labs.modes.update_count.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import alike, short
from bnviz.plot.primitives import key, line, phone, points
from bnviz.plot.theme import Role, axis

NAMES: Final = {
    "plain": N_("one forward pass per step"),
    "accumulation": N_("gradient accumulation, k = {k}"),
    "second_pass": N_("a second forward pass"),
    "checkpoint": "checkpoint(use_reentrant=False)",
    "checkpoint_reentrant": "checkpoint(use_reentrant=True)",
    "validation": N_("validation without eval()"),
}
ROLES: Final[dict[str, Role]] = {
    "plain": "context",
    "accumulation": "before",
    "second_pass": "after",
    "checkpoint": "after",
    "checkpoint_reentrant": "after",
    "validation": "after",
}


def update_counts(result: Result, language: Language = "en") -> Chart:
    """Updates of the running statistics per optimizer step, counted by `num_batches_tracked`, and what the momentum becomes."""
    _ = translator(language)
    columns = zip(result.ways, result.updates, result.momentum, result.updates_theory, strict=True)
    rows = []
    for way, count, momentum, predicted in columns:
        said = (
            _("1 update: effective momentum {momentum}")
            if count == 1
            else _("{count} updates: effective momentum {momentum}")
        )
        text = said.format(count=short(count), momentum=short(momentum))
        rows.append(Bar(way_name(way, result, _), float(count), text, ROLES[way], float(predicted)))
    how_to_read = _("bars: num_batches_tracked, measured · dashed: predicted · momentum set to {momentum}")
    alt = _("Updates of the running statistics per optimizer step: {parts}.")
    return bars(
        "update_counts",
        rows,
        _("Updates of the running statistics per optimizer step"),
        1.7 * max(4.0, float(result.updates.max())),
        how_to_read.format(momentum=momentum_word(result.settings.momentum, _)),
        alt.format(parts=_("; ").join(row.label + _(": ") + row.text for row in rows)),
        row_height=52,
    )


def update_pace(result: Result, language: Language = "en") -> Chart:
    """Weight that the running mean of before still has, step by step: measured dots over (1 − α)^(updates·t)."""
    _ = translator(language)
    steps = np.arange(result.settings.steps + 1)
    families = {
        "plain": _("plain"),
        "second_pass": _("two updates (4 ways)"),
        "accumulation": f"k = {result.settings.accumulation}",
    }
    theory = dict(zip(result.ways, result.old_weight_theory, strict=True))
    traces = [line(steps, theory[way], "theory", _("theory"), dash="dash", width=1.5) for way in families]
    # The four ways with two updates lie on each other, and all are drawn.
    measured = dict(zip(result.ways, result.old_weight, strict=True))
    names = {way: way_name(way, result, _) for way in result.ways}
    traces += [points(steps, weights, ROLES[way], names[way], size=9) for way, weights in measured.items()]
    labels: list[Label] = [(name, ROLES[way], float(measured[way][-1])) for way, name in families.items()]
    words = key(_("dots: measured · dashed: (1 − α) to the power of all updates so far"))
    notes = [words, *end_labels(finite(labels), 0.0, 1.05)]
    middle = min(len(steps) - 1, 4)
    parts = _("; ").join(f"{names[way]} {short(weights[middle])}" for way, weights in measured.items())
    return line_chart(
        "update_pace",
        traces,
        (
            axis(_("Optimizer steps"), range=[-0.2, result.settings.steps + 0.2]),
            axis(_("Weight of the old running mean"), range=[-0.02, 1.05]),
        ),
        notes,
        _("Weight that the running mean of before has after {steps} optimizer steps: {parts}.").format(
            steps=middle, parts=parts
        ),
        margin={"r": 170},
        phone_layout=phone(notes, r=120),
    )


def update_momentum(result: Result, language: Language = "en") -> Chart:
    """The momentum counted in optimizer steps against updates per step: measured dots over 1 − (1 − α)^k."""
    _ = translator(language)
    measured = list(zip(result.ways, result.updates, result.momentum, strict=True))
    traces: list[dict[str, Any]] = [
        line(result.counts, result.momentum_by_count, "theory", "1 − (1 − α)ᵏ", dash="dash", width=2)
    ]
    traces += [
        points([count], [momentum], ROLES[way], way_name(way, result, _), size=15) for way, count, momentum in measured
    ]
    if np.isfinite(result.corrected_momentum):
        corrected = [result.settings.accumulation], [result.corrected_momentum]
        traces.append(points(*corrected, "running", _("corrected"), size=15, symbol="diamond"))
    words = _("dots: measured · dashed: 1 − (1 − α)ᵏ · diamond: accumulation with the momentum set to {corrected}")
    notes = [key(words.format(corrected=short(result.corrected)))]
    momentums = alike(*(momentum for _way, _count, momentum in measured))
    parts = listed([short(count) for _way, count, _momentum in measured], momentums, _)
    return line_chart(
        "update_momentum",
        traces,
        (
            axis(_("Updates per optimizer step, k"), range=[0, result.counts[-1] + 0.5]),
            axis(_("Momentum per optimizer step"), range=[0, 1.05]),
        ),
        notes,
        _("Momentum per optimizer step by updates per step: {parts}.").format(parts=parts),
        margin={"r": 24},
        height=360,
        phone_layout=phone(notes, r=16),
    )


def way_name(way: str, result: Result, _: Translate) -> str:
    """A way of training in a few words."""
    return _(NAMES[way]).format(k=result.settings.accumulation)
