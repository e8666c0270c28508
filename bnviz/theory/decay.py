"""Weight decay in front of a normalizer: weights w whose scale the normalizer takes away, so that only their direction counts.

η learning rate, λ weight decay, g the gradient, g̃ = ‖g‖‖w‖ the gradient at length 1, β the momentum of SGD.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray, above, at_least

ADAM_MOMENTUM = 0.9
"""β₁, the default of `torch.optim.AdamW`."""


def equilibrium_angle(rate: ArrayLike, decay: ArrayLike, momentum: float = 0.0) -> FloatArray:
    """RMS angle per step in radians once length and gradients balance: √(2ηλ/(1 + β)).

    With momentum it takes the gradients of different steps to be unrelated.
    Raises: ValueError for a negative rate or decay, or a momentum outside [0, 1).
    Source: van Laarhoven 2017, arXiv:1706.05350; Wan 2020, arXiv:2006.08419.
    """
    return np.asarray(np.sqrt(2.0 * _product(rate, decay) / (1.0 + _momentum(momentum))))


def equilibrium_angle_adamw(rate: ArrayLike, decay: ArrayLike, momentum: float = ADAM_MOMENTUM) -> FloatArray:
    """The same for AdamW, whose steps do not shrink with the gradient: √(2ηλ(1 − β₁)/(1 + β₁)).

    Raises: as `equilibrium_angle`. Source: Kosson 2023, arXiv:2305.17212.
    """
    beta = _momentum(momentum)
    return np.asarray(np.sqrt(2.0 * _product(rate, decay) * (1.0 - beta) / (1.0 + beta)))


def equilibrium_length(rate: ArrayLike, decay: ArrayLike, mean_square: ArrayLike) -> FloatArray:
    """Length ‖w‖ at which what decay takes is what gradients add, plain SGD: (η·E[g̃²]/(2λ))^¼ for E[g̃²] = `mean_square`.

    Raises: ValueError for a negative rate or mean square, or a decay ≤ 0. Source: van Laarhoven 2017, arXiv:1706.05350.
    """
    return np.asarray(
        (at_least("rate", rate, 0) * at_least("mean_square", mean_square, 0) / (2.0 * above("decay", decay, 0))) ** 0.25
    )


def relaxation_steps(rate: ArrayLike, decay: ArrayLike) -> FloatArray:
    """Steps in which the distance of ‖w‖⁴ from equilibrium falls to 1/e: 1/(4ηλ).

    With momentum β of SGD put η/(1 − β) in place of η.
    Raises: ValueError for a rate or decay ≤ 0. Source: Wan 2020, arXiv:2006.08419; d‖w‖⁴ = −4ηλ‖w‖⁴ + 2η²g̃² per step.
    """
    return np.asarray(1.0 / (4.0 * above("rate", rate, 0) * above("decay", decay, 0)))


def steps_to_settle(rate: ArrayLike, decay: ArrayLike, times: ArrayLike, within: float = 0.1) -> FloatArray:
    """Steps until ‖w‖⁴ is within a share `within` of equilibrium (the angle then is within about half of it), from `times` as much.

    ln(|times − 1|/within)/(4ηλ), and 0 where it is that near already. It takes g̃ to stay as it is.
    Raises: as `relaxation_steps`; ValueError for negative times or within ≤ 0. Source: as there.
    """
    distance = np.abs(at_least("times", times, 0) - 1.0) / above("within", within, 0)
    return np.asarray(np.log(np.maximum(distance, 1.0)) * relaxation_steps(rate, decay))


def _product(rate: ArrayLike, decay: ArrayLike) -> FloatArray:
    return at_least("rate", rate, 0) * at_least("decay", decay, 0)


def _momentum(momentum: float) -> float:
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be in [0, 1); got {momentum}")
    return momentum
