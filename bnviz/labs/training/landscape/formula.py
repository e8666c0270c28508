"""The formulas of the topic `landscape` of the lab `training` with the numbers of a run."""

from __future__ import annotations

import math

from bnviz.i18n import Language, translator
from bnviz.labs.training.landscape.result import Result
from bnviz.plot.numbers import latex
from bnviz.settings import NORMALIZERS
from bnviz.study.verdict import words


def formula(result: Result, step: int, language: Language = "en") -> str:
    """First and second order along the gradient, with the numbers of the first seed at the last look; and the verdicts."""
    _ = translator(language)
    parts = [
        _("Along the gradient g of a batch, with H the matrix of second derivatives of its loss L:"),
        "$$\nL(w - s g) = L - s\\,\\lVert g\\rVert^2 + \\tfrac12 s^2\\,g^\\top H g + \\dots,\\qquad "
        "\\lVert g(w - s g) - g\\rVert = s\\,\\lVert H g\\rVert + \\dots\n$$",
        _("Seed {seed}, after {step} steps, s = η = {rate}:").format(
            seed=result.settings.seed, step=int(result.look_steps[-1]), rate=f"${latex(result.settings.learning_rate)}$"
        ),
    ]
    rate = result.settings.learning_rate
    for number, name in enumerate(result.variants):
        square, bent = -float(result.slope_expected[number, 0, -1]), float(result.bend_expected[number, 0, -1])
        curved, loss = float(result.curvature[number, 0, -1]), float(result.start_loss[number, 0, -1])
        turned = latex(bent / math.sqrt(square)) if square > 0 else latex(math.nan)
        parts.append(
            f"$$\n\\begin{{gathered}}\\text{{{_(NORMALIZERS[name])}}}:\\quad L = {latex(loss)},\\ \\lVert g\\rVert^2 = {latex(square)},\\ "
            f"g^\\top Hg = {latex(curved)},\\ \\lVert Hg\\rVert / \\lVert g\\rVert = {turned}\\\\ "
            f"L - \\eta\\lVert g\\rVert^2 + \\tfrac12\\eta^2 g^\\top Hg = "
            f"{latex(loss - rate * square + rate**2 * curved / 2)}\\end{{gathered}}\n$$"
        )
    parts.append(
        _(
            "A step of s moves the gradient by its own length where s = ‖g‖/‖Hg‖: beyond that it says nothing any "
            "more. With ReLU both hold up to the nearest kink only; there the gradient jumps, which H does not know "
            "of."
        )
    )
    for (_first, second), finding in zip(result.pairs, result.range_findings, strict=True):
        if finding.has_interval:
            parts.append(
                f"$$\n\\text{{{_(NORMALIZERS[second])}}}:\\quad \\times {latex(10**finding.mean)}\\ "
                f"({latex(10**finding.low)}\\ \\ldots\\ {latex(10**finding.high)})\n$$\n\n"
                + _("Verdict: **{verdict}**.").format(verdict=words(finding, _))
            )
    parts.append(
        _(
            "The last numbers: range of the loss along the gradient as a factor of the first variant's, with its 95 % interval."
        )
    )
    return "\n\n".join(parts)
