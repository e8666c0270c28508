"""What a run of the topic `influence` of the lab `modes` measures.

Index letters: V normalizers, m samples per batch (i whose output, j whose input).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.modes.influence.settings import Settings
from bnviz.settings import NormalizerName
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """Which samples of a batch each sample's output depends on, in the chosen mode."""

    settings: Settings
    """What was asked for."""
    normalizers: tuple[NormalizerName, ...]
    """(V,) all with the same weights at the start, the same training batches and the same batch that is differentiated."""
    influence: Floats
    """(V, m, m) at [v, i, j] the norm of the Jacobian ∂ logits of sample i / ∂ image of sample j."""
    from_others: Floats
    """(V,) share of the summed squares of a row that does not lie on the diagonal, averaged over rows."""
    others_that_move: Floats
    """(V,) how many samples other than j have a Jacobian that is not exactly 0, averaged over j."""
    changed: int
    """Index of the sample that was replaced by another image."""
    output_change: Floats
    """(V, m) RMS change of each sample's logits, over the standard deviation of all logits."""
    gradient_change: Floats
    """(V, m) change of the gradient of each sample's own loss with respect to its own image, over the norm of that gradient."""
    values: Floats
    """(m,) what enters the first unit of the first batch norm."""
    jacobian: Floats
    """(m, m) ∂ output i / ∂ input j of that unit, as autograd gives it."""
    jacobian_theory: Floats
    """(m, m) the same by the closed form."""
    variance: float
    """With which that unit normalizes."""
    gamma: float
    """That unit's weight."""
    eps: float
    """Added to the variance."""

    @property
    def slope(self) -> float:
        """γ/√(variance + ε): ∂ output / ∂ input where mean and variance are constants."""
        return self.gamma / math.sqrt(self.variance + self.eps)
