"""Measured against theory: one row of the table that every lab shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from bnviz.errors import Phrase

STANDARD_ERRORS: Final = 4.0
ROUNDING: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measured number beside its prediction."""

    quantity: Phrase
    """What is compared, in words."""
    measured: float
    """In the quantity's unit, as the rest."""
    predicted: float
    """By a closed form."""
    standard_error: float = 0.0
    """The measurement's sampling error; 0 where the formula is exact up to rounding (float32)."""
    note: Phrase | None = None
    """What the prediction assumes, where the settings strain it."""
    allowance: float = 0.0
    """How far off a right prediction may be besides: sizes that it supposes and that are not reached, a grid, float32 where it strains.
    No chance, so not a standard error."""

    @property
    def relative_difference(self) -> float:
        """(measured − predicted) / |predicted|; NaN where the prediction is 0."""
        return (self.measured - self.predicted) / abs(self.predicted) if self.predicted else math.nan

    @property
    def explained(self) -> bool:
        """Whether sampling (four standard errors), the allowance or float32 rounding explains the difference."""
        rounding = ROUNDING * max(1.0, abs(self.predicted))
        return abs(self.measured - self.predicted) <= STANDARD_ERRORS * self.standard_error + self.allowance + rounding
