"""Topic `poison` of the lab `modes`: one bad batch in train mode, what it leaves in the running statistics, and what cures it.

Index letters: T batches, E recorded points, L batch norms, C cures.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.optimizers import SGD
from bnviz.core.recalibration import refill
from bnviz.core.replica_data import ReplicaData, batch_indices
from bnviz.core.replica_networks import plain_network
from bnviz.labs.modes.poison.result import CURES, CureName, Floats, Result
from bnviz.labs.modes.poison.settings import PoisonName, Settings
from bnviz.labs.modes.shared.network import (
    Batches,
    check_seconds,
    digits_of,
    forward_seconds,
    network_plan,
    norms_of,
    restored,
    sgd,
    step_seconds,
    training_batches,
)
from bnviz.theory import running

VALUES: Final[Mapping[PoisonName, float]] = {"nan": math.nan, "inf": math.inf, "huge": 1e25, "large": 1e4}
PIXEL: Final = 36  # in the middle of the image, where every digit has ink now and then
POINTS: Final = 100
MORE: Final = 100  # good batches more, training as before


def run(settings: Settings) -> Result:
    """Train with one poisoned batch, look after every step, and try the cures on copies of what is left.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    at = settings.poison_at if settings.poison_at <= settings.steps else 0
    points = record_points(settings.steps, at)
    _check(settings, len(points))
    data = digits_of(settings)
    stock = training_batches(data, settings.batch_size, settings.steps + MORE)
    network = plain_network(network_plan(settings), settings.seed)
    optimizer = sgd(network, settings)
    test = data.features[data.test[0]], data.labels[data.test[0]]
    linear, *others = network
    rest = nn.Sequential(*others)
    rows, losses = [_measured(linear, rest, test)], []
    bad = (math.nan, math.nan)
    for number, (images, labels) in enumerate(stock.part(0, settings.steps), start=1):
        if number == at:
            images[0, PIXEL] = VALUES[settings.poison]
            values = linear(images)[:, 0].detach()
            bad = float(values.mean()), float(values.var())
        losses.append(_spared_step(network, optimizer, images, labels, skip=settings.skip_bad_steps))
        if number in points:
            rows.append(_measured(linear, rest, test))
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    expected = _expected_var(settings, np.array(points), columns["running_var"], at, bad[1])
    after = [_cured(cure, network, settings, stock.part(settings.steps), data, test) for cure in CURES]
    return Result(
        settings=settings,
        poisoned_at=at,
        batches=np.array(points, dtype=np.int64),
        **columns,
        losses=np.array(losses),
        skipped=sum(not math.isfinite(loss) for loss in losses) if settings.skip_bad_steps else 0,
        cures=CURES,
        cured_error=np.array([error for error, _ in after]),
        cured_bad=np.array([share for _, share in after]),
        bad_mean=bad[0],
        bad_variance=bad[1],
        expected_var=expected,
        forgotten=_forgotten(settings, bad[1], columns["running_var"][points.index(at - 1)] if at else math.nan),
    )


def record_points(steps: int, at: int) -> tuple[int, ...]:
    """Evenly over the run, and the batches around the poisoned one."""
    around = {at - 1, at, min(at + 1, steps)} if at else set()
    return tuple(sorted({*range(0, steps, max(1, math.ceil(steps / POINTS))), steps, *around}))


def _check(settings: Settings, points: int) -> None:
    refuse_batch_of_one(settings.batch_size, settings.width)
    step = step_seconds(settings, settings.batch_size)
    test = 2 * forward_seconds(settings, 450) + 1e-4 * (settings.depth + 2)
    seconds = (settings.steps + MORE + settings.passes) * step + (points + len(CURES)) * test
    check_seconds(seconds, ("steps", "batch_size", "depth", "width"))


@torch.no_grad()
def _measured(linear: nn.Module, rest: nn.Sequential, test: tuple[Tensor, Tensor]) -> dict[str, Floats]:
    """One row of the result, of a network's first layer and the rest of it; the running statistics stay as they are."""
    images, labels = test
    norms = norms_of(rest)
    entered = linear(images)
    with restored(rest):
        logits = rest.eval()(entered)
        in_train = _wrong(rest.train()(entered), labels)
    first = norms[0]
    assert first.running_mean is not None
    assert first.running_var is not None
    row = {
        "error_train": in_train,
        "error_eval": _wrong(logits, labels),
        "bad_outputs": float((~torch.isfinite(logits)).double().mean()),
        "bad_statistics": [_share_bad(norm) for norm in norms],
        "running_mean": float(first.running_mean[0]),
        "running_var": float(first.running_var[0]),
    }
    return {name: np.asarray(value, dtype=np.float64) for name, value in row.items()}


def _expected_var(settings: Settings, batches: NDArray[np.int64], var: Floats, at: int, bad: float) -> Floats:
    """The weight of the poisoned batch times its variance, the rest as it was; (E,)."""
    if not at:
        return np.full(len(batches), math.nan)
    before = float(var[np.searchsorted(batches, at) - 1])
    weight = np.where(batches >= at, batch_weight(settings, at, np.maximum(batches, at)), math.nan)
    return np.where(weight > 0, before * (1 - weight) + weight * bad, math.nan)


def batch_weight(settings: Settings, at: int, batches: NDArray[np.int64]) -> Floats:
    """Weight of batch number `at` in the running statistics after so many `batches`: α(1 − α)^(t − p), or 1/t."""
    if settings.momentum == "cumulative":
        return 1 / batches
    newest = running.batch_weights(settings.momentum, 1)[0]
    return np.asarray(newest * running.initial_weight(settings.momentum, batches - at))


def _forgotten(settings: Settings, bad: float, good: float) -> float:
    """Good batches until the weight of the bad one times its variance is less than the good variance."""
    if not math.isfinite(bad) or settings.momentum == "cumulative":
        return math.nan
    excess = settings.momentum * bad / good
    return float(running.steps_to(settings.momentum, 1 / excess)) if excess > 1 else 0.0


def _cured(
    cure: CureName,
    poisoned: nn.Sequential,
    settings: Settings,
    more: Batches,
    data: ReplicaData,
    test: tuple[Tensor, Tensor],
) -> tuple[float, float]:
    """Try `cure`: error in eval mode afterwards, and share of running statistics that are not finite. `poisoned` stays as it is."""
    if cure == "more_batches":
        trained = copy.deepcopy(poisoned).train()
        optimizer = sgd(trained, settings)
        for images, labels in more:
            _spared_step(trained, optimizer, images, labels, skip=settings.skip_bad_steps)
        return _outcome(trained, test)
    with restored(poisoned):
        _apply(cure, poisoned, settings, more, data)
        return _outcome(poisoned, test)


def _apply(cure: CureName, network: nn.Sequential, settings: Settings, more: Batches, data: ReplicaData) -> None:
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
    """Error in eval mode, and share of running statistics that are not finite."""
    images, labels = test
    return _wrong(network.eval()(images), labels), float(np.mean([_share_bad(norm) for norm in norms_of(network)]))


def _spared_step(network: nn.Sequential, optimizer: SGD, images: Tensor, labels: Tensor, *, skip: bool) -> float:
    """One step in whatever mode the modules are in, left out where the loss is not finite and `skip`; returns the loss."""
    loss = functional.cross_entropy(network(images), labels)
    value = float(loss.detach())
    if math.isfinite(value) or not skip:
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return value


def _wrong(logits: Tensor, labels: Tensor) -> float:
    """Share of wrong predictions, NaN where a logit is not finite."""
    finite = bool(torch.isfinite(logits).all())
    return float((logits.argmax(1) != labels).double().mean()) if finite else math.nan


def _share_bad(norm: nn.BatchNorm1d) -> float:
    """Share of the running statistics that are not finite."""
    buffers = torch.stack([buffer for buffer in (norm.running_mean, norm.running_var) if buffer is not None])
    return float((~torch.isfinite(buffers)).double().mean())
