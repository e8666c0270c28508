"""Topic `freeze_matrix` of the lab `modes`: what freezing a layer in three ways keeps as it was, every combination really run.

A network is trained on the digits 0 to 4, and then its body is to stay as it is while it learns 5 to 9.

Index letters: W ways of freezing, Q quantities that may move, T fine-tuning steps.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.datasets import batches
from bnviz.core.replica_data import ReplicaData
from bnviz.core.replica_networks import plain_network
from bnviz.core.streams import Purpose, stream
from bnviz.labs.modes.freeze_matrix.result import QUANTITIES, WAYS, Floats, Result, Way
from bnviz.labs.modes.freeze_matrix.settings import Settings
from bnviz.labs.modes.shared.network import (
    check_seconds,
    digits_of,
    network_plan,
    norms_of,
    sgd,
    step_seconds,
    take_step,
)
from bnviz.theory import running

OLD_CLASSES: Final = 5
PRETRAINING: Final = 100


@dataclass(frozen=True, slots=True)
class _Task:
    """Images and labels (from 0) to train and to test on."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def run(settings: Settings) -> Result:
    """Train on the old classes, then fine-tune on the new ones in every way, and compare before with after.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    _check(settings)
    data = digits_of(settings)
    old, new = _task(data, 0), _task(data, OLD_CLASSES)
    tracking = _pretrained(settings, old)
    networks = {True: tracking, False: _untracked(tracking)}
    before = {track: _state(_body(network), old) for track, network in networks.items()}
    rows = [
        _run(settings, way, networks[way.track_running_stats], before[way.track_running_stats], old, new)
        for way in WAYS
    ]
    change, moved, error_old, error_new = (np.array([row[column] for row in rows]) for column in range(4))
    gone, scatter = drift(settings, tracking, new.train)
    return Result(
        settings=settings,
        ways=WAYS,
        quantities=QUANTITIES,
        change=change,
        moved=moved,
        error_old=error_old,
        error_before=_wrong(tracking, old.test),
        error_new=error_new,
        drift=gone,
        drift_theory=drift_theory(settings, np.arange(settings.steps + 1)),
        drift_error=scatter,
    )


def _check(settings: Settings) -> None:
    refuse_batch_of_one(settings.batch_size, settings.width)
    step = step_seconds(settings, settings.batch_size)
    copies = len(WAYS) * 3e-4 * settings.depth
    steps = PRETRAINING + 0.85 * len(WAYS) * settings.steps  # half of them go backward through the last layer only
    check_seconds(steps * step + copies, ("steps", "batch_size", "depth", "width"))


def _task(data: ReplicaData, first: int) -> _Task:
    """The digits `first` to `first` + 4 of the split."""
    images_and_labels = []
    for indices in (data.train[0], data.test[0]):
        labels = data.labels[indices]
        kept = indices[(labels >= first) & (labels < first + OLD_CLASSES)]
        images_and_labels.append((data.features[kept], data.labels[kept] - first))
    return _Task(*images_and_labels)


def _pretrained(settings: Settings, task: _Task) -> nn.Sequential:
    network = plain_network(network_plan(settings), settings.seed)
    _train(network, task, settings, PRETRAINING, "order")
    return network.eval()


def _untracked(pretrained: nn.Sequential) -> nn.Sequential:
    """The same network built without running statistics: training never looks at them, so it learns the same weights."""
    network = copy.deepcopy(pretrained)
    for index, module in enumerate(pretrained):
        if isinstance(module, nn.BatchNorm1d):
            network[index] = nn.BatchNorm1d(module.num_features, track_running_stats=False).eval()
            network[index].load_state_dict(dict(module.named_parameters()))
    return network


def _train(
    network: nn.Sequential,
    task: _Task,
    settings: Settings,
    steps: int,
    purpose: Purpose,
) -> None:
    images, labels = task.train
    optimizer = sgd(network, settings)
    for batch in batches(len(labels), settings.batch_size, steps, stream(settings.seed, purpose)):
        take_step(network, optimizer, images[batch], labels[batch])


def _run(
    settings: Settings, way: Way, pretrained: nn.Sequential, before: dict[str, Tensor], old: _Task, new: _Task
) -> tuple[Floats, NDArray[np.bool_], float, float]:
    """Fine-tune a copy of `pretrained` in one way: changes (Q,), whether anything moved (Q,), errors on the old and new classes."""
    network = copy.deepcopy(pretrained).train()
    body = _body(network)
    if not way.requires_grad:
        frozen: list[nn.Module] = [body] if settings.frozen == "body" else list(norms_of(body))
        for module in frozen:
            module.requires_grad_(requires_grad=False)
    for norm in norms_of(body):
        norm.train(not way.eval_mode)
        if way.afterwards == "untracked":
            norm.track_running_stats = False
    if way.afterwards == "train":
        network.train()
    _train(network, new, settings, settings.steps, "recalibration")
    after = _state(body, old)
    pairs = [(before[name], after[name]) for name in QUANTITIES]
    change = np.array([_change(name, *pair) for name, pair in zip(QUANTITIES, pairs, strict=True)])
    moved = np.array([not torch.equal(first, second) for first, second in pairs])
    with_old_layer = nn.Sequential(*body, pretrained[-1])
    return change, moved, _wrong(with_old_layer, old.test), _wrong(network, new.test)


def _body(network: nn.Sequential) -> nn.Sequential:
    """The same modules without the last layer."""
    return nn.Sequential(*list(network)[:-1])


@torch.no_grad()
def _state(body: nn.Sequential, old: _Task) -> dict[str, Tensor]:
    """Every quantity of `body` as one tensor; empty where there is none."""
    norms = norms_of(body)
    buffers = {
        name: [getattr(norm, name) for norm in norms] for name in ("running_mean", "running_var", "num_batches_tracked")
    }
    quantities: dict[str, list[Tensor | None]] = {
        "weights": [module.weight for module in body if isinstance(module, nn.Linear)],
        "gamma": [norm.weight for norm in norms],
        "beta": [norm.bias for norm in norms],
        **buffers,
        "features": [body.eval()(old.test[0])],
    }
    return {
        name: torch.cat([tensor.reshape(-1).double() for tensor in tensors if tensor is not None] or [torch.empty(0)])
        for name, tensors in quantities.items()
    }


def _change(name: str, before: Tensor, after: Tensor) -> float:
    if not before.numel():
        return float("nan")
    if name == "num_batches_tracked":
        return float((after - before).max())
    scale = before.var(correction=0).sqrt() * before.numel() ** 0.5 if name == "features" else before.norm()
    return float((after - before).norm() / scale)


@torch.no_grad()
def _wrong(network: nn.Sequential, test: tuple[Tensor, Tensor]) -> float:
    images, labels = test
    logits: Tensor = network.eval()(images)
    return float((logits.argmax(1) != labels).double().mean()) if bool(torch.isfinite(logits).all()) else float("nan")


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
