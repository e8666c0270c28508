"""Batch norm over time: what padding does to a batch, and gradients of a tanh cell step by step.

Index letter: T time steps. What one module keeps of T steps: `running.shared_module_weights`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, at_least, within
from bnviz.theory.activations import normal_moments


def padded_mean(mean: ArrayLike, share: ArrayLike, pad: ArrayLike = 0.0) -> FloatArray:
    """Mean of values of which a `share` has been replaced by `pad`, the rest having that `mean`; broadcast shape.

    Raises: ValueError unless 0 <= share <= 1. Source: mixture of two parts.
    """
    part = within("share", share, 0, 1)
    return (1.0 - part) * np.asarray(mean, dtype=np.float64) + part * np.asarray(pad, dtype=np.float64)


def padded_var(mean: ArrayLike, var: ArrayLike, share: ArrayLike, pad: ArrayLike = 0.0) -> FloatArray:
    """Biased variance of the same values: (1 − π)σ² + π(1 − π)(μ − pad)², π = `share`; broadcast shape.

    Raises: ValueError for var < 0 or unless 0 <= share <= 1. Source: law of total variance.
    """
    part = within("share", share, 0, 1)
    gap = np.asarray(mean, dtype=np.float64) - np.asarray(pad, dtype=np.float64)
    return (1.0 - part) * at_least("var", var, 0) + part * (1.0 - part) * gap**2


def recurrent_tanh_factors(gamma: float, input_vars: ArrayLike) -> FloatArray:
    """What the squared gradient is multiplied by on its way from h_t back to h_(t−1), t = 2…T, shape (T − 1,).

    h_t = tanh(γ·N(W_h h_(t−1)) + u_t) from h_0 = 0, N batch norm with its own statistics per step, or layer norm; u_t has
    the variance `input_vars[t − 1]`. With s_t² = γ²·[t > 1] + var(u_t): γ²·E[tanh′(s_t z)²]/E[tanh(s_(t−1) z)²]; NaN where the
    step before is constant. In the long run it is the square of `growth.growth_recurrent_tanh`.
    Raises: ValueError for a negative variance or input_vars that are not one row.
    Source: argument of Yang 2019, arXiv:1902.08129, for the cell of Cooijmans 2016, arXiv:1603.09025.
    """
    variances = at_least("input_vars", input_vars, 0)
    if variances.ndim != 1 or not variances.size:
        raise ValueError(f"input_vars must have shape (T,); got {variances.shape}")
    recurrent = np.full(variances.size, float(gamma) ** 2)
    recurrent[0] = 0.0
    _, _, lengths, _, slopes = normal_moments("tanh", np.sqrt(recurrent + variances))
    before = lengths[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, float(gamma) ** 2 * slopes[1:] / before, np.nan)
