"""Where the batch-mates of the lab `noise` come from, and what a real batch norm makes of a batch of them.

Index letters: m samples per batch, R batches around one value, Z values, N batches in all. Everything is in standard
deviations of the population, measured from its mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from bnviz.core.batch_norm import seeded_layer
from bnviz.core.datasets import digits
from bnviz.errors import BatchOfOneError
from bnviz.labs.noise.shared.parameters import SourceName

Draw = Callable[[tuple[int, ...]], Tensor]

UNITS: Final = 16


@dataclass(frozen=True, slots=True)
class Population:
    """Standardized batch-mates: normal where `values` is None, else drawn from these (N,) with replacement."""

    values: Tensor | None
    skewness: float
    excess_kurtosis: float

    def draws(self, seed: int) -> Draw:
        """How to draw from it, in a stream of its own."""
        generator, values = torch.Generator().manual_seed(seed), self.values
        if values is None:
            return lambda shape: torch.randn(shape, generator=generator)
        return lambda shape: values.take(torch.randint(len(values), shape, generator=generator))


def population(source: SourceName, seed: int) -> Population:
    """Where the batch-mates of this `source` come from."""
    if source == "gaussian":
        return Population(None, 0.0, 0.0)
    values = _feature(seed, relu=source == "digits_relu")
    exact = values.double()
    third, fourth = (float((exact**power).mean()) for power in (3, 4))
    return Population(values, third, fourth - 3)


def _feature(seed: int, *, relu: bool) -> Tensor:
    """One output (N,) of a fixed `nn.Linear` on all digits, standardized: the one whose mean is nearest to 0.

    There ReLU cuts the values in halves.
    """
    images, _ = digits()
    layer = seeded_layer("linear", images[0].numel(), UNITS, torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        outputs: Tensor = layer(images.flatten(1)).double()
    values = outputs[:, int((outputs.mean(0) / outputs.std(0)).abs().argmin())]
    values = values.relu() if relu else values
    return ((values - values.mean()) / values.std(correction=0)).float()


def batches_around(values: Tensor, size: int, draws: int, draw: Draw) -> Tensor:
    """R batches of `size` around each of `values` (Z,), which come first in them: (m, Z·R), one channel per batch."""
    fixed = values.repeat_interleave(draws)
    return torch.cat([fixed[None], draw((size - 1, len(fixed)))])


def first_outputs(batch: Tensor) -> Tensor:
    """The first row (N,) of what a real `nn.BatchNorm1d` makes of `batch` (m, N) in training mode.

    Raises: BatchOfOneError.
    """
    norm = nn.BatchNorm1d(batch.shape[1], affine=False, track_running_stats=False)
    try:
        with torch.inference_mode():
            outputs: Tensor = norm(batch)[0]
    except ValueError as error:
        raise BatchOfOneError(error) if len(batch) == 1 else error from error
    return outputs


def squared_correlation(values: Tensor, outputs: Tensor) -> tuple[float, float]:
    """Of the `values` (m, N) of N batches with their `outputs`, and its standard error from the scatter of the batches."""
    x, true = outputs.double(), values.double()
    true = true - true.mean()  # of the outputs the mean is 0 in every batch
    product, square, energy = (part.mean(0) for part in (x * true, true**2, x**2))
    a, b, c = float(product.mean()), float(square.mean()), float(energy.mean())
    # The correlation a/√(bc) to first order in each batch's share of a, b, c.
    influence = product / a - square / (2 * b) - energy / (2 * c)
    squared = a**2 / (b * c)
    return squared, 2 * squared * float(influence.std()) / math.sqrt(values.shape[1])
