"""The formulas of the topic `averages` with the numbers of a run."""

from __future__ import annotations

import math

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.averages.figures import NAMES
from bnviz.labs.averages.result import VARIANTS, Result
from bnviz.plot.numbers import latex
from bnviz.teaching.paired import paired_difference


def formula(result: Result, step: int, language: Language = "en") -> str:
    """What an average is made of, the variance after it, what its batch norm divides by, and the paired difference."""
    _ = translator(language)
    return "\n\n".join(
        [
            "**1. " + _("The averaged weights") + "**",
            _average(result, _),
            "**2. " + _("The variance after the averaged first layer, unit 1") + "**",
            _variance(result, _),
            "**3. " + _("What each model divides by, unit 1") + "**",
            _divisors(result, _),
            "**4. " + _("What it costs") + "**",
            _paired(result, _),
        ]
    )


def _average(result: Result, _: Translate) -> str:
    count, decay = result.averaged, result.settings.decay
    if result.settings.average == "swa":
        return f"$$\n\\bar w = \\frac1T\\sum_{{k=1}}^{{T}} w_k,\\qquad T = {count}\n$$"
    return (
        f"$$\n\\bar w \\leftarrow {latex(decay)}\\,\\bar w + {latex(1 - decay)}\\,w_k,\\qquad "
        f"a_k = (1-{latex(decay)})\\,{latex(decay)}^{{\\,T-k}},\\quad a_1 = {latex(decay)}^{{\\,T-1}} = "
        f"{latex(decay ** max(count - 1, 0))},\\quad T = {count}\n$$"
    )


def _variance(result: Result, _: Translate) -> str:
    mean, average, spread = (
        float(values[0]) for values in (result.mean_variance, result.averaged_variance, result.spread)
    )
    return (
        "$$\n\\operatorname{Var}(\\bar w^\\top x) = \\sum_k a_k\\operatorname{Var}(w_k^\\top x) - "
        "\\sum_k a_k (w_k-\\bar w)^\\top\\Sigma_x(w_k-\\bar w)"
        f" = {latex(mean)} - {latex(spread)} = {latex(mean - spread)}\n$$\n\n"
        + _("Measured after the averaged layer: {measured}.").format(measured=f"${latex(average)}$")
    )


def _divisors(result: Result, _: Translate) -> str:
    rows = [
        f"\\text{{{_(NAMES[name])}}}&: \\sqrt{{{latex(float(result.held_variance[index, 0]))} + \\varepsilon}}"
        f" = {latex(math.sqrt(max(float(result.held_variance[index, 0]), 0)))}"
        for index, name in enumerate(VARIANTS)
        if name != "raw" and math.isfinite(float(result.held_variance[index, 0]))
    ]
    right = math.sqrt(float(result.averaged_variance[0]))
    body = " \\\\\n".join(rows)
    return (
        _("The right divisor is the standard deviation after the averaged layer, {right}:").format(
            right=f"${latex(right)}$"
        )
        + f"\n\n$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$"
    )


def _paired(result: Result, _: Translate) -> str:
    intro = _(
        "Averaged parameters with the buffers of the start against the trained model. Seed {seed}, in points of error:"
    )
    return paired_difference(
        result.findings[0], result.error[0] / 100, result.error[1] / 100, result.settings.seed, intro, _
    )
