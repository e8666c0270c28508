"""Variances that are small beside ε, channels that are off, and whether weight decay has made them so.

Batch norm makes up for the size of what comes in, so that nothing but the noise of its gradient holds a weight in front of it
against decay. Source: van Laarhoven 2017, arXiv 1706.05350; Zhang et al. 2019, arXiv 1810.12281.

Index letters: C channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.inspect.evidence import Array, Evidence, Norm
from bnviz.inspect.sampling import normal_quantile
from bnviz.theory.folding import UNIT_ROUNDOFF

SHARE: Final = 0.1  # of the variance: the output's variance is then at most 1/1.1 = 91 % of what normalization promises
OUTWEIGHS: Final = 1.0  # the denominator is then more ε than variance
TINY: Final = 1e-4  # of γ that is there; below it a channel is off
# A normal value passes ReLU with this chance or less: Φ(β/|γ|). By chance no channel would then be off in a whole training.
CHANCE: Final = 1e-3


@dataclass(frozen=True)
class Share:
    """ε beside the variance of what a layer takes."""

    value: float
    """ε over the variance: of the typical channel, or where that one is in order of the worst twentieth."""
    severe: bool
    """Whether ε outweighs the variance of the typical channel."""
    by_decay: bool
    """Whether ε would be small if weight decay had shrunk nothing."""


def flat(mean: Array, var: Array, unit: float = UNIT_ROUNDOFF["float32"]) -> NDArray[np.bool_]:
    """(C,) channels whose spread is no more than rounding, of relative size `unit`, leaves of equal values."""
    return np.asarray(np.sqrt(var) <= 4 * unit * np.abs(mean))


def drowned(mean: Array, var: Array, eps: float, unit: float = UNIT_ROUNDOFF["float32"]) -> NDArray[np.bool_]:
    """(C,) flat channels of which it is not known that they are constant: there a step of rounding outweighs ε, or is above 1."""
    return flat(mean, var, unit) & ((var > eps) | (np.abs(mean) * unit >= 1))


def eps_share(evidence: Evidence, norm: Norm) -> Share | None:
    """None where ε is small for nine channels in ten."""
    call = evidence.first(norm)
    if call is None or norm.eps <= 0 or not (live := call.var > 0).any():
        return None
    share = norm.eps / call.var[live]
    if not _counts(share):
        return None
    typical = float(np.median(share))
    value = typical if typical >= SHARE else float(np.quantile(share, 0.95))
    factor = shrunk(evidence, norm)
    unshrunk = share * factor[live] ** 2 if factor.size == live.size else share
    return Share(value, typical >= OUTWEIGHS, not _counts(unshrunk))


def _counts(share: Array) -> bool:
    return bool(np.mean(share >= SHARE) >= SHARE)


def shrunk(evidence: Evidence, norm: Norm) -> Array:
    """(C,) factors, at most 1, by which decay has shrunk the spread of what `norm` takes, as far as the model shows it.

    What is missing to a new layer in the weights in front, and in γ before them; not less than what decay can have left of
    them in the steps that there were.
    """
    front, steps = evidence.fronts.get(norm.name), _steps(evidence, norm)
    if front is None or front.size.size != norm.channels:  # several layers, or a norm of another axis
        return np.full(norm.channels, _largest_weights(evidence, steps))
    left = _left(evidence, front.layer, steps) * (_left(evidence, front.before, steps) if front.before else 1.0)
    factor = np.clip(front.size, left, 1.0)
    if front.before is None:
        factor = factor * _largest_gamma(evidence, steps)
    # A norm before whose ε outweighs its own shrunk variance hands that on.
    before = next((other for other in evidence.norms if other.name == front.before), None)
    share = eps_share(evidence, before) if before is not None else None
    return factor / math.sqrt(1 + share.value) if share is not None and share.severe and share.by_decay else factor


def _largest_weights(evidence: Evidence, steps: int) -> float:
    """Where several layers meet before a norm: what is missing to a new layer in the one that misses least."""
    factors = [max(min(size, 1.0), _left(evidence, layer, steps)) for layer, size in evidence.sizes.items()]
    return max(factors, default=1.0)


def _largest_gamma(evidence: Evidence, steps: int) -> float:
    """The same of γ, for a layer that takes the sum of several norms, or their channels side by side."""
    factors = [
        max(min(math.sqrt(float(np.mean(norm.gamma**2))), 1.0), _left(evidence, norm.name, steps))
        for norm in evidence.norms
        if norm.gamma is not None
    ]
    return max(factors, default=1.0)


def off(evidence: Evidence, norm: Norm, gamma: Array | None) -> NDArray[np.bool_] | None:
    """(C,) channels that are off for every sample with this γ: it is nothing, or ReLU never lets them through; None where not seen.

    All of them with a γ of nothing and no β: γ that began at zero, which is left to training.
    """
    calls, around = evidence.calls.get(norm.name, ()), evidence.surroundings.get(norm.name)
    if gamma is None or not (calls or evidence.at_end) or any(call.mean.size != gamma.size for call in calls):
        return None
    beta = np.zeros_like(gamma) if norm.beta is None else norm.beta
    found = np.abs(gamma) <= TINY * max(float(np.abs(gamma).max()), 1.0)
    if found.all() and not beta.any():
        return None
    if calls and around is not None and around.relu:
        never = np.all([call.output_largest <= 0 for call in calls], axis=0)
        found |= never & (beta <= -normal_quantile(2 * CHANCE) * np.abs(gamma))
    return found


def decayed_away(evidence: Evidence, norm: Norm) -> NDArray[np.bool_] | None:
    """(C,) channels that are off, and would not be if weight decay had left γ as it began; None where not seen."""
    found = off(evidence, norm, norm.gamma)
    if found is None or norm.gamma is None or norm.name not in evidence.setup.decay:
        return None
    size = np.abs(norm.gamma)
    restored = size / np.clip(size, _left(evidence, norm.name, _steps(evidence, norm)), 1.0)
    still = off(evidence, norm, restored)
    return found & ~(found if still is None else still)


def _steps(evidence: Evidence, norm: Norm) -> int:
    return evidence.setup.steps.get(norm.name) or evidence.final_updates(norm) or 0


def _left(evidence: Evidence, module: str, steps: int) -> float:
    """What decay alone would have left of a parameter of `module`."""
    return math.exp(-min(evidence.setup.decay_rates.get(module, 0.0) * steps, 700.0))
