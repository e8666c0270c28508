"""Topic `momentum_error` of the lab `modes`: test error in eval mode against momentum, and after recalibration.

The weights do not depend on the momentum: training normalizes with the batch. So each seed is trained once, and for every
momentum a real `nn.BatchNorm1d` listens to what all batch norms of the network receive: PyTorch's own update of its buffers,
without the normalized output.

Index letters: M momentums, S seeds, K numbers of recalibration batches, Q pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.arrays import Arrays, arrays_of, load_arrays
from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.recalibration import refilling
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data
from bnviz.core.replica_networks import build_replicas, plain_network
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, predicted, train
from bnviz.labs.modes.momentum_error.result import Floats, Result
from bnviz.labs.modes.momentum_error.settings import GRID, Settings, compared
from bnviz.labs.modes.shared.network import (
    check_seconds,
    forward_seconds,
    network_plan,
    norms_of,
    step_seconds,
)
from bnviz.settings import MomentumValue
from bnviz.study.over_seeds import over_seeds
from bnviz.study.verdict import SMALLEST_EFFECT, judge
from bnviz.theory import running

COUNTS: Final = (1, 2, 4, 8, 16, 32)
TESTED: Final = 450
AT_ONCE: Final = 150_000  # values that leave a layer: memory for more is fetched and given back each time


def run(settings: Settings) -> Result:
    """Train `seeds` networks once, evaluate them with the running statistics of every momentum, and recalibrated.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    momentums = compared(settings.momentum)
    counts = tuple(sorted({*COUNTS, settings.passes}))
    _check(settings, len(momentums), len(counts))
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    # A momentum beside the grid needs a listener of its own.
    trained = train_networks(settings.with_defaults("passes", *(["momentum"] if settings.momentum in GRID else [])))
    network = trained.network(settings)
    gone = trained.diverged_at >= 0

    wrong = _error_of(network, data)
    errors = []
    for heard in trained.heard:
        for norm, statistics in zip(norms_of(network), torch.from_numpy(heard).unbind(1), strict=True):
            norm.running_mean, norm.running_var = statistics.clone()
        errors.append(np.where(gone, np.nan, wrong()))
    fresh = batch_indices(data, settings.batch_size, counts[-1], purpose="recalibration")
    passes = refilling(network, (data.samples(batch)[0] for batch in fresh))
    by_count = np.stack([np.where(gone, np.nan, wrong()) for count in passes if count in counts])
    error, recalibrated = np.stack(errors), by_count[counts.index(settings.passes)]
    pairs = tuple(dict.fromkeys((settings.momentum, momentums[0], momentums[-2])))
    differences = np.stack([error[momentums.index(momentum)] - recalibrated for momentum in pairs])
    return Result(
        settings=settings,
        momentums=momentums,
        chosen=momentums.index(settings.momentum),
        error=error,
        recalibrated=recalibrated,
        counts=np.array(counts),
        by_count=by_count,
        over=over_seeds(error),
        recalibrated_over=over_seeds(recalibrated, 0),
        count_over=over_seeds(by_count),
        left_over=np.array([float(running.initial_weight(momentum, settings.steps)) for momentum in momentums]),
        left_over_measured=trained.left_over,
        pairs=pairs,
        differences=differences,
        findings=tuple(judge(row, SMALLEST_EFFECT) for row in differences),
        diverged_at=trained.diverged_at,
    )


def _check(settings: Settings, momentums: int, counts: int) -> None:
    refuse_batch_of_one(settings.batch_size, settings.width)
    one = forward_seconds(settings, settings.batch_size, settings.seeds)
    step = step_seconds(settings, settings.batch_size, settings.seeds)
    listening = momentums * settings.depth * (6e-6 + 5e-10 * settings.seeds * settings.batch_size * settings.width)
    test = forward_seconds(settings, TESTED, settings.seeds)
    seconds = settings.steps * (step + listening + 1e-4) + max(*COUNTS, settings.passes) * one
    seconds += (momentums + counts + 1) * test
    check_seconds(1.35 * seconds, ("seeds", "steps", "batch_size", "depth", "width"))


def _error_of(network: Replicas, data: ReplicaData) -> Callable[[], Floats]:
    """What gives the share (S,) of test images that are predicted wrongly in eval mode with the running statistics of the moment.

    What the first layer makes of the images does not depend on them.
    """
    images, labels = data.samples(data.test)
    assert isinstance(network.chain, nn.Sequential)
    first, *others = network.chain
    rest = nn.Sequential(*others)
    with torch.no_grad():
        entered: Tensor = first(images)
    chunks = torch.split(entered, max(1, AT_ONCE // entered[:, 0].numel()), dim=1)

    @torch.no_grad()
    def wrong() -> Floats:
        rest.eval()
        guesses = torch.cat([predicted(rest(chunk)) for chunk in chunks], dim=1)
        return (1 - (guesses == labels).sum(1).double() / labels.shape[1]).numpy()

    return wrong


@dataclass(frozen=True, slots=True)
class _Trained:
    """What training leaves."""

    weights: Arrays
    """Of the S networks."""
    heard: NDArray[np.float32]
    """(M, 2, L, S·C): running means and variances."""
    left_over: Floats
    """(M,): of a running mean of 1 that heard zeros."""
    diverged_at: NDArray[np.int64]
    """(S,): step at which a seed's loss was no number any more, −1 where it always was."""

    def network(self, settings: Settings) -> Replicas:
        """The trained networks, anew."""
        same = [plain_network(network_plan(settings), settings.seed)] * settings.seeds
        network = Replicas(same, [torch.Generator()] * settings.seeds)
        load_arrays(network, self.weights)
        return network


@lru_cache(maxsize=16)
def train_networks(settings: Settings) -> _Trained:
    """Train the S networks: the sliders of momentum and of recalibration leave that as it is."""
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    network = build_replicas(network_plan(settings), data.seeds)
    plan = TrainingPlan(settings.steps, settings.batch_size, (settings.steps,), learning_rate=settings.learning_rate)
    with _listening(network, compared(settings.momentum)) as listeners:
        diverged_at = train(network, data, plan).diverged_at
    heard = torch.stack([torch.stack(list(listener.buffers())[:2]) for listener in listeners])
    return _Trained(
        arrays_of(network),
        heard[:, :, :-1].reshape(len(listeners), 2, settings.depth, -1).numpy(),
        heard[:, 0, -1].double().numpy(),
        diverged_at,
    )


@contextmanager
def _listening(network: Replicas, momentums: Sequence[MomentumValue]) -> Iterator[list[nn.BatchNorm1d]]:
    """M modules, each with its own momentum, that see what the network's batch norms see in training mode, side by side.

    Their last channel sees zeros, and its running mean starts at 1.
    """
    norms = norms_of(network)
    channels = sum(norm.num_features for norm in norms) + 1
    listeners = [
        nn.BatchNorm1d(channels, momentum=running.pytorch_momentum(momentum), affine=False) for momentum in momentums
    ]
    for listener in listeners:
        assert listener.running_mean is not None
        listener.running_mean[-1] = 1
    heard: list[Tensor] = []

    def hear(norm: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        if not norm.training:
            return
        heard.append(arguments[0].detach())
        if len(heard) == len(norms):
            values = torch.cat([*heard, torch.zeros(len(heard[0]), 1)], dim=1)
            for listener in listeners:
                _hear(listener, values)
            heard.clear()

    handles = [norm.register_forward_pre_hook(hear) for norm in norms]
    try:
        yield listeners
    finally:
        for handle in handles:
            handle.remove()


def _hear(norm: nn.BatchNorm1d, values: Tensor) -> None:
    """What a forward pass of `norm` in training mode does to its buffers, without the output that nobody wants.

    Source: `native_batch_norm` calls the same update before it normalizes (PyTorch, aten/src/ATen/native/Normalization.cpp).
    """
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    newest = 1 / int(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    torch.batch_norm_update_stats(values, norm.running_mean, norm.running_var, newest)
