"""What the lab `weight_decay` measures.

Index letters: P runs, one per pair of learning rate and weight decay (the decay varies fastest), E recorded points. *The weights*
are those of the last hidden linear layer, as one vector w; g is the loss's gradient there, without the decay. Angles are in radians.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.weight_decay.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]
DROP: Final = 0.1
"""What the learning rates are multiplied by at half time, where the schedule says so."""
WINDOW: Final = 0.4
"""Share of a run, its last part, over which its end is measured."""
STEADY: Final = 0.08
"""A run has settled where ‖w‖² changes over the window by less than this share of what decay takes from it there."""


@dataclass(frozen=True, slots=True)
class Result(Displayed):
    """What a run has measured so far; what is measured over the window is measured over the last part of what there is."""

    settings: Settings
    """What was asked for."""
    learning_rate: Floats
    """(P,): η of each run at its end."""
    weight_decay: Floats
    """(P,): λ of each run."""
    product: Floats
    """(P,): η·λ at the end."""
    steps: NDArray[np.int64]
    """(E,): optimizer steps done; the first is 0."""
    total_steps: int
    """Of the whole run."""
    angle_by_point: Floats
    """(P, E): RMS angle per step between each point and the one before; NaN at the first."""
    angle_by_gradient: Floats
    """(P, E): the same of arctan(η‖g‖/((1 − ηλ)‖w‖)), what plain SGD would turn by if g were perpendicular to w."""
    angle: Floats
    """(P,): RMS angle per step over the window."""
    angle_theory: Floats
    """(P,): its value in equilibrium; NaN where no batch norm follows."""
    length: Floats
    """(P, E): ‖w‖."""
    length_theory: Floats
    """(P,): equilibrium length for the g̃ of the window, plain SGD; NaN for other optimizers and where no batch norm follows."""
    drift: Floats
    """(P,): change of ln ‖w‖² over the window, in units of what decay alone takes there, 2ηλ/(1 − β) × steps, β the momentum of SGD."""
    settled: NDArray[np.bool_]
    """(P,): whether |drift| is below `STEADY`; False where no batch norm follows."""
    remaining: Floats
    """(P,): steps that it would still take if g̃ stayed as it is; 0 where settled, NaN where theory says nothing."""
    cosine: Floats
    """(P,): RMS cosine of the angle between g and w over the window: 0 where the loss does not know the length of w."""
    identity_error: Floats
    """(P,): largest relative difference, at any step, between the angle and what `angle_by_gradient` says of it."""
    halved: Floats
    """(P,): RMS change of the training-mode logits, as a share of their own RMS, when these weights are halved; NaN before the end."""
    gamma: Floats
    """(P, E): mean |γ| of the batch norm that follows the weights; NaN without one."""
    error: Floats
    """(P, E): share of the 450 test images classified wrongly in eval mode, in %; NaN where the run has diverged."""
    diverged_at: NDArray[np.int64]
    """(P,): the step of the first loss that is not finite; −1 where there is none."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return int(self.steps[-1]) / self.total_steps

    @property
    def plain(self) -> bool:
        """Whether the identity of plain SGD is meant to hold."""
        return self.settings.batch_norm and self.settings.optimizer == "sgd" and self.settings.momentum == 0

    def alike(self) -> dict[float, list[int]]:
        """Runs by equal η·λ, ascending: only products that several runs share."""
        groups: dict[float, list[int]] = {}
        for index, product in enumerate(self.product):
            groups.setdefault(float(f"{product:.6g}"), []).append(index)
        return {product: runs for product, runs in sorted(groups.items()) if len(runs) > 1}
