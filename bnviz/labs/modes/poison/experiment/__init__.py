"""Topic `poison` of the lab `modes`: one bad batch in train mode, what it leaves in the running statistics, and what cures it.

Index letters: T batches, E recorded points, L batch norms, C cures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.replica_networks import plain_network
from bnviz.labs.modes.poison.experiment.cures import CURES, MORE, CureName, cured, share_bad, spared_step, wrong
from bnviz.labs.modes.poison.settings import Settings
from bnviz.labs.modes.shared.network import (
    check_seconds,
    digits_of,
    forward_seconds,
    network_plan,
    norms_of,
    put_back,
    refuse_batch_of_one,
    sgd,
    training_batches,
)
from bnviz.labs.modes.shared.settings import PoisonName
from bnviz.theory import running

Floats = NDArray[np.float64]

VALUES: Final[Mapping[PoisonName, float]] = {"nan": math.nan, "inf": math.inf, "huge": 1e25, "large": 1e4}
PIXEL: Final = 36  # in the middle of the image, where every digit has ink now and then
POINTS: Final = 100


@dataclass(frozen=True, slots=True)
class PoisonResult:
    """`batches` (E,): batches seen when it was looked, the first 0. `poisoned_at`: the poisoned one, 0 where there was none.

    `error_train`, `error_eval` (E,): share of wrong predictions on the test images, in train mode (with the statistics of those
    images) and in eval mode; NaN where any logit is not finite. `bad_outputs` (E,): share of eval logits that are not finite.
    `bad_statistics` (E, L): share of running means and variances that are not finite.
    `running_mean`, `running_var` (E,): of the first unit of the first layer. `losses` (T,): training loss of each batch.
    `skipped`: how many steps were left out.
    `cures` (C,); `cured_error` (C,): error in eval mode afterwards, NaN where any logit is not finite; `cured_bad` (C,): share of
    running statistics that are not finite afterwards.
    `bad_mean`, `bad_variance`: mean and unbiased variance of that unit in the poisoned batch (NaN without one).
    `expected_var` (E,): running variance after the poisoned batch if the good ones stay as they were, NaN before it;
    `forgotten`: good batches until the poisoned one weighs less than a good one's variance, NaN where it never does.
    """

    settings: Settings
    poisoned_at: int
    batches: NDArray[np.int64]
    error_train: Floats
    error_eval: Floats
    bad_outputs: Floats
    bad_statistics: Floats
    running_mean: Floats
    running_var: Floats
    losses: Floats
    skipped: int
    cures: tuple[CureName, ...]
    cured_error: Floats
    cured_bad: Floats
    bad_mean: float
    bad_variance: float
    expected_var: Floats
    forgotten: float

    @property
    def before(self) -> int:
        """The last recorded point before the poisoned batch."""
        return int(np.searchsorted(self.batches, self.poisoned_at or self.batches[-1] + 1)) - 1


def run(settings: Settings) -> PoisonResult:
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
    rows, losses = [_look(linear, rest, test)], []
    bad = (math.nan, math.nan)
    for number, (images, labels) in enumerate(stock[: settings.steps], start=1):
        if number == at:
            images[0, PIXEL] = VALUES[settings.poison]
            values = linear(images)[:, 0].detach()
            bad = float(values.mean()), float(values.var())
        losses.append(spared_step(network, optimizer, images, labels, skip=settings.skip_bad_steps))
        if number in points:
            rows.append(_look(linear, rest, test))
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    expected = _expected_var(settings, np.array(points), columns["running_var"], at, bad[1])
    after = [cured(cure, network, settings, stock[settings.steps :], data, test) for cure in CURES]
    return PoisonResult(
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
    refuse_batch_of_one(settings)
    step = 3 * forward_seconds(settings, settings.batch_size) + 4e-5
    test = 2 * forward_seconds(settings, 450) + 1e-4
    seconds = (settings.steps + MORE + settings.passes) * step + (points + len(CURES)) * test
    check_seconds(seconds, ("steps", "batch_size", "depth", "width"))


@torch.no_grad()
def _look(linear: nn.Module, rest: nn.Sequential, test: tuple[Tensor, Tensor]) -> dict[str, Floats]:
    """One row of the result, of a network's first layer and the rest of it; the running statistics stay as they are."""
    images, labels = test
    norms = norms_of(rest)
    entered = linear(images)
    with put_back(rest):
        logits = rest.eval()(entered)
        in_train = wrong(rest.train()(entered), labels)
    first = norms[0]
    assert first.running_mean is not None
    assert first.running_var is not None
    row = {
        "error_train": in_train,
        "error_eval": wrong(logits, labels),
        "bad_outputs": float((~torch.isfinite(logits)).double().mean()),
        "bad_statistics": [share_bad(norm) for norm in norms],
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
