"""The run of the lab `weight_decay`: one network trained with every pair of learning rate and weight decay, all at once.

Index letters: P runs, E recorded points, T steps done.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.optimizers import SGD, Adam
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data
from bnviz.core.replica_layers import AcrossReplicas
from bnviz.core.replica_networks import NetworkPlan, build_replicas
from bnviz.core.replicas import Replicas
from bnviz.core.training import TrainingPlan, Update, every, training
from bnviz.labs.weight_decay.result import DROP, STEADY, WINDOW, Floats, Result
from bnviz.labs.weight_decay.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.study.updates import Updates
from bnviz.theory import decay as theory

CLASSES: Final = 10
FEATURES: Final = 64
POINTS: Final = 50
SECONDS: Final = 45.0
SQUARES: Final = ("angle", "by_gradient", "cosine", "tangent")


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train one network per pair from the same weights on the same batches, and watch its last hidden layer's weights turn.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    estimated_seconds(settings)
    rates, _ = pairs(settings)
    data = digits_data((settings.seed,) * len(rates))
    network = build_replicas(network_plan(settings), data.seeds)
    watched = _Watched(settings, network)
    optimizer = _Decaying(settings, network)
    plan = TrainingPlan(settings.steps, settings.batch_size, every(max(1, settings.steps // POINTS), settings.steps))
    report: Updates[Result] = Updates(on_update)
    updates: list[Update] = []

    def heard() -> bool:
        if updates:
            report(lambda: _result(settings, updates, watched))
        return False

    def after_step(step: int) -> None:
        watched.after_step(optimizer.rates)
        optimizer.before_step(step + 1)

    for update in training(network, data, plan, heard, after_step, optimizer):
        watched.record()
        updates.append(update)
    return _result(settings, updates, watched, _halved(network, data, settings))


def pairs(settings: Settings) -> tuple[Floats, Floats]:
    """Learning rates (P,) and weight decays (P,) of the runs."""
    grid = np.meshgrid(settings.learning_rates, settings.weight_decays, indexing="ij")
    return grid[0].ravel(), grid[1].ravel()


def rate_factor(settings: Settings, step: int) -> float:
    """What the learning rates are multiplied by in step `step` = 1 and so on."""
    return DROP if settings.schedule == "drop" and step > settings.steps // 2 else 1.0


def momentum_of(settings: Settings) -> float:
    """The momentum through which the decay goes too: SGD's. AdamW's decay does not go through its own."""
    return settings.momentum if settings.optimizer == "sgd" else 0.0


def network_plan(settings: Settings) -> NetworkPlan:
    """The network that is trained."""
    normalizer = "batch" if settings.batch_norm else "none"
    return NetworkPlan(FEATURES, CLASSES, (settings.width,) * settings.depth, "relu", normalizer)  # type: ignore[arg-type]


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes on one core, in seconds.

    Raises: CostError where that is too long; BatchOfOneError where PyTorch refuses the batch.
    """
    runs, units, samples = len(pairs(settings)[0]), settings.width, settings.batch_size
    weights = units * (FEATURES + CLASSES + (settings.depth - 1) * units)
    passing = settings.depth * 2e-4 + runs * (1.05e-10 * samples * weights + 2.6e-9 * settings.depth * units * samples)
    moving = runs * (6.8e-9 if settings.optimizer == "adamw" else 2.6e-9) * weights
    watching = runs * (8.6e-5 + 4.5e-9 * units**2)
    points = min(POINTS, settings.steps) + 1
    testing = points * (5e-4 + runs * 450 * (3.4e-11 * weights + 4e-10 * settings.depth * units))
    seconds = 0.1 + settings.steps * (passing + moving + watching) + testing
    check_cost(seconds, SECONDS, ("steps", "depth", "width", "batch_size"))
    if settings.batch_norm:
        refuse_batch_of_one(settings.batch_size, settings.width)
    return seconds


class _Decaying:
    """The optimizer: what decays and what does not, each with the run's own learning rate."""

    def __init__(self, settings: Settings, network: Replicas) -> None:
        self.settings = settings
        self.full, decays = pairs(settings)
        hidden = {id(layer.weight) for layer in network.linears[:-1]}
        chosen = [p for p in network.parameters() if settings.decayed == "all" or id(p) in hidden]
        rest = [p for p in network.parameters() if settings.decayed != "all" and id(p) not in hidden]
        self.parts = [self._optimizer(group, of) for group, of in ((chosen, decays.tolist()), (rest, [0.0])) if group]
        self.rates = self.full
        self.before_step(1)

    def _optimizer(self, parameters: list[nn.Parameter], decays: list[float]) -> SGD | Adam:
        rates = self.full.tolist()
        if self.settings.optimizer == "adamw":
            return Adam(parameters, rates, decays)
        return SGD(parameters, rates, self.settings.momentum, decays)

    def before_step(self, step: int) -> None:
        """Set the learning rates of step `step`."""
        self.rates = self.full * rate_factor(self.settings, step)
        for part in self.parts:
            part.rates = self.rates.tolist()[: len(part.rates)]

    def step(self) -> None:
        """Move all parameters."""
        for part in self.parts:
            part.step()


class _Watched:
    """The last hidden layer's weights, step by step: their length, the gradient there, and the angle of each step."""

    def __init__(self, settings: Settings, network: Replicas) -> None:
        self.decays = pairs(settings)[1]
        self.layer = network.linears[-2]
        last = network.normalizers[-1] if network.normalizers else None
        self.norm = last.norm if isinstance(last, AcrossReplicas) else None
        self.before = self._weights()
        self.gradient = torch.zeros_like(self.before)
        self.layer.weight.register_post_accumulate_grad_hook(self._keep)  # type: ignore[no-untyped-call]
        # In one piece each: thousands of small arrays between the tensors of the steps leave holes that malloc cannot fill again.
        self.squares = {name: np.empty((settings.steps, len(self.decays))) for name in SQUARES}
        self.lengths = np.empty((settings.steps + 1, len(self.decays)))
        self.lengths[0] = self._lengths(self.before)
        self.done = 0
        self.gammas: list[Floats] = []
        self.recorded: list[int] = []

    def _keep(self, parameter: Tensor) -> None:
        assert parameter.grad is not None
        self.gradient = parameter.grad.detach().flatten(1).double()

    def _weights(self) -> Tensor:
        weight: Tensor = self.layer.weight
        return weight.detach().flatten(1).double()

    @staticmethod
    def _lengths(weights: Tensor) -> Floats:
        return np.asarray(weights.norm(dim=1).numpy())

    def after_step(self, rates: Floats) -> None:
        """Measure the step that was taken with learning rates `rates` (P,)."""
        old, new, gradient, step = self.before, self._weights(), self.gradient, self.done
        length, norm = self.lengths[step], self._lengths(gradient)
        self.lengths[step + 1] = self._lengths(new)
        # By the chord of unit vectors: the cosine of a small angle has lost its digits.
        chord = (old / old.norm(dim=1, keepdim=True) - new / new.norm(dim=1, keepdim=True)).norm(dim=1).numpy()
        with np.errstate(all="ignore"):
            self.squares["angle"][step] = (2 * np.arcsin(chord / 2)) ** 2
            self.squares["by_gradient"][step] = np.arctan2(rates * norm, (1 - rates * self.decays) * length) ** 2
            self.squares["cosine"][step] = ((old * gradient).sum(1).numpy() / (length * norm)) ** 2
            self.squares["tangent"][step] = (norm * length) ** 2
        self.before, self.done = new, step + 1

    def record(self) -> None:
        """Note that a point was recorded here."""
        self.recorded.append(self.done)
        runs = len(self.decays)
        gamma = np.full(runs, np.nan)
        if self.norm is not None:
            weight = self.norm.weight
            assert isinstance(weight, Tensor)
            gamma = np.asarray(weight.detach().abs().view(runs, -1).mean(1).double().numpy())
        self.gammas.append(gamma)


@torch.no_grad()
def _halved(network: Replicas, data: ReplicaData, settings: Settings) -> Floats:
    """(P,): see `Result.halved`, for the first batch."""
    network = copy.deepcopy(network).train()
    samples, _ = data.samples(batch_indices(data, settings.batch_size, 1)[0])
    before = network(samples).double()
    weight = network.linears[-2].weight
    assert isinstance(weight, Tensor)
    weight.mul_(0.5)
    change = network(samples).double() - before
    return np.asarray((change.square().mean((1, 2)) / before.square().mean((1, 2))).sqrt().numpy())


def _result(settings: Settings, updates: Sequence[Update], watched: _Watched, halved: Floats | None = None) -> Result:
    points = watched.recorded[: len(updates)]
    done = points[-1]
    rates, decays = pairs(settings)
    rates = rates * rate_factor(settings, max(done, 1))
    squares = {name: rows[:done] for name, rows in watched.squares.items()}
    lengths = watched.lengths[: done + 1]
    window = max(1, math.ceil(WINDOW * done))
    ends = {name: _mean(rows[-window:]) for name, rows in squares.items()}
    product = rates * decays
    with np.errstate(all="ignore"):
        shrinking = 2 * product / (1 - momentum_of(settings)) * window
        drift = 2 * np.log(lengths[-1] / lengths[-1 - min(window, done)]) / shrinking
        relative = np.abs(np.sqrt(squares["angle"] / squares["by_gradient"]) - 1)
    settled = settings.batch_norm & (np.abs(drift) < STEADY) & (done > 0)
    length_theory, remaining = _equilibrium(settings, rates, decays, ends, settled)
    return Result(
        settings=settings,
        learning_rate=rates,
        weight_decay=decays,
        product=product,
        steps=np.array(points, dtype=np.int64),
        total_steps=updates[0].steps,
        angle_by_point=_between(squares["angle"], points),
        angle_by_gradient=_between(squares["by_gradient"], points),
        angle=np.sqrt(ends["angle"]),
        angle_theory=_angle_theory(settings, product),
        length=lengths[points].T,
        length_theory=length_theory,
        drift=drift,
        settled=settled,
        remaining=remaining,
        cosine=np.sqrt(ends["cosine"]),
        identity_error=relative.max(axis=0) if done else np.full(len(rates), np.nan),
        halved=np.full(len(rates), np.nan) if halved is None else halved,
        gamma=np.array(watched.gammas[: len(points)]).T,
        error=100 * (1 - np.array([update.accuracy for update in updates[: len(points)]]).T),
        diverged_at=updates[-1].diverged_at,
    )


def _angle_theory(settings: Settings, product: Floats) -> Floats:
    if not settings.batch_norm:
        return np.full(product.shape, np.nan)
    if settings.optimizer == "adamw":
        return theory.equilibrium_angle_adamw(product, 1.0)
    return theory.equilibrium_angle(product, 1.0, settings.momentum)


def _equilibrium(
    settings: Settings, rates: Floats, decays: Floats, ends: dict[str, Floats], settled: Floats
) -> tuple[Floats, Floats]:
    """Length in equilibrium, and steps that are still to go, both (P,)."""
    unknown = np.full(rates.shape, np.nan)
    if not settings.batch_norm:
        return unknown, unknown
    with np.errstate(all="ignore"):
        # ‖w‖⁴ over its equilibrium value: the angle's square is inversely proportional to it.
        times = _angle_theory(settings, rates * decays) ** 2 / ends["angle"]
    known = np.isfinite(times)
    lasting = rates / (1 - momentum_of(settings))  # what a gradient moves in all the steps that it counts in
    remaining = np.where(known, theory.steps_to_settle(lasting, decays, np.where(known, times, 1.0)), np.nan)
    plain = settings.optimizer == "sgd" and settings.momentum == 0
    square = np.where(np.isfinite(ends["tangent"]), ends["tangent"], 0.0)
    length = np.where(known, theory.equilibrium_length(rates, decays, square), np.nan) if plain else unknown
    return length, np.where(settled, 0.0, remaining)


def _mean(rows: Floats) -> Floats:
    """Mean over steps; NaN where there is none yet."""
    return rows.mean(axis=0) if len(rows) else np.full(rows.shape[1], np.nan)


def _between(rows: Floats, points: Sequence[int]) -> Floats:
    """(P, E): root of the mean of `rows` (T, P) between each point and the one before."""
    parts = [_mean(rows[start:end]) for start, end in pairwise(points)]
    return np.asarray(np.sqrt(np.stack([np.full(rows.shape[1], np.nan), *parts], axis=1)))
