"""The mean of paired differences and its interval as a formula with its numbers, in the words of every lab that compares over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Translate
from bnviz.plot.numbers import latex, points_alike, short
from bnviz.study.verdict import SHOWS, SHOWS_NOT, Finding, words

NO_INTERVAL: Final = N_("There are fewer than three seeds with both numbers: no interval can be given.")


def right_option(finding: Finding, *, more: int, less: int, alike: int, unknown: int) -> int:
    """Of a question's options the one that `finding` makes right: second over first, under it, no difference, nobody knows."""
    if finding.verdict == SHOWS:
        return more if finding.mean > 0 else less
    return alike if finding.verdict == SHOWS_NOT else unknown


def between(value: float, borders: Sequence[float], error: float) -> int | None:
    """How many of the ascending `borders` lie below `value`; None where one of them is nearer than `error`, or `value` is no number."""
    if math.isnan(value) or not all(abs(value - border) > error for border in borders):
        return None
    return sum(value > border for border in borders)


def mean_and_verdict(finding: Finding, _: Translate) -> str:
    """d̄ ± t·s/√n in points, and the verdict; `finding` must have an interval."""
    verdict = _("Smallest difference that would matter, in points: {least}. Verdict: **{verdict}**.").format(
        least=short(100 * finding.smallest_effect), verdict=words(finding, _)
    )
    if not finding.has_interval:
        return f"$$\n\\bar d = {100 * finding.mean:.2f}\n$$\n\n{verdict}"
    half = 50 * (finding.high - finding.low)
    error = 100 * finding.deviation / math.sqrt(finding.pairs)
    quantile = half / error if error else math.nan
    return (
        _("Over n = {count} seeds, with t from Student's distribution of n − 1 degrees of freedom:").format(
            count=finding.pairs
        )
        + "\n\n$$\n\\bar d \\pm t\\,\\frac{s}{\\sqrt n} = "
        + f"{100 * finding.mean:.2f} \\pm {latex(quantile)}\\cdot\\frac{{{100 * finding.deviation:.2f}}}{{\\sqrt{{{finding.pairs}}}}} = "
        + f"{100 * finding.mean:.2f} \\pm {half:.2f}\n$$\n\n{verdict}"
    )


def paired_difference(
    finding: Finding, first: NDArray[np.float64], second: NDArray[np.float64], first_seed: int, intro: str, _: Translate
) -> str:
    """`second` − `first` (S,), accuracies as shares, of one seed, then the mean over all seeds and the verdict, as Markdown.

    `intro`: the translated sentence in front, with `{seed}` in it.
    """
    differences = second - first
    index = next((i for i, value in enumerate(differences) if math.isfinite(value)), None)
    if index is None or not math.isfinite(finding.low):
        return _(NO_INTERVAL)
    return (
        intro.format(seed=first_seed + index)
        + f"\n\n$$\nd = {100 * second[index]:.2f} - {100 * first[index]:.2f} = {100 * differences[index]:.2f}\n$$\n\n"
        + mean_and_verdict(finding, _)
    )


def better_or_alike(first: str, second: str, finding: Finding, _: Translate) -> str:
    """A sentence made from `finding`, differences of accuracy `second` − `first`, both named in the reader's language."""
    __, low, high = points_alike(finding.mean, finding.low, finding.high)
    numbers = {"low": low, "high": high}
    if finding.verdict == SHOWS:
        better, worse = (second, first) if finding.mean > 0 else (first, second)
        ends = sorted(abs(end) for end in (finding.low, finding.high))
        mean, low, high = points_alike(abs(finding.mean), *ends, signed=False)
        text = _("{better} ends {mean} points of test accuracy above {worse} ({low} … {high}).").format(
            better=better, worse=worse, mean=mean, low=low, high=high
        )
    elif finding.verdict == SHOWS_NOT:
        text = _("{second} and {first} show no relevant difference ({low} … {high} points).").format(
            first=first, second=second, **numbers
        )
    elif finding.has_interval:
        text = _("{second} against {first}: {verdict} ({low} … {high} points).").format(
            first=first, second=second, verdict=words(finding, _), **numbers
        )
    else:
        text = _("{second} against {first}: {verdict}.").format(first=first, second=second, verdict=words(finding, _))
    if finding.reason and not finding.refused:
        text = text[:-1] + _("; ") + _(finding.reason) + text[-1]
    return text[:1].upper() + text[1:]
