"""The formulas of the topic `placement` with the numbers of a run."""

from __future__ import annotations

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.placement.result import POSITIONS, Result
from bnviz.plot.numbers import latex
from bnviz.teaching.paired import paired_difference
from bnviz.theory.activations import moments_after


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The paired difference with its numbers, what batch norm in front takes away, and what it hands on behind φ."""
    _ = translator(language)
    return "\n\n".join(
        [
            "**1. " + _("Does the place matter?") + "**",
            _paired(result, _),
            "**2. " + _("A bias before batch norm") + "**",
            _bias(result, _),
            "**3. " + _("What the next layer receives") + "**",
            _handed_on(result, _),
        ]
    )


def _paired(result: Result, _: Translate) -> str:
    before, after = (result.accuracy[result.positions.index(name), :, -1] for name in ("before", "after"))
    text = _(
        "Every seed is trained with both, on the same split, weights and batches. Seed {seed}, in points of test accuracy:"
    )
    return paired_difference(result.findings[0], before, after, result.settings.seed, text, _)


def _bias(result: Result, _: Translate) -> str:
    return (
        "$$\n\\operatorname{BN}(Wx + b) = \\gamma\\,\\frac{Wx + b - \\overline{(Wx + b)}}{\\sigma} + \\beta = "
        "\\operatorname{BN}(Wx),\\qquad \\frac{\\partial L}{\\partial b} = \\sum_i \\frac{\\partial L}{\\partial x_i} = 0\n$$\n\n"
        + _(
            "Measured, with b drawn from N(0, 1) in every hidden unit: the logits change by at most {effect}, the gradient "
            "of b is at most {gradient}. With batch norm after the activation: {other_effect} and {other_gradient}."
        ).format(
            effect=f"${latex(result.bias_effect)}$",
            gradient=f"${latex(result.bias_gradient)}$",
            other_effect=f"${latex(float(result.bias_effects[2]))}$",
            other_gradient=f"${latex(float(result.bias_gradients[2]))}$",
        )
    )


def _handed_on(result: Result, _: Translate) -> str:
    known, before, after = moments_after(result.settings.activation), *map(POSITIONS.index, ("before", "after"))
    return (
        _(
            "With batch norm before it, z is nearly N(0, 1) in the fresh network, and the activation shifts and shrinks it:"
        )
        + f"\n\n$$\n\\mathbb{{E}}[\\varphi(z)] = {latex(known.mean)},\\qquad \\operatorname{{Var}}[\\varphi(z)] = "
        f"{latex(known.variance)}\n$$\n\n"
        + _(
            "Measured after the last hidden layer: mean {mean}, variance {variance}. With batch norm after the activation "
            "they are {after_mean} and {after_variance}: mean 0 and, but for ε, variance 1, by construction."
        ).format(
            mean=f"${latex(float(result.passed_mean[before, -1]))}$",
            variance=f"${latex(float(result.passed_variance[before, -1]))}$",
            after_mean=f"${latex(round(float(result.passed_mean[after, -1]), 5))}$",
            after_variance=f"${latex(float(result.passed_variance[after, -1]))}$",
        )
    )
