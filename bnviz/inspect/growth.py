"""Growth of the gradient along a row of norm layers as recorded, and as mean-field theory has it from γ and β.

Index letters: D layers of the row, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from bnviz.i18n import N_
from bnviz.inspect.chains import Break, Chain
from bnviz.inspect.evidence import Array
from bnviz.inspect.overview import MAX_ROWS
from bnviz.inspect.recording import Look, Recording
from bnviz.theory.gradient import channel_factor, gradient_rms, growth_per_layer

if TYPE_CHECKING:
    from bnviz.theory.activations import ActivationName

MAX_CHANNELS: Final = 16_000  # of a row that are integrated over; of wider layers every k-th is taken
IMAGES: Final = frozenset({"BatchNorm2d", "BatchNorm3d"})  # told in recordings that do not say which layer feeds which
Absence = Literal["compiled", "unknown", "few", "unseen"] | Break
ABSENCES: Final[Mapping[Absence, str]] = {
    "compiled": N_("Not available: a compiled model cannot be looked into."),
    "unknown": N_("Not available: the recording does not say which layer feeds which."),
    "few": N_("Not available: it takes at least two layers of batch norm."),
    "unseen": N_("Not available: no snapshot has a gradient at every layer of a row."),
    "convolution": N_(
        "Mean-field theory does not apply: it is for linear layers between the batch norms, and here they are convolutions."
    ),
    "branch": N_(
        "Mean-field theory does not apply: it is for layers in a single row, and here branches meet or layers are used more than once "
        "(skip connections, shared layers)."
    ),
    "other": N_(
        "Mean-field theory does not apply: it is for batch norm, activation, linear layer, batch norm in a row, and here something "
        "else stands between the batch norms."
    ),
}
"""Why there is no picture, in one sentence."""


@dataclass(frozen=True)
class Row:
    """A row of layers, and the snapshot in which it is looked at."""

    chain: Chain
    look: Look
    place: int
    """Of the look among `Recording.step`."""


@dataclass(frozen=True)
class Growth:
    """The gradient along one row at one look."""

    step: int
    layers: tuple[str, ...]
    """(D,) names, in the order of the forward pass; of a longer row than a picture can hold evenly many, the ends among them."""
    rms: Array
    """(D,) gradient at each layer's outputs, RMS over samples and channels."""
    theory: Array
    """(D,) the same by mean-field theory, from that of the last layer; NaN where a layer hands on a constant."""
    growth: float
    """What the gradient is multiplied by per layer on its way back."""
    growth_theory: float
    """NaN as above."""
    samples: int
    """Of the batch."""


def row_of(recording: Recording, layer: str, step: int) -> Row | Absence:
    """The row with `layer`, else the longest, in the last snapshot at or before `step` that holds it; else in the first behind it."""
    if recording.compiled:
        return "compiled"
    if sum(norm.kind == "batch" for norm in recording.norms) < 2:
        return "few"
    if recording.chains is None:
        images = all(norm.type_name in IMAGES for norm in recording.norms if norm.kind == "batch")
        return "convolution" if images else "unknown"
    chains, broken = recording.chains.found, recording.chains.broken
    if not chains:
        return sorted(broken, key=broken.__getitem__)[-1] if broken else "other"
    own = {place for place, norm in enumerate(recording.norms) if norm.name == layer}
    chain = max(chains, key=lambda chain: (not own.isdisjoint(chain.layers), len(chain.layers)))
    rows = list(_rows(recording, chain))
    before = [row for row in rows if row.look.step <= step]
    return next((row for row in [*reversed(before), *rows[len(before) :]] if _is_whole(row)), "unseen")


def _rows(recording: Recording, chain: Chain) -> Iterator[Row]:
    """The snapshots that hold a gradient at every layer of `chain`."""
    gradients = recording.quantities["gradient"][list(chain.layers)]
    looks = {look.step: look for look in recording.looks}
    for place in np.flatnonzero((np.isfinite(gradients) & (gradients > 0)).all(axis=0)).tolist():
        look = looks.get(int(recording.step[place]))
        if look is not None:
            yield Row(chain, look, place)


def _is_whole(row: Row) -> bool:
    """Whether every layer of the row has its parameters and its batch, with one value per sample and channel."""
    for place in row.chain.layers:
        seen = row.look.layers[place]
        arrays = [values for values in (seen.gamma, seen.beta) if values is not None]
        if seen.call is None or seen.call.per_sample != 1 or not seen.call.var.size:
            return False
        if any(values.shape != seen.call.var.shape or not np.isfinite(values).all() for values in arrays):
            return False
        if not (np.isfinite(seen.call.var).all() and seen.norm.eps >= 0):
            return False
    return True


def growth_of(recording: Recording, row: Row) -> Growth:
    """The gradient along `row` as measured, beside what theory says of it."""
    places = list(row.chain.layers)
    rms = recording.quantities["gradient"][places, row.place]
    with np.errstate(all="ignore"):
        factors = _factors(row)
        known = bool(np.isfinite(factors).all())
        theory = gradient_rms(factors, float(rms[-1])) if known else np.full(rms.shape, math.nan)
        growth_theory = growth_per_layer(factors) if known else math.nan
        growth = growth_per_layer((rms[:-1] / rms[1:]) ** 2)
    call = row.look.layers[places[0]].call
    shown = np.unique(np.linspace(0, len(places) - 1, MAX_ROWS).round().astype(np.int64))
    return Growth(
        step=row.look.step,
        layers=tuple(recording.norms[places[at]].name for at in shown),
        rms=rms[shown],
        theory=theory[shown],
        growth=growth,
        growth_theory=growth_theory,
        samples=0 if call is None else call.n,
    )


def _factors(row: Row) -> Array:
    """(D − 1,) what the mean squared gradient is multiplied by from each layer but the first back to the one before it."""
    layers = [_parameters(row.look, place) for place in row.chain.layers]
    most = max(MAX_CHANNELS // len(layers), 1)
    factors = []
    for (gamma, beta), (following, _), activation in zip(layers, layers[1:], row.chain.activations, strict=False):
        factors.append(_factor(activation, gamma, beta, following, most))
    return np.array(factors)


def _factor(activation: ActivationName, gamma: Array, beta: Array, following: Array, most: int) -> float:
    stride = math.ceil(gamma.size / most)
    return channel_factor(activation, gamma[::stride], beta[::stride], following) * following.size / gamma.size


def _parameters(look: Look, place: int) -> tuple[Array, Array]:
    """(C,) each: γ√(v/(v + ε)), v the batch variance, and β."""
    seen = look.layers[place]
    var = np.zeros(0) if seen.call is None else np.maximum(seen.call.var, 0.0)
    kept = np.divide(var, var + seen.norm.eps, out=np.zeros(var.shape), where=var > 0)
    gamma = np.ones(var.shape) if seen.gamma is None else seen.gamma
    return gamma * np.sqrt(kept), np.zeros(var.shape) if seen.beta is None else seen.beta
