"""The topic `mates` of the lab `noise`: one fixed sample in batch after batch of other batch-mates.

Index letters: R draws, m samples per batch, K bins, Z values of the fixed sample, B batch sizes. Everything is in standard
deviations of the population that the batch-mates come from, measured from its mean.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import nn

from bnviz.labs.noise.mates.result import Floats, Result
from bnviz.labs.noise.mates.settings import Settings
from bnviz.labs.noise.shared.population import (
    Draw,
    Population,
    batches_around,
    first_outputs,
    population,
    squared_correlation,
)
from bnviz.study.cost import check_cost
from bnviz.study.histogram import Histogram, histogram
from bnviz.theory import noise, output_law

REACH: Final = 4.0  # histograms from −4 to 4
BINS: Final = 160
SIZES: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
PER_SIZE: Final = 32_768  # samples drawn for R² at each batch size, at least
FEWEST: Final = 256  # batches for R² at each batch size, at least
VALUES: Final = tuple(float(value) for value in np.arange(-3, 3.01, 0.5))
PER_VALUE: Final = 500
SHOWN: Final = 3  # batches whose own mean and variance are kept
MOST: Final = 8_000_000  # numbers drawn for one picture


def run(settings: Settings) -> Result:
    """Put the fixed sample into `draws` batches, one BN channel each.

    Raises: CostError; BatchOfOneError (PyTorch's own words) for batches of one.
    """
    size, value = settings.batch_size, settings.sample_value
    check_cost(settings.draws * size, MOST, ("draws", "batch_size"))
    mates = population(settings.source, settings.seed)
    draw = mates.draws(settings.seed)
    batch = batches_around(torch.tensor([value]), size, settings.draws, draw)
    samples = first_outputs(batch).numpy()
    few = batch[:, :SHOWN].double()
    per_value = max(FEWEST, min(PER_VALUE, MOST // (4 * size * len(VALUES))))
    others = first_outputs(batches_around(torch.tensor(VALUES), size, per_value, draw)).view(len(VALUES), -1)
    sizes, fidelity = _by_size(mates, settings)
    counts = histogram(samples[None], -REACH, REACH, BINS)
    below = law_cdf(counts.edges, value, size)
    exact = samples.astype(np.float64)
    ordered, share, law = _distribution(exact, value, size)
    some = np.unique(np.linspace(0, len(ordered) - 1, 200).astype(np.int64))
    mean_theory, std_theory = law_moments(np.array([value]), size)
    value_mean_theory, value_std_theory = law_moments(np.array(VALUES), size)
    return Result(
        settings=settings,
        samples=samples,
        batch_mean=few.mean(0).numpy(),
        batch_var=few.var(0, correction=0).numpy(),
        counts=Histogram(counts.edges, counts.counts[0]),
        law_x=(counts.edges[1:] + counts.edges[:-1]) / 2,
        law_pdf=np.diff(below) / np.diff(counts.edges),
        ordered=ordered[some],
        share=share[some],
        law_cdf=law[some],
        distance=_distance(share, law) if size > 2 else _jump(exact, value),
        mean=float(exact.mean()),
        std=float(exact.std(ddof=1)),
        mean_theory=float(mean_theory[0]),
        std_theory=float(std_theory[0]),
        values=np.array(VALUES),
        value_mean=others.double().mean(1).numpy(),
        value_std=others.double().std(1).numpy(),
        value_mean_theory=value_mean_theory,
        value_std_theory=value_std_theory,
        sizes=sizes,
        fidelity=fidelity[:, 0],
        fidelity_error=fidelity[:, 1],
        fidelity_theory=np.asarray(noise.fidelity(sizes)),
        skewness=mates.skewness,
        excess_kurtosis=mates.excess_kurtosis,
    )


def _by_size(mates: Population, settings: Settings) -> tuple[NDArray[np.int64], Floats]:
    """The batch sizes (B,), the chosen one among them, and R² with its standard error at each, (B, 2)."""
    sizes = sorted({*SIZES, settings.batch_size})
    measured = [_fidelity(size, mates.draws(settings.seed + size)) for size in sizes]
    return np.array(sizes, dtype=np.int64), np.array(measured)


def _fidelity(size: int, draw: Draw) -> tuple[float, float]:
    """R² over batches of `size`, and its standard error."""
    batches = max(FEWEST, PER_SIZE // size)
    values = draw((size, batches))
    with torch.inference_mode():
        outputs = nn.BatchNorm1d(batches, affine=False, track_running_stats=False)(values)
    return squared_correlation(values, outputs)


def law_cdf(x: Floats, value: float, size: int) -> Floats:
    """The exact law's distribution function; for a batch of two the steps at −1 and 1."""
    if size > 2:
        return np.asarray(output_law.fixed_sample_cdf(x, value, size))
    up = float(ndtr(value))  # the sample is the larger of the two
    return np.where(x < -1, 0.0, np.where(x < 1, 1.0 - up, 1.0))


def law_moments(values: Floats, size: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the exact law for each of `values`."""
    if size > 2:
        mean, std = output_law.fixed_sample_moments(values, size)
        return np.asarray(mean), np.asarray(std)
    mean = 2 * ndtr(values) - 1
    return mean, np.sqrt(1 - mean**2)


def _distribution(samples: Floats, value: float, size: int) -> tuple[Floats, Floats, Floats]:
    """The samples in rising order, the share of samples up to each, and the law's; all (R,)."""
    ordered = np.sort(samples)
    return ordered, np.arange(1, len(ordered) + 1) / len(ordered), law_cdf(ordered, value, size)


def _distance(share: Floats, law: Floats) -> float:
    """The largest distance of two distribution functions; that of the samples jumps at each of them."""
    return float(np.maximum(share - law, law - (share - 1 / len(share))).max())


def _jump(samples: Floats, value: float) -> float:
    """The distance for a batch of two: only the share of outputs that are −1 is left to differ."""
    return abs(float((samples < 0).mean()) - float(ndtr(-value)))
