"""The normalizers of the parameter table as PyTorch's own modules, for features (N, C) and feature maps (N, C, H, W)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import nn

from bnviz.settings import NormalizerName

MAX_GROUPS: Final = 8
MIN_CHANNELS: Final = 4


def group_count(channels: int) -> int:
    """Groups of `nn.GroupNorm`: the largest divisor of `channels` up to 8 that leaves 4 or more channels per group, else 1.

    Source: 8 groups as in the digits recipes; with fewer channels per group the statistics of (N, C) degenerate.
    """
    fitting = [g for g in range(1, MAX_GROUPS + 1) if channels % g == 0 and channels // g >= MIN_CHANNELS]
    return max(fitting, default=1)


def _instance(channels: int, eps: float) -> nn.Module:
    # Given (N, C), nn.InstanceNorm1d would take N for the channels; (N, C, 1) is what a feature vector is.
    return nn.Sequential(
        nn.Unflatten(1, (channels, 1)), nn.InstanceNorm1d(channels, eps=eps, affine=True), nn.Flatten(1)
    )


NORMALIZERS: Final[dict[NormalizerName, Callable[[int, float], nn.Module]]] = {
    "none": lambda channels, eps: nn.Identity(),
    "batch": lambda channels, eps: nn.BatchNorm1d(channels, eps=eps),
    "layer": lambda channels, eps: nn.LayerNorm(channels, eps=eps),
    "group": lambda channels, eps: nn.GroupNorm(group_count(channels), channels, eps=eps),
    "instance": _instance,
}


def make_normalizer(name: NormalizerName, channels: int, *, eps: float = 1e-5, gamma: float = 1.0) -> nn.Module:
    """A new affine module for features (N, C), C = `channels`, with every weight `gamma` and every bias 0.

    `instance` is built as PyTorch defines it, one statistic per sample and channel over the positions. A feature
    vector has one position, so in training the forward pass raises PyTorch's ValueError.
    """
    module = NORMALIZERS[name](channels, eps)
    for key, parameter in module.named_parameters():
        if key.endswith("weight"):
            nn.init.constant_(parameter, gamma)
    return module


def make_map_normalizer(
    name: NormalizerName, channels: int, height: int, width: int, *, groups: int = 1, eps: float = 1e-5
) -> nn.Module:
    """A new affine module for feature maps (N, C, H, W), γ = 1 and β = 0.

    γ and β belong to a channel, (C,), but for `layer`, whose `nn.LayerNorm` has them per element, (C, H, W).
    Raises: ValueError, PyTorch's own, where `groups` do not divide `channels`.
    """
    if name == "batch":
        return nn.BatchNorm2d(channels, eps=eps)
    if name == "layer":
        return nn.LayerNorm([channels, height, width], eps=eps)
    if name == "group":
        return nn.GroupNorm(groups, channels, eps=eps)
    if name == "instance":
        return nn.InstanceNorm2d(channels, eps=eps, affine=True)
    return nn.Identity()
