"""Which elements of a tensor (N, C, H, W) share a mean and a variance, by rule and as PyTorch's modules show it.

Index letters: S statistics of a normalizer, E elements behind each; N·C·H·W = S·E.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.normalizers import make_map_normalizer
from bnviz.labs.convolution.shared.settings import SharingName

Floats = NDArray[np.float64]
SHARING: Final[tuple[SharingName, ...]] = get_args(SharingName)


@dataclass(frozen=True, slots=True)
class Sharing:
    """How one normalizer treats the tensor.

    - `membership` (N, C, H, W): index in [0, S) of the statistic to which each element belongs.
    - `statistics` (S, 2): mean and *biased* variance of each.
    - `elements_per_statistic`: E.
    - `output` (N, C, H, W): what the module makes of the tensor in training mode, γ = 1, β = 0; NaN where PyTorch refuses.
    - `reached` (S,): outputs of the module that changed when one element of the statistic was changed; NaN where it refuses.
    - `misplaced`: outputs, over all those changes, that moved without belonging there or belonged there without moving.
    - `refusal`: PyTorch's own words where it refuses this tensor, else empty.
    """

    membership: NDArray[np.int64]
    statistics: Floats
    elements_per_statistic: int
    output: Floats
    reached: Floats
    misplaced: int
    refusal: str


def membership_of(name: SharingName, shape: tuple[int, int, int, int], groups: int) -> NDArray[np.int64]:
    """The rule: index (N, C, H, W) of the statistic of every element. `groups` must divide C; only `group` uses it.

    Source: Wu & He 2018, arXiv:1803.08494, section 3.
    """
    N, C, _, _ = shape
    n, c = np.arange(N)[:, None], np.arange(C)[None, :]
    rules: dict[SharingName, NDArray[np.int64]] = {
        "batch": 0 * n + c,
        "layer": n + 0 * c,
        "instance": n * C + c,
        "group": n * groups + c * groups // C,
    }
    return np.ascontiguousarray(np.broadcast_to(rules[name][:, :, None, None], shape))


def sharing_of(name: SharingName, x: Tensor, groups: int, eps: float) -> Sharing:
    """Rule, statistics and PyTorch's own behaviour for the tensor `x` (N, C, H, W) float64.

    Raises: ValueError where `groups` do not divide C.
    """
    N, C, H, W = x.shape
    module = make_map_normalizer(name, C, H, W, groups=groups, eps=eps).double()
    membership = membership_of(name, (N, C, H, W), groups)
    places = membership.ravel()
    count = int(places.max()) + 1
    elements = places.size // count
    values = x.numpy().ravel()
    mean = np.bincount(places, values) / elements
    variance = np.bincount(places, (values - mean[places]) ** 2) / elements
    output, reached, misplaced, refusal = np.full((N, C, H, W), np.nan), np.full(count, np.nan), 0, ""
    try:
        output, reached, misplaced = _touch(module, x, places, count)
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


def _touch(module: nn.Module, x: Tensor, places: NDArray[np.int64], count: int) -> tuple[Floats, Floats, int]:
    """The module's output; for the first element of every statistic, the outputs that move when it does."""
    with torch.no_grad():
        still: Tensor = module(x)
        step = 1.0 + 3.0 * float(x.std(correction=0))
        reached, misplaced = np.zeros(count), 0
        firsts = np.unique(places, return_index=True)[1]
        for statistic, first in enumerate(firsts):
            moved = x.clone()
            moved.view(-1)[int(first)] += step
            changed = (module(moved) != still).numpy().ravel()
            reached[statistic] = changed.sum()
            misplaced += int((changed != (places == statistic)).sum())
    return still.numpy(), reached, misplaced
