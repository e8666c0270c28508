"""The lab `folding` compared with theory."""

from __future__ import annotations

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.folding.mistakes import NAMES, predicted, scales
from bnviz.labs.folding.result import Result
from bnviz.study.comparison import Comparison


def comparisons(result: Result) -> tuple[Comparison, ...]:
    """The right folding against PyTorch's and against the two layers, one channel's scale, every mistake with a closed form."""
    c = result.settings.channel
    ratio = float(result.largest_after[c] / result.largest_before[c])
    rows = [
        Comparison(
            Phrase(N_("Right folding in float64: relative error of the outputs")), result.relative_error["float64"], 0.0
        ),
        Comparison(
            Phrase(N_("Largest difference between PyTorch's folding and W′ = sW, b′ = β + s(b − μ)")),
            result.pytorch_difference,
            0.0,
        ),
        Comparison(
            Phrase(N_("Largest weight of channel {channel}, after over before: |γ|/√(v + ε)"), {"channel": c}),
            ratio,
            abs(float(scales(result)[c])),
        ),
    ]
    for name, value in predicted(result).items():
        quantity = Phrase(N_("Relative error of the outputs, {mistake}"), {"mistake": Phrase(NAMES[name])})
        rows.append(Comparison(quantity, result.wrong[name], value))
    return tuple(rows)
