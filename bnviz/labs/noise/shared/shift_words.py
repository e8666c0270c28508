"""The variance shift in any network as a table and as comparisons, for the lessons `shift` and `dropout` of the lab `noise`."""

from __future__ import annotations

from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_, Translate
from bnviz.labs.noise.shared.shift import Shift
from bnviz.plot.numbers import short
from bnviz.study.comparison import Comparison

SHOWN_LAYERS: Final = 5


def layers_table(shift: Shift, _: Translate) -> str:
    """Markdown table of the layers, and why the predicted number is smaller than what the own Dropout alone would do."""
    head = [_("hidden layer"), _("own Dropout alone, σ²/V"), _("predicted"), _("measured"), _("units left out")]
    lines = ["| " + " | ".join(head) + " |", "|" + "--:|" * len(head)]
    lines += [
        f"| {index + 1} | {short(float(shift.local[index]))} | {short(float(shift.ratio_theory[index]))} | "
        f"{short(float(shift.ratio[index]))} | {int(shift.left_out[index])} / {shift.units} |"
        for index in range(len(shift.ratio))
    ]
    return (
        _(
            "What reaches a layer in eval mode has less variance than in training, because the layer before it already shrank. The "
            "prediction takes that along: wᵀCw against wᵀCw + (1/k − 1)·Σ wᵢ²(σᵢ² + μᵢ²) at every unit, then through ReLU."
        )
        + "\n\n"
        + "\n".join(lines)
        + "\n\n"
        + _(
            "Units that are on for less than 5 % of the images are left out: their variance cannot be told from so few."
        )
    )


def layer_comparisons(shift: Shift) -> list[Comparison]:
    """Measured and predicted variance of each layer, the first few."""
    chained = Phrase(N_("normal pre-activations assumed after the first layer"))
    return [
        Comparison(
            Phrase(N_("variance of the output in eval mode, layer {number}"), {"number": index + 1}),
            float(shift.ratio[index]),
            float(shift.ratio_theory[index]),
            float(shift.ratio_error[index]),
            chained if index else None,
        )
        for index in range(min(SHOWN_LAYERS, len(shift.ratio)))
    ]
