"""The lab `gradient_flow`: when gradients vanish or explode on their way back through a deep network.

Index letters as in `bnviz.labs.gradient_flow.result`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.datasets import batches, digits, synthetic
from bnviz.core.networks import MLPShape
from bnviz.core.normalizers import make_normalizer
from bnviz.errors import BatchOfOneError, BnvizError
from bnviz.i18n import N_
from bnviz.labs.gradient_flow.experiment.mean_field import Prediction, predict
from bnviz.labs.gradient_flow.experiment.training import (
    BINS,
    Track,
    first_measurable,
    growth_error_of,
    growth_of,
    layer_growth,
    train,
)
from bnviz.labs.gradient_flow.result import ActivationCurve, Result
from bnviz.labs.gradient_flow.settings import Settings
from bnviz.settings import ActivationName, NormalizerName
from bnviz.study.cost import check_cost
from bnviz.study.histogram import Histogram
from bnviz.theory import activations

CLASSES: Final = 10
FEATURES: Final = 64  # of the synthetic sources: as many as a digit has pixels
SAMPLES: Final = 2048  # of the synthetic sources
POINTS: Final = 8
HALF_RANGE: Final = 6.0
SECONDS: Final = 1.5


class OneValueError(BnvizError):
    """Instance norm of plain features: every statistic would have one value; the message carries PyTorch's own text."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            N_(
                "PyTorch refuses instance norm on features of shape (N, C): each mean would be taken over one single "
                "value. It needs positions, as images have; choose layer or group norm. PyTorch says: {error}"
            ),
            error=error,
        )


def run(settings: Settings, data: NDArray[np.float32] | None = None) -> Result:
    """Train the network without and with the normalizer on the same batches, and watch gradients and pre-activations.

    `data` (N, D) takes the place of the source's features; its labels are drawn at random.
    Raises: CostError where the settings ask for too much, BatchOfOneError for batch norm of one sample,
    OneValueError for instance norm.
    """
    normalized = settings.normalizer != "none" and settings.position != "none"
    variants: tuple[NormalizerName, ...] = ("none", settings.normalizer) if normalized else ("none",)
    steps = recorded_steps(settings.steps)
    seconds = estimated_seconds(settings, len(variants), len(steps))
    check_cost(seconds, SECONDS, ("depth", "width", "batch_size", "steps"))
    if normalized:
        _refuse_impossible(settings)
    generator = torch.Generator().manual_seed(settings.seed + 2**31)  # a stream that no network is drawn from
    features, labels = _samples(settings, data, generator)
    order = batches(len(features), settings.batch_size, settings.steps + 1, generator)
    shapes = [_shape(settings, variant, features.shape[1]) for variant in variants]
    predictions = [predict(shape, features[order[0]].double()) for shape in shapes]
    half = _half_range(max(float(prediction.preactivation_rms.max()) for prediction in predictions))
    tracks = [
        train(shape, features, labels, order, steps, settings.learning_rate, settings.seed, half) for shape in shapes
    ]
    return _gathered(settings, variants, predictions, tracks, half)


def _gathered(
    settings: Settings,
    variants: tuple[NormalizerName, ...],
    predictions: Sequence[Prediction],
    tracks: Sequence[Track],
    half: float,
) -> Result:
    """What was measured (`tracks`) and predicted, variant by variant; histograms reach from −`half` to `half`."""
    fresh = [track.snapshots[0].gradient_rms for track in tracks]

    def stacked(name: str) -> NDArray[Any]:
        return np.stack([track.stack(name) for track in tracks])

    theory = np.stack(
        [prediction.gradient_rms(float(rms[-1])) for prediction, rms in zip(predictions, fresh, strict=True)]
    )
    rms_theory = np.stack([prediction.preactivation_rms for prediction in predictions])
    first = [first_measurable(rms) for rms in fresh]
    factors = [track.scatter.factors for track in tracks]
    return Result(
        settings=settings,
        variants=variants,
        steps=np.array(recorded_steps(settings.steps)),
        loss=stacked("loss"),
        gradient_rms=stacked("gradient_rms"),
        gradient_rms_theory=theory,
        weight_gradient_rms=stacked("weight_gradient_rms"),
        saturated=stacked("saturated"),
        saturated_theory=np.stack([prediction.saturated for prediction in predictions]),
        saturated_error=np.array([track.scatter.saturated for track in tracks]),
        preactivation_rms=stacked("preactivation_rms"),
        preactivation_rms_theory=rms_theory,
        preactivation_rms_error=np.array([track.scatter.rms for track in tracks]),
        mean_square_error=np.array([track.scatter.last_square for track in tracks]) * rms_theory[:, -1] ** 2,
        preactivations=Histogram(np.linspace(-half, half, BINS + 1), stacked("counts")),
        growth=np.array([growth_of(*each) for each in zip(fresh, first, strict=True)]),
        growth_theory=np.array([growth_of(*each) for each in zip(theory, first, strict=True)]),
        growth_error=np.array([growth_error_of(*each) for each in zip(fresh, factors, first, strict=True)]),
        first_measurable=np.array(first),
        directions=np.array([track.scatter.directions for track in tracks]),
        layer_growth=np.stack([layer_growth(rms) for rms in fresh]),
        layer_growth_theory=np.stack([np.sqrt(prediction.factors) for prediction in predictions]),
        growth_by_step=np.array(
            [
                [growth_of(snapshot.gradient_rms, start) for snapshot in track.snapshots]
                for track, start in zip(tracks, first, strict=True)
            ]
        ),
        curve=_curve(settings.activation, half),
    )


def recorded_steps(steps: int) -> tuple[int, ...]:
    """The training steps that are recorded: at most 8, 0 and the last among them, spaced evenly on a log scale."""
    later = np.geomspace(1, steps, POINTS - 1) if steps else np.empty(0)
    return tuple(sorted({0, *(round(float(step)) for step in later)}))


def estimated_seconds(settings: Settings, variants: int, points: int) -> float:
    """About how long a run takes on one core of a small machine, in seconds, rather too long than too short."""
    size = settings.batch_size * settings.width
    squares = settings.width**2
    per_layer = 1.4e-4 + 9e-9 * size + 6 * settings.batch_size * squares / 5e10 + 6e-9 * squares
    recording_per_layer = 1e-4 + 2e-8 * size + 1e-9 * squares
    return variants * settings.depth * ((settings.steps + 1) * per_layer + points * recording_per_layer)


def _samples(settings: Settings, data: NDArray[np.float32] | None, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Features (N, D) and labels (N,); random labels where there are no true ones."""
    if data is None and settings.source == "digits":
        images, labels = digits()
        return images.flatten(1), labels
    if data is not None:
        features = torch.tensor(data, dtype=torch.float32)  # a copy: what a visitor gave cannot be written to
    else:
        features = synthetic(settings.source, (SAMPLES, FEATURES), 0.0, 1.0, generator)  # type: ignore[arg-type]
    return features, torch.randint(0, CLASSES, (len(features),), generator=generator)


def _shape(settings: Settings, variant: NormalizerName, inputs: int) -> MLPShape:
    return MLPShape(
        inputs=inputs,
        classes=CLASSES,
        depth=settings.depth,
        width=settings.width,
        activation=settings.activation,
        normalizer=variant,
        position="none" if variant == "none" else settings.position,
        gamma=settings.gamma,
        eps=settings.eps,
        init=settings.init,
        weight_gain=settings.weight_gain,
        bias_std=settings.bias_std,
        skip=settings.skip,
    )


def _refuse_impossible(settings: Settings) -> None:
    """Ask PyTorch, before any work, whether it normalizes such a batch at all."""
    module = make_normalizer(settings.normalizer, settings.width, eps=settings.eps)
    try:
        module(torch.zeros(settings.batch_size, settings.width))
    except ValueError as error:
        raise OneValueError(error) if settings.normalizer == "instance" else BatchOfOneError(error) from error


def _half_range(widest: float) -> float:
    """Histograms reach from −h to h: 6, or as far as the widest layer of the fresh network needs, at most 20."""
    return max(HALF_RANGE, min(20.0, 2.0 * math.ceil(1.5 * widest)))


def _curve(activation: ActivationName, half: float) -> ActivationCurve:
    # Two points at 0, so that a kink is drawn as one.
    x = np.sort(np.append(np.linspace(-half, half, 241), [-1e-9, 1e-9]))
    return ActivationCurve(
        x,
        np.asarray(activations.activate(activation, x)),
        np.asarray(activations.derivative(activation, x)),
        activations.saturated_intervals(activation),
    )
