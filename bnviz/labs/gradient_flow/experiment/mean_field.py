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
    factors, scale = _normalized(shape, features) if shape.normalized else _plain(shape, features)
    return Prediction(factors, scale, np.asarray(activations.saturated_share(shape.activation, scale)))


def _plain(shape: MLPShape, features: Tensor) -> tuple[Floats, Floats]:
    """Factors (L − 1,) and RMS of z (L,) without a normalizer."""
    later = _variances(shape, shape.width)
    lengths_of, factors_of = (
        (gradient.residual_lengths, gradient.residual_factors)
        if shape.skip
        else (gradient.mean_field_lengths, gradient.backward_factors)
    )
    start = gradient.first_length(_mean_square(features), *_variances(shape, shape.inputs))
    lengths = lengths_of(shape.activation, *later, max(start, TINY), shape.depth)
    return factors_of(shape.activation, later.sigma_w2, lengths)[:-1], np.sqrt(lengths)


def _normalized(shape: MLPShape, features: Tensor) -> tuple[Floats, Floats]:
    """The same with a normalizer."""
    first, square = _variances(shape, shape.inputs), _mean_square(features)
    network = _network(shape, _variances(shape, shape.width))
    by_unit = network.normalizer == "batch"
    variance = float(features.var(0, correction=0).mean()) if by_unit else square
    offset = max(first.sigma_w2 * (square - variance) + (first.sigma_b2 if by_unit else 0.0), 0.0)
    within = max(first.sigma_w2 * variance + (0.0 if by_unit else first.sigma_b2), TINY)
    if shape.skip:
        if network.position == "before":  # the first normalizer stands in no branch
            divided = within if by_unit else within + offset
            within, offset = divided / (divided + shape.eps), 0.0
        spread, factors = gradient.residual_normalized(network, shape.depth, within, offset)
        return factors, np.sqrt(spread.variance + spread.offset)
    spread = gradient.normalized_lengths(network, shape.depth, within, offset)
    scale = np.sqrt(spread.variance + spread.offset)
    if network.position == "before":
        divisors = spread.variance if by_unit else scale**2
        scale = abs(shape.gamma) * np.sqrt(divisors / (divisors + shape.eps))
    return gradient.activation_input_factors(network, spread), scale


def _mean_square(features: Tensor) -> float:
    return max(float(features.square().mean()), TINY)


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
