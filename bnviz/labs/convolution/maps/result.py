"""What the topic `maps` of the lab `convolution` measures.

Index letters: N images, K colours, C channels, H, W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.convolution.maps.settings import Settings
from bnviz.study.histogram import Histogram
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
Maps32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Maps:
    """Feature maps of whole images."""

    images: Maps32
    """(N, K, H, W) in [0, 1]."""
    before: Maps32
    """(N, C, H, W) what enters the normalizer."""
    after: Maps32
    """(N, C, H, W) what leaves it."""
    mean: Floats
    """(N, C) that normalized each map."""
    variance: Floats
    """(N, C) that normalized it, *biased*."""
    before_mean: Floats
    """(C,) of each channel over the batch."""
    before_std: Floats
    """(C,) of each channel over the batch, divided by N·H·W."""
    after_mean: Floats
    """(C,) likewise, of what leaves the normalizer."""
    after_std: Floats
    """(C,) likewise."""
    moments: dict[str, Floats]
    """(N, C, 2) under `before` and `after`: mean and standard deviation of every map by itself."""
    predicted_mean: Floats
    """(C,) of `after`, from the moments of `before` by y = γ(x − μ)/√(σ² + ε) + β."""
    predicted_std: Floats
    """(C,) likewise."""
    histograms_before: Histogram
    """Of each channel; over the edges of `histograms_after`, the few values beyond left out."""
    histograms_after: Histogram
    """Of each channel."""
    reach: float
    """The shared grey scale runs from −reach to reach. γ and β leave it alone, so that they can be seen."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a normalizer does to whole feature maps."""

    settings: Settings
    """What was asked for."""
    maps: Maps
    """Before and after."""
