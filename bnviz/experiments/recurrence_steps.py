"""Topic `steps` of the lab `recurrence`: how the statistics differ from time step to time step, and what a module keeps of them.

Index letters: T time steps, P passes (batches), m samples per batch, G gate inputs, N training images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.recurrent import GATES, RecurrentLayer, VariantName
from bnviz.core.recurrent_networks import RecurrentPlan, build_recurrent
from bnviz.core.replica_data import ReplicaData, batch_indices, digits_data
from bnviz.core.training import TrainingPlan, train
from bnviz.errors import BatchOfOneError
from bnviz.experiments.cost import check_cost
from bnviz.experiments.recurrence_padding import Padded, lengths, padded_statistics
from bnviz.experiments.recurrence_settings import CLASSES, PIXELS, TRAINING_IMAGES, Settings
from bnviz.theory.running import (
    batch_weights,
    finite_population_factor,
    initial_weight,
    pytorch_momentum,
    shared_module_weights,
    unbiased_var,
)

Floats = NDArray[np.float64]

PASSES: Final = 40
WARMUP_BATCH: Final = 64
SECONDS: Final = 1.5


@dataclass(frozen=True, slots=True)
class StepsResult:
    """What P batches of m training images show, sent through one network whose weights stand still.

    Of the chosen term (W_x x or W_h h, in front of any normalizer), for the `unit` among its G whose mean moves from step to
    step as much as the median unit's: `mean`, `var` (T,) over all N training images (biased); `batch_mean`, `batch_var` (P, T)
    of each batch (biased). `running_mean`, `running_var` (T,): what T `nn.BatchNorm1d` have kept after the P batches, one per
    step; `shared_mean`, `shared_var`: what a single one has, called at every step. `shared_mean_theory`,
    `shared_var_theory`: their expectation from the population's moments; `shared_mean_error`, `shared_var_error`: their s.d.
    `weights`, `weights_theory` (T,): by how much `shared_mean` rises where all numbers of one step rise by 1, and the
    closed form. Over all units: `drift`: median of the s.d. over steps of `mean`, in standard deviations of the numbers;
    `fluctuation` (T,): RMS over units of the batch mean's deviation from the population's, in standard deviations, NaN at
    a step where nothing varies; `fluctuation_theory`: σ/√m corrected for drawing without replacement.
    `handed_mean`, `handed_deviation` (2, T): mean (RMS over units) and s.d. (mean over units) of what eval mode hands on of
    the training images, with statistics per step and shared. `padded`: see `Padded`.
    """

    settings: Settings
    passes: int
    unit: int
    mean: Floats
    var: Floats
    batch_mean: Floats
    batch_var: Floats
    running_mean: Floats
    running_var: Floats
    shared_mean: float
    shared_var: float
    shared_mean_theory: float
    shared_var_theory: float
    shared_mean_error: float
    shared_var_error: float
    weights: Floats
    weights_theory: Floats
    drift: float
    fluctuation: Floats
    fluctuation_theory: float
    handed_mean: Floats
    handed_deviation: Floats
    padded: Padded


def run(settings: Settings, on_update: Any = None) -> StepsResult:
    """Train a little, send the batches through, and read what the modules keep.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    check_cost(estimated_seconds(settings), SECONDS, ("warmup", "width", "batch_size"))
    data = digits_data((settings.seed,))
    layer = _layer(settings, data)
    chosen = data.samples(batch_indices(data, settings.batch_size, PASSES)[:, 0])[0]
    with torch.no_grad():
        everything = _terms(layer, data.samples(data.train[0])[0])
        batches = [_terms(layer, batch) for batch in chosen]
        population = everything[settings.term]
        passes = torch.stack([batch[settings.term] for batch in batches])
        mean, var = population.mean(1), population.var(1, unbiased=False)
        per_step, shared = _modules(settings, passes)
        deviation = _typical(var)
        moved = mean.std(0, unbiased=False) / deviation
        unit = int(moved.argsort()[len(moved) // 2])
        weights = step_weights(settings)
        passes_mean = passes.mean(2)
        padded = _padded(settings, layer, data, torch.stack([batch["input"] for batch in batches])[..., unit], unit)
        return StepsResult(
            settings=settings,
            passes=PASSES,
            unit=unit,
            mean=_numbers(mean[:, unit]),
            var=_numbers(var[:, unit]),
            batch_mean=_numbers(passes_mean[..., unit]),
            batch_var=_numbers(passes[..., unit].var(2, unbiased=False)),
            running_mean=_numbers(torch.stack([_statistics(norm)[0][unit] for norm in per_step])),
            running_var=_numbers(torch.stack([_statistics(norm)[1][unit] for norm in per_step])),
            shared_mean=float(_statistics(shared)[0][unit]),
            shared_var=float(_statistics(shared)[1][unit]),
            shared_mean_theory=float(weights @ _numbers(mean[:, unit])),
            shared_var_theory=float(
                weights @ unbiased_var(_numbers(var[:, unit]), TRAINING_IMAGES)
                + initial_weight(settings.momentum, PASSES * settings.steps)
            ),
            shared_mean_error=_uncertainty(settings, _numbers(population[..., unit])),
            shared_var_error=_uncertainty(settings, _numbers((population - mean.unsqueeze(1))[..., unit]) ** 2),
            weights=_measured_weights(settings, passes[..., unit]),
            weights_theory=weights,
            drift=float(moved.median()),
            fluctuation=_fluctuation(passes_mean, mean, var),
            fluctuation_theory=math.sqrt(
                finite_population_factor(settings.batch_size, TRAINING_IMAGES) / settings.batch_size
            ),
            **_handed_on(per_step, shared, mean, var),
            padded=padded,
        )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes, in seconds."""
    gates = GATES[settings.cell] * settings.width
    multiplied = gates * (settings.width + PIXELS / settings.steps)
    training = settings.warmup * (2e-4 + WARMUP_BATCH * (1.2e-10 * multiplied + 2.5e-8 * gates))
    samples = PASSES * settings.batch_size + TRAINING_IMAGES
    looking = PASSES * 3e-4 + samples * (4e-11 * multiplied + 1.5e-8 * gates)
    return 0.03 + 0.6 * settings.steps * (training + looking)


def step_weights(settings: Settings) -> Floats:
    """Weight of each step in the statistics of a module called at all of them, after P passes, (T,)."""
    start = initial_weight(settings.momentum, PASSES * settings.steps)
    return shared_module_weights(settings.momentum, settings.steps) * (1 - start)


def plan_of(settings: Settings, variant: VariantName) -> RecurrentPlan:
    """The network with that variant."""
    return RecurrentPlan(
        settings.cell,
        variant,
        settings.steps,
        PIXELS // settings.steps,
        settings.width,
        CLASSES,
        settings.gamma,
        pytorch_momentum(settings.momentum),
    )


def _layer(settings: Settings, data: ReplicaData) -> RecurrentLayer:
    """The recurrent layer that is looked at, plain, in training mode, after its training."""
    network = build_recurrent(plan_of(settings, settings.normalizer), data.seeds)
    if settings.warmup:
        plan = TrainingPlan(
            settings.warmup,
            WARMUP_BATCH,
            (settings.warmup,),
            learning_rate=settings.learning_rate,
            optimizer="adam",
        )
        train(network, data, plan)
    layer = network.train().replica(0)[0]
    assert isinstance(layer, RecurrentLayer)
    return layer


def _terms(layer: RecurrentLayer, sequences: Tensor) -> dict[str, Tensor]:
    """W_x x and W_h h at every step, (T, B, G), in front of any normalizer, for `sequences` (B, T·D)."""
    with _listening(layer) as heard:
        layer(sequences)
    inputs = heard["input"][0]
    return {"input": inputs.view(layer.steps, -1, inputs.shape[1]), "hidden": torch.stack(heard["hidden"])}


@contextmanager
def _listening(layer: RecurrentLayer) -> Iterator[dict[str, list[Tensor]]]:
    heard: dict[str, list[Tensor]] = {"input": [], "hidden": []}
    handles = [
        module.register_forward_hook(lambda _, arguments, output, kept=heard[name]: kept.append(output))
        for name, module in (("input", layer.inputs), ("hidden", layer.hidden))
    ]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def _modules(settings: Settings, passes: Tensor) -> tuple[list[nn.BatchNorm1d], nn.BatchNorm1d]:
    """One module per step, and one for all, after `passes` (P, T, m, G)."""
    momentum, channels = pytorch_momentum(settings.momentum), passes.shape[-1]
    per_step = [nn.BatchNorm1d(channels, momentum=momentum, affine=False) for _ in range(settings.steps)]
    shared = nn.BatchNorm1d(channels, momentum=momentum, affine=False)
    try:
        for batch in passes:
            for norm, values in zip(per_step, batch, strict=True):
                norm(values)
                shared(values)
    except ValueError as error:
        raise BatchOfOneError(error) from error
    return per_step, shared


def _measured_weights(settings: Settings, values: Tensor) -> Floats:
    """One `nn.BatchNorm1d` with T + 1 channels of the same `values` (P, T, m): channel k has 1 added at step k, the last nothing."""
    steps = settings.steps
    norm = nn.BatchNorm1d(steps + 1, momentum=pytorch_momentum(settings.momentum), affine=False).double()
    raised = torch.eye(steps, steps + 1, dtype=torch.float64)
    for batch in values.double():
        for step in range(steps):
            norm(batch[step].unsqueeze(1) + raised[step])
    mean = _statistics(norm)[0]
    return _numbers(mean[:-1] - mean[-1])


def _uncertainty(settings: Settings, values: Floats) -> float:
    """S.d. of the shared running mean over the draw of the batches, for one unit's `values` (T, N): a batch is one draw of
    whole sequences, so that its steps go up and down together."""
    weights = batch_weights(settings.momentum, PASSES * settings.steps).reshape(PASSES, settings.steps)
    spread = float((weights @ values).var(axis=1).sum())
    return math.sqrt(spread / settings.batch_size * finite_population_factor(settings.batch_size, TRAINING_IMAGES))


def _typical(var: Tensor) -> Tensor:
    """Mean standard deviation (G,) over the steps at which something varies; `var` (T, G)."""
    alive = var > 0
    return (var.sqrt().sum(0) / alive.sum(0).clamp(min=1)).clamp(min=1e-30)


def _fluctuation(means: Tensor, mean: Tensor, var: Tensor) -> Floats:
    """RMS over units and passes of (batch mean − mean)/σ for each step; `means` (P, T, G)."""
    alive = var > VARIES
    squares = torch.where(alive, (means - mean).square() / var.clamp(min=VARIES), torch.zeros(()))
    return _numbers((squares.mean(0).sum(1) / alive.sum(1)).sqrt())  # 0/0 is NaN


VARIES: Final = 1e-12  # below this a float32 variance is rounding


def _handed_on(per_step: list[nn.BatchNorm1d], shared: nn.BatchNorm1d, mean: Tensor, var: Tensor) -> dict[str, Floats]:
    """Mean and s.d. of eval mode's output for values of that `mean` and `var` (T, G): batch norm in eval mode is a straight line."""
    means, deviations = [], []
    for norms in (per_step, [shared] * len(per_step)):
        middle = torch.stack([norm.eval()(row.unsqueeze(0))[0] for norm, row in zip(norms, mean, strict=True)])
        above = torch.stack(
            [norm((row + part.sqrt()).unsqueeze(0))[0] for norm, row, part in zip(norms, mean, var, strict=True)]
        )
        means.append(_numbers(middle.square().mean(1).sqrt()))
        deviations.append(_numbers((above - middle).mean(1)))
    return {"handed_mean": np.stack(means), "handed_deviation": np.stack(deviations)}


def _padded(settings: Settings, layer: RecurrentLayer, data: ReplicaData, values: Tensor, unit: int) -> Padded:
    """What padding makes of the `unit`'s W_x x, `values` (P, T, m): zeros go in, the unit's bias comes out, if it has one."""
    pad = float(layer.inputs(torch.zeros(1, PIXELS // settings.steps))[0, unit])
    chosen = batch_indices(data, settings.batch_size, PASSES)[:, 0]
    real = lengths(len(data.labels), settings.steps, settings.padding, settings.seed)[chosen]
    return padded_statistics(values, pad, torch.arange(settings.steps)[:, None] < real[:, None, :])


def _statistics(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def _numbers(values: Tensor) -> Floats:
    numbers: Floats = values.detach().double().numpy()
    return numbers
