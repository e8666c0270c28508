"""The lab `layer`: what batch norm does to the numbers, and who supplies μ and σ².

Index letters: T batches shown, C channels, m samples per batch, P positions per sample (1 for `linear`, H·W for
`conv`), n = m·P values per statistic, K bins, N samples of the population.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.core.activations import make_activation
from bnviz.core.batch_norm import Recording, record, seeded_layer, warm_up
from bnviz.core.datasets import SyntheticName, batches, digits, synthetic
from bnviz.errors import BatchOfOneError, Phrase, SettingError, UploadError
from bnviz.i18n import N_
from bnviz.labs.layer.experiment.population import (
    SIDE,
    forecast,
    measure_population,
    predicted_density,
)
from bnviz.labs.layer.experiment.stages import (
    Floats,
    Rows,
    Stage,
    batch_density,
    density_within,
    describe,
    group_size,
    grouped,
    half_range,
    moments,
    normalized_rows,
    percentiles,
    pooled_density,
    rows_of,
    spread_within,
)
from bnviz.labs.layer.result import Population, Result
from bnviz.labs.layer.settings import Settings
from bnviz.study.cost import check_cost
from bnviz.theory import running

ELEMENTS: Final = 4_000_000  # recorded values: about one second on the machine of the README's table
WARM_UP_COST: Final = 0.25  # of a recorded value's
HISTOGRAMS: Final = 6_400  # T·C: 10 MB of counts
GATHERED: Final = 250_000  # values gathered at a time: 1 MB
BOUNDED: Final = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}


def run(settings: Settings, data: NDArray[np.float32] | None = None) -> Result:
    """Send batches through a fixed layer, real `nn.BatchNorm1d/2d` and an activation, and record every stage.

    `data` (N, D): the visitor's own samples where `source` is `upload`.
    Raises: CostError; UploadError without data; SettingError where the data are no images for `conv`; BatchOfOneError
    (PyTorch's own words) for one value per channel where the batch has to supply the statistics.
    """
    samples = _samples(settings, data)
    positions = _positions(settings, samples)
    _check_cost(settings, positions)
    generator = torch.Generator().manual_seed(settings.seed)
    layer = seeded_layer(settings.layer, _features(settings, samples), settings.channels, generator)
    norm = _make_norm(settings)
    stream = _stream(settings, samples, generator)
    try:
        recording = _run_batches(settings, layer, norm, stream)
    except ValueError as error:
        if settings.batch_size * positions == 1:
            raise BatchOfOneError(error) from error
        raise
    population = measure_population(layer, samples, settings)
    return _summarize(settings, recording, population)


def _run_batches(
    settings: Settings, layer: nn.Module, norm: nn.BatchNorm1d | nn.BatchNorm2d, stream: Iterator[Tensor]
) -> Recording:
    warm_up(layer, norm, itertools.islice(stream, settings.warmup), settings.input_scale, settings.input_shift)
    norm.train(settings.mode == "train")
    shifts = [settings.input_shift + settings.drift * t for t in range(settings.steps)]
    return record(layer, norm, make_activation(settings.activation), stream, settings.input_scale, shifts)


def _make_norm(settings: Settings) -> nn.BatchNorm1d | nn.BatchNorm2d:
    kind = nn.BatchNorm2d if settings.layer == "conv" else nn.BatchNorm1d
    norm = kind(
        settings.channels,
        eps=settings.eps,
        momentum=running.pytorch_momentum(settings.momentum),
        affine=settings.affine,
        track_running_stats=settings.track_running_stats,
    )
    if settings.rescales:
        with torch.no_grad():
            norm.weight.fill_(settings.gamma)
            norm.bias.fill_(settings.beta)
    return norm


def _samples(settings: Settings, data: NDArray[np.float32] | None) -> Tensor | None:
    """The population (N, D) or, for `conv`, (N, 1, H, W); None where samples are drawn from a distribution."""
    if settings.source == "digits":
        images, _ = digits()
        return images if settings.layer == "conv" else images.flatten(1)
    if settings.source != "upload":
        return None
    if data is None:
        raise UploadError(
            N_("There is no file yet: a link cannot carry one. Choose your file, or take another source.")
        )
    table = torch.tensor(data, dtype=torch.float32)  # a copy: what a visitor gave cannot be written to
    if settings.layer == "linear":
        return table
    side = math.isqrt(table.shape[1])
    if side < 3 or side * side != table.shape[1]:
        allowed = Phrase(
            N_("linear for rows of {columns} values, which make no square image"), {"columns": table.shape[1]}
        )
        raise SettingError("layer", allowed, settings.layer)
    return table.view(-1, 1, side, side)


def _features(settings: Settings, samples: Tensor | None) -> int:
    return 1 if samples is None else samples.shape[1]


def _positions(settings: Settings, samples: Tensor | None) -> int:
    if settings.layer == "linear":
        return 1
    return SIDE * SIDE if samples is None else samples.shape[2] * samples.shape[3]


def _check_cost(settings: Settings, positions: int) -> None:
    batch = settings.batch_size * settings.channels * positions
    recorded = (settings.steps + WARM_UP_COST * settings.warmup) * batch
    check_cost(recorded, ELEMENTS, ("batch_size", "channels", "steps", "warmup"))
    check_cost(settings.steps * settings.channels, HISTOGRAMS, ("steps", "channels"))


def _stream(settings: Settings, samples: Tensor | None, generator: torch.Generator) -> Iterator[Tensor]:
    """The batches of the run, warm-up first."""
    count, m = settings.warmup + settings.steps, settings.batch_size
    if samples is not None:
        return _gathered(samples, batches(len(samples), m, count, generator))
    name = cast(SyntheticName, settings.source)
    shape = (m, 1, SIDE, SIDE) if settings.layer == "conv" else (m, 1)
    return (synthetic(name, shape, 0.0, 1.0, generator) for _ in range(count))


def _gathered(samples: Tensor, order: Tensor) -> Iterator[Tensor]:
    """The batches (m, …) of `samples` in `order` (T, m), several gathered at a time: far fewer calls, little memory."""
    together = max(1, GATHERED // (order.shape[1] * samples[0].numel()))
    for start in range(0, len(order), together):
        some = order[start : start + together]
        yield from samples.index_select(0, some.flatten()).view(*some.shape, *samples.shape[1:]).unbind()


def _summarize(settings: Settings, recording: Recording, population: Population) -> Result:
    T, C, c = settings.steps, settings.channels, settings.channel
    inputs, scaled = rows_of(recording.inputs), rows_of(recording.scaled)
    n = inputs.shape[-1]
    batch_mean, batch_var = moments(inputs)
    fresh = np.tile(np.array([0.0, 1.0], dtype=np.float32)[:, None], (T + 1, 1, C))
    estimates = fresh if recording.running is None else recording.running
    from_running = settings.statistics_source == "running"
    used_mean, used_var = batch_mean, batch_var
    if from_running:
        used_mean, used_var = estimates[:-1, 0].astype(np.float64), estimates[:-1, 1].astype(np.float64)

    normalized = scaled
    if settings.rescales:
        normalized = normalized_rows(recording.inputs, settings.eps, estimates[0] if from_running else None)
    output = scaled if settings.activation == "identity" else rows_of(recording.outputs)
    rows = {"input": inputs, "normalized": normalized, "scaled": scaled, "output": output}
    stages = describe(rows, _ranges(settings, rows), {"input": (batch_mean, batch_var)})

    chosen, edges = normalized[:, c], stages["normalized"].histogram.edges
    at_input = percentiles(inputs)
    sample = _middle(n // settings.batch_size)
    return Result(
        settings=settings,
        statistics_source=settings.statistics_source,
        batches_before=settings.warmup if settings.track_running_stats else 0,
        values_per_statistic=n,
        stages={name: stage.histogram for name, stage in stages.items()},
        stage_mean={name: stage.mean for name, stage in stages.items()},
        stage_std={name: stage.std for name, stage in stages.items()},
        batch_density=_of_each(stages, lambda stage: batch_density(stage, c, n)),
        batch_mean=batch_mean,
        batch_var=batch_var,
        used_mean=used_mean,
        used_var=used_var,
        running_mean=estimates[:, 0].astype(np.float64),
        running_var=estimates[:, 1].astype(np.float64),
        percentiles={"input": at_input, "scaled": _after_batch_norm(at_input, used_mean, used_var, settings)},
        sample={name: values[..., sample].copy() for name, values in rows.items()},
        input_density=grouped(
            density_within(inputs[:, c], edges), group_size(edges, spread_within(stages["input"], c), n)
        ),
        pooled=_of_each(stages, lambda stage: pooled_density(stage, c)),
        predicted_density=predicted_density(edges, settings, population, n, used_mean[:, c], used_var[:, c]),
        normalized_fourth=np.square(np.square(chosen)).mean(axis=-1, dtype=np.float64),
        normalized_largest=float(np.abs(chosen).max()),
        zero_share=(output[:, c] == 0).mean(axis=-1),
        population=population,
        forecast=forecast(settings, population, n),
    )


def _of_each(stages: dict[str, Stage], made_of: Callable[[Stage], Floats]) -> dict[str, Floats]:
    """By stage; once where two stages are one, as without γ and β."""
    different = {id(stage): stage for stage in stages.values()}
    done = {key: made_of(stage) for key, stage in different.items()}
    return {name: done[id(stage)] for name, stage in stages.items()}


def _ranges(settings: Settings, rows: dict[str, Rows]) -> dict[str, tuple[float, float]]:
    """Axes around 0 that stay put unless the data leave them; batch norm's stages share one, so that γ can be seen."""
    reach = half_range(rows["normalized"], 4.0)
    if settings.rescales:
        reach = max(reach, half_range(rows["scaled"], 4.0))
    before = half_range(rows["input"], 1.0)
    after = (-reach, reach)
    output = BOUNDED.get(settings.activation, after)
    return {"input": (-before, before), "normalized": after, "scaled": after, "output": output}


def _middle(positions: int) -> int:
    """Index of the central pixel of a square image, 0 where there is none."""
    side = math.isqrt(positions)
    return side * (side // 2) + side // 2 if positions > 1 else 0


def _after_batch_norm(found: Floats, used_mean: Floats, used_var: Floats, settings: Settings) -> Floats:
    """Percentiles (T, C, 3) after batch norm, one straight line per batch; a falling one reverses their order."""
    gamma, beta = (settings.gamma, settings.beta) if settings.affine else (1.0, 0.0)
    slope = gamma / np.sqrt(used_var + settings.eps)
    moved: Floats = (found - used_mean[..., None]) * slope[..., None] + beta
    return moved[..., ::-1] if gamma < 0 else moved
