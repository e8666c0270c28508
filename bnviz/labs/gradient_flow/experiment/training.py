"""One network of the lab `gradient_flow` trained by plain SGD, watched at chosen steps.

Index letters as in `bnviz.labs.gradient_flow.result`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - PyTorch's own name for it

from bnviz.core.activations import make_activation
from bnviz.core.networks import MLP, MLPShape, sgd_step
from bnviz.core.normalizers import group_count
from bnviz.core.probes import Recording, recording
from bnviz.core.subnormals import subnormals_flushed
from bnviz.labs.gradient_flow.result import Floats
from bnviz.settings import ActivationName
from bnviz.study.histogram import histogram
from bnviz.theory.activations import saturated_intervals

BINS: Final = 96
CHUNK: Final = 2**16  # values that are looked at together: what fits into a processor's cache
LONG: Final = 2**10
SMALLEST: Final = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True)
class Scatter:
    """What chance left in a fresh network's numbers, judged by how its units differ."""

    factors: Floats
    """(L − 1,): relative variance of the factor between the squared gradients of layers l and l + 1."""
    saturated: float
    """Standard error of the saturated fraction, averaged over layers."""
    rms: float
    """Standard error of the RMS of z, averaged over layers."""
    last_square: float
    """Relative standard error of the mean square of z in the last layer."""
    directions: float
    """See `independent_directions`; the harmonic mean over layers."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One recorded step: the loss, RMS and fractions per layer (L,), and counts (L, K), as in `Result`."""

    loss: float
    gradient_rms: Floats
    weight_gradient_rms: Floats
    saturated: Floats
    preactivation_rms: Floats
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Track:
    """One network's run."""

    snapshots: list[Snapshot]
    """One per recorded step."""
    scatter: Scatter
    """Of the first one."""

    def stack(self, name: str) -> Floats:
        """The snapshots' values `name` along a new first axis (P, …)."""
        return np.stack([getattr(snapshot, name) for snapshot in self.snapshots])


@subnormals_flushed()  # vanishing gradients are full of them: ten times the time of a network of normal ones
def train(
    shape: MLPShape,
    features: Tensor,
    labels: Tensor,
    order: Tensor,
    steps: tuple[int, ...],
    learning_rate: float,
    seed: int,
    half: float,
) -> Track:
    """Draw the network from `seed`, train it by plain SGD on the batches `order` (T + 1, B), record `steps` (0 among them).

    What is recorded are forward and backward pass of a step, before its update: it costs no pass of its own, but
    different steps see different batches. Histograms reach from −`half` to `half`.
    """
    network = MLP(shape, torch.Generator().manual_seed(seed))
    parameters = list(network.parameters())
    snapshots: list[Snapshot] = []
    scatter: Scatter | None = None
    for step, index in enumerate(order):
        if step not in steps:
            torch.autograd.backward(F.cross_entropy(network(features[index]), labels[index]))
        else:
            with recording(network, network.activations) as record:
                loss = F.cross_entropy(network(features[index]), labels[index])
                torch.autograd.backward(loss)
            snapshots.append(_snapshot(network, record, loss.item(), half))
            scatter = scatter or _scatter(shape, record)
        if step + 1 < len(order):
            sgd_step(parameters, learning_rate)
    assert scatter is not None
    return Track(snapshots, scatter)


def first_measurable(rms: Floats) -> int:
    """Index of the first layer from which on every RMS (L,) is a normal float32 number; before it gradients are lost."""
    lost = np.flatnonzero(rms < SMALLEST)
    return int(lost[-1]) + 1 if lost.size else 0


def growth_of(rms: Floats, first: int) -> float:
    """Growth per layer backwards of RMS (L,): (rms[first]/rms[L−1])^(1/(L−1−first)); 1 for one layer, 0 if all is lost."""
    last = len(rms) - 1
    if first >= last:
        return 1.0 if last == 0 else 0.0
    with np.errstate(all="ignore"):
        return float((rms[first] / rms[last]) ** (1 / (last - first)))


def layer_growth(rms: Floats) -> Floats:
    """rms[l]/rms[l+1] (L − 1,) of RMS (L,): how many times larger the gradient is one layer nearer the input."""
    with np.errstate(all="ignore"):
        return np.asarray(rms[:-1] / rms[1:])


def growth_error_of(rms: Floats, factors: Floats, first: int) -> float:
    """Standard error of `growth_of`, from the relative variances `factors` (L − 1,) of the squared gradient's factors.

    Neighbouring factors come from different weights, so their variances add; half the logarithm of the squared
    gradient is that of its norm.
    """
    steps = len(rms) - 1 - first
    if steps < 1:
        return 0.0
    with np.errstate(all="ignore"):
        return growth_of(rms, first) * 0.5 * math.sqrt(float(factors[first:].sum())) / steps


def independent_directions(values: Tensor, shape: MLPShape) -> float:
    """How many independent directions stand behind each statistic of pre-activations `values` (B, n).

    Batch norm: the effective rank tr(C)²/tr(C²) of the batch's centred covariance C, at most B − 1, corrected for the
    finite number of units: samples that resemble each other count for fewer. Layer and group norm: the values behind
    one statistic, less one. No normalizer: infinite.
    """
    size, units = values.shape
    if not shape.normalized:
        return math.inf
    if shape.normalizer != "batch":
        return units / (group_count(units) if shape.normalizer == "group" else 1) - 1.0
    centred = (values - values.mean(0)).double()
    gram = centred @ centred.T if size <= units else centred.T @ centred
    square, total = float(gram.square().sum()), float(centred.square().sum())
    if not (total > 0 and math.isfinite(square)):
        return 1.0
    concentration = square / total**2 - 1 / units
    return 1 / min(max(concentration, 1 / max(size - 1, 1)), 1.0)


def _rms(values: Tensor) -> float:
    # In double precision: the square of a small float32 gradient underflows.
    norm = torch.linalg.vector_norm(values, dtype=torch.float64)
    return float(norm) / math.sqrt(values.numel())


def _snapshot(network: MLP, record: Recording, loss: float, half: float) -> Snapshot:
    weights = [layer.weight.grad for layer in network.linears[: len(record.inputs)]]
    entries = [entry.detach() for entry in record.inputs]
    saturated, counts = _distributions(entries, network.shape.activation, half)
    return Snapshot(
        loss=loss,
        gradient_rms=np.array([_rms(entry) for entry in record.gradients]),
        weight_gradient_rms=np.array([_rms(weight) for weight in weights if weight is not None]),
        saturated=saturated,
        preactivation_rms=np.array([_rms(entry) for entry in entries]),
        counts=counts,
    )


def _distributions(entries: list[Tensor], activation: ActivationName, half: float) -> tuple[Floats, NDArray[np.int64]]:
    """Saturated fraction (L,), NaN where nothing is a number, and counts (L, K), a few layers at a time."""
    together = max(1, CHUNK // entries[0].numel())
    saturated: list[Floats] = []
    counts: list[NDArray[np.int64]] = []
    for start in range(0, len(entries), together):
        values = torch.stack(entries[start : start + together]).flatten(1).numpy()
        saturated.append(_saturated(values, activation))
        counts.append(histogram(values, -half, half, BINS).counts)
    return np.concatenate(saturated), np.concatenate(counts)


def _saturated(values: NDArray[np.float32], activation: ActivationName) -> Floats:
    """Fraction of each row of `values` (R, N) that lies in a saturated interval; NaN counts nowhere."""
    found = np.zeros(len(values), dtype=np.int64)
    for low, high in saturated_intervals(activation):
        # The upper end belongs to the interval: ReLU's slope at 0 is 0.
        inside = values <= high if low == -math.inf else values > low
        if math.isfinite(low) and math.isfinite(high):
            inside &= values <= high
        found += _true(inside)
    numbers = values.shape[-1] - _true(np.isnan(values))
    return np.where(numbers > 0, found / np.maximum(numbers, 1), math.nan)


def _true(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many of each row (R, N) are true. Long rows one by one, for NumPy is six times as slow with an axis."""
    if rows.shape[1] < LONG:
        return np.asarray(np.count_nonzero(rows, axis=1))
    return np.array([np.count_nonzero(row) for row in rows])


def _relative_variance(values: Tensor) -> float:
    """Squared standard error of the mean of `values` over the squared mean; 0 where there is no such thing."""
    mean = float(values.mean())
    if not (len(values) > 1 and mean > 0 and math.isfinite(mean)):
        return 0.0
    return float(values.var()) / (len(values) * mean**2)


def _scatter(shape: MLPShape, record: Recording) -> Scatter:
    """What chance left in a fresh network's numbers.

    Given the layer above, a layer's units are independent, for each has weights of its own: a mean over units scatters by their
    variance over their number. Normalizers across units add the scatter of what they divide by.
    """
    gradients = [_relative_variance(gradient.double().square().mean(0)) for gradient in record.gradients]
    factors = np.array(gradients[:-1])
    entries = [entry.detach() for entry in record.inputs]
    if shape.normalized and shape.normalizer != "batch":
        divided = entries
        if shape.position == "after":
            with torch.no_grad():
                divided = [make_activation(shape.activation)(entry) for entry in entries]
        spreads = [_relative_variance((y - y.mean(1, keepdim=True)).double().square().mean(0)) for y in divided]
        factors = factors + np.array(spreads[1:] if shape.position == "before" else spreads[:-1])
    over = 0 if shape.normalizer == "batch" else 1
    units = [torch.from_numpy(_saturated(np.ascontiguousarray(entry.numpy().T), shape.activation)) for entry in entries]
    sizes = [entry.double().square().mean(over).sqrt() for entry in entries]
    directions = [independent_directions(entry, shape) for entry in entries]
    return Scatter(
        factors=factors,
        saturated=_error_of_means(units),
        rms=_error_of_means(sizes),
        last_square=_error_of_last_square(shape, entries),
        directions=len(directions) / sum(1 / count for count in directions) if shape.normalized else math.inf,
    )


def _error_of_last_square(shape: MLPShape, entries: list[Tensor]) -> float:
    """Relative standard error of the mean square of z in the last layer.

    A normalizer sets a layer's size, or a branch's, anew; without one every layer multiplies the scatter of those before by its own.
    """
    relative = [_relative_variance(entry.double().square().mean(0)) for entry in entries]
    scatter = relative[-1] if shape.normalized else sum(relative)
    return math.sqrt(scatter)


def _error_of_means(layers: list[Tensor]) -> float:
    """Standard error of the mean over layers of each layer's mean over units."""
    variances = [float(units.var()) / len(units) if len(units) > 1 else 0.0 for units in layers]
    return math.sqrt(sum(variances)) / len(layers)
