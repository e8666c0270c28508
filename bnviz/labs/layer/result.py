"""What the lab `layer` measures.

Index letters: T batches shown, C channels, m samples per batch, P positions per sample (1 for `linear`, H·W for `conv`),
n = m·P values per statistic, K bins, N samples of the population. Values have the unit of what enters batch norm; after it, none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.layer.settings import Settings
from bnviz.study.histogram import Histogram
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """Moments of what enters batch norm in the chosen channel, drift aside, over all data."""

    mean: float
    """Of single values."""
    var: float
    """Of single values, divided by their number."""
    sample_mean_var: float
    """Variance of a sample's mean over its P positions; equal to `var` for `linear`."""
    size: float
    """N, or inf where samples are drawn independently."""
    excess_kurtosis: float | None
    """Of single values; None for `conv`, where they are not independent."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected running estimates. Entry i stands before shown batch i + 1; where nothing updates them they keep what they have."""

    mean: Floats
    """(T+1,): expected running mean."""
    mean_std: Floats
    """(T+1,): its standard deviation."""
    var: Floats
    """(T+1,): expected running variance."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What happened to the numbers of every shown batch.

    By stage: `input` (what enters batch norm), `normalized` (before γ and β), `scaled` (batch norm's output), `output` (after the
    activation).
    """

    settings: Settings
    """What was asked for."""
    statistics_source: Literal["batch", "running"]
    """Whose mean and variance normalized."""
    batches_before: int
    """Batches in the running estimates before the first shown one."""
    values_per_statistic: int
    """n."""
    stages: dict[str, Histogram]
    """By stage, counts (T, C, K); one set of edges per stage."""
    stage_mean: dict[str, Floats]
    """By stage, (T, C): mean of each batch."""
    stage_std: dict[str, Floats]
    """By stage, (T, C): standard deviation of each batch, biased (divided by n)."""
    batch_density: dict[str, Floats]
    """By stage, (T, K), chosen channel: density of each batch, over groups of bins that are as wide as its n values can fill."""
    batch_mean: Floats
    """(T, C): mean of each batch at `input`."""
    batch_var: Floats
    """(T, C): its *biased* variance, which normalizes in training."""
    used_mean: Floats
    """(T, C): the mean that normalized the batch."""
    used_var: Floats
    """(T, C): the variance that normalized it."""
    running_mean: Floats
    """(T+1, C): before the first shown batch (after the warm-up) and after each; 0 throughout where the layer keeps none."""
    running_var: Floats
    """(T+1, C): likewise, fed by PyTorch with the *unbiased* batch variance; 1 throughout where the layer keeps none."""
    percentiles: dict[str, Floats]
    """At `input` and `scaled`, (T, C, 3): 15th, 50th and 85th of each batch."""
    sample: dict[str, NDArray[np.float32]]
    """By stage, (T, C): the path of the first sample of each batch (`conv`: its central pixel)."""
    input_density: Floats
    """(T, K), chosen channel: density of `input` over the bins of `normalized`, likewise in groups, what lies beyond left out."""
    pooled: dict[str, Floats]
    """By stage, (K,), chosen channel: density over all shown batches."""
    predicted_density: Floats | None
    """(K,), chosen channel: closed form of the density of `normalized`: the law of n independent Gaussian values, or with running
    estimates a Gaussian input's; None where there is none."""
    normalized_fourth: Floats
    """(T,), chosen channel: mean of x̂⁴."""
    normalized_largest: float
    """Chosen channel: largest |x̂| of the run."""
    zero_share: Floats
    """(T,), chosen channel: share of values that leave the activation as exactly 0."""
    population: Population
    """Chosen channel: moments of the undisturbed `input` over all data."""
    forecast: Forecast
    """Chosen channel: what the running estimates should be."""
