"""A mean so large beside the spread that rounding eats the variance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.finding import Finding
from bnviz.inspect.gaps import TINY, pooled
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.small import drowned, flat
from bnviz.theory.folding import UNIT_ROUNDOFF

LEAST = 0.01  # of the variance; no theory gives this number


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning: (μ/σ)²·u of the accumulation, which is float32 even for half precision, and the rounding of the inputs themselves.

    An error where a channel's spread is no more than steps of rounding.
    """
    values: dict[str, float] = {}
    lost = False
    for norm in evidence.batch_norms:
        sample = pooled(evidence.calls.get(norm.name, ()))
        if sample is None:
            continue
        inputs = UNIT_ROUNDOFF.get(norm.dtype, UNIT_ROUNDOFF["float32"])
        unit = min(UNIT_ROUNDOFF["float32"], inputs)
        gone = drowned(sample.mean, sample.var, norm.eps, unit)
        lost |= bool(gone.any())
        told = gone | ~flat(sample.mean, sample.var, unit)
        size = np.abs(sample.mean[told])
        ratio = size / np.maximum(np.sqrt(sample.var[told]), unit * size + TINY)
        error = ratio**2 * unit + (ratio * inputs) ** 2 / 3
        if error.size and error.max() >= LEAST:
            values[norm.name] = float(error.max())
    if not values:
        return
    layers, worst = worst_first(values.items())
    yield Finding(
        rule=RULE.name,
        severity="error" if lost else "warning",
        layers=layers,
        quantity=Phrase(N_("relative rounding error of the variance, (μ/σ)²·u (worst channel)")),
        measured=worst,
        expected=LEAST,
        cause=Phrase(
            N_("The inputs are far from zero beside their spread; their difference from the mean loses its digits.")
        ),
        cure=Phrase(N_("Centre the inputs of the model, or compute this layer in float32 or float64.")),
        code="mean, std = inputs.mean(0), inputs.std(0)  # of the training set, once\ninputs = (inputs - mean) / std",
        link=links.link("layer", input_shift=10.0),
        case=None,
    )


RULE = Rule("cancellation", priority=33, find=find, spreads=True)
