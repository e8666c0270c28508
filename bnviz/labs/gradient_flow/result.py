"""What the lab `gradient_flow` measures, and what mean-field theory predicts for the fresh network.

Index letters: V variants ("none" first, then the normalizer), P recorded training steps, L hidden layers (index 0
nearest the input), B samples per batch, n units per layer, K bins. The *pre-activation* z of a layer is what enters its
activation: after the normalizer where that stands before the activation, straight from `nn.Linear` otherwise.
Gradients that overflow float32 are inf or NaN here too; those below float32's smallest normal number are 0. Nothing has a unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.gradient_flow.settings import Settings
from bnviz.settings import NormalizerName
from bnviz.study.histogram import Histogram
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ActivationCurve:
    """An activation over the range of the histograms."""

    x: Floats
    """(X,), ascending."""
    value: Floats
    """(X,): φ(x)."""
    slope: Floats
    """(X,): φ′(x)."""
    saturated: tuple[tuple[float, float], ...]
    """The intervals of x in which φ saturates, with infinite ends."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run measured, layer by layer."""

    settings: Settings
    """What was asked for."""
    variants: tuple[NormalizerName, ...]
    """(V,) names, "none" first; only "none" where there is no normalizer."""
    steps: NDArray[np.int64]
    """(P,): recorded steps; the first is 0, the fresh network."""
    loss: Floats
    """(V, P): mean cross-entropy of the batch of that step, before its update."""
    gradient_rms: Floats
    """(V, P, L): root mean square over samples and units of the loss gradient at z."""
    gradient_rms_theory: Floats
    """(V, L): its prediction at step 0, anchored at the measured last layer."""
    weight_gradient_rms: Floats
    """(V, P, L): root mean square of the loss gradient at the `nn.Linear` weights."""
    saturated: Floats
    """(V, P, L): fraction of z with |φ′(z)| below 5 % of its maximum."""
    saturated_theory: Floats
    """(V, L): its prediction at step 0, for normal z."""
    saturated_error: Floats
    """(V,): standard error of its mean over layers at step 0, from the scatter of units."""
    preactivation_rms: Floats
    """(V, P, L): root mean square of z."""
    preactivation_rms_theory: Floats
    """(V, L): its prediction at step 0."""
    preactivation_rms_error: Floats
    """(V,): standard error of its mean over layers at step 0, from the scatter of units."""
    mean_square_error: Floats
    """(V,): standard error of the mean square of z in the last layer at step 0, from the scatter of units, for the predicted size."""
    preactivations: Histogram
    """Of z, counts (V, P, L, K)."""
    growth: Floats
    """(V,): factor by which the gradient's RMS grows per layer on its way back, at step 0: the geometric mean of rms[l]/rms[l+1] over
    all layers whose RMS is a normal float32 number; 1 for a single layer."""
    growth_theory: Floats
    """(V,): the same of `gradient_rms_theory`."""
    growth_error: Floats
    """(V,): standard error of `growth`, from the scatter of units."""
    first_measurable: NDArray[np.int64]
    """(V,): index of the first layer from which on every RMS of the fresh network is a normal float32 number."""
    directions: Floats
    """(V,): how many independent values stand behind each statistic at step 0; inf without normalizer."""
    layer_growth: Floats
    """(V, L − 1): rms[l]/rms[l+1] at step 0."""
    layer_growth_theory: Floats
    """(V, L − 1): its prediction."""
    growth_by_step: Floats
    """(V, P): `growth` at every recorded step, over the same layers."""
    curve: ActivationCurve
    """The activation with its slope."""
