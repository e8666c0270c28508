"""The rule by which the elements of a tensor (N, C, H, W) share a mean and a variance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.convolution.shared.parameters import SharingName


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
