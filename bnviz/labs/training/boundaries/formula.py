"""The formulas of the topic `boundaries` of the lab `training` with the numbers of a run."""

from __future__ import annotations

import math

from bnviz.i18n import Language, translator
from bnviz.labs.training.boundaries.result import Result
from bnviz.plot.numbers import latex, short
from bnviz.study.verdict import words
from bnviz.teaching.paired import NO_INTERVAL


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The best possible rule with its accuracy, and the paired difference with its numbers."""
    _ = translator(language)
    parts = ["**1. " + _("The best that can be done") + "**"]
    if math.isfinite(result.best_accuracy):
        parts += [
            _(
                "Each class lies on a curve c(t), t uniform, scattered by N(0, σ²) in both directions, here with σ = "
                "{noise}. Whoever knows this decides for the class whose density is larger at x:"
            ).format(noise=short(result.settings.noise)),
            "$$\np_k(x) = \\int_0^1 \\frac{1}{2\\pi\\sigma^2}\\,e^{-\\lVert x - c_k(t)\\rVert^2/2\\sigma^2}\\,dt,\\qquad "
            f"\\int \\tfrac12\\max(p_0, p_1)\\,dx = {latex(result.best_accuracy)}\n$$",
            _("On the test points of the seeds this rule is right for a share of {hits}.").format(
                hits=f"${latex(float(result.best_hits.mean()))}$"
            ),
        ]
    else:
        parts.append(
            _("Nobody knows the law that your table is drawn from: there is no best possible rule to compare with.")
        )
    parts.append("**2. " + _("Does it matter?") + "**")
    for (first, second), values, finding in zip(result.pairs, result.differences, result.findings, strict=True):
        if not math.isfinite(finding.low) or not math.isfinite(float(values[0])):
            parts.append(_(NO_INTERVAL))
            continue
        one, two = (100 * float(result.accuracy[result.variants.index(name), 0, -1]) for name in (first, second))
        parts.append(
            f"$$\nd_{{{result.settings.seed}}} = {two:.2f} - {one:.2f} = {100 * float(values[0]):.2f},\\qquad \\bar d = "
            f"{100 * finding.mean:.2f}\\ [{100 * finding.low:.2f},\\,{100 * finding.high:.2f}]\n$$"
        )
        parts.append(
            _("Smallest difference that would matter, in points: {least}. Verdict: **{verdict}**.").format(
                least=short(100 * finding.smallest_effect), verdict=words(finding, _)
            )
        )
    return "\n\n".join(parts)
