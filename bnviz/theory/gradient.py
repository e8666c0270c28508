"""Mean-field prediction of signal and gradient in a deep, wide multilayer perceptron at initialization.

Layer l = 0…L−1 computes its pre-activation h_l with an `nn.Linear` whose weights have variance σ_w²/fan_in and whose
biases have variance σ_b². All gradients are those of the loss with respect to h_l, what `nn.Linear` hands on, before
the normalizer and the activation. A *factor* belongs to one layer: it is what the squared gradient is multiplied by on
its way from h_{l+1} back to h_l, both averaged over samples and units, hidden layers of equal width. RMS is the root
of that average. To predict all L layers of a network with a softmax head:

    lengths = mean_field_lengths(activation, sigma_w2, sigma_b2, q0, depth)
    factors = backward_factors(activation, sigma_w2, lengths)
    last = softmax_gradient_rms(classes, batch_size) * math.sqrt(factors[-1] * classes / width)
    rms = gradient_rms(factors[:-1], last)
    growth = growth_per_layer(factors[:-1])

With a normalizer, `normalized_lengths` and `normalized_factors` take the place of the first two calls; where each channel has a γ
and β of its own, `channel_factor` goes from one batch norm's outputs to the next one's. With skip connections
around all that stands between two activations, the functions whose names begin with `residual_` do, and every length and
factor is that of z_l, what enters the activation: the sum of z_{l−1} and the branch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, above, at_least
from bnviz.theory._quadrature import scalar_normal_nodes
from bnviz.theory.activations import ActivationName, moments_after, normal_moments, second_moment_after


class InitVariances(NamedTuple):
    """σ_w² (fan_in times the variance of a weight) and σ_b² (variance of a bias)."""

    sigma_w2: float
    sigma_b2: float


def linear_default_variances(fan_in: int) -> InitVariances:
    """What `nn.Linear` draws by default, uniform on ±1/√fan_in: σ_w² = 1/3, σ_b² = 1/(3·fan_in).

    Raises: ValueError for fan_in < 1. Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """
    return InitVariances(1.0 / 3.0, 1.0 / (3.0 * float(at_least("fan_in", fan_in, 1))))


def first_length(input_mean_square: float, sigma_w2: float, sigma_b2: float) -> float:
    """Mean square of h_0 for input elements of that mean square: σ_w²·E[x²] + σ_b².

    Raises: ValueError for negative arguments. Source: Poole 2016, arXiv:1606.05340.
    """
    square = at_least("input_mean_square", input_mean_square, 0)
    return float(at_least("sigma_w2", sigma_w2, 0) * square + at_least("sigma_b2", sigma_b2, 0))


def mean_field_lengths(
    activation: ActivationName, sigma_w2: float, sigma_b2: float, q0: float, depth: int
) -> FloatArray:
    """Mean square q_l of the pre-activations without a normalizer, shape (L,), L = depth.

    q_0 = q0, q_{l+1} = σ_w²·E[φ(√q_l·z)²] + σ_b².

    Raises: ValueError for depth < 1, σ_w² <= 0, σ_b² < 0, q0 <= 0 or an unknown activation.
    Source: Poole 2016, arXiv:1606.05340; Schoenholz 2017, arXiv:1611.01232.
    """
    above("sigma_w2", sigma_w2, 0)
    at_least("sigma_b2", sigma_b2, 0)
    at_least("depth", depth, 1)
    lengths = np.empty(depth)
    lengths[0] = above("q0", q0, 0)
    for layer in range(1, depth):
        lengths[layer] = sigma_w2 * second_moment_after(activation, float(lengths[layer - 1])) + sigma_b2
    return lengths


def backward_factors(activation: ActivationName, sigma_w2: float, lengths: ArrayLike) -> FloatArray:
    """χ_l = σ_w²·E[φ′(√q_l·z)²] without a normalizer, shape of lengths: below 1 gradients vanish, above they explode.

    Raises: ValueError for σ_w² <= 0, a length < 0 or an unknown activation.
    Source: Schoenholz 2017, arXiv:1611.01232.
    """
    scale = np.sqrt(at_least("lengths", lengths, 0))
    return above("sigma_w2", sigma_w2, 0) * normal_moments(activation, scale)[4]


@dataclass(frozen=True, slots=True)
class NormalizedNetwork:
    """A normalizer, `"batch"` or `"layer"`, before or after every activation, with the same γ and β everywhere.

    `eps` as in `nn.BatchNorm1d`; Raises: ValueError for an unknown normalizer or position, σ_w² <= 0, σ_b² < 0
    or eps < 0. Group norm with many units per group behaves as `"layer"`.
    """

    activation: ActivationName
    normalizer: Literal["batch", "layer"] = "batch"
    position: Literal["before", "after"] = "before"
    gamma: float = 1.0
    beta: float = 0.0
    sigma_w2: float = 1.0
    sigma_b2: float = 0.0
    eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.normalizer not in ("batch", "layer"):
            raise ValueError(f"normalizer must be one of batch, layer; got {self.normalizer!r}")
        if self.position not in ("before", "after"):
            raise ValueError(f"position must be one of before, after; got {self.position!r}")
        above("sigma_w2", self.sigma_w2, 0)
        at_least("sigma_b2", self.sigma_b2, 0)
        at_least("eps", self.eps, 0)


@dataclass(frozen=True, slots=True)
class Lengths:
    """How the pre-activations of each layer spread, two arrays (L,) whose sum is their mean square.

    `variance`: biased variance over the batch within a unit, averaged over units; `offset`: mean square over units
    of a unit's batch mean. Before an activation, batch norm removes the offset. For layer norm only the sum counts,
    and how it divides is not predicted: it depends on how alike the samples are.
    """

    variance: FloatArray
    offset: FloatArray


class _Normalized(NamedTuple):
    """One layer: the variance it is divided by, mean squared slope over it, mean and variance of what it hands on."""

    divisor: float
    slope_over_divisor: float
    output_mean: float
    output_variance: float


def _shrunk(variance: float, eps: float) -> float:
    """Variance that the normalizer leaves of `variance`: v/(v + ε), and 1 for ε = 0 even as v → 0."""
    return variance / (variance + eps) if eps > 0 else 1.0


@lru_cache(maxsize=4096)
def _normalized_layer(network: NormalizedNetwork, variance: float, offset: float) -> _Normalized:
    """What one layer does to pre-activations of that spread; `output_*` are those of the next layer's input."""
    eps, gamma = network.eps, network.gamma
    by_unit = network.normalizer == "batch"
    if network.position == "before":
        divisor = variance if by_unit else variance + offset
        moments = moments_after(network.activation, gamma * math.sqrt(_shrunk(divisor, eps)), network.beta)
        slope = moments.mean_squared_slope / (divisor + eps)
        return _Normalized(divisor, slope, moments.mean, moments.variance)
    if not by_unit or offset == 0:
        moments = moments_after(network.activation, math.sqrt(variance + offset))
        divisor, slope = moments.variance, moments.mean_squared_slope / (moments.variance + eps)
    else:
        divisor, slope = offset_units(network, math.sqrt(variance), math.sqrt(offset))
    return _Normalized(divisor, slope, network.beta, gamma**2 * _shrunk(divisor, eps))


def offset_units(network: NormalizedNetwork, std: float, offset_std: float) -> tuple[float, float]:
    """Batch norm after φ, each unit with an offset of its own: divisor and slope ratio, averaged over units."""
    # Where γ = 0 handed nothing on but β, a unit is its offset.
    unit, weights = scalar_normal_nodes(offset_std / std if std else offset_std)
    unit, weights = unit[weights > 1e-18], weights[weights > 1e-18]
    _, variance, _, _, squared_slope = normal_moments(network.activation, std, offset_std * unit)
    divisor = variance + network.eps
    # A unit so far in the flat part that both underflow hands nothing on, for any eps that PyTorch accepts.
    ratio = np.divide(squared_slope, divisor, out=np.zeros_like(divisor), where=divisor > 0)
    return float(weights @ variance), float(weights @ ratio)


def normalized_lengths(network: NormalizedNetwork, depth: int, variance: float, offset: float = 0.0) -> Lengths:
    """Spread of the pre-activations of each layer, from that of h_0 (`variance`, `offset` as in `Lengths`).

    Raises: ValueError for depth < 1, variance <= 0 or offset < 0.
    Source: Yang 2019, arXiv:1902.08129 (large batch); ε by the same argument.
    """
    at_least("depth", depth, 1)
    spread, offsets = np.empty(depth), np.empty(depth)
    spread[0], offsets[0] = above("variance", variance, 0), at_least("offset", offset, 0)
    for layer in range(1, depth):
        output = _normalized_layer(network, float(spread[layer - 1]), float(offsets[layer - 1]))
        spread[layer] = network.sigma_w2 * output.output_variance
        offsets[layer] = network.sigma_w2 * output.output_mean**2 + network.sigma_b2
    return Lengths(spread, offsets)


def normalized_factors(network: NormalizedNetwork, lengths: Lengths) -> FloatArray:
    """What the squared gradient is multiplied by from h_{l+1} back to h_l, with a normalizer, shape (L,).

    Before φ σ_w²γ²·E[φ′(γz + β)²]/(v_l + ε); after it σ_w²γ²·E[φ′(h_l)²]/(Var[φ(h_l)] + ε). Large batch (batch norm)
    or large width (layer norm): the part of the gradient that the normalizer projects out is neglected. After a ReLU
    whose units have offsets larger than their spread, units that fire for a few samples only make the measured factor
    larger and very noisy.
    Raises: ValueError for γ = 0 with ε = 0. Source: Yang 2019, arXiv:1902.08129; ε by the same argument.
    """
    if network.gamma == 0 and network.eps == 0:
        raise ValueError("gamma must not be 0 where eps is 0; got 0")
    pairs = zip(lengths.variance.tolist(), lengths.offset.tolist(), strict=True)
    slopes = np.array([_normalized_layer(network, variance, offset).slope_over_divisor for variance, offset in pairs])
    return np.asarray(network.sigma_w2 * network.gamma**2 * slopes)


def activation_input_factors(network: NormalizedNetwork, lengths: Lengths) -> FloatArray:
    """What the squared gradient at the *input of the activation* is multiplied by per layer, backwards, shape (L − 1,).

    After φ that input is h_l itself. Before φ it is the normalizer's output z_l, whose squared gradient stands to that of
    h_l as (s_l + ε) to γ², s the mean square that the normalizer divides by: for constant s the two factors are equal.
    Raises: as `normalized_factors`. Source: as there.
    """
    factors = normalized_factors(network, lengths)[:-1]
    if network.position == "after":
        return factors
    spread = lengths.variance + (lengths.offset if network.normalizer == "layer" else 0.0) + network.eps
    return factors * spread[:-1] / spread[1:]


def channel_factor(activation: ActivationName, gamma: ArrayLike, beta: ArrayLike, next_gamma: ArrayLike) -> float:
    """What the squared norm of the gradient at a batch norm's outputs is multiplied by, from the next batch norm back to this one.

    Between them stand φ and an `nn.Linear`. `gamma`, `beta` (N,) are this layer's, channel by channel, `next_gamma` (N′,) the next
    one's: mean(γ′²)·mean E[φ′(γz + β)²]/mean Var[φ(γz + β)], means over channels; the weights' scale cancels row by row. The mean
    square over channels is multiplied by N′/N besides. With ε put γ√(v/(v + ε)) for γ, v the batch variance. With one γ and β this is
    `activation_input_factors`. Large batch, independent weights; NaN where φ hands on a constant.
    Raises: ValueError for an unknown activation. Source: argument of Yang 2019, arXiv:1902.08129.
    """
    _, variance, second, _, slope = normal_moments(activation, gamma, beta)
    spread = float(np.mean(variance))
    square = float(np.mean(np.square(np.asarray(next_gamma, dtype=np.float64))))
    # The variance of a constant is rounding of quadrature, squared.
    return square * float(np.mean(slope)) / spread if spread > 1e-22 * float(np.mean(second)) else math.nan


def residual_lengths(activation: ActivationName, sigma_w2: float, sigma_b2: float, q0: float, depth: int) -> FloatArray:
    """Mean square q_l of z_l with skip connections, without a normalizer, shape (L,): q_{l+1} = q_l + σ_w²·E[φ(√q_l·z)²] + σ_b².

    With ReLU, He's weights (σ_w² = 2) and no biases q_l = 2^l·q_0. Raises: as `mean_field_lengths`.
    Source: De & Smith 2020, arXiv:2002.10444; a fresh branch is uncorrelated with what it is added to.
    """
    above("sigma_w2", sigma_w2, 0)
    at_least("sigma_b2", sigma_b2, 0)
    at_least("depth", depth, 1)
    lengths = np.empty(depth)
    lengths[0] = above("q0", q0, 0)
    for layer in range(1, depth):
        before = float(lengths[layer - 1])
        lengths[layer] = before + sigma_w2 * second_moment_after(activation, before) + sigma_b2
    return lengths


def residual_factors(activation: ActivationName, sigma_w2: float, lengths: ArrayLike) -> FloatArray:
    """What the squared gradient is multiplied by from z_{l+1} back to z_l with skip connections: 1 + χ_l, shape of lengths.

    Raises: as `backward_factors`. Source: Yang & Schoenholz 2017, arXiv:1712.08969.
    """
    return 1.0 + backward_factors(activation, sigma_w2, lengths)


def residual_normalized(
    network: NormalizedNetwork, depth: int, variance: float, offset: float = 0.0
) -> tuple[Lengths, FloatArray]:
    """Spread of z_l (L,), and factors (L − 1,) of the squared gradient at z_l, with skip connections and a normalizer in each branch.

    `variance`, `offset`: of z_0, as in `Lengths`. Batch norm before φ adds γ² per layer, for it ends the branch: z_l has variance
    1 + l·γ² where z_0 has 1, and the factor 1 + γ²E[φ′(z_l)²]/Var[φ(z_l)] goes to 1 with the depth. Layer norm before φ divides by
    the mean square; after φ a branch adds σ_w²γ² to the variance and σ_b² to the offset.
    Raises: ValueError for depth < 1, variance < 0, offset < 0, β other than 0, or γ = 0 with ε = 0.
    Source: De & Smith 2020, arXiv:2002.10444; gradient by the argument of Yang 2019, arXiv:1902.08129.
    """
    at_least("depth", depth, 1)
    if network.beta != 0:
        raise ValueError(f"beta must be 0; got {network.beta}")
    spread, offsets, factors = np.empty(depth), np.empty(depth), np.empty(depth - 1)
    spread[0], offsets[0] = at_least("variance", variance, 0), at_least("offset", offset, 0)
    for layer in range(depth - 1):
        before = float(spread[layer]), float(offsets[layer])
        if network.position == "after":
            output = _normalized_layer(network, *before)
            added = network.sigma_w2 * output.output_variance, network.sigma_b2
            slope = output.slope_over_divisor
        else:
            moments = moments_after(network.activation, math.sqrt(sum(before)))
            size = moments.variance if network.normalizer == "batch" else moments.second_moment
            divisor = network.sigma_w2 * size + (network.sigma_b2 if network.normalizer == "layer" else 0.0)
            added = network.gamma**2 * _shrunk(divisor, network.eps), 0.0
            slope = moments.mean_squared_slope / (divisor + network.eps)
        spread[layer + 1], offsets[layer + 1] = before[0] + added[0], before[1] + added[1]
        factors[layer] = 1.0 + network.sigma_w2 * network.gamma**2 * slope
    return Lengths(spread, offsets), factors


def softmax_gradient_rms(classes: int, batch_size: int) -> float:
    """RMS gradient at the logits of mean cross-entropy while all classes are still equally likely: √(K − 1)/(K·m).

    Raises: ValueError for classes < 2 or batch_size < 1. Source: gradient (p − onehot)/m at p = 1/K; algebra.
    """
    count = float(at_least("classes", classes, 2))
    return math.sqrt(count - 1.0) / (count * float(at_least("batch_size", batch_size, 1)))


def gradient_rms(factors: ArrayLike, last: float = 1.0) -> FloatArray:
    """RMS gradient at every layer, shape (L,), from the factors (L − 1,) of all but the last and its own RMS.

    Raises: ValueError for negative factors or last. Source: product of the factors.
    """
    steps = at_least("factors", factors, 0)
    relative: FloatArray = np.sqrt(np.append(np.cumprod(steps[::-1])[::-1], 1.0))
    return float(at_least("last", last, 0)) * relative


def growth_per_layer(factors: ArrayLike) -> float:
    """Factor per layer, towards the input, of the gradient's norm: root of the geometric mean of the factors.

    (rms_0/rms_{L−1})^{1/(L−1)}; 1 without factors. Raises: ValueError for negative factors. Source: definition.
    """
    steps = at_least("factors", factors, 0)
    with np.errstate(divide="ignore"):
        return float(np.exp(0.5 * np.mean(np.log(steps)))) if steps.size else 1.0
