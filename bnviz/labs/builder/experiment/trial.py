"""The page `builder`: a layer with its normalizer, activation and Dropout, made, tried on one batch, and looked through.

Index letters: N samples per batch, C channels behind the layer, P positions per channel (1 for `linear`, L or H·W for
convolutions), n values per statistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.builder.experiment.measure import Tensors, Trial, build, send, tensors_of
from bnviz.labs.builder.experiment.warnings import Advice, Seen, advice
from bnviz.labs.builder.plan import Stage, output_positions
from bnviz.labs.builder.settings import Settings
from bnviz.study.comparison import Comparison
from bnviz.study.cost import check_cost
from bnviz.theory import noise
from bnviz.theory.placement import statistic_count

__all__ = ["Result", "Settings", "comparisons", "run"]

ELEMENTS: Final = 8_000_000  # numbers in the largest tensor: 32 MB
PRODUCTS: Final = 3_000_000_000  # multiplications in the layer: about half a second of one core


@dataclass(frozen=True, slots=True)
class Result:
    """The block that `settings` describe, as PyTorch made it.

    - `stages`: what was planned, in order; `shapes`: of the input and behind each module that ran, so at most one more
      than `stages`. `refusal`: PyTorch's own words where a module could not be made or run ("" where all could);
      `refused`: its place in `stages`, or −1.
    - `tensors`: the block's `state_dict()`; without what was refused. `expected`: their counts by arithmetic, in the same order.
    - `before_mean`, `before_var` (C,): of what enters the normalizer, over the values that batch norm averages, the
      variance biased; `after_mean`, `after_var` (C,): of what leaves it. Empty where there is no normalizer or it did not run.
    - `law` (2, 100): what a fresh batch norm makes of a variance: variances in front of it, and behind; empty without one.
    - `output_mean`, `output_std`: over everything that leaves the block; NaN where it did not run.
    - `values_per_statistic`: n of the normalizer; 0 without one. `advice`: what to know before using it, gravest first.
    """

    settings: Settings
    stages: tuple[Stage, ...]
    shapes: tuple[tuple[int, ...], ...]
    refusal: str
    refused: int
    tensors: tuple[Tensors, ...]
    expected: tuple[int, ...]
    before_mean: NDArray[np.float64]
    before_var: NDArray[np.float64]
    after_mean: NDArray[np.float64]
    after_var: NDArray[np.float64]
    law: NDArray[np.float64]
    output_mean: float
    output_std: float
    values_per_statistic: int
    advice: tuple[Advice, ...]

    @property
    def trained(self) -> int:
        """How many numbers an optimizer moves."""
        return sum(entry.count for entry in self.tensors if entry.trained)

    @property
    def kept(self) -> int:
        """How many numbers are saved with the block but moved by forward passes alone: its buffers."""
        return sum(entry.count for entry in self.tensors if not entry.trained)

    @property
    def normalizer(self) -> int:
        """The normalizer's place in `stages`, or −1."""
        return next((place for place, stage in enumerate(self.stages) if stage.role == "normalizer"), -1)

    @property
    def layer(self) -> int:
        """The layer's place in `stages`."""
        return next(place for place, stage in enumerate(self.stages) if stage.role == "layer")


def run(settings: Settings) -> Result:
    """Make the block, send one batch of Gaussian numbers through it, and read everything off the modules.

    What PyTorch refuses stands in `Result.refusal`. Raises: CostError.
    """
    _check_cost(settings)
    stages = settings.stages
    generator = torch.Generator().manual_seed(settings.seed)
    block, refusal = build(stages, generator)
    block.train(settings.mode == "train")
    trial = send(block, settings.input_std * torch.randn(settings.input_shape, generator=generator), generator)
    refusal = trial.refusal or refusal
    ran = len(trial.outputs)
    place = next((place for place, stage in enumerate(stages) if stage.role == "normalizer"), -1)
    before, after = _moments(trial, place, entering=True), _moments(trial, place, entering=False)
    output = trial.outputs[-1] if ran == len(stages) else None
    n, tensors = values_per_statistic(settings), tensors_of(block)
    return Result(
        settings=settings,
        stages=stages,
        shapes=(settings.input_shape, *(tuple(values.shape) for values in trial.outputs)),
        refusal=refusal,
        refused=ran if refusal else -1,
        tensors=tensors,
        expected=tuple(expected_count(settings, entry.name) for entry in tensors),
        before_mean=before[0],
        before_var=before[1],
        after_mean=after[0],
        after_var=after[1],
        law=_law(settings, before[1]),
        output_mean=math.nan if output is None else float(output.mean()),
        output_std=math.nan if output is None else float(output.std(correction=0)),
        values_per_statistic=n,
        advice=advice(settings, Seen(n, _shared_variance(settings, trial, place), refusal)),
    )


def values_per_statistic(settings: Settings) -> int:
    """How many values share one mean in the normalizer; 0 without one, and where such a normalizer cannot be."""
    positions, channels = output_positions(settings), settings.out_channels
    uneven = settings.normalizer == "group" and channels % settings.groups
    if not settings.normalizes or settings.normalizer == "none" or uneven or min(positions, default=1) < 1:
        return 0
    count = math.prod(positions)
    return statistic_count(settings.normalizer, settings.batch_size, channels, count, 1, settings.groups).elements


def _check_cost(settings: Settings) -> None:
    places = settings.batch_size * math.prod(max(size, 1) for size in output_positions(settings))
    entering = math.prod(settings.input_shape)
    reduce = ("batch_size", "in_channels", "out_channels", "input_height", "input_width")
    check_cost(max(entering, places * settings.out_channels), ELEMENTS, reduce)
    kernel = settings.kernel_size ** len(settings.input_positions)
    check_cost(places * settings.out_channels * settings.in_channels * kernel, PRODUCTS, reduce)


def _moments(trial: Trial, place: int, *, entering: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and biased variance per channel (C,) of what enters or leaves module `place`; empty where it did not run."""
    if not 0 <= place < len(trial.outputs):
        return np.empty(0), np.empty(0)
    values: Tensor = (trial.inputs, *trial.outputs)[place + (not entering)].double()
    rows = values.transpose(0, 1).flatten(1)
    return rows.mean(1).numpy(), rows.var(1, correction=0).numpy()


def _shared_variance(settings: Settings, trial: Trial, place: int) -> float:
    """Biased variance of the values that share one mean in the normalizer, module `place`, averaged; NaN where it did not run."""
    if not 0 <= place < len(trial.outputs):
        return math.nan
    values: Tensor = (trial.inputs, *trial.outputs)[place].double()
    if settings.normalizer == "batch":
        values = values.transpose(0, 1)
    sets = len(values) * {"group": settings.groups, "instance": settings.out_channels}.get(settings.normalizer, 1)
    return float(values.reshape(sets, -1).var(1, correction=0).mean())


def expected_count(settings: Settings, name: str) -> int:
    """Numbers in the tensor `name` of the block's `state_dict()` by arithmetic."""
    place, kind = name.split(".")
    channels = settings.out_channels
    if settings.stages[int(place)].role == "layer":
        kernel: int = settings.kernel_size ** len(settings.input_positions)
        return channels * settings.in_channels * kernel if kind == "weight" else channels
    if kind == "num_batches_tracked":
        return 1
    return channels * (math.prod(output_positions(settings)) if settings.normalizer == "layer" else 1)


def expected_variance(settings: Settings, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance (C,) behind a fresh batch norm with γ = 1, of values that enter with `variance` (C,).

    σ²/(σ² + ε) by the batch's own statistics; σ²/(1 + ε) by running statistics that no batch has moved.
    """
    if settings.mode == "eval" and settings.track_running_stats:
        return np.asarray(variance / (1 + settings.eps))
    return noise.output_variance(variance, settings.eps)


def _law(settings: Settings, variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """`expected_variance` around the `variances` that were measured, one decade on both sides."""
    seen = variances[variances > 0]
    if settings.normalizer != "batch" or not seen.size:
        return np.empty((2, 0))
    curve = np.geomspace(seen.min() / 10, seen.max() * 10, 100)
    return np.stack([curve, expected_variance(settings, curve)])


def comparisons(result: Result) -> tuple[Comparison, ...]:
    """What the modules have and do, against what the formulas say."""
    settings = result.settings
    trained = [number for number, entry in zip(result.expected, result.tensors, strict=True) if entry.trained]
    rows = [
        Comparison(Phrase(N_("Numbers that the optimizer moves")), result.trained, sum(trained)),
        Comparison(Phrase(N_("Numbers in buffers")), result.kept, sum(result.expected) - sum(trained)),
    ]
    if settings.layer != "linear" and len(result.shapes) > result.layer + 1:
        found, wanted = math.prod(result.shapes[result.layer + 1][2:]), math.prod(output_positions(settings))
        rows.append(Comparison(Phrase(N_("Positions per channel behind the convolution")), found, wanted))
    if settings.normalizer == "batch" and result.before_var.size:
        predicted = float(expected_variance(settings, result.before_var).mean())
        name = N_("Variance behind batch norm, averaged over channels")
        rows.append(Comparison(Phrase(name), float(result.after_var.mean()), predicted))
    return tuple(rows)
