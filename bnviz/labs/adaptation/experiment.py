"""The run of the lab `adaptation`: trained once, then tested on changed images with statistics mixed from training and test batch.

Index letters: K source weights, S replicas, G batches, n samples per batch, C units.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.core.arrays import Arrays, arrays_of, load_arrays
from bnviz.core.batch_of_one import refuse_batch_of_one
from bnviz.core.datasets import batches
from bnviz.core.replica_data import ReplicaData, digits_data
from bnviz.core.replica_networks import NetworkPlan, build_replicas, plain_network
from bnviz.core.replicas import Replicas
from bnviz.core.streams import stream
from bnviz.core.training import TrainingPlan, train
from bnviz.labs.adaptation.result import GRID, Floats, Result
from bnviz.labs.adaptation.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.study.over_seeds import over_seeds

WIDTH: Final = 64
TESTED: Final = 450
SHOWN: Final = 900  # test images in random batches per seed: every image twice
STEPS: Final = 105  # five epochs of batches of 64
LEARNING_RATE: Final = 0.3
SECONDS: Final = 0.8


def run(settings: Settings) -> Result:
    """Test the trained networks with every source weight, on random and on sorted batches.

    Raises: BatchOfOneError for batches of one; CostError.
    """
    refuse_batch_of_one(settings.batch_size, WIDTH)
    check_cost(settings.seeds * (0.012 + 2.2e-5 * max(SHOWN, settings.batch_size)), SECONDS, ("seeds", "batch_size"))
    weights = tuple(sorted({*GRID, settings.source_weight}))
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    network = build_network(settings.seed, settings.seeds)
    tests = [_Test(settings, data, network, place) for place in range(settings.seeds)]
    error, error_sorted = (
        np.stack([[test.error(order, weight) for test in tests] for weight in weights])
        for order in ("random", "sorted")
    )
    measured = [[test.mean_errors(weight) for test in tests] for weight in weights]  # K × S arrays (G,)
    mean, source = error.mean(1), np.array([test.reference("source") for test in tests])
    return Result(
        settings=settings,
        source_weights=np.array(weights),
        chosen=weights.index(settings.source_weight),
        error=mean,
        error_sorted=error_sorted.mean(1),
        error_by_seed=error,
        error_source_by_seed=source,
        over=over_seeds(error),
        over_sorted=over_seeds(error_sorted),
        error_unshifted=float(np.mean([test.reference("unshifted") for test in tests])),
        error_source=float(source.mean()),
        error_target=float(np.mean([test.reference("target") for test in tests])),
        best_theory=float(np.exp(np.mean([np.log(test.best) for test in tests]))),
        best_measured=_least(np.array(weights), mean),
        unit_best=np.stack([test.unit_best for test in tests]),
        mean_error=np.array([np.mean([np.mean(part**2) for part in row]) for row in measured]),
        mean_error_theory=np.array([np.mean([test.predicted(weight) for test in tests]) for weight in weights]),
        mean_error_error=np.array([_standard_error(row, settings.batch_size) for row in measured]),
        typical=(tests[0].variance, tests[0].shift),
    )


class _Test:
    """One seed's network and its test images, changed, in batches."""

    @torch.no_grad()
    def __init__(self, settings: Settings, data: ReplicaData, network: Replicas, place: int) -> None:
        self.network = network.replica(place).eval()
        self.size = settings.batch_size
        self.plain = data.features[data.test[place]]
        self.labels = data.labels[data.test[place]]
        self.images = changed(self.plain, settings, stream(data.seeds[place], "points"))
        chance = stream(data.seeds[place], "recalibration")
        random = batches(TESTED, self.size, max(1, SHOWN // self.size), chance)
        drawn = torch.arange(TESTED) if self.size <= TESTED else random[0]
        stable = drawn[self.labels[drawn].argsort(stable=True)]
        self.orders = {"random": random, "sorted": stable[: len(stable) // self.size * self.size].view(-1, self.size)}
        # What enters batch norm, (G, n, C), does not depend on the source weight.
        self.entered = {order: self.network[0](self.images[rows]) for order, rows in self.orders.items()}
        first = self.network[0](self.images).double()
        variance, shift = first.var(0, correction=0), first.mean(0) - _running_mean(self._norm).double()
        self.unit_best: Floats = (variance / shift**2).numpy()
        self.best = float(np.exp(np.log(self.unit_best).mean()))
        self.unit = int(np.abs(np.log(self.unit_best / self.best)).argmin())
        self.variance, self.shift = float(variance[self.unit]), float(shift[self.unit])
        self.mean = float(first[:, self.unit].mean())

    @property
    def _norm(self) -> nn.BatchNorm1d:
        norm = self.network[1]
        assert isinstance(norm, nn.BatchNorm1d)
        return norm

    def error(self, order: str, source_weight: float) -> float:
        """In %, with statistics of which training's count as `source_weight` images and the batch's as its size."""
        return _error(list(self.network)[1:], self.entered[order], self.labels[self.orders[order]], source_weight)

    def reference(self, kind: str) -> float:
        """In %: "unshifted" and "source" with the statistics from training, "target" with those of all changed images."""
        if kind == "target":
            return _error(self.network, self.images[None], self.labels[None], 0.0)
        with torch.no_grad():
            logits = self.network(self.plain if kind == "unshifted" else self.images)
        return 100 * float((logits.argmax(1) != self.labels).double().mean())

    @torch.no_grad()
    def mean_errors(self, source_weight: float) -> Floats:
        """(G,): error of the typical unit's mixed mean in every random batch, in σ."""
        signal = self.entered["random"]
        mean = mixed(signal, self._norm, source_weight)[0].view(len(signal), -1)[:, self.unit]
        return ((mean.double() - self.mean) / math.sqrt(self.variance)).numpy()

    def predicted(self, source_weight: float) -> float:
        """What theory says of their expectation."""
        finite = (TESTED - self.size) / (TESTED - 1) if self.size <= TESTED else 1.0
        bias, noise = source_weight**2 * self.shift**2, self.size * self.variance * finite
        return (bias + noise) / ((source_weight + self.size) ** 2 * self.variance)


def changed(images: Tensor, settings: Settings, generator: torch.Generator) -> Tensor:
    """`images` (N, 64) as another camera would give them: blurred, then contrast and brightness, then noise."""
    square = images.view(-1, 1, 8, 8)
    near = functional.avg_pool2d(functional.pad(square, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    blurred = ((1 - settings.blur) * square + settings.blur * near).flatten(1)
    noise = torch.randn(images.shape, generator=generator)
    return settings.contrast * blurred + settings.brightness + settings.noise * noise


def mixed(signal: Tensor, norm: nn.BatchNorm1d, source_weight: float) -> tuple[Tensor, Tensor]:
    """Mean and variance (G·C,) for G batches at once, `signal` (G, n, C): PyTorch's own update of running statistics.

    Its momentum n/(N + n) gives the N images from training and the n of the batch their weights.
    """
    assert norm.running_var is not None
    count, size, _ = signal.shape
    mean, variance = _running_mean(norm).repeat(count), norm.running_var.repeat(count)
    torch.batch_norm_update_stats(_side_by_side(signal), mean, variance, size / (source_weight + size))
    return mean, variance


@torch.no_grad()
def _error(layers: Iterable[nn.Module], signal: Tensor, labels: Tensor, source_weight: float) -> float:
    """Share wrong in %, of the `signal` of G batches (G, n, …) at once: batch norm sees them as channels side by side."""
    for module in layers:
        if isinstance(module, nn.BatchNorm1d):
            mean, variance = mixed(signal, module, source_weight)
            count, size, units = signal.shape
            flat = functional.batch_norm(
                _side_by_side(signal),
                mean,
                variance,
                module.weight.repeat(count),
                module.bias.repeat(count),
                eps=module.eps,
            )
            signal = flat.view(size, count, units).transpose(0, 1)
        else:
            signal = module(signal)
    return 100 * float((signal.argmax(2) != labels).double().mean())


def _running_mean(norm: nn.BatchNorm1d) -> Tensor:
    assert norm.running_mean is not None
    return norm.running_mean


def _side_by_side(signal: Tensor) -> Tensor:
    """(n, G·C) of (G, n, C)."""
    return signal.transpose(0, 1).reshape(signal.shape[1], -1)


def network_plan() -> NetworkPlan:
    """The network of every run: one hidden layer."""
    return NetworkPlan(64, 10, (WIDTH,), "relu", init="he")


def build_network(seed: int, seeds: int) -> Replicas:
    """The trained network of `seed`, `seeds` times side by side."""
    network = Replicas([plain_network(network_plan(), seed)] * seeds, [torch.Generator()] * seeds)
    load_arrays(network, _trained(seed, seeds))
    return network


@lru_cache(maxsize=16)
def _trained(seed: int, seeds: int) -> Arrays:
    """The weights of the trained networks: no control but the seeds changes them."""
    data = digits_data(tuple(range(seed, seed + seeds)))
    network = build_replicas(network_plan(), data.seeds)
    train(network, data, TrainingPlan(STEPS, 64, (STEPS,), learning_rate=LEARNING_RATE))
    return arrays_of(network)


def _least(weights: Floats, error: Floats) -> float:
    """The middle one of the weights whose error is the least."""
    (places,) = np.nonzero(error <= error.min() + 1e-12)
    return float(weights[places[len(places) // 2]])


def _standard_error(parts: list[Floats], size: int) -> float:
    """Of the mean square of errors, averaged over seeds, which are independent of each other; each part (G,) is from one seed.

    With δ the deviation of an error from their mean e, the mean square is e² + mean of δ². Batches that are dealt out from the same
    images have deviations that nearly cancel, and so e scatters less than that of G independent batches would.
    """
    if min(map(len, parts)) < 2:
        return math.nan
    variance = 0.0
    for part in parts:
        mean, deviation = part.mean(), part - part.mean()
        scatter = _scatter_left(len(part), size) * float(deviation.var(ddof=1))
        variance += (float(np.var(deviation**2, ddof=1)) + 4 * float(mean**2) * scatter) / len(part)
    return math.sqrt(variance) / len(parts)


def _scatter_left(count: int, size: int) -> float:
    """Variance of the mean over `count` batches that `batches` deals out, over that of independent ones."""
    if size >= TESTED:
        return 1.0
    dealt = TESTED // size  # batches in an epoch
    rest = count % dealt
    left = (count - rest) * (TESTED - dealt * size) + rest * (TESTED - rest * size)
    return left / (count * (TESTED - size))
