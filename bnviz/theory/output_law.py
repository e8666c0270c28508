"""Exact laws of one output x̂ of batch normalization (biased variance, eps → 0, before γ and β).

Index letters: m samples per statistic; x value of the output; z true standardized value of a sample. All functions
broadcast over x, z and m. The two integrals are ours rather than `scipy.stats.nct`'s, which returns NaN or
overflows for part of the range shown (SciPy 1.17, m ≥ 4).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaln, gammaincc, gammaln, ndtr, xlogy

from bnviz.theory._arguments import FloatArray, at_least
from bnviz.theory._quadrature import panels

# A log-concave density at most as wide as a standard normal's has no mass in double precision beyond this.
_WINDOW = 10.0


def output_bound(m: ArrayLike) -> FloatArray:
    """Largest |x̂| that any sample of a batch of m can get, whatever the data: √(m − 1), shape of m.

    Raises: ValueError for m < 1. Source: Samuelson's inequality.
    """
    return np.sqrt(at_least("m", m, 1) - 1.0)


def output_pdf(x: ArrayLike, m: ArrayLike) -> FloatArray:
    """Density of one output for Gaussian input: x̂²/(m − 1) ~ Beta(½, (m − 2)/2), broadcast shape.

    m = 3 is the arcsine law (infinite at the bound ±√2), m = 4 uniform on ±√3; 0 beyond the bound.
    Raises: ValueError for m < 3 (m = 2 has no density: x̂ = ±1). Source: uniform direction on a sphere.
    """
    size = at_least("m", m, 3)
    share = np.asarray(x, dtype=np.float64) ** 2 / (size - 1.0)
    power = (size - 4.0) / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        density = np.where(power == 0, 1.0, (1.0 - share) ** power)
    scale = np.exp(betaln(0.5, (size - 2.0) / 2.0)) * np.sqrt(size - 1.0)
    return np.where(share <= 1, density / scale, 0.0)[()]


def output_cdf(x: ArrayLike, m: ArrayLike) -> FloatArray:
    """Distribution function of `output_pdf`'s law, broadcast shape; m = 2 gives the steps at −1 and 1.

    Raises: ValueError for m < 2. Source: as `output_pdf`.
    """
    size = at_least("m", m, 2)
    value = np.asarray(x, dtype=np.float64)
    share = np.minimum(value**2 / (size - 1.0), 1.0)
    inside = betainc(0.5, np.maximum((size - 2.0) / 2.0, 0.5), share)
    half = 0.5 * np.where(size == 2, share >= 1, inside)
    return np.where(value >= 0, 0.5 + half, 0.5 - np.where((size == 2) & (value == -1), 0.0, half))[()]


def output_fourth_moment(m: ArrayLike) -> FloatArray:
    """E[x̂⁴] of one output for Gaussian input: 3(m − 1)/(m + 1), below the normal law's 3.

    Raises: ValueError for m < 2. Source: moments of the Beta law of `output_pdf`.
    """
    size = at_least("m", m, 2)
    return 3.0 * (size - 1.0) / (size + 1.0)


def fixed_sample_pdf(x: ArrayLike, z: ArrayLike, m: ArrayLike) -> FloatArray:
    """Density of the output of one *fixed* sample z over random Gaussian batch-mates, broadcast shape.

    x̂ = √(m − 1)·T/√(m(m − 2) + T²) with T noncentral t, m − 2 degrees of freedom, noncentrality z√(m − 1).
    Infinite at the bound for m = 3; 0 beyond it. Raises: ValueError for m < 3. Source: derived.
    """
    value, true, size = np.broadcast_arrays(np.asarray(x, dtype=np.float64), z, at_least("m", m, 3))
    room = size - 1.0 - value**2
    # T = √(m − 2)·N/R, N normal and R chi. With r = R·√(1 + x-dependent slope²) the integrand is r^(m−2)·e^(−(r−η)²/2).
    eta = true * value * np.sqrt(size / (1.0 + value**2))
    peak = 0.5 * (eta + np.sqrt(eta**2 + 4.0 * (size - 2.0)))
    r, weights = panels(np.stack([np.maximum(peak - _WINDOW, 0.0), peak, peak + _WINDOW], axis=-1))

    def log_height(at: FloatArray, power: FloatArray, centre: FloatArray) -> FloatArray:
        return power * np.log(at) - 0.5 * (at - centre) ** 2

    top = log_height(peak, size - 2.0, eta)
    heights = log_height(r, (size - 2.0)[..., None], eta[..., None]) - top[..., None]
    integral = np.sum(weights * np.exp(heights), axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_front = (
            0.5 * np.log(size)
            + np.log(size - 1.0)
            + np.where(size == 4, 0.0, 0.5 * (size - 4.0) * np.log(room))
            - 0.5 * (size - 1.0) * np.log((size - 1.0) * (1.0 + value**2))
            - 0.5 * true**2 * room / (1.0 + value**2)
            + (2.0 - 0.5 * size) * math.log(2.0)
            - gammaln(0.5 * size - 1.0)
            - 0.5 * math.log(2.0 * math.pi)
        )
        return np.where(room >= 0, integral * np.exp(log_front + top), 0.0)[()]


def _flat_side(slope: FloatArray, centre: FloatArray, size: FloatArray) -> FloatArray:
    """P(N <= slope·R) for |slope| <= 1: an integral over R, chi with m − 2 degrees of freedom."""
    peak = np.sqrt(size - 3.0)
    r, weights = panels(np.stack([np.maximum(peak - _WINDOW, 0.0), peak, peak + _WINDOW], axis=-1))
    freedom = (size - 2.0)[..., None]
    log_chi = xlogy(freedom - 1.0, r) - 0.5 * r**2 - (0.5 * freedom - 1.0) * math.log(2.0) - gammaln(0.5 * freedom)
    below: FloatArray = ndtr(slope[..., None] * r - centre[..., None])
    return np.asarray(np.sum(weights * np.exp(log_chi) * below, axis=-1))


def _steep_side(slope: FloatArray, centre: FloatArray, size: FloatArray) -> FloatArray:
    """P(N <= slope·R) for slope >= 1: the mass of N below 0 and an integral over N above it."""
    low, high = np.maximum(centre - _WINDOW, 0.0), np.maximum(centre + _WINDOW, 0.0)
    n, weights = panels(np.stack([low, 0.5 * (low + high), high], axis=-1))
    normal = np.exp(-0.5 * (n - centre[..., None]) ** 2) / math.sqrt(2.0 * math.pi)
    reach = n / slope[..., None]
    # P(R >= reach). Of one degree of freedom R is |N|, and the incomplete gamma function takes five times as long there.
    above = 2.0 * ndtr(-reach) if (size == 3).all() else gammaincc(0.5 * size[..., None] - 1.0, 0.5 * reach**2)
    return np.asarray(ndtr(-centre) + np.sum(weights * normal * above, axis=-1))


def fixed_sample_cdf(x: ArrayLike, z: ArrayLike, m: ArrayLike) -> FloatArray:
    """Distribution function of `fixed_sample_pdf`'s law, broadcast shape.

    Raises: ValueError for m < 3. Source: derived.
    """
    value, true, size = np.broadcast_arrays(np.asarray(x, dtype=np.float64), z, at_least("m", m, 3))
    room = np.maximum(size - 1.0 - value**2, 1e-300)
    slope = np.abs(value) * np.sqrt(size / room)
    # P(x̂ <= −x | z) = 1 − P(x̂ <= x | −z): only x >= 0 is ever integrated.
    centre = np.where(value >= 0, true, -true) * np.sqrt(size - 1.0)
    upper, flat = np.empty(slope.shape), slope <= 1
    for side, integral in ((flat, _flat_side), (~flat, _steep_side)):
        upper[side] = integral(slope[side], centre[side], size[side])
    upper = np.where(np.abs(value) >= np.sqrt(size - 1.0), 1.0, np.clip(upper, 0.0, 1.0))
    return np.where(value >= 0, upper, 1.0 - upper)[()]


def fixed_sample_moments(z: ArrayLike, m: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of the output of one fixed sample over random batch-mates, each broadcast shape.

    Raises: ValueError for m < 3. Source: quadrature of `fixed_sample_pdf`.
    """
    true, size = np.broadcast_arrays(np.asarray(z, dtype=np.float64), at_least("m", m, 3))
    bound = np.sqrt(size - 1.0)
    centre = np.arctan(true / np.sqrt(size))
    # In the angle ψ, x̂ = √(m − 1)·sin ψ, the density is smooth up to the bound and, by the delta method, this narrow.
    reach = 16.0 * np.sqrt((1.0 + 0.5 * true**2) / (size * np.maximum(size - 4.0, 1.0)))
    half_turn = np.full(size.shape, 0.5 * math.pi)
    low, high = np.maximum(centre - reach, -half_turn), np.minimum(centre + reach, half_turn)
    psi, weights = panels(np.stack([-half_turn, low, centre, high, half_turn], axis=-1))
    x = bound[..., None] * np.sin(psi)
    mass = weights * bound[..., None] * np.cos(psi) * fixed_sample_pdf(x, true[..., None], size[..., None])
    mean = np.sum(mass * x, axis=-1)
    return mean, np.sqrt(np.sum(mass * (x - mean[..., None]) ** 2, axis=-1))


def fixed_sample_std_estimate(z: ArrayLike, m: ArrayLike) -> FloatArray:
    """Standard deviation of the output of one fixed sample, for m of 32 or more, broadcast shape.

    √((1 + z²/2)/(m − 4))·(1 + z²/m)^(−3/2). Raises: ValueError for m < 32. Source: delta method.
    """
    size = at_least("m", m, 32)
    square = np.asarray(z, dtype=np.float64) ** 2
    return np.sqrt((1.0 + 0.5 * square) / (size - 4.0)) * (1.0 + square / size) ** -1.5
