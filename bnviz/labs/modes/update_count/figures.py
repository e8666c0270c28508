"""Pictures of the topic `update_count` of the lab `modes`; each takes an `UpdateCountResult`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.modes.gap.figures import finite
from bnviz.labs.modes.momentum_error.figures import momentum_word
from bnviz.labs.modes.shared.figures import Bar, bars, phone
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, line, points
from bnviz.plot.theme import Role, axis, layout
from bnviz.theory.running import initial_weight

if TYPE_CHECKING:
    from bnviz.labs.modes.update_count.experiment import UpdateCountResult

NAMES: Final = {
    "plain": N_("one forward pass per step"),
    "accumulation": N_("gradient accumulation, k = {k}"),
    "second_pass": N_("a second forward pass"),
    "checkpoint": "checkpoint(use_reentrant=False)",
    "checkpoint_reentrant": "checkpoint(use_reentrant=True)",
    "validation": N_("validation without eval()"),
}
ROLES: Final[dict[str, Role]] = {
    "plain": "context", "accumulation": "before", "second_pass": "after", "checkpoint": "after",
    "checkpoint_reentrant": "after", "validation": "after",
}  # fmt: skip
MOST: Final = 32


def update_counts(result: UpdateCountResult, language: Language = "en") -> Chart:
    """Updates of the running statistics per optimizer step, counted by `num_batches_tracked`, and what the momentum becomes."""
    _ = translator(language)
    rows = [
        Bar(
            way_name(way, result, _), float(result.updates[place]),
            _("{count} · α is really {momentum}").format(
                count=short(result.updates[place]), momentum=short(result.momentum[place])),
            ROLES[way], float(result.updates_theory[place]),
        )
        for place, way in enumerate(result.ways)
    ]  # fmt: skip
    alt = _("Updates of the running statistics per optimizer step: {parts}.").format(
        parts="; ".join(f"{row.label}: {row.text}" for row in rows)
    )
    high = 1.7 * max(4.0, float(result.updates.max()))
    return bars(
        "update_counts", rows, _("Updates of the running statistics per optimizer step"), high,
        _("bars: num_batches_tracked, measured · dashed: predicted · momentum set to {momentum}").format(
            momentum=momentum_word(result.settings.momentum, _)),
        alt, row_height=52,
    )  # fmt: skip


def update_pace(result: UpdateCountResult, language: Language = "en") -> Chart:
    """Weight that the running mean of before still has, step by step: measured dots over (1 − α)^(updates·t)."""
    _ = translator(language)
    steps = np.arange(result.settings.steps + 1)
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    families: tuple[tuple[str, str], ...] = (
        ("plain", _("plain")), ("second_pass", _("two updates (4 ways)")), ("accumulation", f"k = {result.settings.accumulation}"),
    )  # fmt: skip
    for way, _name in families:
        place = result.ways.index(way)
        traces.append(line(steps, result.old_weight_theory[place], "theory", _("theory"), dash="dash", width=1.5))
    # The four ways with two updates lie on each other, and all are drawn.
    for place, way in enumerate(result.ways):
        name = way_name(way, result, _)
        traces.append(points(steps, result.old_weight[place], ROLES[way], name, size=9))
    middle = min(len(steps) - 1, 4)
    for way, name in families:
        labels.append((name, ROLES[way], float(result.old_weight[result.ways.index(way), -1])))
    notes = [
        key(_("dots: measured · dashed: (1 − α) to the power of all updates so far")),
        *end_labels(finite(labels), 0.0, 1.05),
    ]
    parts = "; ".join(
        f"{way_name(way, result, _)} {short(result.old_weight[place, middle])}" for place, way in enumerate(result.ways)
    )
    return Chart(
        "update_pace",
        traces,
        layout(axis(_("Optimizer steps"), range=[-0.2, result.settings.steps + 0.2]),
               axis(_("Weight of the old running mean"), range=[-0.02, 1.05]), annotations=notes,
               margin={"l": 64, "r": 170, "t": 40, "b": 52}),
        _("Weight that the running mean of before has after {steps} optimizer steps: {parts}.").format(steps=middle, parts=parts),
        height=380,
        phone_layout=phone(notes, r=120),
    )  # fmt: skip


def update_momentum(result: UpdateCountResult, language: Language = "en") -> Chart:
    """The momentum counted in optimizer steps against updates per step: measured dots over 1 − (1 − α)^k."""
    _ = translator(language)
    counts = np.arange(1, MOST + 1)
    theory = 1 - initial_weight(result.settings.momentum, counts)
    traces: list[dict[str, Any]] = [line(counts, theory, "theory", "1 − (1 − α)ᵏ", dash="dash", width=2)]
    traces += [
        points([result.updates[place]], [result.momentum[place]], ROLES[way], way_name(way, result, _), size=15)
        for place, way in enumerate(result.ways)
    ]
    if np.isfinite(result.corrected_momentum):
        traces.append(
            points([result.settings.accumulation], [result.corrected_momentum], "running", _("corrected"), size=15,
                   symbol="diamond")
        )  # fmt: skip
    words = _("dots: measured · dashed: 1 − (1 − α)ᵏ · diamond: accumulation with the momentum set to {corrected}")
    notes = [key(words.format(corrected=short(result.corrected)))]
    parts = "; ".join(
        f"{short(result.updates[place])}: {short(result.momentum[place])}" for place in range(len(result.ways))
    )
    return Chart(
        "update_momentum",
        traces,
        layout(axis(_("Updates per optimizer step, k"), range=[0, MOST + 0.5]),
               axis(_("Momentum per optimizer step"), range=[0, 1.05]), annotations=notes,
               margin={"l": 64, "r": 24, "t": 40, "b": 52}),
        _("Momentum per optimizer step by updates per step: {parts}.").format(parts=parts),
        height=360,
        phone_layout=phone(notes, r=16),
    )  # fmt: skip


def way_name(way: str, result: UpdateCountResult, _: Translate) -> str:
    """A way of training in a few words."""
    return _(NAMES[way]).format(k=result.settings.accumulation)
