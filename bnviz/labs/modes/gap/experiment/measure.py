"""The measuring half of the topic `gap` of the lab `modes`: one network in both modes.

Index letters: L hidden layers, T batches, m samples per batch, n units.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.replica_data import ReplicaData
from bnviz.labs.modes.shared.network import norms_of, put_back
from bnviz.theory import running

Floats = NDArray[np.float64]

AT_ONCE: Final = 1024  # samples: more do not stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Sample:
    """One value on its way through the first batch norm, at the end of the run: the first test image, the first unit.

    `value` enters; `batch_mean`, `batch_var` (biased) are its batch's, `running_mean`, `running_var` the module's; `gamma`, `beta`,
    `eps`; `in_train`, `in_eval` leave.
    """

    value: float
    batch_mean: float
    batch_var: float
    running_mean: float
    running_var: float
    gamma: float
    beta: float
    eps: float
    in_train: float
    in_eval: float


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What entered the batch norms, and what left each place (batch norms, then logits), (T, m, n) each."""

    entered: list[Tensor]
    left: list[Tensor]


@torch.no_grad()
def look(network: nn.Sequential, data: ReplicaData, test: Tensor, fresh: Tensor) -> dict[str, Floats]:
    """One row of the result; nothing of it is left in the network."""
    first, *rest = network
    norms = norms_of(network)
    images, labels = first(data.features[test]), data.labels[test]
    together = images.view(1, labels.numel(), -1)  # eval mode knows no batches
    with put_back(network):
        in_train = _through(rest, images)
    with put_back(network):
        network.eval()
        alone = [norm(values.flatten(0, 1)) for norm, values in zip(norms, in_train.entered, strict=True)]
        theory = [_from_statistics(*place) for place in zip(norms, in_train.entered, strict=True)]
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
    """RMS difference at each place, over all samples and units."""
    return torch.stack([_distance(*place, (0, 1, 2)) for place in zip(train, other, strict=True)])


def _spread(train: Tensor) -> Tensor:
    """Standard deviation over samples, taken per unit and averaged as a variance: () of (N, n), (T,) of (T, m, n)."""
    return (train - train.mean(-2, keepdim=True)).square_().mean((-2, -1)).sqrt()


def _share(hits: Tensor, logits: Tensor) -> Floats:
    """Share of `hits` as an array without axes, NaN where a logit is not finite."""
    return np.asarray(float(hits.double().mean()) if bool(torch.isfinite(logits).all()) else math.nan)


@torch.no_grad()
def one_sample(network: nn.Sequential, data: ReplicaData, batch: Tensor) -> Sample:
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
