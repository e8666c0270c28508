"""The buffers tell: the statistics of a batch out of two reads of the running statistics.

Index letters: L layers with running statistics, C channels of all of them in one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bnviz.inspect.evidence import Array

# new − (1 − α)·old loses digits as α falls: at 0.01 the variance is off by up to 2 % in float32.
MIN_MOMENTUM: Final = 0.02


@dataclass(frozen=True)
class Read:
    """The running statistics of all layers after an optimizer step."""

    step: int
    mean: Array
    """(C,)"""
    var: Array
    """(C,)"""
    updates: NDArray[np.int64]
    """(L,) −1 where a layer does not count."""


@dataclass(frozen=True)
class Recovered:
    """The last batch's statistics, as two reads tell them."""

    mean: Array
    """(C,) NaN where they could not be told."""
    var: Array
    """(C,) unbiased."""
    known: NDArray[np.bool_]
    """(L,)"""


class Buffers:
    """The running statistics of the layers of a model, read in one go."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        """Layers without (materialized) running statistics are left out; see `places`."""
        kept = [(place, module) for place, module in enumerate(modules.values()) if _has_statistics(module)]
        self.places = np.array([place for place, _ in kept], dtype=np.int64)
        self.modules = [module for _, module in kept]
        sizes = [int(module.running_mean.numel()) for module in self.modules]  # type: ignore[operator]
        self.sizes = np.array(sizes, dtype=np.int64)
        self.starts = (
            np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64) if sizes else np.zeros(0, np.int64)
        )
        self.momentum = np.array([_weight(module) for module in self.modules])
        counters = [module._buffers.get("num_batches_tracked") for module in self.modules]
        self._counting = bool(counters) and all(counter is not None and counter.ndim == 0 for counter in counters)
        rows = [module._buffers["running_mean"] for module in self.modules]
        kinds = {(row.dtype, row.device, row.ndim) for row in rows if row is not None}
        self._rows = len(kinds) == 1 and all(row is not None and row.ndim == 1 for row in rows)
        self.eps = np.repeat([float(getattr(module, "eps", 0.0)) for module in self.modules], self.sizes)

    @torch.no_grad()
    def read(self, step: int) -> Read:
        """Copies of all buffers now."""
        # `_buffers` directly: attribute look-up on modules costs more than the copy.
        own = [module._buffers for module in self.modules]
        rows: Any = [part["running_mean"] for part in own] + [part["running_var"] for part in own]
        flat = torch.cat(rows).cpu().double().numpy() if self._rows else np.concatenate([_row(row) for row in rows])
        half = len(flat) // 2
        return Read(step, flat[:half], flat[half:], self.counters())

    @torch.no_grad()
    def counters(self) -> NDArray[np.int64]:
        """(L,) `num_batches_tracked` of each layer."""
        counters = [module._buffers.get("num_batches_tracked") for module in self.modules]
        if self._counting:
            return np.array(torch.stack(counters).cpu().numpy(), dtype=np.int64)  # type: ignore[arg-type]
        return np.array([-1 if counter is None else int(counter) for counter in counters], dtype=np.int64)

    def recovered(self, old: Read, new: Read) -> Recovered:
        """What the one update between two reads put in: (new − (1 − α)·old)/α. Source: algebra; PyTorch nn.BatchNorm1d."""
        alpha = np.where(np.isnan(self.momentum), 1.0 / np.maximum(new.updates, 1), self.momentum)
        known = (new.updates - old.updates == 1) & (alpha >= MIN_MOMENTUM) & (old.updates >= 0)
        weight = np.repeat(np.where(known, alpha, np.nan), self.sizes)
        with np.errstate(invalid="ignore"):  # of buffers that hold infinities; a watched training is not told
            mean, var = (
                (after - (1 - weight) * before) / weight for before, after in ((old.mean, new.mean), (old.var, new.var))
            )
        return Recovered(mean, var, known)

    def by_layer(self, channels: Array) -> Array:
        """(L,) averages over each layer's channels of a row (C,)."""
        return np.asarray(np.add.reduceat(channels, self.starts) / self.sizes)


def _has_statistics(module: nn.Module) -> bool:
    values = [module._buffers.get(name) for name in ("running_mean", "running_var")]
    return all(
        isinstance(value, Tensor) and not is_lazy(value) and not value.is_meta and value.numel() for value in values
    )


def _row(values: Tensor) -> Array:
    return np.array(values.detach().reshape(-1).cpu().double().numpy())


def _weight(module: nn.Module) -> float:
    """α; NaN for the cumulative average."""
    momentum = getattr(module, "momentum", None)
    return float("nan") if momentum is None else float(momentum)
