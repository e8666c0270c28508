"""The run of the topic `steps` of the lab `recurrence`: how statistics differ from time step to time step, and what a module keeps of them.

Index letters: T time steps, P passes (batches), m samples per batch, G gate inputs, N training images.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.recurrent import GATES, RecurrentLayer
from bnviz.core.replica_data import ReplicaData, digits_data
from bnviz.errors import BatchOfOneError
from bnviz.labs.recurrence.shared.parameters import PIXELS, TRAINING_IMAGES
from bnviz.labs.recurrence.steps.experiment.batches import (
    PASSES,
    WARMUP_BATCH,
    is_independent,
    rows_of_batches,
    terms_of_batches,
    trained_layer,
)
from bnviz.labs.recurrence.steps.experiment.modules import (
    Kept,
    fluctuation,
    measured_weights,
    movement,
    numbers,
    statistics,
    terms,
)
from bnviz.labs.recurrence.steps.experiment.padding import lengths, padded_statistics
from bnviz.labs.recurrence.steps.result import Padded, Result
from bnviz.labs.recurrence.steps.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.theory.running import (
    batch_weights,
    finite_population_factor,
    initial_weight,
    pytorch_momentum,
    shared_module_weights,
    unbiased_var,
)

Floats = NDArray[np.float64]

SECONDS: Final = 0.8


def run(settings: Settings) -> Result:
    """Train a little, send the batches through, and read what the modules keep.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    check_cost(estimated_seconds(settings), SECONDS, ("warmup", "width", "batch_size", "sequence"))
    data = digits_data((settings.seed,))
    layer = trained_layer(settings, data)
    momentum = pytorch_momentum(settings.momentum)
    rows = rows_of_batches(settings, data)
    with torch.no_grad():
        found = terms(layer, data.samples(data.train[0])[0])
        population = found[settings.term]
        mean, var = population.mean(1), population.var(1, unbiased=False)
        moved = movement(mean, var)
        unit = int(moved.argsort()[len(moved) // 2])
        kept = Kept(population.shape[2], settings.steps, momentum)
        seen = [_show(kept, batch, unit) for batch in terms_of_batches(settings, layer, data, population, rows)]
        means, values = (torch.stack(part) for part in zip(*seen, strict=True))
        weights = step_weights(settings)
        handed_mean, handed_deviation = kept.handed_on(mean, var)
        running_mean, running_var = kept.of_unit(unit)
        shared_mean, shared_var = (float(part[unit]) for part in statistics(kept.shared))
        return Result(
            settings=settings,
            passes=PASSES,
            unit=unit,
            mean=numbers(mean[:, unit]),
            var=numbers(var[:, unit]),
            batch_mean=numbers(means[..., unit]),
            batch_var=numbers(values.var(2, unbiased=False)),
            running_mean=running_mean,
            running_var=running_var,
            shared_mean=shared_mean,
            shared_var=shared_var,
            shared_mean_theory=float(weights @ numbers(mean[:, unit])),
            shared_var_theory=_expected_var(settings, weights, numbers(var[:, unit])),
            shared_mean_error=_uncertainty(settings, numbers(population[..., unit])),
            shared_var_error=_uncertainty(settings, numbers((population - mean.unsqueeze(1))[..., unit]) ** 2),
            weights=measured_weights(values, momentum),
            weights_theory=weights,
            drift=float(moved.median()),
            fluctuation=fluctuation(means, mean, var),
            fluctuation_theory=math.sqrt(
                finite_population_factor(settings.batch_size, TRAINING_IMAGES) / settings.batch_size
            ),
            handed_mean=handed_mean,
            handed_deviation=handed_deviation,
            padded=_padded(settings, layer, data, found["input"][..., unit], rows, unit),
        )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes, in seconds."""
    gates = GATES[settings.cell] * settings.width
    weights = gates * (settings.width + PIXELS // settings.steps)
    norms = {"none": 0, "batch_input_only": 1}.get(settings.normalizer, 3 if settings.cell == "lstm" else 2)
    step = 1e-4 + 1.2e-4 * norms + WARMUP_BATCH * (6e-11 * weights + 1.4e-8 * gates)
    population = TRAINING_IMAGES * (1.1e-11 * weights + 1.8e-8 * gates)
    batch = 2.7e-5 + settings.batch_size * (2.4e-9 * gates + 6.2e-10 * settings.steps + 8e-8)
    if not is_independent(settings):
        batch += 3.4e-5 + settings.batch_size * (2.4e-11 * weights + 3.2e-9 * gates)
    return 0.01 + settings.steps * (settings.warmup * step + population + PASSES * batch)


def step_weights(settings: Settings) -> Floats:
    """Weight of each step in the statistics of a module called at all of them, after P passes, (T,)."""
    start = initial_weight(settings.momentum, PASSES * settings.steps)
    return shared_module_weights(settings.momentum, settings.steps) * (1 - start)


def _expected_var(settings: Settings, weights: Floats, var: Floats) -> float:
    """Closed form of one unit's running variance in a module called at all steps, for its variances `var` (T,)."""
    start = initial_weight(settings.momentum, PASSES * settings.steps)
    return float(weights @ unbiased_var(var, TRAINING_IMAGES) + start)


def _show(kept: Kept, values: Tensor, unit: int) -> tuple[Tensor, Tensor]:
    """One batch's `values` past the modules: means (T, G), and the unit's numbers (T, m)."""
    try:
        kept.add(values)
    except ValueError as error:
        raise BatchOfOneError(error) from error
    return values.mean(1), values[..., unit].clone()


def _uncertainty(settings: Settings, values: Floats) -> float:
    """S.d. of the shared running mean over the draw of the batches, for one unit's `values` (T, N).

    A batch is one draw of whole sequences, so that its steps go up and down together.
    """
    weights = batch_weights(settings.momentum, PASSES * settings.steps).reshape(PASSES, settings.steps)
    spread = float((weights @ values).var(axis=1).sum())
    return math.sqrt(spread / settings.batch_size * finite_population_factor(settings.batch_size, TRAINING_IMAGES))


def _padded(
    settings: Settings, layer: RecurrentLayer, data: ReplicaData, inputs: Tensor, rows: Tensor, unit: int
) -> Padded:
    """What padding makes of the `unit`'s W_x x, `inputs` (T, N): zeros go in, the unit's bias comes out, if it has one."""
    pad = float(layer.inputs(torch.zeros(1, PIXELS // settings.steps))[0, unit])
    last = lengths(len(data.labels), settings.steps, settings.padding, settings.seed)[data.train[0]][rows]
    real = torch.arange(settings.steps)[:, None] < last[:, None]
    return padded_statistics(inputs[:, rows].transpose(0, 1), pad, real)
