"""The topic `steps` of the lab `recurrence` measured against its closed forms."""

from __future__ import annotations

import math

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.recurrence.shared.parameters import BATCHED
from bnviz.labs.recurrence.steps.result import Result
from bnviz.study.comparison import Comparison


def comparisons(result: Result) -> list[Comparison]:
    """What the shared module keeps, the weights of the steps, the fluctuation of the batch mean, and padding."""
    count, passes = result.settings.steps, result.passes
    rows = [
        Comparison(
            Phrase(N_("shared running mean: the steps' means by their weights")),
            result.shared_mean,
            result.shared_mean_theory,
            result.shared_mean_error,
        ),
        Comparison(
            Phrase(N_("shared running variance: the steps' variances by their weights")),
            result.shared_var,
            result.shared_var_theory,
            result.shared_var_error,
            Phrase(N_("the variance between the steps is not in it")),
        ),
        Comparison(Phrase(N_("weight of the first step")), float(result.weights[0]), float(result.weights_theory[0])),
        Comparison(
            Phrase(N_("weight of step {step}, the last"), {"step": count}),
            float(result.weights[-1]),
            float(result.weights_theory[-1]),
        ),
    ]
    seen = result.fluctuation[np.isfinite(result.fluctuation)]
    if seen.size:
        rows.append(
            Comparison(
                Phrase(N_("s.d. of the batch mean, in s.d. of the numbers")),
                float(np.sqrt((seen**2).mean())),
                result.fluctuation_theory,
                result.fluctuation_theory / math.sqrt(2 * (passes - 1)),
                _batch_alone(result),
            )
        )
    padded = result.padded
    for step in (place for place in (count // 2, count - 1) if math.isfinite(padded.var[place])):
        rows += [
            Comparison(
                Phrase(N_("running mean of W_x x at step {step}, padding included"), {"step": step + 1}),
                float(padded.mean[step]),
                float(padded.mean_theory[step]),
            ),
            Comparison(
                Phrase(N_("running variance of W_x x at step {step}, padding included"), {"step": step + 1}),
                float(padded.var[step]),
                float(padded.var_theory[step]),
            ),
        ]
    return rows


def _batch_alone(result: Result) -> Phrase:
    """What the fluctuation's prediction supposes."""
    if result.settings.term == "hidden" and result.settings.normalizer in BATCHED:
        return Phrase(
            N_("does not hold here: batch norm has fixed the mean of what goes into the state, batch by batch")
        )
    return Phrase(N_("standard error as if units and steps moved together"))
