"""The formulas of the topic `steps` of the lab `recurrence` with the numbers of a run."""

from __future__ import annotations

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.recurrence.steps.result import Result
from bnviz.plot.numbers import latex, short, with_spread
from bnviz.theory.running import initial_weight


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The shared running mean out of the steps' means, and a padded batch's variance, with their numbers."""
    _ = translator(language)
    return "\n\n".join(
        [
            "**1. " + _("What one module keeps of {count} steps").format(count=result.settings.steps) + "**",
            _shared(result, _),
            "**2. " + _("What padding does to one step") + "**",
            _padding(result, _),
        ]
    )


def _shared(result: Result, _: Translate) -> str:
    momentum, count = result.settings.momentum, result.settings.steps
    shown = [0, 1, count - 1]
    places = ", ".join(f"w_{{{step + 1}}} = {latex(float(result.weights_theory[step]))}" for step in shown)
    means = ", ".join(f"\\mu_{{{step + 1}}} = {latex(float(result.mean[step]))}" for step in shown)
    start = float(initial_weight(momentum, result.passes * count))
    rule = (
        r"w_t = \frac1T\qquad(\texttt{momentum=None})"
        if isinstance(momentum, str)
        else r"w_t = \frac{\alpha(1-\alpha)^{T-t}}{1-(1-\alpha)^T}\,\bigl(1-(1-\alpha)^{TP}\bigr),\qquad "
        rf"\alpha = {latex(momentum)},\ T = {count},\ P = {result.passes}"
    )
    return "\n\n".join(
        [
            f"$$\n{rule}\n$$",
            f"$$\n{places}\n$$",
            _("Unit {unit}, means over all {images} training images:").format(unit=result.unit, images=1347),
            f"$$\n{means}\n$$",
            r"$$" + "\n" + r"\hat\mu = \sum_t w_t\,\mu_t = " + f"{latex(result.shared_mean_theory)}" + "\n$$",
            _(
                "Measured in the shared `nn.BatchNorm1d`: {measured} from the choice of batches. What is left of the "
                "initial value: {start}."
            ).format(measured=with_spread(result.shared_mean, result.shared_mean_error), start=short(start)),
            _("Of the variances it keeps the same average, {var}; how far the means lie apart is not in it.").format(
                var=short(result.shared_var)
            ),
        ]
    )


def _padding(result: Result, _: Translate) -> str:
    padded = result.padded
    usable = np.flatnonzero(np.isfinite(padded.var) & (padded.share > 0))
    if not usable.size:
        return _("No step has padding. Raise Padding to see what it does.")
    step = int(usable[-1])
    return "\n\n".join(
        [
            r"$$"
            + "\n"
            + r"\mu' = (1-\pi)\,\mu + \pi c,\qquad \sigma'^2 = (1-\pi)\,\sigma^2 + \pi(1-\pi)(\mu-c)^2"
            + "\n$$",
            _(
                "π: share of padding, c: what W_x x + b is for an input of zeros. At step {step}, on average over the batches:"
            ).format(step=step + 1),
            f"$$\n\\pi = {latex(float(padded.share[step]))},\\quad \\mu = {latex(float(padded.real_mean[step]))},\\quad "
            f"\\sigma^2 = {latex(float(padded.real_var[step]))}\\quad\\to\\quad \\mu' = {latex(float(padded.mean[step]))},\\quad "
            f"\\sigma'^2 = {latex(float(padded.var[step]))}\n$$",
            _("The cure: give the module the real samples only, `norm(values[mask])`."),
        ]
    )
