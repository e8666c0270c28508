"""The formulas of the topic `weight_decay` with the numbers of a run."""

from __future__ import annotations

import math

import numpy as np

from bnviz.i18n import Language, Translate, closed_up, translator
from bnviz.labs.weight_decay.result import Result
from bnviz.plot.numbers import latex, short


def formula(result: Result, step: int, language: Language = "en") -> str:
    """Why length does not count, what one step turns, where it ends, and how long that takes; with the numbers of one run."""
    _ = translator(language)
    run = int(np.argmax(result.product))
    rate, decay = float(result.learning_rate[run]), float(result.weight_decay[run])
    parts = [
        _("The run with η = {rate} and λ = {decay}; angles in radians, {degree} = 1°.").format(
            rate=f"${latex(rate)}$", decay=f"${latex(decay)}$", degree=f"${latex(math.radians(1))}$"
        ),
        "**1. " + _("Batch norm takes the length of the weights away") + "**",
        r"$$" + "\n" + r"\operatorname{BN}(a\,w^\top x) = \operatorname{BN}(w^\top x)\;\Rightarrow\; g\perp w" + "\n$$",
        _measured(result, run, _),
    ]
    if not result.settings.batch_norm:
        return "\n\n".join(
            [*parts, _("There is no batch norm here: length counts, and decay makes the function smaller.")]
        )
    parts += [
        "**2. " + _("So a step turns them, and decay makes them shorter: shorter weights turn more") + "**",
        f"$$\n\\theta = \\frac{{\\eta\\lVert g\\rVert}}{{\\lVert w\\rVert}} = \\frac{{\\eta\\,\\tilde g}}"
        f"{{\\lVert w\\rVert^2}},\\qquad \\lVert w\\rVert = {latex(float(result.length[run, -1]))}\n$$",
        "**3. " + _("Where what decay takes is what the steps add, the angle depends on η·λ alone") + "**",
        _equilibrium(result, run),
        _("measured at the end: {angle}").format(angle=f"$\\theta = {latex(float(result.angle[run]))}$"),
        "**4. " + _("How long that takes") + "**",
        f"$$\n\\frac1{{4\\eta\\lambda}} = {latex(1 / (4 * rate * decay))}\\text{{ {_('steps')}}}\n$$",
        _slowest(result, _),
    ]
    return "\n\n".join(parts)


def _measured(result: Result, run: int, _: Translate) -> str:
    cosine = _("The cosine between g and w is {cosine} (RMS over the last steps).").format(
        cosine=f"${latex(float(result.cosine[run]))}$"
    )
    halved = float(result.halved[run])
    if not math.isfinite(halved):
        return cosine
    change = _("Halving w changes the outputs in training mode by {share} %.").format(share=f"${latex(100 * halved)}$")
    return closed_up(f"{cosine} {change}")


def _equilibrium(result: Result, run: int) -> str:
    product = float(result.product[run])
    inside, factor = f"2\\cdot {latex(product)}", ""
    symbols = "2\\eta\\lambda"
    if result.settings.optimizer == "adamw":
        factor, symbols = "\\cdot\\frac{1-0.9}{1+0.9}", "2\\eta\\lambda\\frac{1-\\beta_1}{1+\\beta_1}"
    elif result.settings.momentum:
        factor = f"/(1+{latex(result.settings.momentum)})"
        symbols = "2\\eta\\lambda/(1+\\beta)"
    return f"$$\n\\theta^* = \\sqrt{{{symbols}}} = \\sqrt{{{inside}{factor}}} = {latex(float(result.angle_theory[run]))}\n$$"


def _slowest(result: Result, _: Translate) -> str:
    """What is said of the runs that have not settled."""
    waiting = [float(steps) for steps, settled in zip(result.remaining, result.settled, strict=True) if not settled]
    longest = max((steps for steps in waiting if math.isfinite(steps)), default=0.0)
    if longest < 1:
        return _("All runs have settled, or nearly.") if not waiting else _("Some runs are not steady.")
    return _("{count} of {runs} runs have not settled; the slowest would take about {steps} steps more.").format(
        count=len(waiting), runs=len(result.settled), steps=short(float(f"{longest:.2g}"))
    )
