"""Data sources: real digits and photographs that ship with the package, and seeded synthetic features."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

DIGITS: Final = Path(__file__).parent / "data" / "digits.npz"
PHOTOS: Final = Path(__file__).parent / "data" / "photos.npz"
SyntheticName = Literal["gaussian", "skewed", "bimodal", "uniform"]


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
