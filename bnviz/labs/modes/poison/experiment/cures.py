"""Attempts to cure poisoned running statistics, for the topic `poison` of the lab `modes`."""

from __future__ import annotations

import copy
import math
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.optimizers import SGD
from bnviz.core.recalibration import refill
from bnviz.core.replica_data import ReplicaData, batch_indices
from bnviz.labs.modes.poison.settings import Settings
from bnviz.labs.modes.shared.network import norms_of, put_back, sgd

CureName = Literal["nothing", "more_batches", "momentum_one", "nan_to_num", "reset", "recalibrate"]

CURES: Final[tuple[CureName, ...]] = (
    "nothing", "more_batches", "momentum_one", "nan_to_num", "reset", "recalibrate",
)  # fmt: skip
MORE: Final = 100  # good batches more, training as before


def cured(
    cure: CureName,
    poisoned: nn.Sequential,
    settings: Settings,
    more: list[tuple[Tensor, Tensor]],
    data: ReplicaData,
    test: tuple[Tensor, Tensor],
) -> tuple[float, float]:
    """Try `cure`: error in eval mode afterwards, and share of running statistics that are not finite. `poisoned` stays as it is."""
    if cure == "more_batches":
        trained = copy.deepcopy(poisoned).train()
        optimizer = sgd(trained, settings)
        for images, labels in more:
            spared_step(trained, optimizer, images, labels, skip=settings.skip_bad_steps)
        return _outcome(trained, test)
    with put_back(poisoned):
        _apply(cure, poisoned, settings, more, data)
        return _outcome(poisoned, test)


def _apply(
    cure: CureName, network: nn.Sequential, settings: Settings, more: list[tuple[Tensor, Tensor]], data: ReplicaData
) -> None:
    """Do to the running statistics of `network` what `cure` says; the weights stay."""
    norms = norms_of(network)
    if cure == "momentum_one":
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            network.train()(more[0][0])
    elif cure == "nan_to_num":
        for norm in norms:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
            norm.running_var.nan_to_num_(nan=1.0, posinf=1.0)
    elif cure == "reset":
        for norm in norms:
            norm.reset_running_stats()
    elif cure == "recalibrate":
        fresh = batch_indices(data, settings.batch_size, settings.passes, purpose="recalibration")[:, 0]
        refill(network, (data.features[batch] for batch in fresh))


@torch.no_grad()
def _outcome(network: nn.Sequential, test: tuple[Tensor, Tensor]) -> tuple[float, float]:
    images, labels = test
    return wrong(network.eval()(images), labels), float(np.mean([share_bad(norm) for norm in norms_of(network)]))


def spared_step(network: nn.Sequential, optimizer: SGD, images: Tensor, labels: Tensor, *, skip: bool) -> float:
    """One step in whatever mode the modules are in, left out where the loss is not finite and `skip`; returns the loss."""
    loss = functional.cross_entropy(network(images), labels)
    value = float(loss.detach())
    if math.isfinite(value) or not skip:
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return value


def wrong(logits: Tensor, labels: Tensor) -> float:
    finite = bool(torch.isfinite(logits).all())
    return float((logits.argmax(1) != labels).double().mean()) if finite else math.nan


def share_bad(norm: nn.BatchNorm1d) -> float:
    buffers = torch.stack([buffer for buffer in (norm.running_mean, norm.running_var) if buffer is not None])
    return float((~torch.isfinite(buffers)).double().mean())
