"""Layers of one model with different ε: it was changed on the way between frameworks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first

# PyTorch's default and Keras' (TensorFlow's) default.
DEFAULTS = (1e-5, 1e-3)
LEAST = 0.05  # of the output's size; no theory gives this number


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where layers disagree and it matters; a note where the other framework's default would change the outputs."""
    batch_norms = [norm for norm in evidence.batch_norms if norm.estimates is not None]
    mixed = len({norm.eps for norm in batch_norms}) > 1
    changes: dict[str, float] = {}
    for norm in batch_norms:
        others = [other.eps for other in batch_norms if other.eps != norm.eps]
        other = max(others, key=others.count) if mixed else DEFAULTS[1] if norm.eps <= DEFAULTS[0] else DEFAULTS[0]
        if norm.running_var is None or other == norm.eps or norm.fresh:
            continue
        var = norm.running_var[np.isfinite(norm.running_var) & (norm.running_var > 0)]
        if var.size:
            change = float(np.median(np.abs(np.sqrt((var + norm.eps) / (var + other)) - 1)))
            if change >= LEAST:
                changes[norm.name] = change
    if not changes:
        return
    layers, worst = worst_first(changes.items())
    yield Finding(
        rule=RULE.name,
        severity="warning" if mixed else "note",
        layers=layers,
        quantity=Phrase(N_("relative change of the outputs with the other ε (median channel)")),
        measured=worst,
        expected=LEAST,
        cause=Phrase(
            N_("The layers of this model disagree about ε.")
            if mixed
            else N_("PyTorch's default ε is 1e-5, Keras' 1e-3: beside variances as small as here the difference shows.")
        ),
        cure=Phrase(N_("Carry ε over together with the weights.")),
        code="module.eps = 1e-3  # as in the framework that trained it",
        link=links.link("layer", eps=1e-3),
        case=None,
    )


RULE = Rule("eps_changed", priority=46, find=find)
