"""What rules judge: finished NumPy arrays about every normalization layer. Rules know nothing of PyTorch or of files.

Index letters: C channels of a layer, n samples of a batch, K batches, T recorded optimizer steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Kind = Literal["batch", "layer", "group", "instance"]

# One value per channel and statistic is no batch; below two samples a variance between samples is not defined.
MIN_SAMPLES = 2


def impossible(mean: Array, var: Array) -> NDArray[np.bool_]:
    """(C,) where running statistics are ones that no batch could have given: NaN, infinite, or a negative variance."""
    return ~np.isfinite(mean) | ~np.isfinite(var) | (var < 0)


def full_batches(calls: Iterable[Call]) -> list[Call]:
    """Without those of less than half the usual samples of their place in a pass, as the last batch of an epoch may have."""
    calls = list(calls)
    numbers = {call.number for call in calls}
    sizes = {number: np.median([call.n for call in calls if call.number == number]) for number in numbers}
    return [call for call in calls if 2 * call.n >= sizes[call.number]]


@dataclass(frozen=True)
class Norm:
    """A normalization layer as it stands: configuration, parameters, buffers."""

    name: str
    """As `named_modules` gives it."""
    kind: Kind
    type_name: str
    """Name of its class."""
    channels: int
    """Channels; of a layer norm the elements that share a statistic."""
    eps: float
    momentum: float | None
    """Weight of the newest batch; None: the plain average."""
    training: bool
    """Its own mode."""
    tracks: bool
    """`track_running_stats`."""
    gamma: Array | None
    """(C,) or None where not affine."""
    beta: Array | None
    trainable: tuple[bool, ...] = ()
    """`requires_grad` of each of γ and β that there is."""
    running_mean: Array | None = None
    """(C,)"""
    running_var: Array | None = None
    updates: int | None = None
    """`num_batches_tracked`; None where there is none."""
    groups: int = 1
    """Of a group norm."""
    dimensions: int = 1
    """How many last axes a layer norm covers."""
    dtype: str = "float32"
    """Of its input in the pass that was looked at."""

    @property
    def estimates(self) -> tuple[Array, Array] | None:
        """Running mean and variance, if there are any."""
        return None if self.running_mean is None or self.running_var is None else (self.running_mean, self.running_var)

    @property
    def fresh(self) -> bool:
        """Whether both running statistics are exactly what a new layer has."""
        return self.estimates is not None and not self.estimates[0].any() and bool((self.estimates[1] == 1).all())

    @property
    def invalid(self) -> NDArray[np.bool_] | None:
        """(C,) True where a running statistic is one that no batch could have: NaN, infinite, or a negative variance."""
        return None if self.estimates is None else impossible(*self.estimates)

    @property
    def moved(self) -> bool:
        """Whether γ or β are no longer what a new layer has (zero-initialized γ counts as new)."""
        gamma = self.gamma is not None and not ((self.gamma == 1).all() or (self.gamma == 0).all())
        return gamma or (self.beta is not None and bool(self.beta.any()))


@dataclass(frozen=True)
class Call:
    """One call of a layer in a pass that normalizes with the batch."""

    batch: int
    """Which batch, from 0."""
    number: int
    """Which call within that pass, from 0."""
    n: int
    """Samples: the first axis."""
    per_sample: int
    """Values that each sample brings to a statistic (pixels, time steps)."""
    mean: Array
    """(C,) of the input."""
    var: Array
    """(C,) biased."""
    between: Array
    """(C,) variance between the samples' own means (n − 1 in the denominator); NaN for n < 2."""
    var_error: Array
    """(C,) standard error of `var`, from the scatter of the samples' own mean squared deviations; NaN for n < 2."""
    largest: float
    """Largest |x|."""
    nonfinite: int
    """Elements that are NaN or infinite."""
    output_largest: Array
    """(C,) largest value that leaves the layer."""

    @property
    def count(self) -> int:
        """Values behind one statistic."""
        return self.n * self.per_sample

    @property
    def unbiased(self) -> Array:
        """(C,) unbiased variance, as PyTorch stores it."""
        return self.var * (self.count / max(self.count - 1, 1))

    @property
    def effective(self) -> float:
        """Independent values that a channel's mean is worth, in [n, count]: the design effect, measured.

        The share of the variance that lies between samples is averaged over channels: of few samples each channel's own strays
        so far (χ² with n − 1 degrees of freedom) that the median of its inverse is twice too large at n = 2.
        Source: cluster sampling; `bnviz.theory.noise.effective_batch`.
        """
        if self.per_sample == 1 or self.n < MIN_SAMPLES:
            return float(self.n)
        live = self.var > 0
        share = float(np.mean(self.between[live] / self.var[live])) if live.any() else 1.0
        return float(np.clip(self.n / share if share > 0 else self.count, self.n, self.count))


@dataclass(frozen=True)
class Surroundings:
    """What the pass showed in front of and behind a layer; words are names of PyTorch functions or of norm layers."""

    before: tuple[str, ...] = ()
    """Operations from the layer's input backwards until the last norm, a branch or the model's input."""
    bias: str | None = None
    """Parameter whose addition is the last operation in front, if it is a bias: "linear" or "conv" with a bias."""
    norm_before: str | None = None
    """The norm that feeds this one directly."""
    dropouts: tuple[tuple[str, float], ...] = ()
    """Dropout in front, with nothing but weights and activations between: function and rate."""
    behind: frozenset[str] = frozenset()
    """Operations that take the output; "output" where it leaves the model."""
    relu: bool = False
    """Whether every consumer of the output is a ReLU."""
    axis: int | None = None
    """Axis that holds the channels, told by the layer that made the input; None where nothing tells."""
    shape: tuple[int, ...] = ()
    """Of the input."""


@dataclass(frozen=True)
class Front:
    """The convolution or linear layer that alone and directly feeds a batch norm."""

    layer: str
    """Its name."""
    before: str | None
    """The norm in front of it, if nothing stands between that merges or branches; "" where it takes the model's input."""
    size: Array
    """(C,) RMS of a channel's weights, each times γ of `before`, over that of a new layer: 1/√(3·fan-in) by default. β shifts only."""


@dataclass(frozen=True)
class Folding:
    """A convolution or linear layer with the batch norm behind it, as one layer."""

    weight_layer: str
    norm: str
    error: float
    """Largest difference of the outputs in eval mode over their standard deviation within a channel."""
    largest_weight: float
    """Largest |w| of the folded layer."""
    rounding: float = 0.0
    """What of `error` the rounding of the layer's own precision explains."""


@dataclass(frozen=True)
class Outputs:
    """The model's outputs on one batch: RMS differences over the train-mode outputs' standard deviation."""

    train_eval: float
    """Between train mode (Dropout off) and eval mode."""
    noise: float | None
    """Between the batch and its first half, both in train mode: what batch-mates explain. None where it cannot be halved."""
    values: int
    """Numbers compared."""
    decided: int = 0
    """Samples whose decision, the place of their largest output (of a single one its sign), was compared; 0 where there is none."""
    changed: float = 0.0
    """Share of them that is decided otherwise in eval mode than in train mode."""
    unsettled: float = 0.0
    """Share of them that is decided otherwise in train mode with half of the batch-mates."""
    lost: float = 0.0
    """Bits that eval mode's probabilities lose of train mode's (mean Kullback-Leibler divergence; scores are taken for logits)."""


@dataclass(frozen=True)
class Refill:
    """The experiment: statistics counted again on a copy of the model."""

    before: float
    """Loss (where there is one) or train-eval gap in eval mode, with the statistics as they are."""
    after: float
    error: float | None
    """Standard error of their difference, sample by sample (or batch by batch) on the same data; None where there is one only."""
    degrees: int
    """Degrees of freedom behind it."""
    is_loss: bool


@dataclass(frozen=True)
class Setup:
    """What the model and its optimizer are, as far as rules ask."""

    training: bool = True
    """Mode of the whole model."""
    averaged: str | None = None
    """Why it is taken for an averaged model, if it is."""
    borrows_buffers: bool = False
    """Whether it has its buffers from the weights that were averaged last (`AveragedModel`, use_buffers=False)."""
    wrapper: str = ""
    """"DataParallel", "DistributedDataParallel" or nothing."""
    replicas: int = 1
    """Devices that share one batch (DataParallel)."""
    ranks: int = 1
    """Processes that train together (DistributedDataParallel), each with a batch of its own."""
    optimizer: str = ""
    """Class name."""
    optimizer_steps: int | None = None
    """Steps that the optimizer remembers."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """Those of each norm layer: of its γ or β, or of a layer that has none, of the model. Frozen layers have none."""
    decay: Mapping[str, float] = field(default_factory=dict)
    """Weight decay of each norm layer whose γ or β has one."""
    decay_rates: Mapping[str, float] = field(default_factory=dict)
    """Largest share of its size that decay can take from a module's own parameters in a step, by name; where there is any."""
    last_batch: int | None = None
    """Size of a loader's last batch where it is shorter than the others and kept."""
    batch_training_in_eval: tuple[str, ...] = ()
    """Norm layers (or "batch_norm" where no module owns it) that normalize with the batch although the model is in eval mode."""
    classifies: bool = False
    """Whether the outputs are scores of classes, as numbers of classes for targets tell."""
    refused: str | None = None
    """PyTorch's message where it refuses one value per channel."""
    refused_layer: str | None = None


@dataclass(frozen=True)
class Drawn:
    """Whether batches are drawn alike, from the model's inputs at several steps (`drawing.py`): weights have no part in it."""

    batches: int
    """How many were compared."""
    n: int
    """Samples of each that were averaged."""
    design_effect: float
    """Variance of the batches' means over what as many independent samples would give: mean over the features of one kind, the
    largest of the kinds; 1 where drawn alike."""
    kinds: int
    """Of so many kinds."""

    @property
    def swing(self) -> float:
        """How far the batches' means are from their average, in standard deviations between samples, less chance (RMS)."""
        return math.sqrt(max(self.design_effect - 1, 0.0) / self.n)


@dataclass(frozen=True)
class Course:
    """A watched training: (T,) over recorded steps, (T, L) over layers in the order of `Evidence.norms`."""

    step: NDArray[np.int64]
    """(T,) optimizer steps done."""
    updates: NDArray[np.int64]
    """(T, L) `num_batches_tracked`; −1 where there is none."""
    most_updates: NDArray[np.int64]
    """(T, L) most updates between two consecutive optimizer steps so far."""
    training: NDArray[np.bool_]
    """(T, L) each layer's mode when the optimizer stepped."""
    model_training: NDArray[np.bool_]
    """(T,)"""
    calls_with_gradient: NDArray[np.int64]
    """(T, L) calls between two optimizer steps that recorded a graph; −1 where nobody looked."""
    calls_without: NDArray[np.int64]
    """(T, L) calls in training mode without one."""
    gap: Array
    """(T, L) RMS difference of a batch's normalized outputs with running and with its own statistics, chance included; NaN where
    the buffers did not tell the batch."""
    scatter: Array
    """(T, L) (difference of the last two batch means)²/2 over the variance, mean over channels; NaN where they were not both read."""
    scatter_two: Array
    """(T, L) the same of the last batch and the last but one: where weights drift it is larger, where two kinds take turns small."""
    swing: Array
    """(T, L) variance of the batch means over the last half to three quarters of the steps over the batches' own, mean over
    channels; weights that move have a part in it. NaN from fewer than three batches."""
    n: NDArray[np.int64]
    """(T, L) samples per batch as last seen; 0 where nobody looked."""
    per_pass: Array
    """(T, L) most calls of the layer in one pass of the model so far, recomputation not counted; 0 where nobody looked."""
    invalid: Array
    """(T, L) share of channels whose running statistics no batch could have given; NaN where nobody read them."""
    rank_gap: Array | None = None
    """(L,) RMS over channels of the difference between ranks' average batch means, in standard deviations."""
    ranks: int = 1
    drawn: Drawn | None = None
    """What the inputs tell; None where too few batches of them were seen."""
    sizes: Mapping[int, int] = field(default_factory=dict)
    """How many of the batches that were asked for it had so many samples, as the first batch norm took them."""

    @property
    def usual(self) -> int:
        """The most frequent size, of several the largest; 0 where nobody asked."""
        return max(self.sizes, key=lambda size: (self.sizes[size], size), default=0)

    @property
    def short(self) -> float:
        """Share of the batches that have less than half the usual samples."""
        few = sum(count for size, count in self.sizes.items() if 2 * size < self.usual)
        return few / max(sum(self.sizes.values()), 1)

    @property
    def unevenness(self) -> float:
        """Mean of 1/n over the batches, times the usual n: so much more do batch means scatter than at that size; 1 where even."""
        inverse = sum(count * self.usual / size for size, count in self.sizes.items())
        return inverse / sum(self.sizes.values()) if self.sizes else 1.0

    @property
    def last_batch(self) -> int | None:
        """See `Setup.last_batch`: there are two sizes, and the smaller one is the rarer."""
        least = min(self.sizes, default=0)
        return least if len(self.sizes) == 2 and self.sizes[least] < self.sizes[max(self.sizes)] else None


@dataclass(frozen=True)
class Evidence:
    """Everything that was seen. What was not seen is empty, and a rule about it stays silent."""

    norms: tuple[Norm, ...]
    calls: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    """By layer name, in order."""
    without_dropout: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    """The same pass with Dropout off, where there is any."""
    surroundings: Mapping[str, Surroundings] = field(default_factory=dict)
    fronts: Mapping[str, Front] = field(default_factory=dict)
    """By the name of the batch norm."""
    sizes: Mapping[str, float] = field(default_factory=dict)
    """Of every convolution and linear layer, as `Front.size`, all channels in one and the weights alone."""
    foldings: tuple[Folding, ...] = ()
    recomputed: Mapping[str, int] = field(default_factory=dict)
    """How often a backward pass calls a layer again (checkpointing), by name; only of layers that it does call."""
    outputs: Outputs | None = None
    refill: Refill | None = None
    setup: Setup = field(default_factory=Setup)
    course: Course | None = None
    at_end: tuple[Norm, ...] = ()
    """The layers at the end of a watched training, later than `calls`: in the order of `norms`, which stand as `calls` saw them."""

    @property
    def batch_norms(self) -> tuple[Norm, ...]:
        """The layers that keep statistics over the batch."""
        return tuple(norm for norm in self.norms if norm.kind == "batch")

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Where each layer stands among `norms`; the first of a name."""
        return {norm.name: place for place, norm in reversed(list(enumerate(self.norms)))}

    def place(self, norm: Norm) -> int:
        """Where `norm` stands among `norms`, and among the columns of the course."""
        return self._places[norm.name]

    def final(self, norm: Norm) -> Norm:
        """`norm` at the end of what was seen. Batches of `calls` may be of other weights."""
        return self.at_end[self.place(norm)] if self.at_end else norm

    def final_updates(self, norm: Norm) -> int | None:
        """`num_batches_tracked` at the end of what was seen; of a recording later than the statistics in `norm`."""
        if self.course is None or not len(self.course.step):
            return norm.updates
        updates = int(self.course.updates[-1, self.place(norm)])
        return updates if updates >= 0 else None

    def first(self, norm: Norm) -> Call | None:
        """The layer's first call, if it was called."""
        calls = self.calls.get(norm.name, ())
        return calls[0] if calls else None

    @property
    def batch_size(self) -> int | None:
        """Samples of the first call of any layer."""
        return next((calls[0].n for calls in self.calls.values() if calls), None)
