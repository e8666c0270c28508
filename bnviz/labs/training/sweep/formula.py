"""The formulas of the topic `sweep` of the lab `training` with the numbers of a run."""

from __future__ import annotations

import math

import numpy as np

from bnviz.i18n import Language, translator
from bnviz.labs.training.sweep.result import Result
from bnviz.plot.numbers import latex, short
from bnviz.settings import NORMALIZERS


def formula(result: Result, step: int, language: Language = "en") -> str:
    """Why large rates are stood: the gradient at right angles to the weights, and the shrinking effective rate, with numbers."""
    _ = translator(language)
    parts = [
        _(
            "Before a normalizer the length of the weights has no effect: BN(aWx) = BN(Wx). So the loss does not change along W, the "
            "gradient g stands at right angles to W, and by Pythagoras plain SGD makes W longer in every step:"
        ),
        "$$\n\\langle W, g\\rangle = 0\\quad\\Rightarrow\\quad "
        "\\lVert W_{t+1}\\rVert^2 = \\lVert W_t\\rVert^2 + \\eta^2\\lVert g_t\\rVert^2\n$$",
        _(
            "And the gradient is the shorter the longer W is. What counts is the step over the length, so a rate that is too large "
            "brakes itself: the effective rate is η/‖W‖². For seed {seed} at rate {rate}:"
        ).format(seed=result.settings.seed, rate=short(float(result.rates[_shown(result)]))),
    ]
    place = _shown(result)
    for number, name in enumerate(result.variants):
        start, end = float(result.start_square[number, place, 0]), float(result.end_square[number, place, 0])
        gained = float(result.predicted_square[number, place, 0]) - start
        rate = float(result.rates[place])
        last = latex(rate / end) if math.isfinite(end) and end > 0 else latex(math.nan)
        parts.append(
            f"$$\n\\begin{{gathered}}\\text{{{_(NORMALIZERS[name])}}}:\\quad {latex(start)} + {latex(gained)} = {latex(start + gained)},"
            f"\\quad \\text{{{_('measured')}}}\\ \\lVert W\\rVert^2 = {latex(end)}\\\\ "
            f"\\eta/\\lVert W\\rVert^2:\\ {latex(rate / start)} \\to {last}\\end{{gathered}}\n$$"
        )
    if result.settings.optimizer != "sgd":
        parts.append(
            _(
                "The settings do not train with plain SGD: momentum and Adam do not step along g, and the sum does not come out."
            )
        )
    return "\n\n".join(parts)


def _shown(result: Result) -> int:
    """Index of the rate whose numbers are shown: the largest at which the first variant has a finite length."""
    known = np.flatnonzero(np.isfinite(result.end_square[:, :, 0]).all(axis=0))
    return int(known[-1]) if len(known) else 0
