"""The one rule by which the dashboard says whether an effect shows: from paired differences, over seeds, to three words.

Each seed is trained with both variants on the same split, weights and batches, so that the difference is taken within a
seed and what the seed adds to both drops out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from bnviz.i18n import N_, Translate, closed_up

SHOWS: Final = N_("difference found")
SHOWS_NOT: Final = N_("no relevant difference")
NOISY: Final = N_("too noisy to tell")

FEW: Final = N_("fewer than three seeds")
ALL_THE_SAME: Final = N_("all seeds give the same difference, so that their scatter is unknown")
ONE_SEED: Final = N_("one seed alone decides")
ALSO_ONE_SEED: Final = N_("one seed is far from the others")

CONFIDENCE: Final = 0.95
OUTLIER: Final = 0.01
"""How often the farthest of n normal differences is called an outlier."""
SMALLEST_EFFECT: Final = 0.01
"""What least difference of two accuracies matters: one point, four or five of 450 test images, about the s.d. of a single seed."""
MIN_PAIRS: Final = 3  # with two pairs the interval is 18 times the scatter, and equal pairs are nothing rare
SAME: Final = 1e-9  # of the mean or the smallest effect: what rounding leaves of equal differences


@dataclass(frozen=True, slots=True)
class Finding:
    """What n paired differences say, in their own unit."""

    mean: float
    """Their mean; NaN where there is none."""
    low: float
    """Lower end of its 95 % confidence interval; NaN with fewer than three."""
    high: float
    """Upper end of it."""
    deviation: float
    """S.d. of the differences, divided by n − 1; NaN with fewer than three."""
    pairs: int
    """n: differences that are finite."""
    lost: int
    """Differences that are not."""
    smallest_effect: float
    """What was named beforehand as the least that would matter."""
    verdict: str
    """`SHOWS`, `SHOWS_NOT` or `NOISY`, which are msgids."""
    reason: str = ""
    """Why a verdict is refused, or what to know beside it: `FEW`, `ALL_THE_SAME`, `ONE_SEED`, `ALSO_ONE_SEED`, msgids; else empty."""
    outlier: float | None = None
    """The difference of the one seed that lies far from all others."""

    @property
    def refused(self) -> bool:
        """Whether no verdict is given, for a `reason`."""
        return self.verdict == NOISY and bool(self.reason)

    @property
    def has_interval(self) -> bool:
        """Whether there is one to show: of differences that are all the same it would be a point, which says nothing of their scatter."""
        return math.isfinite(self.low) and self.reason != ALL_THE_SAME

    @property
    def p_value(self) -> float:
        """Of Student's two-sided test that the mean is 0; 1 where there is no interval or the verdict was refused."""
        if not math.isfinite(self.low) or self.refused:
            return 1.0
        half = (self.high - self.low) / 2
        if not half:
            return float(self.mean == 0)
        error = half / _quantile(self.pairs)  # of the interval shown, which a grid may have widened
        return 2 * float(stdtr(self.pairs - 1, -abs(self.mean) / error))

    @property
    def unseen(self) -> float:
        """The share of seeds that may break down without one among `pairs` having done so: 1 − 0.05^(1/n), at 95 % confidence."""
        return float(1 - (1 - CONFIDENCE) ** (1 / self.pairs)) if self.pairs else 1.0


def judge(differences: ArrayLike, smallest_effect: float, grid: float = 0.0) -> Finding:
    """The finding for `differences` (n,), one per seed; those that are not finite (a run diverged) are left out and counted.

    With t the 97.5 % point of Student's distribution of n − 1 degrees, the interval is mean ± t·s/√n; where values can lie on
    a grid only, its distance is `grid` and the interval reaches at least one step to either side.

    - *no relevant difference*: all of it lies strictly within ±`smallest_effect`. If there is an effect, it is too small to matter.
    - *difference found*: else, if 0 lies outside.
    - *too noisy to tell*: else.

    Refused, with a `reason`: fewer than three pairs; differences all the same off a grid, whose s says nothing; one seed that
    decides: an outlier by Grubbs' test (1 %), `smallest_effect` or more from the mean of the others, without which the verdict
    is another one, or which "no relevant difference" would hide. An outlier that decides nothing is kept and named.

    For normal differences whose mean is 0 "difference found" comes in at most 5 % of cases; for a mean of `smallest_effect` or
    more "no relevant difference" comes in at most 2.5 % of cases. What happens in fewer seeds than `Finding.unseen` may happen
    in none of those that ran: no rule sees that.
    Raises: ValueError where `smallest_effect` is not positive or `grid` negative.
    Source: Student 1908; Schuirmann 1987 (equivalence); Grubbs 1950 (outliers).
    """
    if not smallest_effect > 0:
        raise ValueError(f"smallest_effect must be more than 0; got {smallest_effect!r}")
    if not grid >= 0:
        raise ValueError(f"grid must not be negative; got {grid!r}")
    given = np.asarray(differences, dtype=np.float64)
    values = given[np.isfinite(given)]
    count, lost = len(values), len(given) - len(values)
    if count < MIN_PAIRS:
        mean = float(values.mean()) if count else math.nan
        return Finding(mean, math.nan, math.nan, math.nan, count, lost, smallest_effect, NOISY, FEW)
    low, high, verdict = _interval(values, smallest_effect, grid)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    reason, outlier = "", None
    farthest = _outlier(values, smallest_effect)
    if not grid and deviation <= SAME * max(abs(mean), smallest_effect):
        verdict, reason = NOISY, ALL_THE_SAME
    elif farthest is not None:
        outlier = float(values[farthest])
        without = _interval(np.delete(values, farthest), smallest_effect, grid)[2]
        decides = verdict in (NOISY, SHOWS_NOT) or without != verdict
        verdict, reason = (NOISY, ONE_SEED) if decides else (verdict, ALSO_ONE_SEED)
    return Finding(mean, low, high, deviation, count, lost, smallest_effect, verdict, reason, outlier)


def words(finding: Finding, _: Translate) -> str:
    """The verdict, and why it is refused or what to know beside it."""
    if not finding.reason:
        return _(finding.verdict)
    if finding.verdict == NOISY:
        return _("no verdict: {reason}").format(reason=_(finding.reason))
    return _("{verdict} ({reason})").format(verdict=_(finding.verdict), reason=_(finding.reason))


def holm(findings: Sequence[Finding]) -> tuple[bool, ...]:
    """For each finding whether its difference remains found when all on the page err together in at most 5 %.

    Holm 1979: the smallest p-value is compared with 5 %/m, the next with 5 %/(m − 1), and so on; after the first that is larger,
    none remains.
    """
    order = sorted(range(len(findings)), key=lambda index: findings[index].p_value)
    remain = [False] * len(findings)
    for rank, index in enumerate(order):
        if findings[index].p_value > (1 - CONFIDENCE) / (len(findings) - rank):
            break
        remain[index] = findings[index].verdict == SHOWS
    return tuple(remain)


def caution(findings: Sequence[Finding], _: Translate, *, own_data: bool = False) -> str:
    """How many comparisons were made, what remains of them together, what few seeds cannot show, and of which data all this speaks.

    `own_data`: whether that is the visitor's own.
    """
    judged = [finding for finding in findings if math.isfinite(finding.low)]
    if not judged:
        return ""
    told = []
    if len(judged) > 1:
        told.append(
            _(
                "{count} comparisons were made on this page, each at 5 %: where nothing differs, at least one would still be found in up "
                "to {rate} % of runs."
            ).format(count=len(judged), rate=round(100 * (1 - CONFIDENCE ** len(judged))))
        )
        told.append(_remaining(sum(finding.verdict == SHOWS for finding in judged), sum(holm(judged)), _))
    seeds = min(finding.pairs for finding in judged)
    told.append(
        _("What happens in fewer than {share} % of seeds may have happened in none of these {seeds}.").format(
            share=round(100 * min(finding.unseen for finding in judged if finding.pairs == seeds)), seeds=seeds
        )
    )
    data = (
        _("The intervals hold for the rows of your table only, split anew for each seed.")
        if own_data
        else _("The intervals hold for the data on this page only (by default 1797 digits), split anew for each seed.")
    )
    told += [data, _("For new data they would be wider (Nadeau and Bengio 2003).")]
    return closed_up(" ".join(told))


def _remaining(found: int, remain: int, _: Translate) -> str:
    """What becomes of the differences `found` on a page when they are corrected together, so that `remain` of them are left."""
    if not found:
        return _("No difference was found.")
    if found == remain == 2:
        return _("Both differences found remain with Holm's correction for all of them.")
    if found == 2 and not remain:
        return _("Neither of the two differences found remains with Holm's correction for all of them.")
    if found == 1:
        return (
            _("The only difference found remains with Holm's correction for all of them.")
            if remain
            else _("The only difference found does not remain with Holm's correction for all of them.")
        )
    if remain == found:
        return _("All {found} differences found remain with Holm's correction for all of them.").format(found=found)
    if not remain:
        return _("None of the {found} differences found remains with Holm's correction for all of them.").format(
            found=found
        )
    return _("{remain} of the {found} differences found may be kept with Holm's correction for all of them.").format(
        remain=remain, found=found
    )


def _quantile(count: int) -> float:
    return float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))


def _interval(values: NDArray[np.float64], smallest_effect: float, grid: float) -> tuple[float, float, str]:
    """Ends of the interval for the mean of `values` (n,), n > 1, and what it says by itself."""
    mean, count = float(values.mean()), len(values)
    half = max(_quantile(count) * float(values.std(ddof=1)) / math.sqrt(count), grid)
    low, high = mean - half, mean + half
    if -smallest_effect < low and high < smallest_effect:
        return low, high, SHOWS_NOT
    rounding = SAME * smallest_effect  # one step of a grid from a mean that is one step from 0 ends at 0
    return low, high, SHOWS if low > rounding or high < -rounding else NOISY


def _outlier(values: NDArray[np.float64], smallest_effect: float) -> int | None:
    """Index of the value that Grubbs' test calls an outlier, if it is `smallest_effect` or more from the mean of the others."""
    count = len(values)
    if count <= MIN_PAIRS:
        return None
    farthest = int(np.abs(values - values.mean()).argmax())
    others = np.delete(values, farthest)
    distance = abs(float(values[farthest] - others.mean()))
    # Against the others' own scatter, Grubbs' statistic has Student's distribution of n − 2 degrees.
    scale = float(others.std(ddof=1)) * math.sqrt(count / (count - 1))
    far = distance > float(stdtrit(count - 2, 1 - OUTLIER / (2 * count))) * scale
    return farthest if far and distance >= smallest_effect else None
