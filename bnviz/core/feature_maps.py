"""Feature maps: images, tiles cut out of them, and a fixed `nn.Conv2d` of edge, blur and random kernels.

Index letters: P images, K colours, C channels, H, W pixels.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import torch
from torch import Tensor, nn

from bnviz.core.streams import stream

KernelName = Literal["mixed", "edge", "blur", "random"]

MAX_CHANNELS: Final = 8
TILE: Final = 8
# Robinson's compass: one edge detector, turned by 45° seven times. Its ring of eight weights, clockwise from top left.
RING: Final = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
EDGE: Final = (-1.0, 0.0, 1.0, 2.0, 1.0, 0.0, -1.0, -2.0)
BLURS: Final = (
    ((1, 2, 1), (2, 4, 2), (1, 2, 1)),
    ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    ((0, 0, 0), (1, 1, 1), (0, 0, 0)),
    ((0, 1, 0), (0, 1, 0), (0, 1, 0)),
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    ((0, 1, 0), (1, 1, 1), (0, 1, 0)),
    ((1, 1, 1), (1, 0, 1), (1, 1, 1)),
)
MIXTURE: Final = (
    ("blur", 0),
    ("edge", 0),
    ("edge", 2),
    ("random", 5),
    ("blur", 1),
    ("edge", 1),
    ("edge", 3),
    ("random", 6),
)


def kernels(name: KernelName, seed: int) -> Tensor:
    """Eight 3×3 kernels (8, 3, 3) float32.

    `edge`: the compass, each of sum 0. `blur`: weighted means, each of sum 1. `random`: N(0, 2/9), He's initialization for
    nine inputs. `mixed`: blur, vertical edges, horizontal edges, random, and the same once more with others of their kind.
    """
    if name == "edge":
        bank = torch.zeros(MAX_CHANNELS, 3, 3)
        for turn in range(MAX_CHANNELS):
            for place, (row, column) in enumerate(RING):
                bank[turn, row, column] = EDGE[(place - turn) % len(EDGE)]
        return bank
    if name == "blur":
        weights = torch.tensor(BLURS, dtype=torch.float32)
        mean: Tensor = weights / weights.sum(dim=(1, 2), keepdim=True)
        return mean
    if name == "random":
        return torch.randn(MAX_CHANNELS, 3, 3, generator=stream(seed, "init")) * math.sqrt(2 / 9)
    every: dict[str, Tensor] = {
        "edge": kernels("edge", seed),
        "blur": kernels("blur", seed),
        "random": kernels("random", seed),
    }
    return torch.stack([every[kind][number] for kind, number in MIXTURE])


def convolution(name: KernelName, in_channels: int, out_channels: int, seed: int) -> nn.Conv2d:
    """A fixed `nn.Conv2d` from `in_channels` to `out_channels`, 3×3, without bias; each kernel looks at the mean of the colours.

    The border is continued outwards (`padding_mode="replicate"`): zeros there would be edges that no image has.
    """
    layer = nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="replicate", bias=False)
    with torch.no_grad():
        layer.weight.copy_(
            (kernels(name, seed)[:out_channels, None] / in_channels).expand(out_channels, in_channels, 3, 3)
        )
    return layer.requires_grad_(False)


def tiles(images: Tensor) -> Tensor:
    """All 8×8 tiles of a grid over `images` (P, K, H, W), as (P', K, 8, 8); what the grid leaves over is cut off."""
    P, K, H, W = images.shape
    rows, columns = H // TILE, W // TILE
    cut = images[:, :, : rows * TILE, : columns * TILE].view(P, K, rows, TILE, columns, TILE)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, K, TILE, TILE)
