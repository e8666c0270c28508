"""Whole feature maps before and after a normalizer, with γ and β of one channel.

Index letters: N images, C channels, H, W pixels, K bins.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.feature_maps import convolution
from bnviz.core.normalizers import make_map_normalizer
from bnviz.labs.convolution.maps.result import Maps, Result
from bnviz.labs.convolution.maps.settings import Settings
from bnviz.labs.convolution.shared.data import images_of, shown_images
from bnviz.labs.convolution.shared.membership import membership_of
from bnviz.study.histogram import Histogram, histogram

Floats = NDArray[np.float64]
Maps32 = NDArray[np.float32]
BINS: Final = 60
STEPS: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0)


def run(settings: Settings, data: NDArray[np.float32] | None = None) -> Result:
    """Feature maps before and after the normalizer.

    `data` (P, K, H, W) in [0, 1]: the visitor's own images where `source` is `upload`. Raises: UploadError without usable data;
    ValueError, PyTorch's own.
    """
    return Result(settings, measure(settings, images_of(settings, data)))


def measure(settings: Settings, images: Tensor) -> Maps:
    """Send the shown images through the convolution and PyTorch's normalizer in training mode. Raises: ValueError, PyTorch's own."""
    batch = shown_images(settings, images)
    with torch.no_grad():
        before: Tensor = convolution(settings.kernels, batch.shape[1], settings.channels, settings.seed)(batch)
        module = make_map_normalizer(settings.normalizer, *before.shape[1:], groups=settings.groups, eps=settings.eps)
        plain: Tensor = module(before)
        _rescale(module, settings)
        after: Tensor = module(before)
    entering, leaving = before.numpy(), after.numpy()
    mean, variance = _shared(entering, settings)
    predicted_mean, predicted_std = _predicted(entering, mean, variance, settings)
    reach = _step(max(_quantile(entering, 0.97), _quantile(plain.numpy(), 0.97)))
    span = _step(max(_quantile(entering, 0.99), _quantile(leaving, 0.99), 3.0))
    rows = [np.moveaxis(values, 1, 0).reshape(settings.channels, -1) for values in (entering, leaving)]
    return Maps(
        images=batch.numpy(),
        before=entering,
        after=leaving,
        mean=mean,
        variance=variance,
        before_mean=rows[0].mean(axis=1, dtype=np.float64),
        before_std=rows[0].std(axis=1, dtype=np.float64),
        after_mean=rows[1].mean(axis=1, dtype=np.float64),
        after_std=rows[1].std(axis=1, dtype=np.float64),
        moments={"before": _moments(entering), "after": _moments(leaving)},
        predicted_mean=predicted_mean,
        predicted_std=predicted_std,
        histograms_before=_within(rows[0], span),
        histograms_after=_within(rows[1], span),
        reach=reach,
    )


def _rescale(module: nn.Module, settings: Settings) -> None:
    """γ and β of the chosen channel; in layer norm, of all its pixels."""
    weight, bias = module.get_parameter("weight"), module.get_parameter("bias")
    with torch.no_grad():
        weight[settings.channel] = settings.gamma
        bias[settings.channel] = settings.beta


def _shared(before: Maps32, settings: Settings) -> tuple[Floats, Floats]:
    """Mean and biased variance (N, C) of the statistic to which each map belongs."""
    N, C, _, _ = before.shape
    membership = membership_of(settings.normalizer, (N, C, 1, 1), settings.groups).ravel()
    maps = before.reshape(N * C, -1).astype(np.float64)
    share = np.bincount(membership)[membership]
    mean = np.bincount(membership, maps.mean(axis=1))[membership] / share
    variance = np.bincount(membership, ((maps - mean[:, None]) ** 2).mean(axis=1))[membership] / share
    return mean.reshape(N, C), variance.reshape(N, C)


def _moments(maps: Maps32) -> Floats:
    axes = (2, 3)
    return np.stack((maps.mean(axis=axes, dtype=np.float64), maps.std(axis=axes, dtype=np.float64)), axis=-1)


def _predicted(before: Maps32, mean: Floats, variance: Floats, settings: Settings) -> tuple[Floats, Floats]:
    """Mean and standard deviation (C,) of what leaves the normalizer, from the first two moments of every map."""
    maps = before.astype(np.float64)
    slope, shift = 1 / np.sqrt(variance + settings.eps), np.zeros(settings.channels)
    slope[:, settings.channel] *= settings.gamma
    shift[settings.channel] = settings.beta
    centres = slope * (maps.mean(axis=(2, 3)) - mean) + shift
    spreads = slope**2 * maps.var(axis=(2, 3))
    return centres.mean(axis=0), np.sqrt(spreads.mean(axis=0) + centres.var(axis=0))


def _within(rows: Maps32, span: float) -> Histogram:
    return histogram(np.where(np.abs(rows) <= span, rows, np.nan), -span, span, BINS)


def _quantile(values: Maps32, share: float) -> float:
    return float(np.quantile(np.abs(values), share))


def _step(value: float) -> float:
    """The next step above `value`, so that a scale stays where it is while the data change a little."""
    return next((step for step in STEPS if step >= value), value)
