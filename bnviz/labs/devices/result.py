"""What the lab `devices` found. Index letters: K devices, T steps, C channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.devices.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
BUFFERS: Final = ("rank0", "averaged", "synchronized")


@dataclass(frozen=True, slots=True, eq=False)
class Result(Displayed):
    """One batch split over devices, normalized apart and synchronized, and what the buffers come to over many steps."""

    settings: Settings
    """As they were asked for."""
    device_mean: Floats
    """(K, C): mean of each device's share of the last batch."""
    device_var: Floats
    """(K, C): its biased variance, with which that device normalizes."""
    within: Floats
    """(C,): mean of the devices' biased variances, last batch."""
    between: Floats
    """(C,): biased variance of the devices' means."""
    total: Floats
    """(C,): biased variance of the whole batch, measured on all its values together."""
    between_by_step: Floats
    """(T, C): biased variance of the devices' means in every step."""
    sync_difference: float
    """Largest difference of an output between the simulated SyncBatchNorm and one BatchNorm over the whole batch, last step, float64."""
    local_difference: float
    """Root mean square difference between devices on their own and the whole batch's outputs, last step; outputs have size 1."""
    running_mean: Floats
    """(T+1, K, C): each device's own running mean where nothing is shared, before the first step and after each."""
    running_var: Floats
    """(T+1, K, C): likewise, fed with the unbiased variance of the device's share."""
    sync_mean: Floats
    """(T+1, C): running mean under SyncBatchNorm, on every device alike."""
    sync_var: Floats
    """(T+1, C): running variance under SyncBatchNorm, fed with the unbiased variance of the whole batch."""
    broadcast_mean: Floats
    """(C,): running mean that DDP leaves on every device with `broadcast_buffers=True`: rank 0's."""
    broadcast_var: Floats
    """(C,): likewise the running variance."""
    eval_error: dict[str, float]
    """By whose buffers (`BUFFERS`), root mean square error of the outputs in eval mode for held-out samples of all devices, against
    normalization with the true mean and variance of all devices together."""
    true_mean: Floats
    """(C,): of all samples that the devices draw from, shifts included."""
    true_var: Floats
    """(C,): likewise the biased variance."""
