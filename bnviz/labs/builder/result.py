"""What the page `builder` finds out about a block.

Index letters: C channels after the layer, n values per statistic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.labs.builder.settings import Settings
from bnviz.labs.builder.stage import Stage
from bnviz.teaching.display import Displayed

Gravity = Literal["refused", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Tensors:
    """One entry of the block's `state_dict()`."""

    name: str
    """Its key."""
    shape: tuple[int, ...]
    """() for a single number."""
    dtype: str
    """As PyTorch names it."""
    count: int
    """How many numbers it holds."""
    trained: bool
    """Whether it is a parameter, which an optimizer moves."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to know."""

    name: str
    """Of the rule."""
    gravity: Gravity
    """How bad it is."""
    what: Phrase
    """What is the matter."""
    why: Phrase
    """Why it matters."""
    cure: Phrase
    """What to do."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """The block that `settings` describe, as PyTorch made it."""

    settings: Settings
    """What was asked for."""
    stages: tuple[Stage, ...]
    """What was planned, in order."""
    shapes: tuple[tuple[int, ...], ...]
    """Of the input and after each module that ran, so at most one more than `stages`."""
    refusal: str
    """PyTorch's own words where a module could not be made or run; "" where all could."""
    refused: int
    """Index of that module in `stages`, or −1."""
    tensors: tuple[Tensors, ...]
    """The block's `state_dict()`; without what was refused."""
    expected: tuple[int, ...]
    """Their counts by arithmetic, in the same order."""
    before_mean: NDArray[np.float64]
    """(C,) of what enters the normalizer, over the values that batch norm averages; empty where there is none or it did not run."""
    before_var: NDArray[np.float64]
    """(C,) likewise, biased."""
    after_mean: NDArray[np.float64]
    """(C,) of what leaves it."""
    after_var: NDArray[np.float64]
    """(C,) likewise, biased."""
    law: NDArray[np.float64]
    """(2, 100) what a fresh batch norm makes of a variance: variances before it, and after; empty without one."""
    output_mean: float
    """Over everything that leaves the block; NaN where it did not run."""
    output_std: float
    """Likewise."""
    values_per_statistic: int
    """n of the normalizer; 0 without one."""
    advice: tuple[Advice, ...]
    """What to know before using it, gravest first."""

    @property
    def trained(self) -> int:
        """How many numbers an optimizer moves."""
        return sum(entry.count for entry in self.tensors if entry.trained)

    @property
    def kept(self) -> int:
        """How many numbers are saved with the block but moved by forward passes alone: its buffers."""
        return sum(entry.count for entry in self.tensors if not entry.trained)

    @property
    def normalizer(self) -> int:
        """Index of the normalizer in `stages`, or −1."""
        return next((index for index, stage in enumerate(self.stages) if stage.role == "normalizer"), -1)

    @property
    def layer(self) -> int:
        """Index of the layer in `stages`."""
        return next(index for index, stage in enumerate(self.stages) if stage.role == "layer")
