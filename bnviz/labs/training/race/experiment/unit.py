"""What a unit of the last hidden layer receives, and how it moves.

Index letters: S replicas, B samples, n units, E recorded points; leading axes of any number are written ….
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.probes import recording
from bnviz.core.replica_data import ReplicaData
from bnviz.core.replica_layers import AcrossReplicas
from bnviz.core.replicas import Replicas
from bnviz.labs.training.race.result import UnitMoments

Floats = NDArray[np.float64]


def unit_moments(network: Replicas, data: ReplicaData, batch: Tensor, unit: int) -> UnitMoments:
    """Send `batch` (S, B) through `network`; its running statistics and modes are left as they were."""
    norm = _batch_norm(network)
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    samples, _ = data.samples(batch)
    watched: list[nn.Module] = [network.activations[-1], *([] if norm is None else [network.normalizers[-1]])]
    try:
        with torch.no_grad(), recording(network, watched) as seen:
            network(samples)
    finally:
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)
    # Under batch norm the normalizer comes first in the order of the calls.
    values = seen.inputs[-1].double()
    watched_unit = values[:, :, unit]
    blank = np.full(network.count, np.nan)
    expected_mean, expected_deviation = blank, blank
    if norm is not None:
        variance = seen.inputs[0][:, :, unit].double().var(dim=1, correction=0)
        gamma, beta = affine(network, unit).T
        expected_mean = beta
        expected_deviation = np.abs(gamma) * (variance / (variance + norm.eps)).sqrt().numpy()
    return UnitMoments(
        watched_unit.mean(1).numpy(),
        watched_unit.std(dim=1, correction=0).numpy(),
        expected_mean,
        expected_deviation,
        (values**2).mean((1, 2)).numpy(),
        float((samples.double() ** 2).mean()),
    )


def affine(network: Replicas, unit: int) -> Floats:
    """γ and β, (S, 2), of a unit of the last hidden layer under batch norm; NaN where there is none."""
    norm = _batch_norm(network)
    if norm is None:
        return np.full((network.count, 2), np.nan)
    pair = [part.detach().view(network.count, -1)[:, unit].double().numpy() for part in (norm.weight, norm.bias)]
    return np.stack(pair, axis=1)


def drift(percentiles: Floats, steps: NDArray[np.int64], first: int) -> Floats:
    """Range of the median from step `first` on over the last 15–85 width, (…), of `percentiles` (…, E, 3).

    NaN where the width is 0 or something is not finite. Both are in the unit of the values, so that the ratio has none.
    """
    median = percentiles[..., steps >= min(first, int(steps[-1])), 1]
    width = percentiles[..., -1, 2] - percentiles[..., -1, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (median.max(-1) - median.min(-1)) / width
    moved: Floats = np.where(np.isfinite(share), share, np.nan)
    return moved


def first_reaching(accuracy: Floats, steps: NDArray[np.int64], goal: float) -> Floats:
    """The first of `steps` (E,) at which `accuracy` (…, E) is at least `goal`; NaN where it never is."""
    there = accuracy >= goal
    return np.where(there.any(-1), steps[there.argmax(-1)], np.nan)


def _batch_norm(network: Replicas) -> nn.BatchNorm1d | None:
    last = network.normalizers[-1] if network.normalizers else None
    norm = last.norm if isinstance(last, AcrossReplicas) else None
    return norm if isinstance(norm, nn.BatchNorm1d) else None
