"""The formula view of the topic `statistics` of the lab `batch_size`."""

from __future__ import annotations

import math

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.batch_size.shared.comparisons import NAMES
from bnviz.labs.batch_size.statistics.result import CloseStatistics, Result
from bnviz.plot.numbers import latex, latex_signed


def formula(result: Result, step: int, language: Language = "en") -> str:
    """What survives of a value, what a batch of images is worth, and what one class does, with this page's numbers."""
    _ = translator(language)
    both = result.both_statistics()
    one_class = result.settings.sampling == "one_class"
    return "\n\n".join(
        [
            "**1. " + _("What is left of a value") + "**",
            _left(both["mlp"], one_class, _),
            "**2. " + _("What a batch of images is worth") + "**",
            _worth(both["cnn"], one_class, _),
            "**3. " + _("How far the batch mean is off") + "**",
            *(_off(part) for part in both.values()),
        ]
    )


def _left(part: CloseStatistics, one_class: bool, _: Translate) -> str:
    size, measured, theory = part.batch_size, part.batch_fidelity, part.batch_fidelity_theory
    if not math.isfinite(measured):
        return f"`ValueError: {part.refusal}`"
    text = _(
        "The correlation of batch norm's output x̂ with the true value z is E[s]/σ, s being the batch's standard deviation. For "
        "m independent normal values, in the MLP at m = {size}:"
    ).format(size=size)
    law = r"R^2 = \frac{2}{m}\left[\frac{\Gamma(m/2)}{\Gamma((m-1)/2)}\right]^2 \approx 1 - \frac{1.5}{m}"
    plain = 2 / size * math.exp(2 * (math.lgamma(size / 2) - math.lgamma((size - 1) / 2)))
    sentence = _("Measured on the digits: {measured}.").format(measured=f"${latex(measured)}$")
    if one_class:
        sentence = _(
            "That is for batches drawn at random. From one class, theory says {theory}; measured: {measured}."
        ).format(theory=f"${latex(theory)}$", measured=f"${latex(measured)}$")
    return f"{text}\n\n$$\n{law},\\qquad R^2({size}) = {latex(plain)}\n$$\n\n{sentence}"


def _worth(part: CloseStatistics, one_class: bool, _: Translate) -> str:
    size, pixels = part.batch_size, part.pixels
    worth = size * pixels / (1 + (pixels - 1) * part.correlation)
    paragraphs = [
        _(
            "Each channel's mean is taken over N·H·W values. Those of one image are not independent; with ρ̄ their mean "
            "correlation (measured: {correlation}) they are worth"
        ).format(correlation=f"${latex(part.correlation)}$"),
        "$$\nm_{\\text{eff}} = \\frac{N\\,HW}{1 + (HW - 1)\\bar\\rho} = \\frac{"
        f"{size}\\cdot{pixels}}}{{1 + {pixels - 1}\\cdot{latex_signed(part.correlation)}}} = {latex(worth)}\n$$",
        _(
            "A negative ρ̄ makes the mean of an image steadier than that of as many independent values: where some "
            "pixels are high, others are low. For the variance, where ρ² counts, a batch is worth another number; "
            "see “Against theory”."
        ),
    ]
    if one_class:
        paragraphs += [
            _(
                "All images of one class: of the variance of image means a share ρ_c = {share} lies between the classes, and does "
                "not average out. The batch is worth"
            ).format(share=f"${latex(part.class_share)}$"),
            f"$$\n\\frac{{m_{{\\text{{eff}}}}}}{{1 + (N - 1)\\rho_c}} = {latex(worth / (1 + (size - 1) * part.class_share))}\n$$",
        ]
    return "\n\n".join(paragraphs)


def _off(part: CloseStatistics) -> str:
    known = np.flatnonzero(np.isfinite(part.mean_noise))
    first = int(known[np.argmin(part.batch_sizes[known])]) if known.size else 0
    effective_size, measured = float(part.effective_theory[first]), float(part.mean_noise[first])
    return (
        f"$$\n\\text{{{NAMES[part.network]}, }} N = {int(part.batch_sizes[first])}:\\quad "
        f"\\frac{{\\sigma}}{{\\sqrt{{m_{{\\text{{eff}}}}}}}} = "
        f"\\frac{{\\sigma}}{{\\sqrt{{{latex(effective_size)}}}}} = {latex(float(part.mean_noise_theory[first]))}\\,\\sigma,\\qquad "
        f"\\text{{PyTorch: }} {latex(measured)}\\,\\sigma\n$$"
    )
