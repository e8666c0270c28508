"""Which elements of a tensor (N, C, H, W) share a mean and a variance, by rule and as PyTorch's modules show it."""

from __future__ import annotations

from typing import Final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.normalizers import make_map_normalizer
from bnviz.errors import BatchOfOneError, BnvizError
from bnviz.i18n import N_
from bnviz.labs.convolution.shared.data import draws, images_of, population_of
from bnviz.labs.convolution.shared.membership import membership_of
from bnviz.labs.convolution.shared.parameters import SharingName
from bnviz.labs.convolution.sharing.result import Result, Sharing
from bnviz.labs.convolution.sharing.settings import Settings
from bnviz.settings import NORMALIZERS

Floats = NDArray[np.float64]
SHARING: Final[tuple[SharingName, ...]] = get_args(SharingName)


def run(settings: Settings, data: NDArray[np.float32] | None = None) -> Result:
    """Make feature maps, and let PyTorch's normalizers share them out.

    `data` (P, K, H, W) in [0, 1]: the visitor's own images where `source` is `upload`.
    Raises: UploadError without usable data; BatchOfOneError or BnvizError (PyTorch's own words) where the chosen
    normalizer has a single number per statistic.
    """
    _, C, H, W = settings.shape
    population = population_of(settings, images_of(settings, data))
    batch = population[draws(settings, len(population), 1)[0]]
    x: Tensor = nn.AdaptiveAvgPool2d((H, W))(batch).double()
    kept = [name for name in SHARING if name != "group" or C % settings.groups == 0]
    sharing = {name: sharing_of(name, x, settings.groups, settings.eps) for name in kept}
    chosen = sharing[settings.normalizer]
    if chosen.refusal:
        raise _refused(settings, chosen.refusal)
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
    )


def _refused(settings: Settings, words: str) -> BnvizError:
    if settings.normalizer == "batch":
        return BatchOfOneError(words)
    return BnvizError(
        N_("PyTorch refuses {normalizer} of a single number: {error} Make the map larger."),
        normalizer=NORMALIZERS[settings.normalizer],
        error=words,
    )


def sharing_of(name: SharingName, x: Tensor, groups: int, eps: float) -> Sharing:
    """Rule, statistics and PyTorch's own behaviour for the tensor `x` (N, C, H, W) float64.

    Raises: ValueError where `groups` do not divide C.
    """
    N, C, H, W = x.shape
    module = make_map_normalizer(name, C, H, W, groups=groups, eps=eps).double()
    membership = membership_of(name, (N, C, H, W), groups)
    owners = membership.ravel()
    count = int(owners.max()) + 1
    elements = owners.size // count
    values = x.numpy().ravel()
    mean = np.bincount(owners, values) / elements
    variance = np.bincount(owners, (values - mean[owners]) ** 2) / elements
    output, reached, misplaced, refusal = np.full((N, C, H, W), np.nan), np.full(count, np.nan), 0, ""
    try:
        output, reached, misplaced = _touch(module, x, owners, count)
    except ValueError as error:
        refusal = str(error)
    return Sharing(membership, np.stack((mean, variance), axis=1), elements, output, reached, misplaced, refusal)


def gaps(x: Tensor, eps: float) -> tuple[float, float]:
    """Largest difference of GroupNorm(1) from LayerNorm, and of GroupNorm(C) from InstanceNorm; NaN where PyTorch refuses one."""
    _, C, H, W = x.shape
    pairs = ((1, "layer"), (C, "instance"))
    return tuple(_gap(x, groups, make_map_normalizer(name, C, H, W, eps=eps).double(), eps) for groups, name in pairs)  # type: ignore[return-value, arg-type]


def _gap(x: Tensor, groups: int, other: nn.Module, eps: float) -> float:
    try:
        with torch.no_grad():
            difference: Tensor = nn.GroupNorm(groups, x.shape[1], eps=eps).double()(x) - other(x)
    except ValueError:
        return float("nan")
    return float(difference.abs().max())


def _touch(module: nn.Module, x: Tensor, owners: NDArray[np.int64], count: int) -> tuple[Floats, Floats, int]:
    """The module's output; for the first element of every statistic, the outputs that move when it does."""
    with torch.no_grad():
        still: Tensor = module(x)
        step = 1.0 + 3.0 * float(x.std(correction=0))
        reached, misplaced = np.zeros(count), 0
        firsts = np.unique(owners, return_index=True)[1]
        for statistic, first in enumerate(firsts):
            moved = x.clone()
            moved.view(-1)[int(first)] += step
            changed = (module(moved) != still).numpy().ravel()
            reached[statistic] = changed.sum()
            misplaced += int((changed != (owners == statistic)).sum())
    return still.numpy(), reached, misplaced
