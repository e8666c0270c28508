"""The page `builder`: what the modules have and do, against what the formulas say."""

from __future__ import annotations

import math

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.builder.plan import expected_variance, output_positions
from bnviz.labs.builder.result import Result
from bnviz.study.comparison import Comparison


def comparisons(result: Result) -> tuple[Comparison, ...]:
    """What the modules have and do, against what the formulas say."""
    settings = result.settings
    trained = [number for number, entry in zip(result.expected, result.tensors, strict=True) if entry.trained]
    rows = [
        Comparison(Phrase(N_("Numbers that the optimizer moves")), result.trained, sum(trained)),
        Comparison(Phrase(N_("Numbers in buffers")), result.kept, sum(result.expected) - sum(trained)),
    ]
    if settings.layer != "linear" and len(result.shapes) > result.layer + 1:
        found, wanted = math.prod(result.shapes[result.layer + 1][2:]), math.prod(output_positions(settings))
        rows.append(Comparison(Phrase(N_("Positions per channel after the convolution")), found, wanted))
    if settings.normalizer == "batch" and result.before_var.size:
        predicted = float(expected_variance(settings, result.before_var).mean())
        name = N_("Variance after batch norm, averaged over channels")
        rows.append(Comparison(Phrase(name), float(result.after_var.mean()), predicted))
    return tuple(rows)
