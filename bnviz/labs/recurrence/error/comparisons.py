"""The topic `error` of the lab `recurrence` measured against its closed forms."""

from __future__ import annotations

import math

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.recurrence.error.result import Result
from bnviz.labs.recurrence.shared.parameters import BATCHED
from bnviz.study.comparison import Comparison
from bnviz.theory.running import initial_weight


def comparisons(result: Result) -> list[Comparison]:
    """What is exact about shared statistics: the same training, T times as many updates, and what is left of the start."""
    done, count = int(result.steps[-1]), result.settings.steps
    place = {variant: result.variants.index(variant) for variant in BATCHED}
    per_step, shared = place["batch_per_step"], place["batch_shared"]
    gap = result.batch_error[shared] - result.batch_error[per_step]
    return [
        Comparison(
            Phrase(N_("updates of each module's running statistics, one module per step")),
            float(result.updates[per_step]),
            float(done),
        ),
        Comparison(
            Phrase(N_("updates of each module's running statistics, one shared module")),
            float(result.updates[shared]),
            float(done * count),
        ),
        Comparison(
            Phrase(N_("weight of the initial value in the running statistics, one module per step")),
            float(result.left_over[-1]),
            float(initial_weight(result.settings.momentum, done)),
        ),
        Comparison(
            Phrase(N_("error with the test images' own statistics, shared − per step")),
            float(np.nanmean(gap)) if np.isfinite(gap).any() else math.nan,
            0.0,
            note=Phrase(N_("training mode does not look at running statistics: both are the same network")),
        ),
    ]
