"""What the topic `sharing` of the lab `convolution` measures.

Index letters: N images, C channels, H, W pixels; S statistics of a normalizer, E elements behind each; N·C·H·W = S·E.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.convolution.shared.parameters import SharingName
from bnviz.labs.convolution.sharing.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sharing:
    """How one normalizer treats the tensor."""

    membership: NDArray[np.int64]
    """(N, C, H, W) index in [0, S) of the statistic to which each element belongs."""
    statistics: Floats
    """(S, 2) mean and *biased* variance of each."""
    elements_per_statistic: int
    """E."""
    output: Floats
    """(N, C, H, W) what the module makes of the tensor in training mode, γ = 1, β = 0; NaN where PyTorch refuses."""
    reached: Floats
    """(S,) outputs of the module that changed when one element of the statistic was changed; NaN where it refuses."""
    misplaced: int
    """Outputs, over all those changes, that moved without belonging there or belonged there without moving."""
    refusal: str
    """PyTorch's own words where it refuses this tensor, else ""."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """Who shares a mean with whom."""

    settings: Settings
    """What was asked for."""
    x: Floats
    """(N, C, H, W) the tensor, the first batch of feature maps."""
    membership: NDArray[np.int64]
    """(N, C, H, W) as `Sharing.membership`, for the chosen normalizer."""
    statistics: Floats
    """(S, 2) as `Sharing.statistics`, for the chosen normalizer."""
    elements_per_statistic: int
    """E of the chosen normalizer."""
    sharing: dict[SharingName, Sharing]
    """All four normalizers; a `group` whose groups do not divide the channels is left out."""
    group_one_gap: float
    """Largest difference of GroupNorm(1) from LayerNorm on `x`; NaN where PyTorch refuses one of them."""
    group_all_gap: float
    """Largest difference of GroupNorm(C) from InstanceNorm on `x`; NaN where PyTorch refuses one of them."""
