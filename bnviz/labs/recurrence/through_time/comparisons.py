"""The topic `through_time` of the lab `recurrence` measured against its closed forms."""

from __future__ import annotations

import math

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.recurrence.shared.figures import VARIANT_NAMES
from bnviz.labs.recurrence.through_time.result import Result
from bnviz.study.comparison import Comparison


def comparisons(result: Result) -> list[Comparison]:
    """Growth of the gradient per step back in time, by both closed forms; and shared against per step."""
    rows = []
    if result.settings.cell == "rnn":
        for index, variant in enumerate(result.variants):
            rows += _growth(result, index, variant)
    rows.append(
        Comparison(Phrase(N_("gradient with shared statistics − per step, relative to the largest")), result.same, 0.0)
    )
    return rows


def _growth(result: Result, index: int, variant: str) -> list[Comparison]:
    """Geometric mean over all steps, measured on S networks."""
    values = result.per_step[index]
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return []
    measured, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    rows = []
    name = Phrase(VARIANT_NAMES[variant])
    for theory, words, note in (
        (result.growth_theory, N_("growth per step back, {variant}"), _assumption(variant)),
        (result.growth_unequal, N_("growth per step back, {variant}, with the slopes and variances measured"), None),
    ):
        factors = theory[index]
        if np.isfinite(factors).all() and (factors > 0).all():
            predicted = float(np.exp(np.log(factors).mean()))
            rows.append(Comparison(Phrase(words, {"variant": name}), measured, predicted, error, note))
    return rows


def _assumption(variant: str) -> Phrase | None:
    if variant == "none":
        return None
    return Phrase(N_("supposes that all units vary alike; digits vary in few directions, so that they do not"))
