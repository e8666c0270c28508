"""Noise of batch statistics, and what it does to the output of batch normalization.

Index letters: m samples per statistic. "Biased" variance divides by m (what normalizes), "unbiased" by m − 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import poch

from bnviz.theory._arguments import FloatArray, above, at_least, within


def batch_std_ratio(m: ArrayLike) -> FloatArray:
    """E[s]/σ of the *biased* batch standard deviation s, Gaussian input: √(2/m)·Γ(m/2)/Γ((m − 1)/2).

    Raises: ValueError for m < 2. Source: mean of the chi distribution.
    """
    size = at_least("m", m, 2)
    return np.sqrt(2.0 / size) * poch((size - 1.0) / 2.0, 0.5)


def fidelity(m: ArrayLike) -> FloatArray:
    """R²(m): squared correlation of one output with the sample's true standardized value, Gaussian input, eps → 0.

    (2/m)·[Γ(m/2)/Γ((m − 1)/2)]² ≈ 1 − 1.5/m; 1/π at m = 2.
    Raises: ValueError for m < 2. Source: derived: E[x̂z] is the mean biased batch standard deviation.
    """
    return batch_std_ratio(m) ** 2


def effective_batch(n: ArrayLike, pixels: ArrayLike, mean_correlation: ArrayLike) -> FloatArray:
    """Independent samples that a statistic over N images of H·W pixels is worth: N·HW/(1 + (HW − 1)ρ̄).

    ρ̄ is the mean off-diagonal correlation between the pixels of one image (behind the variance: the mean of ρ²).
    Raises: ValueError for n < 1, pixels < 1 or a ρ̄ outside [−1/(HW − 1), 1]. Source: design effect of cluster sampling.
    """
    images, area = at_least("n", n, 1), at_least("pixels", pixels, 1)
    correlation = within("mean_correlation", mean_correlation, -1, 1)
    inflation = above("1 + (pixels - 1) * mean_correlation", 1.0 + (area - 1.0) * correlation, 0)
    return images * area / inflation


def output_variance(batch_var: ArrayLike, eps: ArrayLike = 1e-5) -> FloatArray:
    """Biased variance of the normalized output, before γ: σ_B²/(σ_B² + ε), from the *biased* batch variance.

    Raises: ValueError for batch_var < 0 or eps <= 0, which PyTorch refuses in training.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithm 1.
    """
    var = at_least("batch_var", batch_var, 0)
    return var / (var + above("eps", eps, 0))


def relu_moments(m: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of ReLU(x̂) for Gaussian input normalized over m samples (eps → 0), each the shape of m.

    Mean ½√(m − 1)·Γ((m − 1)/2)/(√π·Γ(m/2)), variance ½ − mean².
    Raises: ValueError for m < 2. Source: `output_law.output_pdf`; algebra.
    """
    size = at_least("m", m, 2)
    mean = 0.5 * np.sqrt((size - 1.0) / math.pi) / poch((size - 1.0) / 2.0, 0.5)
    return mean, 0.5 - mean**2


def pooled_fidelity(mean_size: ArrayLike, freedom: ArrayLike) -> FloatArray:
    """R² where the values of one statistic are correlated: (1 − 1/M)·(2/ν)·[Γ((ν + 1)/2)/Γ(ν/2)]².

    M (`mean_size`): independent values that the batch mean is worth. ν (`freedom`): degrees of freedom that the batch variance is
    worth, 2·E[s²]²/Var[s²]. For m independent normal values M = m and ν = m − 1, and it is `fidelity(m)`.
    Exact is R² = E[s]²/σ² with the biased s, for any values and ε → 0; taking s² for a multiple of χ²_ν is the approximation.
    Raises: ValueError for mean_size < 1 or freedom <= 0.
    Source: derived; Satterthwaite 1946, Biometrics Bulletin 2 (matching two moments by χ²).
    """
    size, degrees = at_least("mean_size", mean_size, 1), above("freedom", freedom, 0)
    return (1.0 - 1.0 / size) * (2.0 / degrees) * poch(degrees / 2.0, 0.5) ** 2
