"""What chance explains: quantiles without SciPy, so that an inspection needs NumPy and PyTorch only.

Index letters: n samples behind a statistic, C channels. Every threshold that a rule takes from theory is made here.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

# Chance of one false alarm of one rule in one inspection, shared out among all channels and layers that the rule looks at.
FALSE_ALARMS: Final = 1e-4

# A shift of half a standard deviation is what we call a difference that matters: it turns the share of positive values in
# front of a ReLU from 50 % into 69 or 31 %. No theory gives this number.
MATTERS: Final = 0.5


def normal_quantile(tail: float) -> float:
    """z with P(|Z| > z) = `tail` for a standard normal Z."""
    return -NormalDist().inv_cdf(max(tail, 1e-300) / 2)


def t_quantile(tail: float, degrees: float) -> float:
    """t with P(|T| > t) = `tail` for Student's T with so many `degrees` of freedom (≥ 1).

    Relative error below 1 % for tails from 1e-12. Source: Hill 1970, Algorithm 396, CACM 13(10); exact for 1 and 2 degrees.
    """
    if degrees <= 1:
        return 1 / math.tan(tail * math.pi / 2)
    if degrees == 2:
        return math.sqrt(2 / (tail * (2 - tail)) - 2)
    if degrees > 1e6:
        return normal_quantile(tail)
    a = 1 / (degrees - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * degrees
    y = (d * tail) ** (2 / degrees)
    if y > 0.05 + a:
        x = -normal_quantile(tail)
        y = x * x
        if degrees < 5:
            c += 0.3 * (degrees - 4.5) * (x + 0.6)
        c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y * y)
    else:
        y = (
            (1 / (((degrees + 6) / (degrees * y) - 0.089 * d - 0.822) * (degrees + 2) * 3) + 0.5 / (degrees + 4)) * y
            - 1
        ) * ((degrees + 1) / (degrees + 2)) + 1 / y
    return math.sqrt(degrees * y)


def variance_ratio(tail: float, degrees: float, below: float) -> float:
    """A bound that the ratio of two estimates of one variance exceeds with at most the chance `tail`, so many `degrees` above and below.

    The upper estimate is above, or the lower one below, its own quantile, with half of the chance each.
    Source: Wilson and Hilferty 1931, PNAS 17(12), the cube root of χ² is nearly normal.
    """
    z = normal_quantile(tail)  # two-sided, so that each side has half

    def estimate(degrees: float, z: float) -> float:
        return float(max(1 - 2 / (9 * degrees) + z * math.sqrt(2 / (9 * degrees)), 1e-3) ** 3)

    return estimate(degrees, z) / estimate(below, -z)


def shared_out(looks: int) -> float:
    """The tail probability that each of so many comparisons may have (Bonferroni: valid however they depend on each other)."""
    return FALSE_ALARMS / max(looks, 1)


def fidelity(n: float) -> float:
    """R²(n): squared correlation of a normalized value with what the whole population would make of it; n may be fractional.

    (2/n)·[Γ(n/2)/Γ((n − 1)/2)]², Gaussian input; 0 for n ≤ 1. As `bnviz.theory.noise.fidelity`, which needs SciPy.
    """
    if n <= 1:
        return 0.0
    return 2 / n * math.exp(2 * (math.lgamma(n / 2) - math.lgamma((n - 1) / 2)))
