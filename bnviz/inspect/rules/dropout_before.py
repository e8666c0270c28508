"""Dropout in front of batch norm: the variance in training is not the one in evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import pooled
from bnviz.inspect.rule import Rule, worst_first

# In standard deviations of the output: a tenth. No theory gives this number; below it a note.
LEAST = 0.1


# `update_bn` would put Dropout into train mode too.
CODE: Final = """\
norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
momenta = [norm.momentum for norm in norms]
model.eval()  # Dropout off
for norm in norms:
    norm.reset_running_stats()
    norm.momentum = None  # a plain average
    norm.train()
with torch.no_grad():
    for batch, *_ in loader:
        model(batch)
model.eval()
for norm, momentum in zip(norms, momenta):
    norm.momentum = momentum"""


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning with the measured shift: the same batches with Dropout on and off."""
    shifts: dict[str, float] = {}
    rates: dict[str, float] = {}
    for norm in evidence.batch_norms:
        around = evidence.surroundings.get(norm.name)
        on, off = pooled(evidence.calls.get(norm.name, ())), pooled(evidence.without_dropout.get(norm.name, ()))
        if around is not None and around.dropouts and on is not None and off is not None:
            live = on.var > 0
            ratio = np.log(np.maximum(off.var[live], 1e-300) / on.var[live])
            shifts[norm.name] = float(np.exp(np.median(ratio))) if live.any() else 1.0
            rates[norm.name] = around.dropouts[0][1]
    if not shifts:
        return
    distances = {name: abs(math.sqrt(value) - 1) for name, value in shifts.items()}
    layers, distance = worst_first(distances.items())
    yield Finding(
        rule=RULE.name,
        severity="warning" if distance >= LEAST else "note",
        layers=layers,
        quantity=Phrase(N_("variance of the layer's input in eval mode over that in training (median channel)")),
        measured=shifts[layers[0]],
        expected=1.0,
        relation="exactly",
        cause=Phrase(
            N_(
                "Dropout with p = {p} raises the variance in training only; the running variance remembers it (Li 2018)."
            ),
            {"p": f"{rates[layers[0]]:g}"},
        ),
        cure=Phrase(N_("Put Dropout after the last batch norm, or refill the statistics with Dropout off.")),
        code=CODE,
        link=links.link("noise", topic="shift", dropout=rates[layers[0]]),
        case="dropout_before_norm",
    )


RULE = Rule("dropout_before", priority=43, find=find, seen_by=frozenset({"check"}))
