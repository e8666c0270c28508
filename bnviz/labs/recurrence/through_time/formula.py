"""The formulas of the topic `through_time` of the lab `recurrence` with the numbers of a run."""

from __future__ import annotations

import math

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.recurrence.through_time.result import Result
from bnviz.plot.numbers import latex, short
from bnviz.theory.activations import moments_after
from bnviz.theory.growth import growth_recurrent_tanh


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The factor per step of the tanh cell with its numbers, and what is left over all steps."""
    _ = translator(language)
    return "\n\n".join(
        [
            "**1. " + _("The factor of one step back, tanh cell") + "**",
            _factor(result, _),
            "**2. " + _("Over all steps") + "**",
            _product(result, _),
        ]
    )


def _factor(result: Result, _: Translate) -> str:
    gamma = result.settings.gamma
    definition = (
        r"$$" + "\n" + r"h_t = \tanh\bigl(\gamma\,\widehat{W_h h_{t-1}} + u_t\bigr),\qquad "
        r"\frac{\mathbb{E}\lVert\partial L/\partial h_{t-1}\rVert^2}{\mathbb{E}\lVert\partial L/\partial h_t\rVert^2} = "
        r"\frac{\gamma^2\,\mathbb{E}[\tanh'(sz)^2]}{\mathbb{E}[\tanh(sz)^2]},\qquad s^2 = \gamma^2 + \operatorname{Var}(u)"
        + "\n$$"
    )
    if not gamma:
        return definition + "\n\n" + _("With γ = 0 nothing passes from step to step.")
    moments = moments_after("tanh", math.sqrt(2) * abs(gamma))
    growth = growth_recurrent_tanh(gamma, gamma**2)
    return "\n\n".join(
        [
            definition,
            _("The input's part has a normalizer with the same γ, so Var(u) = γ². With γ = {gamma}:").format(
                gamma=short(gamma)
            ),
            f"$$\n\\sqrt{{\\frac{{{latex(gamma**2)}\\cdot {latex(moments.mean_squared_slope)}}}"
            f"{{{latex(moments.second_moment)}}}}} = {latex(growth)}\n$$",
            _(
                "For small γ this tends to √½: half of what a step passes on comes from the input, and no gradient goes back there."
            ),
        ]
    )


def _product(result: Result, _: Translate) -> str:
    index = result.variants.index("batch_per_step")
    relative, count = result.relative, result.settings.steps
    lines = [
        _(
            "Measured with batch norm per step: after {steps} steps back × {times}; without a normalizer × {none}."
        ).format(
            steps=count - 1,
            times=short(float(relative.mean[index, 0])),
            none=short(float(relative.mean[result.variants.index("none"), 0])),
        )
    ]
    theory = result.growth_theory[index]
    if np.isfinite(theory).all():
        shown = r"\cdot ".join(latex(float(factor)) for factor in theory[::-1][:8])
        dots = r"\cdots" if count > 9 else ""
        lines += [
            _("Predicted, step by step, the last one first:"),
            f"$$\n{shown}{dots} = {latex(float(result.relative_theory[index, 0]))}\n$$",
        ]
    elif result.settings.cell != "rnn":
        lines.append(_("There is no closed form for a cell with gates: choose RNN."))
    return "\n\n".join(lines)
