"""The measuring half of the topic `gap` of the lab `modes`: one network in both modes.

Index letters: L hidden layers, T batches, m samples per batch, n units.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.recalibration import refill
from bnviz.core.replica_data import ReplicaData
from bnviz.experiments.modes_network import norms_of
from bnviz.theory import running

Floats = NDArray[np.float64]


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
    """What left each place (batch norms, then logits) for all compared samples, (T·m, n) each, and what entered the batch norms."""

    left: list[Tensor]
    entered: list[Tensor]


@torch.no_grad()
def look(network: nn.Sequential, data: ReplicaData, test: Tensor, fresh: Tensor) -> dict[str, Floats]:
    """One row of the result; done on a copy, so that nothing of it is left in the network."""
    probe = copy.deepcopy(network)
    images, labels = data.features[test], data.labels[test].flatten()
    own, own_theory = _own_gaps(probe, images)
    in_eval = _through(probe.eval(), images.flatten(0, 1)[None])
    refill(probe, (data.features[batch] for batch in fresh))
    recalibrated = _through(probe.eval(), images.flatten(0, 1)[None])
    in_train = _through(probe.train(), images)
    row = {"own": own, "own_theory": own_theory}
    predictions = in_train.left[-1].argmax(1)
    row["error_train"] = _share(predictions != labels, in_train.left[-1])
    for name, suffix, outputs in (("gap", "", in_eval), ("recalibrated", "_recalibrated", recalibrated)):
        pairs = list(zip(in_train.left, outputs.left, strict=True))
        row[name] = np.array([_relative(a, b) for a, b in pairs])
        guesses = outputs.left[-1].argmax(1)
        row[f"changed{suffix}"] = _share(guesses != predictions, outputs.left[-1])
        row["error_eval" if suffix == "" else "error_recalibrated"] = _share(guesses != labels, outputs.left[-1])
    per_batch = zip(in_train.left[0].view(*test.shape, -1), recalibrated.left[0].view(*test.shape, -1), strict=True)
    spread = np.array([_relative(a, b) for a, b in per_batch])
    row["spread"] = np.asarray(spread.std(ddof=1) / math.sqrt(len(spread)) if len(spread) > 1 else math.nan)
    return row


def _through(network: nn.Sequential, batched: Tensor) -> _Outputs:
    """Send `batched` (T, m, 64), batch after batch, through `network` in the mode in which it is."""
    norms = norms_of(network)
    left: list[list[Tensor]] = [[] for _ in range(len(norms) + 1)]
    entered: list[list[Tensor]] = [[] for _ in norms]
    with _hooked(norms, left, entered):
        for batch in batched:
            left[-1].append(network(batch))
    return _Outputs([torch.cat(part) for part in left], [torch.cat(part) for part in entered])


@contextmanager
def _hooked(norms: list[nn.BatchNorm1d], left: list[list[Tensor]], entered: list[list[Tensor]]) -> Iterator[None]:
    def keeping(place: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def keep(_: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            entered[place].append(arguments[0])
            left[place].append(output)

        return keep

    handles = [norm.register_forward_hook(keeping(place)) for place, norm in enumerate(norms)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _own_gaps(probe: nn.Sequential, images: Tensor) -> tuple[Floats, Floats]:
    """Each batch norm in eval mode on what it received in train mode: measured, and from the statistics alone, both (L,)."""
    norms = norms_of(probe)
    kept = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]  # type: ignore[union-attr]
    outputs = _through(probe.train(), images)
    own, theory = [], []
    for norm, received, left, (mean, var) in zip(norms, outputs.entered, outputs.left[:-1], kept, strict=True):
        norm.running_mean, norm.running_var = mean, var  # train mode has moved them; eval mode is to use the old ones
        own.append(_relative(left, norm.eval()(received)))
        theory.append(_from_statistics(norm, received.view(*images.shape[:2], -1).double().numpy()))
    return np.array(own), np.array(theory)


def _from_statistics(norm: nn.BatchNorm1d, received: Floats) -> float:
    """The own gap by the closed form, from moments of the batches `received` (T, m, n) and of the module."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, var = received.mean(1), received.var(1)
    offset = norm.running_mean.double().numpy() - mean
    per_unit = running.eval_error(offset, 0.0, norm.running_var.double().numpy(), 0.0, var, norm.eps)
    gamma = norm.weight.detach().double().numpy()
    spread = gamma**2 * var / (var + norm.eps)
    return float(np.sqrt((gamma**2 * per_unit**2).mean() / spread.mean()))


def _relative(train: Tensor, other: Tensor) -> float:
    """RMS difference of two outputs (N, n) over the standard deviation of the first, taken per unit and averaged."""
    first, second = train.double(), other.double()
    spread = first.var(0, correction=0).mean()
    return float(((first - second).square().mean() / spread).sqrt())


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
