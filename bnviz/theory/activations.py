"""The activations as `torch.nn` computes them by default, their moments for normal input, and where they saturate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import expit, ndtr

from bnviz.theory._arguments import FloatArray, at_least, within
from bnviz.theory._quadrature import normal_nodes, scalar_normal_nodes

ActivationName = Literal["identity", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]

_LEAK = 0.01


def _normal_density(x: FloatArray) -> FloatArray:
    return np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)


_VALUES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "identity": lambda x: x + 0.0,
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x: np.where(x > 0, x, _LEAK * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
    "gelu": lambda x: x * ndtr(x),
    "silu": lambda x: x * expit(x),
    "sigmoid": expit,
    "tanh": np.tanh,
}

_DERIVATIVES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "identity": np.ones_like,
    "relu": lambda x: np.where(x > 0, 1.0, 0.0),
    "leaky_relu": lambda x: np.where(x > 0, 1.0, _LEAK),
    "elu": lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0.0))),
    "gelu": lambda x: ndtr(x) + x * _normal_density(x),
    "silu": lambda x: expit(x) * (1.0 + x * expit(-x)),
    "sigmoid": lambda x: expit(x) * expit(-x),
    "tanh": lambda x: 1.0 - np.tanh(x) ** 2,
}

# Where |φ′| is largest; silu's maximum solves x = 2·coth(x/2).
_STEEPEST: dict[str, float] = {
    "identity": 0.0,
    "relu": 1.0,
    "leaky_relu": 1.0,
    "elu": 1.0,
    "gelu": math.sqrt(2.0),
    "silu": 2.3993572805154676,
    "sigmoid": 0.0,
    "tanh": 0.0,
}


def _known(activation: str) -> str:
    if activation not in _VALUES:
        raise ValueError(f"activation must be one of {', '.join(_VALUES)}; got {activation!r}")
    return activation


def activate(activation: ActivationName, x: ArrayLike) -> FloatArray:
    """φ(x), element by element, as torch.nn's module of that name with its default arguments.

    Raises: ValueError for an unknown activation. Source: PyTorch torch.nn, non-linear activations.
    """
    return _VALUES[_known(activation)](np.asarray(x, dtype=np.float64))[()]


def derivative(activation: ActivationName, x: ArrayLike) -> FloatArray:
    """φ′(x), element by element; at a kink the value that torch's autograd uses.

    Raises: ValueError for an unknown activation. Source: calculus; torch.autograd at the kinks.
    """
    return _DERIVATIVES[_known(activation)](np.asarray(x, dtype=np.float64))[()]


def derivative_maximum(activation: ActivationName) -> float:
    """Largest |φ′|: ¼ for sigmoid, 1 for tanh, Φ(√2) + √2·φ(√2) = 1.129 for gelu, 1.0998 for silu.

    Raises: ValueError for an unknown activation. Source: calculus.
    """
    return float(derivative(activation, _STEEPEST[_known(activation)]))


def saturation_threshold(activation: ActivationName, fraction: float = 0.05) -> float:
    """|φ′| below which a unit counts as saturated: `fraction` of the largest |φ′|.

    Raises: ValueError for an unknown activation or a fraction outside [0, 1]. Source: definition.
    """
    return float(within("fraction", fraction, 0, 1)) * derivative_maximum(activation)


@lru_cache(maxsize=64)
def saturated_intervals(activation: ActivationName, fraction: float = 0.05) -> tuple[tuple[float, float], ...]:
    """Intervals of x in which |φ′(x)| lies below `saturation_threshold`, ascending, with infinite ends.

    Includes the narrow zone around the minimum of gelu and silu, where the slope passes through 0.
    Raises: as `saturation_threshold`. Source: root finding.
    """
    threshold = saturation_threshold(activation, fraction)

    def excess(x: float) -> float:
        return float(np.abs(derivative(activation, x))) - threshold

    grid = np.linspace(-40.0, 40.0, 8001)
    low = np.abs(derivative(activation, grid)) < threshold
    changes = np.flatnonzero(low[1:] != low[:-1])
    crossings = [brentq(excess, grid[i], grid[i + 1], xtol=1e-12) for i in changes]
    # The kinked activations jump at 0, and a root finder only comes near.
    ends = [-math.inf, *(0.0 if abs(x) < 1e-9 else float(x) for x in crossings), math.inf]
    first = 0 if low[0] else 1
    return tuple((ends[i], ends[i + 1]) for i in range(first, len(ends) - 1, 2))


def saturated_share(activation: ActivationName, scale: ArrayLike, fraction: float = 0.05) -> FloatArray:
    """P(`scale`·z saturates φ), z standard normal, shape of `scale`: its mass within `saturated_intervals`.

    Raises: ValueError for a negative scale, else as `saturated_intervals`. Source: definition.
    """
    spread = np.asarray(at_least("scale", scale, 0))
    intervals = saturated_intervals(activation, fraction)
    # At scale 0 all mass sits at 0, where a closed end counts: ReLU's slope at its kink is 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        masses = [
            np.where(spread > 0, ndtr(high / spread) - ndtr(low / spread), float(low <= 0 <= high))
            for low, high in intervals
        ]
    return np.sum(masses, axis=0)[()] if masses else np.zeros_like(spread)[()]


@dataclass(frozen=True, slots=True)
class NormalMoments:
    """Moments of y = φ(γz + β), z standard normal; variance is the population's, slopes are φ′ at γz + β."""

    mean: float
    variance: float
    second_moment: float
    mean_slope: float
    mean_squared_slope: float


def _moments(
    activation: str, scale: FloatArray, shift: FloatArray, z: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    x = scale[..., None] * z + shift[..., None]
    y, slope = _VALUES[activation](x), _DERIVATIVES[activation](x)
    mean = np.sum(weights * y, axis=-1)
    # Not E[y²] − mean²: of a nearly constant y, that difference would be rounding.
    variance = np.sum(weights * (y - mean[..., None]) ** 2, axis=-1)
    mean_slope, mean_squared_slope = np.sum(weights * slope, axis=-1), np.sum(weights * slope**2, axis=-1)
    return mean, variance, variance + mean**2, mean_slope, mean_squared_slope


def normal_moments(
    activation: ActivationName, gamma: ArrayLike = 1.0, beta: ArrayLike = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """The five numbers of `NormalMoments`, in its order, for arrays of γ and β, each of their broadcast shape.

    Raises: ValueError for an unknown activation. Source: quadrature, to about 1e-12.
    """
    name = _known(activation)
    scale, shift = np.broadcast_arrays(np.abs(np.asarray(gamma, dtype=np.float64)), np.asarray(beta, dtype=np.float64))
    return _moments(name, scale, shift, *normal_nodes(scale, shift))


@lru_cache(maxsize=4096)
def moments_after(activation: ActivationName, gamma: float = 1.0, beta: float = 0.0) -> NormalMoments:
    """Moments after φ of what batch norm with that γ and β hands on (normal, large batch).

    γ = 1, β = 0: relu mean 1/√(2π), variance ½ − 1/(2π); sigmoid variance 0.04338, mean slope 0.20662;
    tanh variance 0.39429, mean slope 0.60571. A mean-field pre-activation of mean square q has γ = √q.
    Raises: ValueError for an unknown activation. Source: quadrature, to about 1e-12.
    """
    name, scale = _known(activation), abs(float(gamma))
    nodes = scalar_normal_nodes(scale, float(beta))
    return NormalMoments(*(float(number) for number in _moments(name, np.asarray(scale), np.asarray(beta), *nodes)))


def second_moment_after(activation: ActivationName, q: float) -> float:
    """E[φ(√q·z)²], the one moment that a mean-field recursion needs at every layer.

    Raises: ValueError for q <= 0 or an unknown activation. Source: quadrature.
    """
    if not q > 0:
        raise ValueError(f"q must be more than 0; got {q!r}")
    return _second_moment(_known(activation), q)


@lru_cache(maxsize=4096)
def _second_moment(activation: str, q: float) -> float:
    scale = math.sqrt(q)
    z, weights = scalar_normal_nodes(scale)
    return float(weights @ _VALUES[activation](scale * z) ** 2)
