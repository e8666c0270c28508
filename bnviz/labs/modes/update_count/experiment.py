"""Topic `update_count` of the lab `modes`: how often the running statistics move per optimizer step, and what that does.

Index letters: W ways of training, T optimizer steps.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.datasets import batches
from bnviz.core.optimizers import SGD
from bnviz.core.replica_networks import plain_network
from bnviz.core.streams import stream
from bnviz.labs.modes.shared.network import (
    check_seconds,
    digits_of,
    network_plan,
    norms_of,
    sgd,
    step_seconds,
    training_batches,
)
from bnviz.labs.modes.update_count.result import WAYS, Floats, Result, WayName
from bnviz.labs.modes.update_count.settings import Settings
from bnviz.settings import MomentumValue
from bnviz.theory import running

Stock = Iterator[tuple[Tensor, Tensor]]
StepBatches = list[tuple[Tensor, Tensor]]  # images and labels of one optimizer step
MAX_UPDATES: Final = 32  # the largest accumulation


def run(settings: Settings) -> Result:
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
    counts = np.arange(1, MAX_UPDATES + 1)
    corrected = corrected_momentum(settings.momentum, settings.accumulation)
    rerun = (
        None
        if corrected is None
        else _run(settings.replace(momentum=corrected, steps=1), "accumulation", iter(stock), validation)
    )
    plain = runs[WAYS.index("plain")]
    return Result(
        settings=settings,
        ways=WAYS,
        updates=np.array([run.first for run in runs]) / settings.steps,
        updates_last=np.array([run.last for run in runs]) / settings.steps,
        updates_theory=updates_theory,
        old_weight=old,
        old_weight_theory=theory,
        momentum=1 - old[:, 1],
        momentum_theory=1 - theory[:, 1],
        counts=counts,
        momentum_by_count=1 - running.initial_weight(settings.momentum, counts),
        corrected=np.nan if corrected is None else corrected,
        corrected_momentum=np.nan if rerun is None else 1 - float(rerun.old_weight[1]),
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
    refuse_batch_of_one(settings.batch_size, settings.width)
    passes = settings.steps * (settings.accumulation + 9) + settings.accumulation
    one = 1.05 * step_seconds(settings, settings.batch_size)
    check_seconds(passes * one, ("steps", "accumulation", "batch_size", "depth", "width"))


@dataclass(frozen=True, slots=True)
class _Run:
    """`first`, `last`: `num_batches_tracked` of the first and the last batch norm; `old_weight` (T+1,)."""

    first: int
    last: int
    old_weight: Floats
    batch_mean: float
    running_mean: float


def _run(settings: Settings, way: WayName, stock: Stock, validation: tuple[Tensor, Tensor]) -> _Run:
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
    with _twinned(twin, norms[0]):
        for _ in range(settings.steps):
            step = [next(stock) for _ in range(count)]
            if not means:
                batch_mean = float(network[0](step[0][0])[:, 0].detach().mean())
            STEPS[way](network, optimizer, [*step, validation] if way == "validation" else step)
            weights.append(float((other.double() - mean.double()).mean()))
            means.append(float(mean[0]))
    first, last = norms[0].num_batches_tracked, norms[-1].num_batches_tracked
    assert first is not None
    assert last is not None
    return _Run(int(first), int(last), np.array(weights), batch_mean, means[0])


@contextmanager
def _twinned(twin: nn.BatchNorm1d, norm: nn.BatchNorm1d) -> Iterator[None]:
    """Whatever `norm` gets, `twin` gets too."""

    def forward(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        with torch.no_grad():
            twin(*arguments)

    handle = norm.register_forward_pre_hook(forward)
    try:
        yield
    finally:
        handle.remove()


def _plain(network: nn.Sequential, optimizer: SGD, step: StepBatches) -> None:
    for images, labels in step:
        loss = functional.cross_entropy(network(images), labels) / len(step)
        loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _second_pass(network: nn.Sequential, optimizer: SGD, step: StepBatches) -> None:
    """The loss of two passes of the same batch, as methods with two views or a penalty on the output take it."""
    ((images, labels),) = step
    first, second = network(images), network(images)
    loss = (functional.cross_entropy(first, labels) + functional.cross_entropy(second, labels)) / 2
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _checkpointed(network: nn.Sequential, optimizer: SGD, step: StepBatches, *, reentrant: bool) -> None:
    ((images, labels),) = step
    values = images.clone().requires_grad_()  # without it the reentrant kind gives the first layer no gradient
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reentrant kind is deprecated, and says so at every call
        for start in range(0, len(network) - 1, 3):
            # Nothing draws in these layers, so no state of chance needs keeping.
            values = checkpoint(network[start : start + 3], values, use_reentrant=reentrant, preserve_rng_state=False)
        loss = functional.cross_entropy(network[-1](values), labels)
        loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _validated(network: nn.Sequential, optimizer: SGD, step: StepBatches) -> None:
    """A step, and then a batch of test images for validation: no gradients, but nobody called eval()."""
    batch, (held_out, _) = step
    _plain(network, optimizer, [batch])
    with torch.no_grad():
        network(held_out)


STEPS: Final[dict[WayName, Callable[[nn.Sequential, SGD, StepBatches], None]]] = {
    "plain": _plain,
    "accumulation": _plain,
    "second_pass": _second_pass,
    "checkpoint": lambda *call: _checkpointed(*call, reentrant=False),
    "checkpoint_reentrant": lambda *call: _checkpointed(*call, reentrant=True),
    "validation": _validated,
}
