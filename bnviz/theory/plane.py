"""Points in the plane whose law is known: the boundary and the accuracy that no classifier can beat.

Each class lies on a curve, uniformly, blurred by N(0, σ²) in both directions; both classes are equally likely. So the density
of a class is the curve's average of a normal density, and whoever knows it decides for the class with the larger one.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logsumexp

from bnviz.theory._arguments import FloatArray, at_least

PlaneName = Literal["moons", "circles", "spirals"]
NODES: Final = 600  # no further apart than 0.02 on the longest curve
SHARPEST: Final = 0.02  # below this the classes, 0.3 apart and more, do not touch in float64


def curves(name: PlaneName, nodes: int = NODES) -> FloatArray:
    """Points (2, nodes, 2) on the curves of class 0 and 1, at equally likely places.

    Raises: ValueError for an unknown name.
    """
    share = (np.arange(nodes) + 0.5) / nodes
    if name == "moons":
        turn = math.pi * share
        upper = np.stack([np.cos(turn) - 0.5, np.sin(turn) - 0.25], axis=1)
        return np.stack([upper, -upper])
    if name == "circles":
        ring = np.stack([np.cos(2 * math.pi * share), np.sin(2 * math.pi * share)], axis=1)
        return np.stack([ring, ring / 2])
    if name == "spirals":
        turns = np.sqrt(share)
        arm = (0.15 + 1.35 * turns)[:, None] * np.stack(
            [np.cos(3 * math.pi * turns), np.sin(3 * math.pi * turns)], axis=1
        )
        return np.stack([arm, -arm])
    raise ValueError(f"unknown set of points {name!r}")


def posterior(name: PlaneName, points: ArrayLike, noise: float) -> FloatArray:
    """P(class 1 | point), shape (…), of `points` (…, 2); where it is ½ runs the best possible boundary.

    Noise below 0.02 counts as 0.02: the boundary has its limit there, half-way between the curves.
    Raises: ValueError for negative noise or an unknown name. Source: Bayes' rule.
    """
    sigma = max(float(at_least("noise", noise, 0)), SHARPEST)
    where = np.asarray(points, dtype=np.float64)[..., None, :]
    logs = [logsumexp(-((where - curve) ** 2).sum(-1) / (2 * sigma**2), axis=-1) for curve in curves(name)]
    share: FloatArray = expit(logs[1] - logs[0])
    return share


@lru_cache(maxsize=64)
def best_accuracy(name: PlaneName, noise: float) -> float:
    """Expected accuracy of the best possible classifier, ∫ ½·max(p₀, p₁); 1 without noise.

    Raises: ValueError for negative noise or an unknown name. Source: Bayes' rule, trapezoid rule.
    """
    sigma, both = float(at_least("noise", noise, 0)), curves(name)
    if sigma < SHARPEST:
        return 1.0
    reach = np.abs(both).max(axis=(0, 1)) + 7 * sigma
    x, y = (np.arange(-r, r, min(sigma / 4, 0.02)) for r in reach)
    # A normal density in the plane is a product of two on the line, so that the sum over nodes is a matrix product.
    densities = [_normal(x, curve[:, 0], sigma) @ _normal(y, curve[:, 1], sigma).T / len(curve) for curve in both]
    return float(0.5 * np.maximum(*densities).sum() * (x[1] - x[0]) * (y[1] - y[0]))


def _normal(x: FloatArray, centres: FloatArray, sigma: float) -> FloatArray:
    density: FloatArray = np.exp(-((x[:, None] - centres) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    return density
