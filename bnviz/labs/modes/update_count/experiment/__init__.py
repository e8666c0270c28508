"""Topic `update_count` of the lab `modes`: how often the running statistics move per optimizer step, and what that does.

Index letters: W ways of training, T optimizer steps.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.datasets import batches
from bnviz.core.replica_networks import plain_network
from bnviz.core.streams import stream
from bnviz.labs.modes.shared.network import (
    check_seconds,
    digits_of,
    forward_seconds,
    network_plan,
    norms_of,
    refuse_batch_of_one,
    sgd,
    training_batches,
)
from bnviz.labs.modes.update_count.experiment.ways import STEPS, WAYS, WayName
from bnviz.labs.modes.update_count.settings import Settings
from bnviz.settings import MomentumValue
from bnviz.theory import running

Floats = NDArray[np.float64]
Batches = Iterator[tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class UpdateCountResult:
    """`ways` (W,): one forward pass per step; `accumulation` of k batches; a second forward pass of the same batch; the
    hidden layers in `torch.utils.checkpoint`, `use_reentrant` False and True; and one validation batch without gradients, but in
    train mode, after each step.

    `updates` (W,): `num_batches_tracked` of the first batch norm after all steps / steps; `updates_last` (W,): of the last
    batch norm; `updates_theory` (W,). `old_weight` (W, T+1): weight that the running mean of before the first step still has after
    each step, measured (see `_run`); `old_weight_theory` (W, T+1): (1 − α)^(updates·t). `momentum`, `momentum_theory` (W,):
    weight of what one optimizer step brings, 1 − (1 − α)^k: what the momentum really is, counted in optimizer steps.
    `batch_mean`, `running_mean`: of the first unit of the first layer, for the first batch and after one plain step with it.
    `corrected`: the momentum that gives `accumulation` the pace of a plain run, `corrected_momentum`: what was measured with it;
    NaN for "cumulative".
    """

    settings: Settings
    ways: tuple[WayName, ...]
    updates: Floats
    updates_last: Floats
    updates_theory: Floats
    old_weight: Floats
    old_weight_theory: Floats
    momentum: Floats
    momentum_theory: Floats
    corrected: float
    corrected_momentum: float
    batch_mean: float
    running_mean: float


def run(settings: Settings) -> UpdateCountResult:
    """Train in every way and count.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    _check(settings)
    data = digits_of(settings)
    stock = training_batches(data, settings.batch_size, settings.steps * settings.accumulation + 1)
    updates_theory = np.array([1.0, settings.accumulation, 2, 2, 2, 2])
    held_out = data.test[0][batches(data.test.shape[1], settings.batch_size, 1, stream(settings.seed, "order"))[0]]
    validation = data.features[held_out], data.labels[held_out]
    runs = [_run(settings, way, iter(stock), validation) for way in WAYS]
    steps = np.arange(settings.steps + 1)
    theory = np.stack([running.initial_weight(settings.momentum, count * steps) for count in updates_theory])
    old = np.stack([run.old_weight for run in runs])
    corrected = corrected_momentum(settings.momentum, settings.accumulation)
    cured = (
        None
        if corrected is None
        else _run(settings.replace(momentum=corrected, steps=1), "accumulation", iter(stock), validation)
    )
    plain = runs[WAYS.index("plain")]
    return UpdateCountResult(
        settings=settings,
        ways=WAYS,
        updates=np.array([run.first for run in runs]) / settings.steps,
        updates_last=np.array([run.last for run in runs]) / settings.steps,
        updates_theory=updates_theory,
        old_weight=old,
        old_weight_theory=theory,
        momentum=1 - old[:, 1],
        momentum_theory=1 - theory[:, 1],
        corrected=np.nan if corrected is None else corrected,
        corrected_momentum=np.nan if cured is None else 1 - float(cured.old_weight[1]),
        batch_mean=plain.batch_mean,
        running_mean=plain.running_mean,
    )


def corrected_momentum(momentum: MomentumValue, updates: int) -> float | None:
    """The momentum that in `updates` updates does what `momentum` does in one: 1 − (1 − α)^(1/k); None for "cumulative"."""
    if isinstance(momentum, str):
        return None
    # Written so that a tiny momentum is not lost in 1 − α; what underflows has no correction.
    return 1.0 if momentum == 1 else -math.expm1(math.log1p(-momentum) / updates) or None


def _check(settings: Settings) -> None:
    refuse_batch_of_one(settings)
    passes = settings.steps * (settings.accumulation + 9) + settings.accumulation
    one = 3 * forward_seconds(settings, settings.batch_size) + 5e-5
    check_seconds(passes * one, ("steps", "accumulation", "batch_size", "depth", "width"))


@dataclass(frozen=True, slots=True)
class _Run:
    """`first`, `last`: `num_batches_tracked` of the first and the last batch norm; `old_weight` (T+1,)."""

    first: int
    last: int
    old_weight: Floats
    batch_mean: float
    running_mean: float


def _run(settings: Settings, way: WayName, stock: Batches, validation: tuple[Tensor, Tensor]) -> _Run:
    """Train in one way, and see how much of what the first running mean starts with is left.

    Running statistics are linear in what they start with: a twin of the first batch norm hears all that this one gets, its
    running mean starts with 1 instead of 0, and the difference of the two is the weight of the start.
    """
    network = plain_network(network_plan(settings), settings.seed)
    norms = norms_of(network)
    twin = copy.deepcopy(norms[0])
    mean, other = norms[0].running_mean, twin.running_mean
    assert mean is not None
    assert other is not None
    other.fill_(1.0)
    optimizer = sgd(network, settings)
    count = settings.accumulation if way == "accumulation" else 1
    weights = [1.0]
    means: list[float] = []
    batch_mean = 0.0
    with _heard_by(twin, norms[0]):
        for _ in range(settings.steps):
            parts = [next(stock) for _ in range(count)]
            if not means:
                batch_mean = float(network[0](parts[0][0])[:, 0].detach().mean())
            STEPS[way](network, optimizer, [*parts, validation] if way == "validation" else parts)
            weights.append(float((other.double() - mean.double()).mean()))
            means.append(float(mean[0]))
    first, last = norms[0].num_batches_tracked, norms[-1].num_batches_tracked
    assert first is not None
    assert last is not None
    return _Run(int(first), int(last), np.array(weights), batch_mean, means[0])


@contextmanager
def _heard_by(twin: nn.BatchNorm1d, norm: nn.BatchNorm1d) -> Iterator[None]:
    """Whatever `norm` gets, `twin` gets too."""

    def hear(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        with torch.no_grad():
            twin(*arguments)

    handle = norm.register_forward_pre_hook(hear)
    try:
        yield
    finally:
        handle.remove()
