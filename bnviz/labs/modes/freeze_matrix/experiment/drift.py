"""How far the running means of a frozen layer go: the theory view of the topic `freeze_matrix` of the lab `modes`.

Index letters: T fine-tuning steps.
"""

from __future__ import annotations

import copy
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.datasets import batches
from bnviz.core.streams import stream
from bnviz.labs.modes.freeze_matrix.settings import Settings
from bnviz.theory import running

Floats = NDArray[np.float64]

PRETRAINING: Final = 100


@torch.no_grad()
def drift(settings: Settings, pretrained: nn.Sequential, new: tuple[Tensor, Tensor]) -> tuple[Floats, Floats]:
    """How far the first batch norm's running means go to the means of the new images, and the standard error, both (T+1,)."""
    linear, norm = pretrained[0], copy.deepcopy(pretrained[1]).train()
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    images, labels = new
    start = norm.running_mean.double()
    way = linear(images).double().mean(0) - start
    gone, shares = [0.0], []
    for batch in batches(len(labels), settings.batch_size, settings.steps, stream(settings.seed, "recalibration")):
        values = linear(images[batch])
        shares.append(float((values.double().mean(0) - start) @ way / (way @ way)))
        norm(values)
        gone.append(float((norm.running_mean.double() - start) @ way / (way @ way)))
    steps = np.arange(settings.steps + 1)
    weights = squared_weights(settings, steps)
    deviation = float(np.std(shares, ddof=1)) if len(shares) > 1 else float("nan")
    return np.array(gone), deviation * np.sqrt(weights)


def squared_weights(settings: Settings, steps: NDArray[np.int64]) -> Floats:
    """Sum of the squared weights of the batches of the fine-tuning."""
    if settings.momentum == "cumulative":
        return steps / (steps + PRETRAINING) ** 2
    return np.asarray(running.squared_weights(settings.momentum, steps))


def drift_theory(settings: Settings, steps: NDArray[np.int64]) -> Floats:
    """Weight of the batches of the fine-tuning; the plain average has those before in it as well."""
    if settings.momentum == "cumulative":
        return steps / (steps + PRETRAINING)
    return np.asarray(1 - running.initial_weight(settings.momentum, steps))
