"""Pictures of the topic `statistics` of the lab `batch_size`: what batch norm makes of a value, in the MLP and in the CNN."""

from __future__ import annotations

import math
from typing import Any, Final

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.batch_size.shared.figures import (
    GAP,
    NETWORKS,
    Quantity,
    fidelity,
    noise,
    r_squared,
    two_quantities,
)
from bnviz.labs.batch_size.statistics.result import CloseStatistics, Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.panels import Panels, axis_refs, heading, stacked
from bnviz.plot.primitives import PHONE_FONT, domain, key, line, note, points, small, wrapped
from bnviz.plot.theme import axis

__all__ = ["effective", "fidelity", "noise", "outputs"]

REACH: Final = 3.4  # ends of the axes of the scatter plot, in standard deviations


def outputs(result: Result, language: Language = "en") -> Chart:
    """What batch norm makes of values in batches of `batch_size`, against what it would make of them knowing the population."""
    _ = translator(language)
    both = list(result.both_statistics().values())
    panels = Panels()
    for number, (part, tall) in enumerate(zip(both, ([0.56, 1.0], [0.0, 0.44]), strict=True)):
        wide = domain(number, 2, GAP)
        output = _("Batch norm's output")
        x, y = _axis(_("True value (x − μ)/σ")), _axis(output if number == 0 else "")
        panels.add(_cloud(part), x | {"domain": wide}, y, stacked(tall, output))
        title, role = f"<b>{_title(part, _)}</b>", NETWORKS[part.network][1]
        panels.notes += [*_inside(part, number), heading(title, wide[0], 1.01, role)]
        panels.phone_notes += [*_inside(part, number), heading(title, 0, tall[1], role)]
    head = key(
        _("Batches of {size} · dashed: with the whole population's μ and σ").format(size=result.settings.batch_size)
    )
    panels.notes.append({**head, "yshift": 32})
    panels.phone_notes += small([{**head, "yshift": 24}])
    sentences = [
        _title(part, _) if math.isfinite(part.batch_fidelity) else _title(part, _) + _(": ") + part.refusal
        for part in both
    ]
    alt = _(
        "Output of batch norm against the true standardized value, in batches of {size}. {parts}. R² is the share of a "
        "value's variation that survives."
    )
    return Chart(
        "outputs",
        panels.traces,
        panels.layout(margin={"l": 64, "r": 16, "t": 70, "b": 52}),
        alt.format(size=result.settings.batch_size, parts=_("; ").join(sentences)),
        height=430,
        phone_height=680,
        phone_layout={
            "font": {"size": PHONE_FONT},
            "margin": {"l": 44, "r": 8, "t": 66, "b": 48},
            "annotations": panels.phone_notes,
            **panels.phone_axes,
        },
    )


def effective(result: Result, language: Language = "en") -> Chart:
    """How many independent values a batch is worth, behind its mean and behind its variance, against how many it has."""
    _ = translator(language)
    quantities = (Quantity("effective", _("for the mean")), Quantity("effective_variance", _("for the variance")))
    alt = _("How many independent values a batch is worth, by batch size. {parts}.")
    return two_quantities("effective", result, quantities, _("Independent values"), alt, _, counted=True)


def _title(part: CloseStatistics, _: Translate) -> str:
    """The network, and how much of a value survives in it."""
    name = NETWORKS[part.network][0]
    if not math.isfinite(part.batch_fidelity):
        return name
    return _("{network}: R² = {fidelity}").format(network=name, fidelity=r_squared(part.batch_fidelity))


def _bound(part: CloseStatistics) -> float:
    """√(m − 1), beyond which no output can lie; 0 where there is no such bound within reach."""
    bound = math.sqrt(part.batch_size - 1)
    return bound if part.pixels == 1 and bound < REACH else 0.0


def _cloud(part: CloseStatistics) -> list[dict[str, Any]]:
    """One network's values, the line on which they would lie knowing the population, and the bound on outputs."""
    name, role = NETWORKS[part.network]
    traces: list[dict[str, Any]] = []
    if math.isfinite(part.batch_fidelity):
        hover = "%{x:.2f} → %{y:.2f}<extra></extra>"
        cloud = points(part.truth, part.output, role, name, size=7, hovertemplate=hover)
        traces = [
            line([-REACH, REACH], [-REACH, REACH], "theory", "", dash="dash", width=1.8),
            {**cloud, "opacity": 0.55},
        ]
    if bound := _bound(part):
        traces += [
            line([-REACH, REACH], [level] * 2, "context", "", dash="dot", width=1.5) for level in (-bound, bound)
        ]
    return traces


def _inside(part: CloseStatistics, panel: int) -> list[dict[str, Any]]:
    """Words in a panel: PyTorch's refusal, the bound's name."""
    where = axis_refs(panel)
    notes = []
    if not math.isfinite(part.batch_fidelity):
        notes.append(note(wrapped(f"ValueError: {part.refusal}", 40), "error", x=0, y=1.4, **where))
    if bound := _bound(part):
        notes.append(note("√(m − 1)", x=-REACH, xanchor="left", y=bound, yanchor="bottom", **where))
    return notes


def _axis(title: str) -> dict[str, Any]:
    ticks = range(-3, 4)
    return axis(title, range=[-REACH, REACH], tickvals=list(ticks), ticktext=[short(tick) for tick in ticks])
