"""Lab `convolution`: which numbers of a tensor (N, C, H, W) share one mean.

The tensor: N images, a fixed `nn.Conv2d` with C kernels, `nn.AdaptiveAvgPool2d` to H×W. S statistics, E elements each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.errors import BatchOfOneError, BnvizError
from bnviz.i18n import N_
from bnviz.labs.convolution.effective import experiment as effective
from bnviz.labs.convolution.effective.experiment import Effective
from bnviz.labs.convolution.maps import experiment as maps
from bnviz.labs.convolution.maps.experiment import Maps
from bnviz.labs.convolution.shared.data import draws, images_of, population_of
from bnviz.labs.convolution.shared.settings import Settings, SharingName
from bnviz.labs.convolution.sharing.experiment import SHARING, Sharing, gaps, sharing_of
from bnviz.settings import NORMALIZERS

__all__ = ["Effective", "Maps", "Result", "Settings", "Sharing", "run"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result:
    """Who shares a mean with whom, and what those numbers are worth; shapes by the module's index letters.

    - `x` (N, C, H, W): the tensor, the first batch of feature maps.
    - `membership` (N, C, H, W): index in [0, S) of the statistic of each element, for the chosen normalizer.
    - `statistics` (S, 2): mean and *biased* variance of each statistic. `elements_per_statistic`: E.
    - `sharing`: the same and more for all four normalizers, `batch`, `layer`, `instance` and `group`; a `group` whose
      groups do not divide the channels is left out.
    - `group_one_gap`, `group_all_gap`: largest difference of GroupNorm(1) from LayerNorm and of GroupNorm(C) from
      InstanceNorm on `x`; NaN where PyTorch refuses one of them.
    - `effective_samples` (C,): independent samples that the N·H·W numbers behind one mean of batch norm are worth, the
      population's variance over that of the batch mean, measured over 1000 batches; `effective_samples_error` (C,): its
      standard error. `effective_samples_theory` (C,): N·HW/(1 + (HW − 1)ρ̄), with the population's ρ̄.
    - `effective`: the same at several resolutions (in the topic `effective`), and what stands behind it.
    - `maps`: whole feature maps before and after, in the topic `maps`; else None.
    """

    settings: Settings
    x: Floats
    membership: NDArray[np.int64]
    statistics: Floats
    elements_per_statistic: int
    sharing: dict[SharingName, Sharing]
    group_one_gap: float
    group_all_gap: float
    effective_samples: Floats
    effective_samples_error: Floats
    effective_samples_theory: Floats
    effective: Effective
    maps: Maps | None


def run(settings: Settings, data: NDArray[np.float32] | None = None) -> Result:
    """Make feature maps, let PyTorch's normalizers share them out, and measure what a batch mean is worth.

    `data` (P, K, H, W) in [0, 1]: the visitor's own images where `source` is `upload`.
    The settings' bounds bound the work: at most 1000 batches of 16·8·8·8 numbers, about 0.1 s.
    Raises: UploadError without usable data; BatchOfOneError or BnvizError (PyTorch's own words) where the chosen
    normalizer has a single number per statistic.
    """
    _, C, H, W = settings.shape
    images = images_of(settings, data)
    population = population_of(settings, images)
    batch = population[draws(settings, len(population), 1)[0]]
    x: Tensor = nn.AdaptiveAvgPool2d((H, W))(batch).double()
    kept = [name for name in SHARING if name != "group" or C % settings.groups == 0]
    sharing = {name: sharing_of(name, x, settings.groups, settings.eps) for name in kept}
    chosen = sharing[settings.normalizer]
    if chosen.refusal and settings.topic == "sharing":
        raise _refused(settings, chosen.refusal)
    worth = effective.measure(settings, population, sweep=settings.topic == "effective")
    one, every = gaps(x, settings.eps)
    return Result(
        settings=settings,
        x=x.numpy(),
        membership=chosen.membership,
        statistics=chosen.statistics,
        elements_per_statistic=chosen.elements_per_statistic,
        sharing=sharing,
        group_one_gap=one,
        group_all_gap=every,
        effective_samples=worth.samples[worth.here],
        effective_samples_error=worth.error[worth.here],
        effective_samples_theory=worth.theory[worth.here],
        effective=worth,
        maps=maps.measure(settings, images) if settings.topic == "maps" else None,
    )


def _refused(settings: Settings, words: str) -> BnvizError:
    if settings.normalizer == "batch":
        return BatchOfOneError(words)
    name = NORMALIZERS[settings.normalizer]
    return BnvizError(
        N_("PyTorch refuses {normalizer} of a single number: {error} Make the map larger."),
        normalizer=name,
        error=words,
    )
