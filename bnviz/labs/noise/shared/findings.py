"""A finding in words, for the formula views of the lab `noise`."""

from __future__ import annotations

import math

from bnviz.i18n import Translate
from bnviz.plot.numbers import points, points_alike
from bnviz.study.verdict import Finding, words


def in_words(what: str, finding: Finding, _: Translate) -> str:
    """`what`, its mean and 95 % interval in points, and the verdict; what is missing is said."""
    if not math.isfinite(finding.low):
        text = _("{what}: fewer than three seeds with both numbers, no interval can be given. **{verdict}**")
        return text.format(what=what, verdict=words(finding, _))
    if not finding.has_interval:
        return _("{what}: {mean}, n = {count}. **{verdict}**").format(
            what=what, mean=points(finding.mean), count=finding.pairs, verdict=words(finding, _)
        )
    mean, low, high = points_alike(finding.mean, finding.low, finding.high)
    return _("{what}: {mean} ({low} … {high}), n = {count}. **{verdict}**").format(
        what=what, mean=mean, low=low, high=high, count=finding.pairs, verdict=words(finding, _)
    )
