"""The initial 0 and 1 still weigh in the running statistics: too few updates for this momentum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import output_gap, pooled
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS
from bnviz.theory.running import half_life, initial_weight

# Above one half the initial values outweigh all batches together (the half-life is longer than the run).
HALF = 0.5
LEAST = (
    0.05  # below it the statistics are off by less than a twentieth of what a new layer is; no theory gives this number
)


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where half of each statistic is still the initial value, or where what is left of it matters; else a note."""
    weights: dict[str, float] = {}
    gaps: list[float] = []
    slowest = None
    count = 0
    for norm in evidence.batch_norms:
        sample, estimates = pooled(evidence.calls.get(norm.name, ())), norm.estimates
        updates = evidence.final_updates(norm)
        if not norm.tracks or estimates is None or not updates or norm.momentum is None or not 0 < norm.momentum < 1:
            continue
        weight = float(initial_weight(norm.momentum, updates))
        if weight <= LEAST or sample is None or sample.mean.shape != estimates[0].shape:
            continue
        start = output_gap(
            sample.mean, sample.var, (1 - weight) * sample.mean, (1 - weight) * sample.var + weight, norm.eps
        )
        now = output_gap(sample.mean, sample.var, *estimates, norm.eps)
        if now.mean() < start.mean() / 4:
            continue  # loaded with good statistics and a counter at 0: nothing is left of 0 and 1
        weights[norm.name] = weight
        gaps.append(float(np.sqrt(start.mean())))
        if slowest is None or weight >= max(weights.values()):
            slowest, count = norm, updates
    if slowest is None or slowest.momentum is None:
        return
    layers, worst = worst_first(weights.items())
    yield Finding(
        rule=RULE.name,
        severity="error" if max(gaps) >= 1 else "warning" if worst > HALF or max(gaps) >= MATTERS else "note",
        layers=layers,
        quantity=Phrase(N_("weight that the initial mean 0 and variance 1 still have")),
        measured=worst,
        expected=LEAST,
        cause=Phrase(
            N_(
                "{updates} updates with momentum {momentum}, whose half-life is {half_life} batches: too few to "
                "forget the initial values."
            ),
            {
                "updates": count,
                "momentum": f"{slowest.momentum:g}",
                "half_life": f"{half_life(slowest.momentum):.3g}",
            },
        ),
        cure=Phrase(N_("Refill the statistics with a plain average, or take a larger momentum.")),
        code="torch.optim.swa_utils.update_bn(loader, model)",
        link=links.link(
            "running_stats",
            momentums=f"{links.momentum(slowest.momentum):g},cumulative",
            steps=links.steps(count, 2000),
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="few_batches",
    )


RULE = Rule("started_recently", priority=20, find=find, explained_by=frozenset({"never_updated", "invalid_statistics"}))
