"""What passes between the layers of the networks of the lab `placement`, at one point of their training.

Index letters: S replicas, B samples, n units, L hidden layers, K bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz import work
from bnviz.core.replica_data import ReplicaData
from bnviz.core.replicas import Replicas
from bnviz.settings import ActivationName
from bnviz.study.histogram import histogram
from bnviz.theory.activations import saturated_intervals

Floats = NDArray[np.float64]

BINS: Final = 120
HALF_RANGE: Final = 6.0
MOMENTS_SECONDS: Final = 2e-8  # for each value
LOOKED_AT: Final = 256  # samples per replica and look, at least


@dataclass(frozen=True, slots=True)
class Look:
    """What the activations and the layers after them receive, in training mode, all replicas together."""

    received: NDArray[np.int64]
    """(L, K): counts of activation inputs."""
    passed: NDArray[np.int64]
    """(L, K): counts of what the next layer receives."""
    saturated: Floats
    """(L,): share of activation inputs where |φ′| is below 5 % of its maximum."""
    dead: Floats
    """(L,): share of units whose every input is such."""
    received_variance: Floats
    """(L,): per unit over samples (biased variance), averaged over units; so are the next."""
    passed_mean: Floats
    """(L,)."""
    passed_mean_error: Floats
    """(L,): scatter over units / √n."""
    passed_variance: Floats
    """(L,)."""
    passed_variance_error: Floats
    """(L,): scatter over units / √n."""


@torch.no_grad()
def look(network: Replicas, data: ReplicaData, batches: Tensor, activation: ActivationName) -> Look:
    """Send `batches` (T, S, B) through `network` in training mode; its running statistics are left as they were."""
    hidden = len(network.activations)
    watched = [*network.activations, *network.linears[1:]]
    seen: list[list[Tensor]] = [[] for _ in watched]
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    was_training = network.training
    with _hooked(watched, seen):
        try:
            network.train()
            for batch in batches:
                network(data.samples(batch)[0])
        finally:
            network.train(was_training)
            for buffer, value in kept:
                buffer.copy_(value)
    rows = [_measured(torch.cat(inputs, dim=1), activation) for inputs in seen]
    received, passed = rows[:hidden], rows[hidden:]

    def column(part: list[dict[str, Any]], name: str) -> NDArray[Any]:
        return np.stack([row[name] for row in part])

    return Look(
        received=column(received, "counts"),
        passed=column(passed, "counts"),
        saturated=column(received, "saturated"),
        dead=column(received, "dead"),
        received_variance=column(received, "variance"),
        passed_mean=column(passed, "mean"),
        passed_mean_error=column(passed, "mean_error"),
        passed_variance=column(passed, "variance"),
        passed_variance_error=column(passed, "variance_error"),
    )


@contextmanager
def _hooked(watched: Sequence[nn.Module], seen: list[list[Tensor]]) -> Iterator[None]:
    handles = [
        module.register_forward_pre_hook(lambda _, arguments, kept=kept: kept.append(arguments[0].detach()))
        for module, kept in zip(watched, seen, strict=True)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _measured(values: Tensor, activation: ActivationName) -> dict[str, Any]:
    """Numbers of what one layer receives, from `values` (S, B, n)."""
    flat = np.ascontiguousarray(values.numpy())
    saturated = np.zeros(flat.shape, dtype=bool)
    for low, high in saturated_intervals(activation):
        saturated |= (flat >= low) & (flat <= high)
    # A replica that has diverged has no moments; the others' are averaged.
    alive = np.isfinite(flat).all(axis=(1, 2))
    units = flat[alive].astype(np.float64)
    means, variances = units.mean(axis=1).ravel(), units.var(axis=1).ravel()
    width = math.sqrt(flat.shape[2])
    some = bool(alive.any())
    work.done(MOMENTS_SECONDS * flat.size)
    return {
        "counts": histogram(flat.reshape(1, -1), -HALF_RANGE, HALF_RANGE, BINS).counts[0],
        "saturated": np.float64(saturated[alive].mean() if some else math.nan),
        "dead": np.float64(saturated[alive].all(axis=1).mean() if some else math.nan),
        "mean": np.float64(means.mean() if some else math.nan),
        "mean_error": np.float64(means.std() / width if some else math.nan),
        "variance": np.float64(variances.mean() if some else math.nan),
        "variance_error": np.float64(variances.std() / width if some else math.nan),
    }
