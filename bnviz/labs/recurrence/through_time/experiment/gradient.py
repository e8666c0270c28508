"""One batch forwards and backwards through a fresh network, and what there is to see.

Index letters: S replicas, T time steps, B samples, H units, G gate inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.recurrent import RecurrentLayer
from bnviz.core.recurrent_networks import layer_and_output
from bnviz.core.replicas import Replicas
from bnviz.core.training import replica_losses
from bnviz.errors import BatchOfOneError
from bnviz.settings import RecurrentVariantName

Floats = NDArray[np.float64]

NORMALIZED: Final = ("batch_per_step", "layer")  # W_h h has a normalizer
EPS: Final = 1e-5  # of every normalizer here


@dataclass(frozen=True, slots=True)
class Passed:
    """What a batch has left on its way forwards and back."""

    terms: tuple[Tensor, ...]
    """(T,): what the input adds at each step, each (S, B, G)."""
    states: tuple[Tensor, ...]
    """(T,): each (S, B, H)."""
    gradient: Floats
    """(S, T): RMS at each state."""


def send(network: Replicas, samples: Tensor, labels: Tensor) -> Passed:
    """`samples` (S, B, T·D) through the `network`, and the loss's gradient back. Raises: BatchOfOneError for batches of one."""
    layer, output = layer_and_output(network)
    try:
        # Only the states' gradient is asked for: no parameter needs one, and the graph begins behind the input.
        network.requires_grad_(False)
        terms = tuple(term.requires_grad_() for term in layer.input_terms(samples))
        states = layer.states_of(terms)
    except ValueError as error:
        raise BatchOfOneError(error) from error
    loss = replica_losses(output(states[-1]), labels).sum()
    gradients = torch.autograd.grad(loss, states)
    norms = [torch.linalg.vector_norm(gradient, dim=(1, 2), dtype=torch.float64) for gradient in gradients]
    rms = torch.stack(norms, dim=1) / states[0][0].numel() ** 0.5
    return Passed(_detached(terms), _detached(states), rms.numpy())


def input_vars(variant: RecurrentVariantName, terms: Sequence[Tensor]) -> Floats:
    """Mean square (T,) of what the input adds, less its square mean over the batch for batch norm."""
    if variant == "layer":
        return np.array([float(term.square().mean()) for term in terms])
    return np.array([float(_variances(term, 1).mean()) for term in terms])


def slopes(states: Sequence[Tensor]) -> Floats:
    """E[tanh′²] (T,) of states that a tanh has made."""
    return np.array([float((1 - state.square()).square().mean()) for state in states])


def squares(states: Sequence[Tensor]) -> Floats:
    """Mean square (T,) of what the tanh was given."""
    return np.array([float(np.square(np.arctanh(_inside(state))).mean()) for state in states])


@torch.no_grad()
def scales(layer: RecurrentLayer, variant: RecurrentVariantName, states: Sequence[Tensor]) -> Floats:
    """Mean of 1/(v + ε) over units (batch norm) or samples (layer norm) for each of `states`; 1 without a normalizer.

    v is the variance of W_h h there.
    """
    if variant not in NORMALIZED:
        return np.ones(len(states))
    axis = 1 if variant == "batch_per_step" else 2
    return np.array([float((1 / (_variances(layer.hidden(state).double(), axis) + EPS)).mean()) for state in states])


def _variances(values: Tensor, axis: int) -> Tensor:
    """Biased variances along `axis`: `Tensor.var` takes fifteen times as long on one core."""
    return (values - values.mean(axis, keepdim=True)).square().mean(axis)


def _inside(state: Tensor) -> Floats:
    """Where tanh has rounded to ±1, the nearest number that is not infinitely far out."""
    return np.asarray(state.double().clamp(-1 + 1e-12, 1 - 1e-12).numpy())


def _detached(values: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return tuple(value.detach() for value in values)
