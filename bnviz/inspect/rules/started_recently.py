"""The initial 0 and 1 still weigh in the running statistics: too few updates for this momentum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import UPDATE_BN
from bnviz.inspect.evidence import Array, Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import TINY, Pooled, output_gap, pooled
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import MATTERS
from bnviz.theory.running import half_life, initial_weight

# Above one half the initial values outweigh all batches together (the half-life is longer than the run).
HALF: Final = 0.5
# Below it the statistics are off by less than a twentieth of what a new layer is; no theory gives this number.
LEAST: Final = 0.05


@dataclass(frozen=True, slots=True)
class Start:
    """A layer whose statistics are still near their beginning."""

    layer: str
    """Its name in the model."""
    momentum: float
    """In PyTorch's sense."""
    updates: int
    """Batches that it has seen."""
    weight: float
    """What the initial 0 and 1 still weigh in its statistics."""
    gap: float
    """RMS over the channels of what that weight changes in the output, in standard deviations."""


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where half of each statistic is still the initial value, or where what is left of it matters; else a note."""
    starts = list(_starts(evidence))
    if not starts:
        return
    layers, worst = worst_first((start.layer, start.weight) for start in starts)
    slowest = max(reversed(starts), key=lambda start: start.weight)
    gap = max(start.gap for start in starts)
    yield Finding(
        rule=RULE.name,
        severity="error" if gap >= 1 else "warning" if worst > HALF or gap >= MATTERS else "note",
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
                "updates": slowest.updates,
                "momentum": f"{slowest.momentum:g}",
                "half_life": f"{half_life(slowest.momentum):.3g}",
            },
        ),
        cure=Phrase(N_("Refill the statistics with a plain average, or take a larger momentum.")),
        code=UPDATE_BN,
        link=links.link(
            "running_stats",
            momentums=f"{links.momentum(slowest.momentum):g},cumulative",
            steps=links.steps(slowest.updates, 2000),
            batch_size=links.batch_size(evidence.batch_size or 32),
        ),
        case="few_batches",
    )


def _starts(evidence: Evidence) -> Iterator[Start]:
    """The layers in whose statistics the initial values still weigh more than `LEAST`, and whose statistics show it."""
    for norm in evidence.batch_norms:
        sample, estimates = pooled(evidence.calls.get(norm.name, ())), norm.estimates
        updates = evidence.final_updates(norm)
        if not norm.tracks or estimates is None or not updates or norm.momentum is None or not 0 < norm.momentum < 1:
            continue
        weight = float(initial_weight(norm.momentum, updates))
        if weight <= LEAST or sample is None or sample.mean.shape != estimates[0].shape:
            continue
        expected = (1 - weight) * sample.mean, (1 - weight) * sample.var + weight
        start = output_gap(sample.mean, sample.var, *expected, norm.eps)
        if _along(sample, expected, estimates, norm.eps) < HALF:
            continue  # counted again, or loaded with a counter at 0: nothing is left of 0 and 1
        yield Start(norm.name, norm.momentum, updates, weight, float(np.sqrt(start.mean())))


def _along(sample: Pooled, expected: tuple[Array, Array], estimates: tuple[Array, Array], eps: float) -> float:
    """How far the statistics are from the batches on the way to the `expected` ones, as a share of that way: 1 where they are these.

    In standard deviations of the outputs, all channels as one vector; what chance and other weights add points anywhere.
    """
    spread = np.maximum(sample.var + eps, TINY)

    def way(mean: Array, var: Array) -> Array:
        return np.concatenate([(mean - sample.mean) / np.sqrt(spread), (var - sample.var) / (2 * spread)])

    full = way(*expected)
    return float(full @ way(*estimates) / max(float(full @ full), TINY))


RULE = Rule(
    "started_recently",
    priority=20,
    find=find,
    explained_by=frozenset({"eval_while_training", "invalid_statistics", "never_updated"}),
)
