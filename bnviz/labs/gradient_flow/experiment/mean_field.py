"""Mean-field theory of the fresh network of the lab `gradient_flow`. Index letters as in `bnviz.labs.gradient_flow.result`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from torch import Tensor

from bnviz.core.networks import MLPShape
from bnviz.labs.gradient_flow.result import Floats
from bnviz.theory import activations, gradient

TINY: Final = 1e-300


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean-field theory of one fresh network."""

    factors: Floats
    """(L − 1,): of the squared gradient at z, backwards."""
    preactivation_rms: Floats
    """(L,): root mean square of z."""
    saturated: Floats
    """(L,): saturated fraction of normal z."""

    def gradient_rms(self, last: float) -> Floats:
        """RMS gradient (L,) where the last layer's is `last`; NaN where that is no finite number."""
        if not math.isfinite(last):
            return np.full(len(self.factors) + 1, math.nan)
        return gradient.gradient_rms(self.factors, last)


def predict(shape: MLPShape, features: Tensor) -> Prediction:
    """The prediction for a network of `shape` that is fed `features` (B, D) first.

    Group norm is predicted as layer norm: a group is taken to stand for all units.
    """
    first, later = _variances(shape, shape.inputs), _variances(shape, shape.width)
    square = max(float(features.square().mean()), TINY)
    if not shape.normalized:
        lengths = gradient.mean_field_lengths(
            shape.activation, *later, max(gradient.first_length(square, *first), TINY), shape.depth
        )
        factors, scale = gradient.backward_factors(shape.activation, later.sigma_w2, lengths)[:-1], np.sqrt(lengths)
    else:
        network = _network(shape, later)
        variance = float(features.var(0, correction=0).mean()) if network.normalizer == "batch" else square
        offset = first.sigma_w2 * (square - variance) + (first.sigma_b2 if network.normalizer == "batch" else 0.0)
        within = first.sigma_w2 * variance + (first.sigma_b2 if network.normalizer == "layer" else 0.0)
        spread = gradient.normalized_lengths(network, shape.depth, max(within, TINY), max(offset, 0.0))
        factors = gradient.activation_input_factors(network, spread)
        scale = np.sqrt(spread.variance + spread.offset)
        if network.position == "before":
            divided = spread.variance if network.normalizer == "batch" else scale**2
            scale = abs(shape.gamma) * np.sqrt(divided / (divided + shape.eps))
    return Prediction(factors, scale, np.asarray(activations.saturated_share(shape.activation, scale)))


def _variances(shape: MLPShape, inputs: int) -> gradient.InitVariances:
    if shape.init == "torch":
        return gradient.linear_default_variances(inputs)
    return gradient.InitVariances(shape.weight_gain**2, shape.bias_std**2)


def _network(shape: MLPShape, later: gradient.InitVariances) -> gradient.NormalizedNetwork:
    normalizer: Literal["batch", "layer"] = "batch" if shape.normalizer == "batch" else "layer"
    position: Literal["before", "after"] = "before" if shape.position == "before" else "after"
    return gradient.NormalizedNetwork(
        shape.activation, normalizer, position, shape.gamma, 0.0, later.sigma_w2, later.sigma_b2, shape.eps
    )
