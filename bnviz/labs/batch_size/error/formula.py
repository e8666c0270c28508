"""The formula view of the topic `error` of the lab `batch_size`."""

from __future__ import annotations

import math

import numpy as np

from bnviz.i18n import Language, Translate, closed_up, translator
from bnviz.labs.batch_size.error.result import Result
from bnviz.labs.batch_size.error.settings import RULE_BATCH
from bnviz.plot.numbers import latex
from bnviz.plot.variants import normalizer_name
from bnviz.teaching.paired import NO_INTERVAL, mean_and_verdict


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The paired difference at the smallest batch, the advice that follows, and why two samples lose everything but a sign."""
    _ = translator(language)
    advice = [sentence.text(language) for sentence in result.advice.sentences]
    parts = [
        "**1. " + _("Batch norm against the best of the others") + "**",
        _paired(result, _),
        "**2. " + _("What follows") + "**",
        _(
            "Batch norm may be used from batch m on where, at m and at every larger batch size measured, the interval "
            "rules out that it is worse by a point or more."
        ),
        *(["> " + closed_up(" ".join(advice))] if advice else []),
        "**3. " + _("Why a batch of 2 is special") + "**",
        _(
            "Two samples x₁ and x₂ with difference d: their mean lies in the middle and their standard deviation is |d|/2. "
            "Whatever they were, batch norm turns them into"
        ),
        "$$\n\\hat x_{1,2} = \\pm\\frac{d/2}{\\sqrt{d^2/4 + \\varepsilon}} \\approx \\pm 1\n$$",
        _(
            "Which of the two is larger is all that is left. In eval mode the running statistics give values that "
            "training never saw."
        ),
        "**4. " + _("Learning rate") + "**",
        _rates(result, _),
    ]
    return "\n\n".join(parts)


def _paired(result: Result, _: Translate) -> str:
    judged = [column for column, match in enumerate(result.matches) if math.isfinite(match.finding.low)]
    if not judged:
        return _(NO_INTERVAL)
    column = min(judged, key=lambda column: int(result.batch_sizes[column]))
    match, values = result.matches[column], result.differences[column]
    seed = int(np.flatnonzero(np.isfinite(values))[0])
    rows = [result.normalizers.index(name) for name in ("batch", match.alternative)]
    mine, other = (100 * float(result.test_error[row, column, seed]) for row in rows)
    text = _(
        "Batch {size}, against {alternative}, the best of the others there. Seed {seed}, test error in points:"
    ).format(size=match.batch_size, alternative=normalizer_name(match.alternative, _), seed=result.settings.seed + seed)
    difference = f"$$\nd = {mine:.2f} - {other:.2f} = {100 * float(values[seed]):.2f}\n$$"
    return "\n\n".join((text, difference, mean_and_verdict(match.finding, _)))


def _rates(result: Result, _: Translate) -> str:
    settings = result.settings
    if settings.learning_rate_rule == "fixed":
        return _("The same for every batch size: {rate}.").format(rate=f"${latex(settings.learning_rate)}$")
    least = min(settings.batch_sizes)
    return (
        _("In proportion to the batch size m, so that an epoch moves the weights about as far. At the smallest:")
        + f"\n\n$$\n\\eta = {latex(settings.learning_rate)}\\cdot\\frac{{m}}{{{RULE_BATCH}}} = "
        + f"{latex(settings.learning_rate)}\\cdot\\frac{{{least}}}{{{RULE_BATCH}}} = {latex(settings.rate(least))}\n$$"
    )
