"""Variance shift: inverted Dropout in front of batch normalization (Li 2018, arXiv:1801.05134).

Dropout raises the variance in training only, so running estimates taken in training are too large in evaluation.
p is Dropout's rate (the probability of being dropped), k = 1 − p; variances are population variances.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, above, at_least, keep_probability, within


def training_variance(var: ArrayLike, mean: ArrayLike, p: ArrayLike) -> FloatArray:
    """Variance of a feature after inverted Dropout in training: (σ² + μ²)/k − μ², broadcast shape.

    Raises: ValueError for var < 0 or p outside [0, 1). Source: Li 2018, arXiv:1801.05134.
    """
    square = np.asarray(mean, dtype=np.float64) ** 2
    return (at_least("var", var, 0) + square) / keep_probability(p) - square


def eval_output_variance(var: ArrayLike, mean: ArrayLike, p: ArrayLike) -> FloatArray:
    """Variance in eval() of the output of Dropout → BN, before γ, with running estimates from training: σ²/V.

    V is `training_variance`; eps is neglected. Raises: ValueError for var <= 0 or p outside [0, 1).
    Source: Li 2018, arXiv:1801.05134.
    """
    return above("var", var, 0) / training_variance(var, mean, p)


def weighted_eval_output_variance(
    inputs: ArrayLike, mean: ArrayLike, var: ArrayLike, correlation: ArrayLike, cosine: ArrayLike, p: ArrayLike
) -> FloatArray:
    """The same with a weight layer between: Dropout → Linear (one unit w of d = `inputs` inputs) → BN.

    (v + ρv(d·cos² − 1)) / ((v + c²)/k − c² + ρv(d·cos² − 1)): inputs share mean c, variance v and pairwise
    correlation ρ; `cosine` is that of the angle between w and the vector of ones.
    Raises: ValueError for d < 1, v <= 0, p outside [0, 1), ρ or cos outside [−1, 1], or a ρ too negative for d inputs.
    Source: Li 2018, arXiv:1801.05134.
    """
    count, variance = at_least("inputs", inputs, 1), above("var", var, 0)
    spread = count * within("cosine", cosine, -1, 1) ** 2 - 1.0
    shared = within("correlation", correlation, -1, 1) * variance * spread
    evaluation = above("variance of the weighted sum", variance + shared, 0)
    return evaluation / (training_variance(variance, mean, p) + shared)


def weighted_variances(
    weights: ArrayLike, mean: ArrayLike, covariance: ArrayLike, p: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Variances in eval() and in training of Dropout → Linear, for any inputs: wᵀCw and wᵀCw + (1/k − 1)·Σᵢ wᵢ²(Cᵢᵢ + μᵢ²).

    `weights` (…, o, d), `mean` (…, d), `covariance` (…, d, d) of the inputs before Dropout; both results (…, o). It is
    `weighted_eval_output_variance` without its assumption that all inputs share mean, variance and correlation.
    Raises: ValueError for p outside [0, 1). Source: the masks are independent of the inputs and of each other.
    """
    weight, centre, spread = (np.asarray(part, dtype=np.float64) for part in (weights, mean, covariance))
    evaluation = np.sum((weight @ spread) * weight, axis=-1)
    energy = np.diagonal(spread, axis1=-2, axis2=-1) + centre**2
    noise = (1.0 / keep_probability(p) - 1.0) * np.sum(weight**2 * energy[..., None, :], axis=-1)
    return evaluation, evaluation + noise
