"""Identities of normalization: where it stands, what it makes redundant, what its backward pass removes.

Index letters: m samples, C channels; x, grad and outputs (m, C), a statistic (C,). v is the biased batch variance,
x̂ = (x − mean)/√(v + ε). The identities hold in exact arithmetic, so up to rounding in PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, at_least


def _mean(values: FloatArray) -> FloatArray:
    return np.asarray(np.mean(values, axis=0))


def _biased_var(x: ArrayLike) -> FloatArray:
    return np.asarray(np.var(np.asarray(x, dtype=np.float64), axis=0))


def normalize(x: ArrayLike, eps: float = 1e-5) -> FloatArray:
    """x̂ of a batch (m, C), normalized per channel with the biased variance, before γ and β.

    Raises: ValueError for m < 2 or eps < 0. Source: Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithm 1.
    """
    batch = np.asarray(x, dtype=np.float64)
    at_least("m", len(batch), 2)
    return (batch - _mean(batch)) / np.sqrt(_biased_var(batch) + at_least("eps", eps, 0))


def batch_norm_backward(x: ArrayLike, grad: ArrayLike, gamma: ArrayLike = 1.0, eps: float = 1e-5) -> FloatArray:
    """Gradient at the input, (m, C), from the gradient `grad` at the output γx̂ + β (training mode).

    γ/√(v + ε)·(g − mean(g) − x̂·mean(g·x̂)): its sum over the batch is 0, so a bias in front gets no gradient.
    Raises: as `normalize`. Source: Ioffe & Szegedy 2015, arXiv:1502.03167.
    """
    g, normal = np.asarray(grad, dtype=np.float64), normalize(x, eps)
    projected = g - _mean(g) - normal * _mean(g * normal)
    return np.asarray(gamma, dtype=np.float64) / np.sqrt(_biased_var(x) + eps) * projected


def backward_overlap(x: ArrayLike, grad: ArrayLike, gamma: ArrayLike = 1.0, eps: float = 1e-5) -> FloatArray:
    """Σ dx·x̂ over the batch, (C,): (γ/√(v + ε))·Σ(g·x̂)·ε/(v + ε), which vanishes with eps.

    Raises: as `normalize`. Source: algebra on `batch_norm_backward`.
    """
    g, spread = np.asarray(grad, dtype=np.float64), _biased_var(x) + eps
    total = len(g) * _mean(g * normalize(x, eps))
    return np.asarray(gamma, dtype=np.float64) / np.sqrt(spread) * total * eps / spread


def weight_gradient_overlap(x: ArrayLike, grad: ArrayLike, gamma: ArrayLike = 1.0, eps: float = 1e-5) -> FloatArray:
    """⟨W_i, ∂L/∂W_i⟩ of the layer whose output x (m, C) is normalized, one per unit i, (C,): γΣ(g·x̂)·ε/(v + ε).

    With eps → 0 the gradient stands at right angles to the weights. Raises: as `normalize`.
    Source: √(v + ε) times `backward_overlap`; algebra.
    """
    return np.sqrt(_biased_var(x) + eps) * backward_overlap(x, grad, gamma, eps)


@dataclass(frozen=True, slots=True)
class StatisticCount:
    """`statistics`: how many means (and variances) a normalizer takes; `elements`: how many numbers share each."""

    statistics: int
    elements: int


def statistic_count(
    normalizer: Literal["batch", "layer", "group", "instance"], n: int, c: int, h: int, w: int, groups: int = 1
) -> StatisticCount:
    """Statistics of an (N, C, H, W) tensor and the elements behind each; `groups` is used by "group" only.

    BN C statistics of N·H·W · LN N of C·H·W · IN N·C of H·W · GN N·G of C/G·H·W, so GroupNorm(1) is LayerNorm and
    GroupNorm(C) InstanceNorm. Raises: ValueError for a size < 1, groups that do not divide C, an unknown normalizer.
    Source: Wu & He 2018, arXiv:1803.08494.
    """
    for name, size in (("n", n), ("c", c), ("h", h), ("w", w), ("groups", groups)):
        at_least(name, size, 1)
    if normalizer == "group" and c % groups:
        raise ValueError(f"groups must divide c = {c}; got {groups!r}")
    statistics = {"batch": c, "layer": n, "instance": n * c, "group": n * groups}
    if normalizer not in statistics:
        raise ValueError(f"normalizer must be one of {', '.join(statistics)}; got {normalizer!r}")
    return StatisticCount(statistics[normalizer], n * c * h * w // statistics[normalizer])
