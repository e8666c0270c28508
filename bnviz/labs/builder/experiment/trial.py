"""The page `builder`: a layer with its normalizer, activation and Dropout, made, tried on one batch, and looked through.

Index letters: N samples per batch, C channels after the layer, P positions per channel (1 for `linear`, L or H·W for
convolutions), n values per statistic.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.labs.builder.experiment.advice import Seen, advice
from bnviz.labs.builder.experiment.modules import Trial, build, send, tensors_of
from bnviz.labs.builder.plan import expected_variance, output_positions, stages_of
from bnviz.labs.builder.result import Result
from bnviz.labs.builder.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.theory.placement import statistic_count

ELEMENTS: Final = 10_000_000  # numbers in the largest tensor: 40 MB
PRODUCTS: Final = 3_000_000_000  # multiplications in the layer: about half a second of one core


def run(settings: Settings) -> Result:
    """Make the block, send one batch of Gaussian numbers through it, and read everything off the modules.

    What PyTorch refuses stands in `Result.refusal`. Raises: CostError.
    """
    _check_cost(settings)
    stages = stages_of(settings)
    generator = torch.Generator().manual_seed(settings.seed)
    block, refusal = build(stages, generator)
    block.train(settings.mode == "train")
    trial = send(block, settings.input_std * torch.randn(settings.input_shape, generator=generator), generator)
    refusal = trial.refusal or refusal
    ran = len(trial.outputs)
    index = next((index for index, stage in enumerate(stages) if stage.role == "normalizer"), -1)
    before, after = _moments(trial, index, entering=True), _moments(trial, index, entering=False)
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
        advice=advice(settings, Seen(n, _shared_variance(settings, trial, index), refusal)),
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


def _moments(trial: Trial, index: int, *, entering: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and biased variance per channel (C,) of what enters or leaves module `index`; empty where it did not run."""
    if not 0 <= index < len(trial.outputs):
        return np.empty(0), np.empty(0)
    values: Tensor = (trial.inputs, *trial.outputs)[index + (not entering)].double()
    rows = values.transpose(0, 1).flatten(1)
    return rows.mean(1).numpy(), rows.var(1, correction=0).numpy()


def _shared_variance(settings: Settings, trial: Trial, index: int) -> float:
    """Biased variance of the values that share one mean in the normalizer, module `index`, averaged; NaN where it did not run."""
    if not 0 <= index < len(trial.outputs):
        return math.nan
    values: Tensor = (trial.inputs, *trial.outputs)[index].double()
    if settings.normalizer == "batch":
        values = values.transpose(0, 1)
    sets = len(values) * {"group": settings.groups, "instance": settings.out_channels}.get(settings.normalizer, 1)
    return float(values.reshape(sets, -1).var(1, correction=0).mean())


def expected_count(settings: Settings, name: str) -> int:
    """Numbers in the tensor `name` of the block's `state_dict()` by arithmetic."""
    index, kind = name.split(".")
    channels = settings.out_channels
    if stages_of(settings)[int(index)].role == "layer":
        kernel: int = settings.kernel_size ** len(settings.input_positions)
        return channels * settings.in_channels * kernel if kind == "weight" else channels
    if kind == "num_batches_tracked":
        return 1
    return channels * (math.prod(output_positions(settings)) if settings.normalizer == "layer" else 1)


def _law(settings: Settings, variances: NDArray[np.float64]) -> NDArray[np.float64]:
    """`expected_variance` around the `variances` that were measured, one decade on both sides."""
    seen = variances[variances > 0]
    if settings.normalizer != "batch" or not seen.size:
        return np.empty((2, 0))
    curve = np.geomspace(seen.min() / 10, seen.max() * 10, 100)
    return np.stack([curve, expected_variance(settings, curve)])
