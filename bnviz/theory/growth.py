"""Gradient growth per layer in a deep network at initialization, as one number: of the norm, not of its square.

More than 1 means that gradients grow on their way back to the input. Squared-norm formulas: E is over z standard
normal, φ the activation, B the batch size.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np

from bnviz.theory._arguments import above, at_least
from bnviz.theory.activations import ActivationName, moments_after
from bnviz.theory.gradient import Lengths, NormalizedNetwork, normalized_factors


@lru_cache(maxsize=1024)
def growth_batch_norm(
    activation: ActivationName,
    gamma: float = 1.0,
    beta: float = 0.0,
    position: Literal["before", "after"] = "before",
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
) -> float:
    """Growth of the norm with batch norm, large batch, eps → 0.

    Before φ: squared γ²E[φ′(γz + β)²]/Var[φ(γz + β)] >= 1 whatever the weights; ReLU π/(π − 1), so 1.2112 of the
    norm. After φ: the same with the pre-activation, σ_w²γ²E[φ′(σ_w·γ·z + b)²]/Var[φ(σ_w·γ·z + b)], averaged over
    the units' offsets b of variance σ_w²β² + σ_b².
    Raises: ValueError for γ = 0, σ_w <= 0, σ_b < 0, an unknown activation or position.
    Source: Yang 2019, arXiv:1902.08129; after φ and with γ, β by the same argument.
    """
    above("abs(gamma)", abs(gamma), 0)
    above("sigma_w", sigma_w, 0)
    at_least("sigma_b", sigma_b, 0)
    network = NormalizedNetwork(
        activation, "batch", position, gamma, beta, sigma_w2=sigma_w**2, sigma_b2=sigma_b**2, eps=0.0
    )
    if position == "before":
        variance, offset = sigma_w**2 * moments_after(activation, gamma, beta).variance, 0.0
    else:
        variance, offset = (sigma_w * gamma) ** 2, (sigma_w * beta) ** 2 + sigma_b**2
    return math.sqrt(float(normalized_factors(network, Lengths(np.array([variance]), np.array([offset])))[0]))


def growth_without_normalizer(activation: ActivationName, sigma_w: float, sigma_b: float, q: float) -> float:
    """Growth of the norm without a normalizer at a pre-activation mean square q: √χ = σ_w·√E[φ′(√q·z)²].

    σ_b enters only through q. Raises: ValueError for σ_w <= 0, σ_b < 0, q < 0 or an unknown activation.
    Source: Schoenholz 2017, arXiv:1611.01232.
    """
    at_least("sigma_b", sigma_b, 0)
    scale = math.sqrt(float(at_least("q", q, 0)))
    return float(above("sigma_w", sigma_w, 0)) * math.sqrt(moments_after(activation, scale).mean_squared_slope)


def growth_finite_batch(activation: Literal["identity", "relu"], batch_size: float) -> float:
    """Growth of the norm with batch norm before φ at a finite batch B, infinite width and depth, eps → 0.

    Squared: identity (B − 2)/(B − 3); ReLU (J′(c) + B − 1)/((B − 3)(1 − J(c))) − 1/(B − 3), c = −1/(B − 1), with
    J(c) = (√(1 − c²) + c(π − arccos c))/π and J′(c) = (π − arccos c)/π.
    Raises: ValueError for B < 4 or another activation. Source: Yang 2019, arXiv:1902.08129, Thm 8.
    """
    size = float(at_least("batch_size", batch_size, 4))
    if activation == "identity":
        return math.sqrt((size - 2.0) / (size - 3.0))
    if activation != "relu":
        raise ValueError(f"activation must be one of identity, relu; got {activation!r}")
    cosine = -1.0 / (size - 1.0)
    angle = math.pi - math.acos(cosine)
    value = (math.sqrt(1.0 - cosine**2) + cosine * angle) / math.pi
    slope = angle / math.pi
    return math.sqrt((slope + size - 1.0) / ((size - 3.0) * (1.0 - value)) - 1.0 / (size - 3.0))


def growth_recurrent_tanh(gamma: float, input_var: float = 0.0) -> float:
    """Growth of the norm per step back in time: h′ = tanh(γ·BN(W_h h) + u), BN with its own statistics per step.

    Squared: γ²E[tanh′(sz)²]/E[tanh(sz)²], s² = γ² + `input_var`, the variance over the batch of the (normal, zero-mean)
    input term u; the textbook case has none. Raises: ValueError for γ = 0 or input_var < 0.
    Source: argument of Yang 2019, arXiv:1902.08129, for the cell of Cooijmans 2016, arXiv:1603.09025.
    """
    square = float(above("abs(gamma)", abs(gamma), 0)) ** 2
    moments = moments_after("tanh", math.sqrt(square + float(at_least("input_var", input_var, 0))))
    return math.sqrt(square * moments.mean_squared_slope / moments.second_moment)
