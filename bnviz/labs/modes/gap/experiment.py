"""Topic `gap` of the lab `modes`: the same weights and the same batch, in train and in eval mode, as training goes on.

Index letters: E recorded points, L hidden layers (each with one batch norm), T test batches, m samples per batch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.datasets import batches
from bnviz.core.replica_data import ReplicaData, batch_indices
from bnviz.core.replica_networks import plain_network
from bnviz.core.streams import stream
from bnviz.labs.modes.gap.result import Floats, Result, Sample
from bnviz.labs.modes.gap.settings import Settings
from bnviz.labs.modes.shared.network import (
    check_seconds,
    digits_of,
    forward_seconds,
    network_plan,
    norms_of,
    restored,
    sgd,
    step_seconds,
    take_step,
    training_batches,
)
from bnviz.theory import noise, running

POINTS: Final = 18
COMPARED: Final = 16  # test batches, at most
AT_ONCE: Final = 1024  # samples: more do not stay in the processor's cache


def run(settings: Settings) -> Result:
    """Train, and at recorded steps send the same test batches through the same weights in both modes.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    points = record_points(settings.steps)
    count = min(COMPARED, max(1, 450 // settings.batch_size))
    _check(settings, len(points), count)
    data = digits_of(settings)
    network = plain_network(network_plan(settings), settings.seed)
    optimizer = sgd(network, settings)
    test = data.test[0][batches(data.test.shape[1], settings.batch_size, count, stream(settings.seed, "order"))]
    fresh = batch_indices(data, settings.batch_size, settings.passes, purpose="recalibration")[:, 0]
    rows = [_both_modes(network, data, test, fresh)] if 0 in points else []
    for step, (images, labels) in enumerate(training_batches(data, settings.batch_size, settings.steps), start=1):
        take_step(network, optimizer, images, labels)
        if step in points:
            rows.append(_both_modes(network, data, test, fresh))
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0] if name != "spread"}
    return Result(
        settings=settings,
        steps=np.array(points, dtype=np.int64),
        **columns,
        left_over=running.initial_weight(settings.momentum, np.array(points)),
        floor=math.sqrt(2 * (1 - math.sqrt(float(noise.fidelity(settings.batch_size))))),
        floor_error=float(rows[-1]["spread"]),
        samples=test.numel(),
        sample=_one_sample(network, data, test[0]),
    )


def record_points(steps: int) -> tuple[int, ...]:
    """0, 1, … and `steps`: denser at the start, where more happens."""
    if steps < POINTS:
        return tuple(range(steps + 1))
    return tuple(sorted({0, *(round(float(point)) for point in np.geomspace(1, steps, POINTS - 1))}))


def _check(settings: Settings, points: int, count: int) -> None:
    refuse_batch_of_one(settings.batch_size, settings.width)
    tested = count * settings.batch_size
    comparison = 3 * forward_seconds(settings, tested) + forward_seconds(
        settings, settings.passes * settings.batch_size
    )
    # The batch norms are called once per batch, and what leaves them is compared in double precision.
    comparison += settings.depth * ((count + settings.passes) * 2.5e-5 + tested * settings.width * 2e-8) + 1e-3
    step = step_seconds(settings, settings.batch_size)
    check_seconds(
        settings.steps * step + 1.1 * points * comparison, ("steps", "batch_size", "passes", "depth", "width")
    )


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What entered the batch norms, and what left them and, last, the logits, (T, m, n) each."""

    entered: list[Tensor]
    left: list[Tensor]


@torch.no_grad()
def _both_modes(network: nn.Sequential, data: ReplicaData, test: Tensor, fresh: Tensor) -> dict[str, Floats]:
    """One row of the result; nothing of it is left in the network."""
    first, *rest = network
    norms = norms_of(network)
    images, labels = first(data.features[test]), data.labels[test]
    together = images.view(1, labels.numel(), -1)  # eval mode knows no batches
    with restored(network):
        in_train = _through(rest, images)
    with restored(network):
        network.eval()
        alone = [norm(values.flatten(0, 1)) for norm, values in zip(norms, in_train.entered, strict=True)]
        theory = [_from_statistics(*pair) for pair in zip(norms, in_train.entered, strict=True)]
        in_eval = _through(rest, together)
        for norm in norms:
            norm.train().reset_running_stats()
            norm.momentum = None
        for some in torch.split(fresh, max(1, AT_ONCE // fresh.shape[1])):
            _through(rest, first(data.features[some]))
        network.eval()
        recalibrated = _through(rest, together)
    outputs = [values.double() for values in in_train.left]
    scales = torch.stack([_spread(values.flatten(0, 1)) for values in outputs])
    predictions = in_train.left[-1].argmax(-1)
    row = {
        "own": (_distances(outputs[:-1], alone) / scales[:-1]).numpy(),
        "own_theory": np.array(theory),
        "error_train": _share(predictions != labels, in_train.left[-1]),
    }
    for name, suffix, left in (("gap", "", in_eval.left), ("recalibrated", "_recalibrated", recalibrated.left)):
        row[name] = (_distances(outputs, left) / scales).numpy()
        guesses = left[-1].argmax(-1).view_as(labels)
        row[f"changed{suffix}"] = _share(guesses != predictions, left[-1])
        row["error_eval" if suffix == "" else "error_recalibrated"] = _share(guesses != labels, left[-1])
    per_batch = _distance(outputs[0], recalibrated.left[0], (1, 2)) / _spread(outputs[0])
    row["spread"] = per_batch.std().numpy() / math.sqrt(len(test)) if len(test) > 1 else np.asarray(math.nan)
    return row


def _through(layers: Sequence[nn.Module], values: Tensor) -> _Outputs:
    """Send `values` (T, m, n) through `layers`, each in the mode in which it is.

    Batch norms get one batch after another; all others get them together, since to them every sample is alone.
    """
    entered, left = [], []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm1d):
            entered.append(values)
            values = torch.stack([layer(batch) for batch in values])
            left.append(values)
        else:
            values = layer(values)
    return _Outputs(entered, [*left, values])


def _from_statistics(norm: nn.BatchNorm1d, received: Tensor) -> float:
    """The own gap by the closed form, from moments of the batches `received` (T, m, n) and of the module."""
    received = received.double()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean = received.mean(1, keepdim=True)
    var = (received - mean).square_().mean(1).numpy()
    offset = norm.running_mean.double().numpy() - mean[:, 0].numpy()
    per_unit = running.eval_error(offset, 0.0, norm.running_var.double().numpy(), 0.0, var, norm.eps)
    gamma = norm.weight.detach().double().numpy()
    spread = gamma**2 * var / (var + norm.eps)
    return float(np.sqrt((gamma**2 * per_unit**2).mean() / spread.mean()))


def _distance(train: Tensor, other: Tensor, over: tuple[int, ...]) -> Tensor:
    """RMS difference of two outputs."""
    return (train - other.view_as(train)).square_().mean(over).sqrt()


def _distances(train: list[Tensor], other: list[Tensor]) -> Tensor:
    """RMS difference of each pair of outputs, over all samples and units."""
    return torch.stack([_distance(*pair, (0, 1, 2)) for pair in zip(train, other, strict=True)])


def _spread(train: Tensor) -> Tensor:
    """Standard deviation over samples, taken per unit and averaged as a variance: () of (N, n), (T,) of (T, m, n)."""
    return (train - train.mean(-2, keepdim=True)).square_().mean((-2, -1)).sqrt()


def _share(hits: Tensor, logits: Tensor) -> Floats:
    """Share of `hits` as an array without axes, NaN where a logit is not finite."""
    return np.asarray(float(hits.double().mean()) if bool(torch.isfinite(logits).all()) else math.nan)


@torch.no_grad()
def _one_sample(network: nn.Sequential, data: ReplicaData, batch: Tensor) -> Sample:
    """The first image of `batch` and the first unit, through the first batch norm in both modes."""
    probe = copy.deepcopy(network)
    norm = norms_of(probe)[0]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    entered = probe[0](data.features[batch])
    mean, var = float(norm.running_mean[0]), float(norm.running_var[0])
    in_eval = float(norm.eval()(entered)[0, 0])
    return Sample(
        value=float(entered[0, 0]),
        batch_mean=float(entered[:, 0].mean()),
        batch_var=float(entered[:, 0].var(correction=0)),
        running_mean=mean,
        running_var=var,
        gamma=float(norm.weight[0]),
        beta=float(norm.bias[0]),
        eps=norm.eps,
        in_train=float(norm.train()(entered)[0, 0]),
        in_eval=in_eval,
    )
