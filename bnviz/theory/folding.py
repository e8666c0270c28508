"""Batch norm in eval mode as a part of the layer in front of it, and what a folding that is not quite that one gives instead.

Index letters: C output channels. W, b are the layer's weight and bias, μ, v the running mean and variance, s = γ/√(v + ε).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, above, at_least

UNIT_ROUNDOFF: Final = MappingProxyType(
    {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
)
"""Largest relative error of rounding one number, by dtype. Source: IEEE 754; bfloat16 keeps 8 binary digits."""


def folded_scale(gamma: ArrayLike, var: ArrayLike, eps: ArrayLike) -> FloatArray:
    """Factor s = γ/√(v + ε) of a channel's weights, broadcast shape: W′ = sW.

    Raises: ValueError unless v + ε > 0. Source: algebra; `torch.nn.utils.fuse_conv_bn_eval`.
    """
    spread = at_least("var", var, 0) + at_least("eps", eps, 0)
    return np.asarray(gamma, dtype=np.float64) / np.sqrt(above("var + eps", spread, 0))


def folded_bias(bias: ArrayLike, mean: ArrayLike, scale: ArrayLike, beta: ArrayLike) -> FloatArray:
    """b′ = β + s(b − μ), broadcast shape; `bias` is 0 for a layer that has none. Source: as `folded_scale`."""
    shifted = np.asarray(bias, dtype=np.float64) - np.asarray(mean, dtype=np.float64)
    return np.asarray(beta, dtype=np.float64) + np.asarray(scale, dtype=np.float64) * shifted


def affine_rms(slope: ArrayLike, offset: ArrayLike, mean: ArrayLike, var: ArrayLike) -> FloatArray:
    """Root mean square of slope·x + offset over values x with this `mean` and biased variance `var`, broadcast shape.

    Two foldings of one layer differ by such a function of the layer's output x, channel by channel: this is the size of the mistake.
    Raises: ValueError for a negative variance. Source: E[y²] = Var[y] + E[y]².
    """
    a = np.asarray(slope, dtype=np.float64)
    centre = a * np.asarray(mean, dtype=np.float64) + np.asarray(offset, dtype=np.float64)
    return np.asarray(np.sqrt(a**2 * at_least("var", var, 0) + centre**2))
