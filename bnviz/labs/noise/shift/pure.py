"""Dropout → BN and nothing else, for the topic `shift` of the lab `noise`.

Index letters: P Dropout rates, M means.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from bnviz.core.replica_layers import StackedDropout
from bnviz.labs.noise.shift.result import Floats, Pure
from bnviz.theory import dropout as theory

RATES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MEANS: Final = (0.0, 1.0, 2.0)
SAMPLES: Final = 8192


@torch.no_grad()
def measure_pure(seed: int) -> Pure:
    """Dropout → BN alone, at every one of `RATES`, on the same features."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.tensor(MEANS)
    features = torch.randn(SAMPLES, len(MEANS), generator=generator) + means
    seen = _columns(features)
    clean = seen.var(axis=1)
    variance, error = np.empty((len(MEANS), len(RATES))), np.empty((len(MEANS), len(RATES)))
    for index, rate in enumerate(RATES):
        layers = nn.Sequential(
            StackedDropout(rate, [generator]), nn.Flatten(0, 1), nn.BatchNorm1d(len(MEANS), momentum=None, affine=False)
        )
        dropped = layers[0](features[None])
        layers[1:](dropped)  # one training batch of all samples fills the running statistics
        variance[:, index] = _columns(layers.eval()(features[None])).var(axis=1)
        values = _columns(dropped[0])
        squares = (values - values.mean(axis=1, keepdims=True)) ** 2
        kurtosis = (squares**2).mean(axis=1) / squares.mean(axis=1) ** 2
        error[:, index] = np.sqrt((kurtosis - 1) / SAMPLES)
    predicted = theory.eval_output_variance(clean[:, None], seen.mean(axis=1)[:, None], np.array(RATES))
    return Pure(np.array(RATES), np.array(MEANS), variance, error, np.asarray(predicted))


def _columns(values: Tensor) -> Floats:
    """(M, samples) of `values` (samples, M): each mean's samples side by side, which NumPy sums several times as fast."""
    return values.numpy().T.astype(np.float64, order="C")
