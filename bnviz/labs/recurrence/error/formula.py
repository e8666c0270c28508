"""The formulas of the topic `error` of the lab `recurrence` with the numbers of a run."""

from __future__ import annotations

from bnviz.i18n import Language, Translate, clauses, translator
from bnviz.labs.recurrence.error.result import Result
from bnviz.labs.recurrence.shared.figures import SHORT_NAMES
from bnviz.plot.numbers import short
from bnviz.study.figures.seeds import mean_line
from bnviz.study.verdict import words
from bnviz.teaching.paired import paired_difference


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The paired differences with their numbers, and why shared statistics are not the same as many."""
    _ = translator(language)
    return "\n\n".join(
        [
            "**1. " + _("What shared statistics cost") + "**",
            _paired(result, _),
            "**2. " + _("All four comparisons") + "**",
            _verdicts(result, _),
            "**3. " + _("Why: the same network, other running statistics") + "**",
            _updates(result, _),
        ]
    )


def _paired(result: Result, _: Translate) -> str:
    first, second = (result.accuracy[result.variants.index(name), :, -1] for name in result.pairs[0])
    text = _("Seed {seed}, in points of test accuracy, shared − per step:")
    return paired_difference(result.findings[0], first, second, result.settings.seed, text, _)


def _verdicts(result: Result, _: Translate) -> str:
    rows = [
        "- "
        + _("{second} − {first}").format(first=_(SHORT_NAMES[first]), second=_(SHORT_NAMES[second]))
        + _(": ")
        + clauses(mean_line(finding, _), f"**{words(finding, _)}**", _)
        for (first, second), finding in zip(result.pairs, result.findings, strict=True)
    ]
    least = _("Smallest difference that would matter, in points: {least}.").format(
        least=short(100 * result.findings[0].smallest_effect)
    )
    return "\n".join(rows) + "\n\n" + least


def _updates(result: Result, _: Translate) -> str:
    per_step, shared = (result.variants.index(name) for name in ("batch_per_step", "batch_shared"))
    own = 100 * result.batch_error[[per_step, shared]].mean(axis=1)
    text = _(
        "In training mode both normalize every step with the batch's own statistics: their weights are the same. With "
        "the test images' own statistics they make the same errors, {first} % and {second} %. What differs is what "
        "they have kept for eval mode."
    ).format(first=short(float(own[0])), second=short(float(own[1])))
    return (
        text
        + "\n\n"
        + _("After {steps} training steps of {count} time steps each:").format(
            steps=int(result.steps[-1]), count=result.settings.steps
        )
        + f"\n\n$$\nn_{{\\text{{{_(SHORT_NAMES['batch_per_step'])}}}}} = {result.updates[per_step]},\\qquad "
        f"n_{{\\text{{{_(SHORT_NAMES['batch_shared'])}}}}} = {result.settings.steps}\\cdot"
        f"{result.updates[per_step]} = {result.updates[shared]}\n$$\n\n"
        + _("The weight of the initial value is (1 − α)ⁿ: {left} with one module per step.").format(
            left=short(float(result.left_over[-1]))
        )
    )
