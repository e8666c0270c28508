"""What the lab `batch_size` draws its batches from, and what theory makes of it.

Index letters: n images (all 1797 digits, the population), N images per batch, C channels, W of them looked at, P values per image
and channel (1 in the MLP, H·W in the CNN), K groups from which a batch may come (one group of everything, or the ten classes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.datasets import digits
from bnviz.core.replica_networks import NetworkPlan, plain_network
from bnviz.labs.batch_size.shared.parameters import CHANNELS, NetworkName, SamplingName
from bnviz.theory.noise import pooled_fidelity

Floats = NDArray[np.float64]

IMAGE: tuple[int, int, int] = (1, 8, 8)
CLASSES = 10
# Values per image looked at: all 64 of the MLP, the first four channels of the CNN (of its second layer all).
WIDEST = 256


def network_plan(network: NetworkName, normalizer: str, groups: int | None = None) -> NetworkPlan:
    """The lab's networks: `mlp` 64-64-64-10, `cnn` two blocks of 16 channels; ReLU, He initialization."""
    return NetworkPlan(
        inputs=IMAGE[1] * IMAGE[2] if network == "mlp" else IMAGE,
        classes=CLASSES,
        widths=(CHANNELS[network],) * 2,
        normalizer=normalizer,  # type: ignore[arg-type]
        init="he",
        groups=groups,
    )


class Noise(NamedTuple):
    """What theory says of batches of one size; NaN where undefined."""

    mean: float
    """Error of the batch mean, in units of σ."""
    variance: float
    """Error of the batch variance, in units of σ²."""
    fidelity: float
    """R² of output and true value."""


@dataclass(frozen=True, slots=True)
class Population:
    """What one batch norm layer receives, and the moments within each group from which a batch may come, in units of σ and its powers."""

    values: Tensor
    """(n, C) or (n, C, H, W)."""
    labels: Tensor
    """(n,)."""
    mean: Floats
    """(W,) of the population, μ, in the first channels."""
    std: Floats
    """(W,) of the population, σ."""
    weights: Floats
    """(K,) share of the images in each group."""
    offset: Floats
    """(K, W) the group's mean − μ."""
    variance: Floats
    """(K, W) of the group's values."""
    between: Floats
    """(K, W) variance of its images' means."""
    spread: Floats
    """(K, W) variance of its images' mean squared deviations."""

    @property
    def pixels(self) -> int:
        """P."""
        return int(self.values[0, 0].numel())

    @property
    def watched(self) -> int:
        """W."""
        return len(self.mean)

    def shares(self, channels: int) -> tuple[float, float]:
        """ρ̄ and ρ_c of the first `channels` together.

        ρ̄ is the mean correlation of two values of one image and channel, ρ_c the share of the variance of image means that lies
        between the groups.
        """
        outside = float((self.weights @ self.offset[:, :channels] ** 2).mean())
        image_means = outside + float((self.weights @ self.between[:, :channels]).mean())
        correlation = (self.pixels * image_means - 1) / (self.pixels - 1) if self.pixels > 1 else 0.0
        return correlation, outside / image_means

    def noise(self, images: int, channels: int) -> Noise:
        """Theory for batches of `images` from one group, over the first `channels`.

        The mean is exact. The variance is exact for feature vectors; for images it leaves out the scatter of (x̄ − μ)². The
        fidelity takes the values of feature vectors for normal, and the batch variance for a multiple of χ².
        """
        count = images * self.pixels
        if count < 2:
            return Noise(1.0, float("nan"), float("nan"))
        offset, variance, between, spread = (
            part[:, :channels] for part in (self.offset, self.variance, self.between, self.spread)
        )
        mean_noise = self.weights @ (offset**2 + between / images)
        biased = variance - between / images
        unbiased = biased * count / (count - 1)
        of_mean = 2 * (between / images) ** 2 * images / (images - 1) if images > 1 else 0.0
        scatter = spread / images + of_mean
        variance_noise = self.weights @ ((unbiased - 1) ** 2 + scatter)
        normal = 2 * variance**2 / (images - 1) if self.pixels == 1 else scatter
        fidelity = self.weights @ np.sqrt(
            variance * pooled_fidelity(variance * images / between, 2 * unbiased**2 / normal)
        )
        return Noise(
            float(np.sqrt(mean_noise.mean())), float(np.sqrt(variance_noise.mean())), float((fidelity**2).mean())
        )


def population(network: NetworkName, hidden_layer: int, sampling: SamplingName, seed: int) -> Population:
    """What the batch norm of `hidden_layer` (from 1) of the seed's fresh network receives for all digits.

    Layers in front of it are given all digits at once, so that their statistics are the population's.
    """
    images, labels = digits()
    layers = plain_network(network_plan(network, "batch"), seed).train()
    in_front = [index + 1 for index, layer in enumerate(layers) if isinstance(layer, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        values: Tensor = layers[: in_front[hidden_layer - 1]](images if network == "cnn" else images.flatten(1))
    pixels = values[0, 0].numel()
    flat = values[:, : WIDEST // pixels].double().numpy().reshape(len(values), -1, pixels)
    mean, std = flat.mean((0, 2)), flat.std((0, 2))
    standard = (flat - mean[:, None]) / std[:, None]
    groups = [np.arange(len(standard))]
    if sampling == "one_class":
        groups = [np.flatnonzero(labels.numpy() == label) for label in range(CLASSES)]
    moments = [_moments(standard[members]) for members in groups]
    weights = np.array([len(members) for members in groups]) / len(standard)
    return Population(values, labels, mean, std, weights, *(np.stack(part) for part in zip(*moments, strict=True)))


def _moments(values: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """`offset`, `variance`, `between`, `spread` of one group's `values` (n, C, P), each (C,)."""
    offset = values.mean((0, 2))
    squares = (values - offset[:, None]) ** 2
    return offset, squares.mean((0, 2)), values.mean(2).var(0), squares.mean(2).var(0)
