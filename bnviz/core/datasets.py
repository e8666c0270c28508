"""Data sources: real digits and photographs that ship with the package, seeded synthetic features, points in the plane to classify."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

DIGITS: Final = Path(__file__).parent / "data" / "digits.npz"
PHOTOS: Final = Path(__file__).parent / "data" / "photos.npz"
SyntheticName = Literal["gaussian", "skewed", "bimodal", "uniform"]
PlaneName = Literal["moons", "circles", "spirals"]


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Handwritten digits: images (N, 1, H, W) = (1797, 1, 8, 8) float32 in [0, 1], labels (N,) int64. Do not write to them.

    Source: UCI optical recognition of handwritten digits, as in `sklearn.datasets.load_digits`, pixel / 16.
    """
    with np.load(DIGITS, allow_pickle=False) as file:
        images = torch.from_numpy(file["images"].astype(np.float32) / 16)
        labels = torch.from_numpy(file["labels"].astype(np.int64))
    return images.unsqueeze(1), labels


@cache
def photos() -> Tensor:
    """Two colour photographs (N, K, H, W) = (2, 3, 104, 160) float32 in [0, 1]. Do not write to them.

    Source: `china.jpg` and `flower.jpg` of `sklearn.datasets.load_sample_images`, shrunk four times; see `data/README.md`.
    """
    with np.load(PHOTOS, allow_pickle=False) as file:
        images = torch.from_numpy(file["images"].astype(np.float32) / 255)
    return images.permute(0, 3, 1, 2).contiguous()


def synthetic(
    name: SyntheticName, shape: tuple[int, ...], mean: float, std: float, generator: torch.Generator
) -> Tensor:
    """Independent values of the given `shape` whose population has mean `mean` and standard deviation `std`.

    `skewed`: exponential; `bimodal`: two equally likely normal peaks at ±0.9 with variance 0.19; `uniform`: flat.
    Each is standardized exactly.
    """
    if name == "gaussian":
        values = torch.randn(shape, generator=generator)
    elif name == "uniform":
        values = (torch.rand(shape, generator=generator) * 2 - 1) * 3**0.5
    elif name == "skewed":
        values = -torch.log1p(-torch.rand(shape, generator=generator)) - 1
    else:
        side = torch.randint(0, 2, shape, generator=generator) * 2 - 1
        values = 0.9 * side + 0.19**0.5 * torch.randn(shape, generator=generator)
    return values * std + mean


def _moons(along: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    x, y = torch.cos(math.pi * along), torch.sin(math.pi * along)
    return x * (1 - 2 * side) - 0.5 + side, y * (1 - 2 * side) - 0.25 + 0.5 * side


def _circles(along: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    radius = 1 - 0.5 * side
    return radius * torch.cos(2 * math.pi * along), radius * torch.sin(2 * math.pi * along)


def _spirals(along: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    # The root spreads the points evenly along the arm, near enough.
    radius, angle = 0.15 + 1.35 * along.sqrt(), 3 * math.pi * along.sqrt() + math.pi * side
    return radius * torch.cos(angle), radius * torch.sin(angle)


CURVES: Final[dict[PlaneName, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]]] = {
    "moons": _moons,
    "circles": _circles,
    "spirals": _spirals,
}


def plane(name: PlaneName, count: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Points of two classes in the plane: features (N, 2) float32, labels (N,) int64 in 0, 1, N = `count`, each class half of them.

    Each class lies on a curve, at a place that is uniform on it, plus N(0, `noise`²) in both directions. `moons`: two half
    circles of radius 1, reaching into each other. `circles`: radius 1 and ½. `spirals`: two arms of one and a half turns out to
    radius 1.5, the second half a turn behind the first. All are centred on the origin; class 0 is the upper, outer or first.
    Source: the moons and circles are those of `sklearn.datasets.make_moons` and `make_circles`, moved to the origin.
    """
    labels = torch.arange(count) % 2
    place = torch.rand(count, generator=generator, dtype=torch.float64)
    curve = torch.stack(CURVES[name](place, labels.double()), dim=1)
    scatter = torch.randn(count, 2, generator=generator, dtype=torch.float64)
    return (curve + noise * scatter).float(), labels


def batches(samples: int, batch_size: int, count: int, generator: torch.Generator) -> Tensor:
    """Sample indices (T, m) of `count` batches: epochs of random order without replacement, the short last batch dropped.

    Where `batch_size` is larger than `samples`, each batch draws with replacement.
    """
    if batch_size > samples:
        return torch.randint(0, samples, (count, batch_size), generator=generator)
    per_epoch = samples // batch_size
    epochs = -(-count // per_epoch)
    rows = [torch.randperm(samples, generator=generator)[: per_epoch * batch_size] for _ in range(epochs)]
    return torch.cat(rows).view(-1, batch_size)[:count]
