"""Kernels, the fixed convolution and tiles, against plain NumPy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.core.feature_maps import MIXTURE, convolution, kernels, tiles
from bnviz.core.normalizers import make_map_normalizer


def test_kernels_are_what_they_are_called() -> None:
    edge, blur, random, mixed = (kernels(name, 5) for name in ("edge", "blur", "random", "mixed"))  # type: ignore[arg-type]
    torch.testing.assert_close(edge.sum(dim=(1, 2)), torch.zeros(8))
    torch.testing.assert_close(blur.sum(dim=(1, 2)), torch.ones(8))
    assert (blur >= 0).all()
    assert edge[0].tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert edge[2].tolist() == [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    for turn in range(8):
        torch.testing.assert_close(edge[turn], -edge[(turn + 4) % 8])
    assert len({tuple(kernel.flatten().tolist()) for kernel in torch.cat((edge, blur, random))}) == 24
    sources = {"edge": edge, "blur": blur, "random": random}
    for channel, (kind, number) in enumerate(MIXTURE):
        torch.testing.assert_close(mixed[channel], sources[kind][number])
    assert not torch.equal(random, kernels("random", 6))
    torch.testing.assert_close(random, kernels("random", 5))


def test_a_kernel_sees_the_mean_of_the_colours_with_the_border_continued() -> None:
    image = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(1))
    maps = convolution("edge", 3, 4, 0)(image)
    grey = np.pad(image[0].mean(dim=0).numpy(), 1, mode="edge")
    for channel, kernel in enumerate(kernels("edge", 0)[:4].numpy()):
        for i, j in ((0, 0), (2, 3), (4, 5)):
            assert maps[0, channel, i, j] == pytest.approx((grey[i : i + 3, j : j + 3] * kernel).sum(), abs=1e-5)


def test_fewer_channels_are_the_first_of_more() -> None:
    image = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(convolution("random", 1, 3, 0)(image), convolution("random", 1, 8, 0)(image)[:, :3])


def test_tiles_are_cut_row_by_row() -> None:
    image = torch.arange(2 * 3 * 19 * 26, dtype=torch.float32).view(2, 3, 19, 26)
    cut = tiles(image)
    assert cut.shape == (2 * 2 * 3, 3, 8, 8)
    torch.testing.assert_close(cut[1], image[0, :, :8, 8:16])
    torch.testing.assert_close(cut[6 + 3], image[1, :, 8:16, :8])


def test_map_normalizers_are_pytorchs() -> None:
    kinds = {"batch": nn.BatchNorm2d, "layer": nn.LayerNorm, "group": nn.GroupNorm, "instance": nn.InstanceNorm2d}
    for name, kind in kinds.items():
        module = make_map_normalizer(name, 6, 4, 5, groups=3, eps=0.01)  # type: ignore[arg-type]
        assert type(module) is kind
        assert module.eps == 0.01
        assert module.weight.shape == ((6, 4, 5) if name == "layer" else (6,))
    assert make_map_normalizer("group", 6, 4, 5, groups=3).num_groups == 3
    assert isinstance(make_map_normalizer("none", 6, 4, 5), nn.Identity)
