"""The topic `mates` of the lab `noise`: one fixed sample in batch after batch of other batch-mates.

Index letters: R draws, m samples per batch, K bins, Z values of the fixed sample, B batch sizes. Everything is in standard
deviations of the population that the batch-mates come from, measured from its mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr
from torch import Tensor, nn

from bnviz.core.batch_norm import seeded_layer
from bnviz.core.datasets import digits
from bnviz.core.histogram import Histogram, histogram
from bnviz.errors import BatchOfOneError
from bnviz.experiments.cost import check_cost
from bnviz.experiments.noise_settings import Settings, SourceName
from bnviz.theory import noise, output_law

Floats = NDArray[np.float64]
Draw = Callable[[tuple[int, ...]], Tensor]

REACH: Final = 4.0  # histograms from −4 to 4
BINS: Final = 160
SIZES: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024)
PER_SIZE: Final = 32_768  # samples drawn for R² at each batch size, at least
FEWEST: Final = 256  # batches for R² at each batch size, at least
VALUES: Final = tuple(float(value) for value in np.arange(-3, 3.01, 0.5))
PER_VALUE: Final = 500
MOST: Final = 8_000_000  # numbers drawn for one picture
UNITS: Final = 16


@dataclass(frozen=True, slots=True)
class Mates:
    """What one fixed sample's output does over random batch-mates, and the closed forms for normal ones.

    `samples` (R,): its outputs. `counts`: their histogram, counts (K,). `law_x` (K,) bin centres; `law_pdf` (K,): density of
    the exact law averaged over each bin, which is finite for every m (its outputs are ±1 for m = 2). `ordered` (Q,) some of
    the samples in order, `law_cdf` (Q,) the law's distribution function there, `share` (Q,) the share of samples up to each.
    `distance`: largest distance between the two distribution functions, over all samples.
    `mean`, `std` of the samples, `mean_theory`, `std_theory` of the law.
    `values` (Z,), `value_mean`, `value_std`, `value_mean_theory`, `value_std_theory` (Z,): the same for other fixed samples.
    `sizes` (B,); `fidelity` (B,): squared correlation of the output with the true value when all samples are random, its
    standard error `fidelity_error`, `fidelity_theory`; `rate` and `rate_theory` (B,): the Dropout rate of equal noise energy.
    `skewness`, `excess_kurtosis` of the population: 0 for a normal one.
    """

    samples: NDArray[np.float32]
    counts: Histogram
    law_x: Floats
    law_pdf: Floats
    ordered: Floats
    share: Floats
    law_cdf: Floats
    distance: float
    mean: float
    std: float
    mean_theory: float
    std_theory: float
    values: Floats
    value_mean: Floats
    value_std: Floats
    value_mean_theory: Floats
    value_std_theory: Floats
    sizes: NDArray[np.int64]
    fidelity: Floats
    fidelity_error: Floats
    fidelity_theory: Floats
    skewness: float
    excess_kurtosis: float

    @property
    def rate(self) -> Floats:
        """Dropout rate whose noise has the measured energy, (B,)."""
        return 1.0 - self.fidelity

    @property
    def rate_theory(self) -> Floats:
        """Its closed form, (B,)."""
        return 1.0 - self.fidelity_theory


def measure_mates(settings: Settings) -> Mates:
    """Put the fixed sample into `draws` batches, one BN channel each.

    Raises: CostError; BatchOfOneError (PyTorch's own words) for batches of one.
    """
    size, value = settings.batch_size, settings.sample_value
    check_cost(settings.draws * size, MOST, ("draws", "batch_size"))
    draw, skewness, kurtosis = population(settings.source, settings.seed)
    samples = fixed_outputs(torch.tensor([value]), size, settings.draws, draw)[0].numpy()
    others = fixed_outputs(torch.tensor(VALUES), size, min(PER_VALUE, MOST // (2 * size * len(VALUES))), draw)
    sizes = np.array(sorted({*SIZES, size}), dtype=np.int64)
    fidelity = np.array([_fidelity(int(each), draw) for each in sizes])
    counts = histogram(samples[None], -REACH, REACH, BINS)
    below = law_cdf(counts.edges, value, size)
    ordered = np.sort(samples).astype(np.float64)
    law = law_cdf(ordered, value, size)
    share = np.arange(1, len(ordered) + 1) / len(ordered)
    some = np.unique(np.linspace(0, len(ordered) - 1, 200).astype(np.int64))
    exact = samples.astype(np.float64)
    mean_theory, std_theory = law_moments(np.array([value]), size)
    value_mean_theory, value_std_theory = law_moments(np.array(VALUES), size)
    return Mates(
        samples=samples,
        counts=Histogram(counts.edges, counts.counts[0]),
        law_x=(counts.edges[1:] + counts.edges[:-1]) / 2,
        law_pdf=np.diff(below) / np.diff(counts.edges),
        ordered=ordered[some],
        share=share[some],
        law_cdf=law[some],
        distance=float(np.maximum(share - law, law - (share - 1 / len(share))).max())
        if size > 2
        else _jump(exact, value),
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
        skewness=skewness,
        excess_kurtosis=kurtosis,
    )


def population(source: SourceName, seed: int) -> tuple[Draw, float, float]:
    """How to draw standardized batch-mates of this `source`, and its skewness and excess kurtosis."""
    generator = torch.Generator().manual_seed(seed)
    if source == "gaussian":
        return lambda shape: torch.randn(shape, generator=generator), 0.0, 0.0
    values = _feature(seed, relu=source == "digits_relu")
    exact = values.double()
    moments = [float((exact**power).mean()) for power in (3, 4)]

    def drawn(shape: tuple[int, ...]) -> Tensor:
        return values.take(torch.randint(len(values), shape, generator=generator))

    return drawn, moments[0], moments[1] - 3


def _feature(seed: int, *, relu: bool) -> Tensor:
    """One output (N,) of a fixed `nn.Linear` on all digits, standardized: the one whose mean is nearest to 0.

    There ReLU cuts the values in halves.
    """
    images, _ = digits()
    layer = seeded_layer("linear", images[0].numel(), UNITS, torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        outputs = layer(images.flatten(1)).double()
    values = outputs[:, int((outputs.mean(0) / outputs.std(0)).abs().argmin())]
    values = values.relu() if relu else values
    return ((values - values.mean()) / values.std(correction=0)).float()


def fixed_outputs(values: Tensor, size: int, draws: int, draw: Draw) -> Tensor:
    """Outputs (Z, R) of `values` (Z,), each the first of R batches of `size` of a real `nn.BatchNorm1d` in training mode.

    Raises: BatchOfOneError.
    """
    channels = len(values) * draws
    norm = nn.BatchNorm1d(channels, affine=False, track_running_stats=False)
    batch = torch.cat([values.repeat_interleave(draws)[None], draw((size - 1, channels))])
    try:
        with torch.inference_mode():
            outputs: Tensor = norm(batch)[0].view(len(values), draws)
    except ValueError as error:
        raise BatchOfOneError(error) if size == 1 else error from error
    return outputs


def _fidelity(size: int, draw: Draw) -> tuple[float, float]:
    """R² over batches of `size`, and its standard error from the scatter of the batches."""
    batches = max(FEWEST, PER_SIZE // size)
    values = draw((size, batches))
    with torch.inference_mode():
        outputs = nn.BatchNorm1d(batches, affine=False, track_running_stats=False)(values)
    x, true = outputs.double(), values.double()
    true = true - true.mean()  # of the outputs the mean is 0 in every batch
    product, square, energy = (part.mean(0) for part in (x * true, true**2, x**2))
    a, b, c = float(product.mean()), float(square.mean()), float(energy.mean())
    # The correlation a/√(bc) to first order in each batch's share of a, b, c.
    influence = product / a - square / (2 * b) - energy / (2 * c)
    fidelity = a**2 / (b * c)
    return fidelity, 2 * fidelity * float(influence.std()) / math.sqrt(batches)


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


def _jump(samples: Floats, value: float) -> float:
    """The distance for a batch of two: only the share of outputs that are −1 is left to differ."""
    return abs(float((samples < 0).mean()) - float(ndtr(-value)))
