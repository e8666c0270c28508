"""What the topic `through_time` of the lab `recurrence` measures.

Index letters: V variants, S replicas, T time steps, K values of γ, S′ replicas for each of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.recurrence.through_time.settings import Settings
from bnviz.settings import RecurrentVariantName
from bnviz.study.over_seeds import OverSeeds, over_seeds
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """One batch per replica through fresh networks in training mode, and the gradient back."""

    settings: Settings
    """What was asked for."""
    variants: tuple[RecurrentVariantName, ...]
    """(V,): what is normalized in each network."""
    gradient: Floats
    """(V, S, T): RMS over samples and units of ∂loss/∂h_t, loss the mean cross-entropy of the batch after the last step."""
    growth: Floats
    """(V, S, T − 1): gradient at h_t over that at h_(t+1), t = 1 … T − 1; NaN where the latter is 0."""
    growth_theory: Floats
    """(V, T − 1): the closed form of the tanh cell; NaN for gated cells."""
    growth_unequal: Floats
    """(V, T − 1): the same for the variances that the units have over the batch, which are not all equal; NaN for gated cells."""
    relative_theory: Floats
    """(V, T): the gradient relative to the last step's that `growth_theory` gives."""
    gammas: Floats
    """(K,): values of γ at the start."""
    gamma_growth: Floats
    """(K, S′): batch norm per step, growth per step from h_T to h_2, geometric mean."""
    gamma_growth_theory: Floats
    """(K,): its closed form."""
    gamma_growth_alone: Floats
    """(K,): the same of the cell without input."""
    same: float
    """Largest difference, relative to the largest gradient, between statistics per step and shared ones: 0, because in training mode
    both normalize with the batch."""

    @property
    def relative(self) -> OverSeeds:
        """Gradient relative to the last step's, over replicas, each (V, T)."""
        last = self.gradient[..., -1:]
        return over_seeds(np.where(last > 0, self.gradient / np.where(last > 0, last, 1), np.nan))

    @property
    def growth_over_seeds(self) -> OverSeeds:
        """`growth` over replicas, each (V, T − 1)."""
        return over_seeds(self.growth)

    @property
    def gamma_over_seeds(self) -> OverSeeds:
        """`gamma_growth` over replicas, each (K,)."""
        return over_seeds(self.gamma_growth)

    @property
    def per_step(self) -> Floats:
        """Growth per step from h_T to h_1, geometric mean, (V, S)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.gradient[..., 0] / self.gradient[..., -1]) ** (1 / (self.gradient.shape[-1] - 1)))
