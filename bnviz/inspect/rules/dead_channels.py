"""Channels that are off for every sample: γ is zero, or ReLU never lets them through."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import on_each
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import beginning
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.small import decayed_away, off

HALF = 0.5


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where half of a layer's channels are off, else a note; γ that began at zero is left to training."""
    dead: dict[str, float] = {}
    for norm in (evidence.final(norm) for norm in evidence.batch_norms):
        channels = off(evidence, norm, norm.gamma)
        if channels is None or beginning(evidence, norm):
            continue
        if (decayed := decayed_away(evidence, norm)) is not None:
            channels &= ~decayed  # `weight_decay` tells
        if channels.any():
            dead[norm.name] = float(channels.mean())
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
        cure=Phrase(
            N_(
                "Take a smaller learning rate and no weight decay on γ and β; prune the channels, or set γ and β back and train on."
            )
        ),
        code=on_each(
            evidence,
            layers,
            "off = (norm.weight.abs() < 1e-3) | (norm.bias < -3 * norm.weight.abs())",
            "norm.weight.data[off], norm.bias.data[off] = 1.0, 0.0",
        ),
        link=links.link("layer", gamma=0.0),
        case=None,
    )


RULE = Rule("dead_channels", priority=47, find=find, spreads=True)
