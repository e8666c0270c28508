"""Whether a watched training's batches are drawn alike: told by what the model is given, on which moving weights have no bearing.

Batch means of independent samples scatter by the samples' own variance over n. Of a batch now and then a few features of every
sample are averaged: values, how alike neighbours are, how often each token occurs. Of it all five numbers enter the recording.

Index letters: n samples, F features, K batches.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bnviz.inspect.evidence import Array, Drawn
from bnviz.inspect.looking import Guarded, Hook
from bnviz.inspect.trace import tensors

FEATURES: Final = 64  # values of a sample, evenly spread over it
TOKENS: Final = 32  # whole numbers are counted by their remainder
MAX_TENSORS: Final = 4
MAX_SAMPLES: Final = 256
MAX_VALUES: Final = 1 << 20  # of one tensor; of larger ones fewer samples are taken
MIN_SAMPLES: Final = 8  # below, a mean's own error is no guide
MIN_BATCHES: Final = 3  # batches; from two one cannot tell a pair from a scatter
MAX_BATCHES: Final = 64  # batches that are kept; of more, every second


@dataclass(frozen=True)
class Given:
    """What the model was given in one pass."""

    shapes: tuple[tuple[int, ...], ...]
    """Of a sample in each tensor. Where they change (sentences padded to the longest of a batch) samples of a batch have that in
    common."""
    size: int
    """Samples of the batch."""
    n: int
    """Of them those that were averaged."""
    mean: Array
    """(F,) over the samples."""
    between: Array
    """(F,) variance between the samples."""
    kinds: NDArray[np.int64]
    """(F,) which features belong together: the values of a tensor, or how alike its neighbours are along one axis."""


class Draws:
    """The batches so far, by their size: at the end of an epoch there may be a shorter one."""

    def __init__(self) -> None:
        self._kept: defaultdict[int, list[Given]] = defaultdict(list)
        self._shapes: set[tuple[tuple[int, ...], ...]] = set()

    def add(self, given: Given) -> None:
        """One more."""
        self._shapes = {*list(self._shapes)[:1], given.shapes}
        kept = self._kept[given.n]
        kept.append(given)
        if len(kept) > MAX_BATCHES:
            del kept[1::2]

    def drawn(self) -> Drawn | None:
        """What those of the usual size tell; None from fewer than three, or where samples have different shapes."""
        kept = max(self._kept.values(), key=len, default=[])
        if len(kept) < MIN_BATCHES or len(self._shapes) > 1:
            return None
        means, n = np.stack([given.mean for given in kept]), kept[0].n
        distances = means - means.mean(axis=0)
        scatter = (distances**2).sum(axis=0) / (len(means) - 1)
        errors = np.mean([given.between for given in kept], axis=0) / n
        # Where a batch has one value and another batch another, as labels may, it is worth one sample: a design effect of n.
        errors = np.where(errors > 0, errors, scatter / n)
        live = errors > 0
        if not live.any() or not (np.isfinite(errors).all() and np.isfinite(scatter).all()):
            return None
        ratios, kinds = scatter[live] / errors[live], kept[0].kinds[live]
        effects = [float(np.mean(ratios[kinds == kind])) for kind in np.unique(kinds)]
        return Drawn(batches=len(means), n=n, design_effect=max(effects), kinds=len(effects))


class _Series:
    """Mean and variance of the batch means from one step on, per channel."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self._count: Array | float = 0.0
        self._mean: Array | float = 0.0
        self._squares: Array | float = 0.0
        self._var: Array | float = 0.0

    def add(self, mean: Array, var: Array) -> None:
        """One batch; NaN in a channel is none."""
        known = np.isfinite(mean) & np.isfinite(var)
        self._count = self._count + known
        share = np.where(known, 1 / np.maximum(self._count, 1), 0.0)
        away = np.where(known, mean - self._mean, 0.0)
        self._mean = self._mean + share * away
        self._squares = self._squares + (1 - share) * away**2
        self._var = self._var + share * np.where(known, var - self._var, 0.0)

    def relative(self) -> Array:
        """(C,) variance of the means over the batches' own variance; NaN from fewer than three."""
        count, var = np.asarray(self._count), np.asarray(self._var)
        enough = (count >= MIN_BATCHES) & (var > 0)
        return np.where(enough, self._squares / np.where(enough, (count - 1) * var, 1.0), np.nan)


class Swing:
    """How far batch means swing in the later part of a training, which grows: one series begins as another grows old."""

    def __init__(self) -> None:
        self._older: _Series | None = None
        self._newer: _Series | None = None

    def add(self, step: int, mean: Array, var: Array) -> None:
        """The batch of `step`: (C,) its mean and variance."""
        if self._newer is None or step >= 2 * self._newer.begin:
            self._older, self._newer = self._newer, _Series(step)
        for series in (self._older, self._newer):
            if series is not None:
                series.add(mean, var)

    def relative(self) -> Array | None:
        """(C,) see `_Series.relative`; over the steps since a half to a quarter of them."""
        return None if self._older is None else self._older.relative()


class Taking(Guarded):
    """Takes what the first training pass from now until `end` is given."""

    def __init__(
        self, modules: Sequence[nn.Module], norm: nn.Module | None, failed: Callable[[Exception], None]
    ) -> None:
        """`modules`: the model and those within that a training loop may call in its place, the outermost first.

        `norm`: the layer that tells how many samples it takes.
        """
        self.given: Given | None = None
        self.size: int | None = None
        """Samples that `norm` took first."""
        self.spent = 0.0
        self._tell = failed
        self._begun = False
        self._handles = [module.register_forward_pre_hook(Hook(self._before), with_kwargs=True) for module in modules]
        if norm is not None:
            self._handles.append(norm.register_forward_pre_hook(Hook(self._normalizes), with_kwargs=True))

    def end(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _before(self, module: nn.Module, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        if module.training and torch.is_grad_enabled() and not self._begun:
            self._begun = True  # an inner module is given what layers have made of it
            self._guarded(lambda: self._take(args, named))

    def _normalizes(self, module: nn.Module, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        if self.size is None and module.training and torch.is_grad_enabled():
            self._guarded(lambda: self._count(args, named))

    def _count(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        values = next(iter(tensors((args, named))), None)
        self.size = len(values) if values is not None and values.ndim else None

    def _take(self, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        self.given = given(tensors((args, named)))

    def _failed(self, error: Exception) -> None:
        self._tell(error)


@torch.no_grad()
def given(values: Iterable[Tensor]) -> Given | None:
    """Features of the tensors that share the first axis with the first of them; None where there are none, or too few samples."""
    taken = [part.detach() for part in values if part.ndim and not part.is_complex()][:MAX_TENSORS]
    taken = [part for part in taken if part.shape[0] == taken[0].shape[0] and part.numel()]
    if not taken or taken[0].shape[0] < MIN_SAMPLES:
        return None
    size = taken[0].shape[0]
    largest = max(part.numel() for part in taken) // size
    most = max(min(MAX_SAMPLES, MAX_VALUES // largest), MIN_SAMPLES)
    groups = [group for part in taken for group in _features(part[:: math.ceil(size / most)])]
    rows = torch.cat(groups, dim=1)
    if not torch.isfinite(rows).all():
        return None
    return Given(
        shapes=tuple(tuple(part.shape[1:]) for part in taken),
        size=size,
        n=len(rows),
        mean=np.array(rows.mean(dim=0).cpu().double().numpy()),
        between=np.array(rows.var(dim=0).cpu().double().numpy()),
        kinds=np.repeat(np.arange(len(groups)), [group.shape[1] for group in groups]),
    )


def _features(values: Tensor) -> list[Tensor]:
    """(n, F) of each kind, of one tensor (n, …)."""
    if not values.is_floating_point():
        rows = values.long().reshape(len(values), -1) % TOKENS
        counts = torch.zeros(len(rows), TOKENS, device=rows.device)
        return [counts.scatter_add_(1, rows, torch.ones(rows.shape, device=rows.device)) / rows.shape[1]]
    values = values.float()
    flat = values.reshape(len(values), -1)
    centred = values - flat.mean(dim=1).reshape(-1, *[1] * (values.ndim - 1))
    power = centred.reshape(len(values), -1).square().mean(dim=1)
    # Textures and rhythms may have the same mean value everywhere and differ in how alike neighbours are.
    alike = [
        (centred.narrow(axis, 1, side - 1) * centred.narrow(axis, 0, side - 1)).reshape(len(values), -1).mean(dim=1)
        / power.clamp_min(1e-30)
        for axis, side in enumerate(values.shape)
        if axis and side > 1
    ]
    spread = flat[:, :: math.ceil(flat.shape[1] / FEATURES)]
    return [spread, *(part[:, None] for part in alike)]
