"""The one rule by which the dashboard says whether an effect shows: from paired differences, over seeds, to three words.

Each seed is trained with both variants on the same split, weights and batches, so that the difference is taken within a
seed and what the seed adds to both drops out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from bnviz.i18n import N_

SHOWS: Final = N_("shows here")
SHOWS_NOT: Final = N_("does not show here")
NOISY: Final = N_("too noisy to tell")

CONFIDENCE: Final = 0.95
SMALLEST_EFFECT: Final = 0.01
"""What least difference of two accuracies matters: one point, four or five of 450 test images, about the s.d. of a single seed."""
FEWEST: Final = 3  # with two pairs the interval is 18 times the scatter, and equal pairs are nothing rare


@dataclass(frozen=True, slots=True)
class Finding:
    """What n paired differences say, in their own unit.

    `mean`; `low`, `high`: ends of its 95 % confidence interval; `deviation`: s.d. of the differences (n − 1); all NaN where
    there are too few. `pairs`: n, the pairs that are finite; `lost`: how many are not. `smallest_effect`: what was named
    beforehand as the least that would matter. `verdict`: `SHOWS`, `SHOWS_NOT` or `NOISY`, which are msgids.
    """

    mean: float
    low: float
    high: float
    deviation: float
    pairs: int
    lost: int
    smallest_effect: float
    verdict: str


def judge(differences: ArrayLike, smallest_effect: float) -> Finding:
    """The finding for `differences` (n,), one per seed; those that are not finite (a run diverged) are left out and counted.

    With t the 97.5 % point of Student's distribution of n − 1 degrees, the interval is mean ± t·s/√n.

    - *does not show here*: all of it lies strictly within ±`smallest_effect`. If there is an effect, it is too small to matter.
    - *shows here*: else, if 0 lies outside.
    - *too noisy to tell*: else, or with fewer than three pairs.

    For normal differences whose mean is 0 "shows here" comes in at most 5 % of cases; for a mean of `smallest_effect` or
    more "does not show here" comes in at most 2.5 % of cases.
    Raises: ValueError where `smallest_effect` is not positive. Source: Student 1908; Schuirmann 1987 (equivalence).
    """
    if not smallest_effect > 0:
        raise ValueError(f"smallest_effect must be more than 0; got {smallest_effect!r}")
    given = np.asarray(differences, dtype=np.float64)
    values = given[np.isfinite(given)]
    count, lost = len(values), len(given) - len(values)
    if count < FEWEST:
        mean = float(values.mean()) if count else math.nan
        return Finding(mean, math.nan, math.nan, math.nan, count, lost, smallest_effect, NOISY)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * deviation / math.sqrt(count)
    low, high = mean - half, mean + half
    verdict = NOISY
    if -smallest_effect < low and high < smallest_effect:
        verdict = SHOWS_NOT
    elif low > 0 or high < 0:
        verdict = SHOWS
    return Finding(mean, low, high, deviation, count, lost, smallest_effect, verdict)
