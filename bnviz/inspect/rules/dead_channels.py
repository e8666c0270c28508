"""Channels that are off for every sample: γ is zero, or ReLU never lets them through."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import beginning
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import normal_quantile

# A normal value passes ReLU with this chance or less: Φ(β/|γ|). By chance no channel would then be off in a whole training.
CHANCE = 1e-3
HALF = 0.5


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where half of a layer's channels are off, else a note; γ that began at zero is left to training."""
    dead: dict[str, float] = {}
    for norm in (evidence.final(norm) for norm in evidence.batch_norms):
        calls, around = evidence.calls.get(norm.name, ()), evidence.surroundings.get(norm.name)
        if norm.gamma is None or not (calls or evidence.at_end) or beginning(evidence, norm):
            continue
        if any(call.mean.size != norm.gamma.size for call in calls):
            continue
        beta = np.zeros_like(norm.gamma) if norm.beta is None else norm.beta
        off = np.abs(norm.gamma) <= TINY * max(float(np.abs(norm.gamma).max()), 1.0)
        if off.all() and not beta.any():
            continue
        if calls and around is not None and around.relu:
            never = np.all([call.output_largest <= 0 for call in calls], axis=0)
            off |= never & (beta <= -normal_quantile(2 * CHANCE) * np.abs(norm.gamma))
        if off.any():
            dead[norm.name] = float(off.mean())
    if not dead:
        return
    layers, worst = worst_first(dead.items())
    yield Finding(
        rule=RULE.name,
        severity="warning" if worst >= HALF else "note",
        layers=layers,
        quantity=Phrase(N_("share of channels that are off for every sample")),
        measured=worst,
        expected=0.0,
        cause=Phrase(
            N_(
                "γ is zero, or β so far below zero that ReLU lets nothing through: no gradient reaches these channels any more."
            )
        ),
        cure=Phrase(N_("Take a smaller learning rate, no weight decay on γ and β, or prune the channels.")),
        code="print({name: (m.weight.abs() < 1e-3).sum() for name, m in model.named_modules() if hasattr(m, 'running_var')})",
        link=links.link("layer", gamma=0.0),
        case=None,
    )


TINY = 1e-4
RULE = Rule("dead_channels", priority=47, find=find, spreads=True)
