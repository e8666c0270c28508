"""Layers of one model with different ε: it was changed on the way between frameworks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import on_each
from bnviz.inspect.evidence import Array, Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.small import eps_share, shrunk

# PyTorch's default and Keras' (TensorFlow's) default.
DEFAULTS = (1e-5, 1e-3)
LEAST = 0.05  # of the output's size; no theory gives this number


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where layers disagree and it matters; a note where the other framework's default would change the outputs."""
    batch_norms = [norm for norm in evidence.batch_norms if norm.estimates is not None]
    counts = Counter(norm.eps for norm in batch_norms)
    mixed = len(counts) > 1
    most = [eps for eps, count in counts.items() if count == max(counts.values())]
    changes: dict[str, float] = {}
    for norm in batch_norms:
        if mixed and most == [norm.eps]:
            continue  # the others are the odd ones
        others = [other.eps for other in batch_norms if other.eps != norm.eps]
        other = max(others, key=others.count) if mixed else DEFAULTS[1] if norm.eps <= DEFAULTS[0] else DEFAULTS[0]
        if norm.running_var is None or other == norm.eps or norm.fresh:
            continue
        if not mixed and eps_share(evidence, norm) is not None:
            continue  # `large_eps` tells
        change = _change(norm, other)
        # Variances that weight decay has made small: `weight_decay` tells.
        decayed = evidence.setup.decay and not mixed and _change(norm, other, shrunk(evidence, norm)) < LEAST
        if change >= LEAST and not decayed:
            changes[norm.name] = change
    if not changes:
        return
    layers, worst = worst_first(changes.items())
    eps = next(norm.eps for norm in batch_norms if norm.name == layers[0])
    target = most[0] if mixed and eps != most[0] else DEFAULTS[1] if eps <= DEFAULTS[0] else DEFAULTS[0]
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
        code=on_each(evidence, layers, f"norm.eps = {target:g}  # if the weights were trained with it"),
        link=links.link("layer", eps=1e-3),
        case=None,
    )


def _change(norm: Norm, eps: float, shrunk: Array | float = 1.0) -> float:
    """Relative change of the outputs of the typical channel with another ε, if nothing had been `shrunk` (C,)."""
    var = np.zeros(0) if norm.running_var is None else norm.running_var / np.square(shrunk)
    var = var[np.isfinite(var) & (var > 0)]
    return float(np.median(np.abs(np.sqrt((var + norm.eps) / (var + eps)) - 1))) if var.size else 0.0


RULE = Rule("eps_changed", priority=46, find=find)
