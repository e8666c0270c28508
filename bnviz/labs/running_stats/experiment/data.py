"""What the lab `running_stats` feeds its layers: a population with known moments, and independent batches of it.

Index letters: T batches, m samples per batch, R replicas, N samples of the population.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.datasets import digits, synthetic
from bnviz.labs.running_stats.result import Floats
from bnviz.labs.running_stats.settings import Settings
from bnviz.theory import running

UNITS: Final = 16
KEPT: Final = 1_000_000  # values of a run whose batches are kept: 4 MB


@dataclass(frozen=True, slots=True)
class Population:
    """Moments of the undisturbed feature."""

    mean: float
    """Of its values."""
    var: float
    """Of its values, divided by N."""
    excess_kurtosis: float
    """Of its values; 0 for a normal law."""
    size: float
    """N, or inf where samples are drawn independently."""
    values: Tensor | None
    """(N,) float32, where the population is finite."""

    @property
    def unbiased_var(self) -> float:
        """What the unbiased variance of a batch, drawn without repeats, is on average: N/(N−1)·`var`."""
        return self.var if math.isinf(self.size) else float(running.unbiased_var(self.var, self.size))


def make_population(settings: Settings) -> Population:
    """The feature that enters batch norm, undisturbed."""
    if settings.source == "gaussian":
        return Population(settings.mean, settings.std**2, 0.0, math.inf, None)
    return _digits_feature(settings.seed)


@lru_cache(maxsize=64)
def _digits_feature(seed: int) -> Population:
    """Of the digits' Linear outputs, the one whose mean is nearest to one standard deviation away from 0.

    There both the way from 0 and the noise of the batches can be seen.
    """
    images, _ = digits()
    linear = fixed_linear(images[0].numel(), UNITS, seed)
    with torch.inference_mode():
        outputs = linear(images.flatten(1))
    exact = outputs.double()
    unit = int(((exact.mean(0) / exact.std(0)).abs() - 1).abs().argmin())
    feature = exact[:, unit]
    var, mean = (stat.item() for stat in torch.var_mean(feature, correction=0))
    kurtosis = ((feature - mean) ** 4).mean().item() / var**2 - 3
    return Population(mean, var, kurtosis, float(len(feature)), outputs[:, unit].contiguous())


def fixed_linear(inputs: int, outputs: int, seed: int) -> nn.Linear:
    """The `nn.Linear` that `torch.manual_seed(seed)` would give, without touching the generator that sessions share."""
    linear: nn.Linear = nn.utils.skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    generator, bound = torch.Generator().manual_seed(seed), inputs**-0.5
    with torch.no_grad():
        linear.weight.uniform_(-bound, bound, generator=generator)
        linear.bias.uniform_(-bound, bound, generator=generator)
    return linear


def mean_shift(settings: Settings, std: float) -> tuple[Floats, float]:
    """How far each batch's population has moved, (T,), and the movement per batch of a ramp (else 0)."""
    size, at, steps = settings.disturbance_size * std, settings.disturbance_at, settings.steps
    batch = np.arange(1, steps + 1)
    if settings.disturbance == "none" or at >= steps:
        return np.zeros(steps), 0.0
    if settings.disturbance == "jump":
        return np.where(batch > at, size, 0.0), 0.0
    drift = size / (steps - at)
    return np.asarray(drift * np.maximum(batch - at, 0), dtype=np.float64), drift


def make_batches(settings: Settings, population: Population, shift: Floats) -> Tensor:
    """All batches (T, m, R), float32; nobody writes to them."""
    shape = (settings.steps, settings.batch_size, settings.replicas)
    if population.values is None:
        generator = torch.Generator().manual_seed(settings.seed)
        batches = synthetic("gaussian", shape, settings.mean, settings.std, generator)
    else:
        draw = _kept_batches if math.prod(shape) <= KEPT else _batches_of_digits
        batches = draw(*shape, settings.seed)
    return batches + torch.from_numpy(shift.astype(np.float32))[:, None, None] if shift.any() else batches


def _batches_of_digits(steps: int, size: int, replicas: int, seed: int) -> Tensor:
    """Batches (T, m, R) of the digits' feature."""
    values = _digits_feature(seed).values
    assert values is not None
    rows = draw_batches(steps * replicas, size, len(values), seed)
    return torch.from_numpy(_gather(values.numpy(), rows.reshape(steps, replicas, size)))


_kept_batches = lru_cache(maxsize=16)(_batches_of_digits)
"""The sliders of momentum and ε leave the batches as they are."""


def _gather(values: NDArray[np.float32], rows: NDArray[np.int16]) -> NDArray[np.float32]:
    """The values at `rows` (T, R, m) as (T, m, R), a few batches at a time: NumPy widens the indices four-fold."""
    steps, replicas, size = rows.shape
    gathered = np.empty((steps, size, replicas), dtype=np.float32)
    together = max(1, 8192 // (replicas * size))
    for start in range(0, steps, together):
        some = slice(start, start + together)
        values.take(rows[some].transpose(0, 2, 1), out=gathered[some], mode="clip")
    return gathered


def draw_batches(count: int, size: int, population: int, seed: int) -> NDArray[np.int16]:
    """Sample indices (count, m), each row ascending and without repeats: independent, uniformly random subsets.

    Repeats are drawn again until none is left. The rule looks only at which draws are equal, so it treats all samples
    alike, and every subset of m samples is equally likely.
    """
    generator = np.random.default_rng(seed)
    rows = generator.integers(population, size=(count, size), dtype=np.int16)
    rows.sort(axis=1)
    dirty = np.flatnonzero((rows[:, 1:] == rows[:, :-1]).any(axis=1))
    while dirty.size:
        part = rows[dirty]
        repeated = part[:, 1:] == part[:, :-1]
        part[:, 1:][repeated] = generator.integers(population, size=int(repeated.sum()), dtype=np.int16)
        part.sort(axis=1)
        rows[dirty] = part
        dirty = dirty[(part[:, 1:] == part[:, :-1]).any(axis=1)]
    return rows
