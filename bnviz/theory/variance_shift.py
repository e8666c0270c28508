"""Variance shift through a network: what Dropout in front of every batch norm does to eval mode, predicted from training mode.

A block is Linear → ReLU → Dropout → BN. Index letters: S networks, n units of a block, d of the block before. Everything
that comes in is seen in training mode; no eval pass is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from bnviz.theory._arguments import FloatArray
from bnviz.theory.activations import normal_moments
from bnviz.theory.dropout import training_variance, weighted_variances

_NO_SIGNAL: Final = (
    1e-3  # a unit whose masks bring in a thousand times what its samples do has no correlations to speak of
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block in training mode.

    `weight` (S, n, d) and `bias` (S, n) of its Linear; `gamma`, `beta` (S, n) of its batch norm; `mean` (S, n) and
    `covariance` (S, n, n) of what leaves its ReLU, before Dropout. `signal` (S, n, n): its covariance between two passes of
    the same samples under different masks, which is what the samples, and not the masks, bring in.
    """

    weight: FloatArray
    bias: FloatArray
    gamma: FloatArray
    beta: FloatArray
    mean: FloatArray
    covariance: FloatArray
    signal: FloatArray


def chained_ratios(blocks: Sequence[Block], p: ArrayLike, eps: float = 1e-5) -> list[FloatArray]:
    """Variance of each block's batch norm output in eval(), before γ, each (S, n); in training it is 1.

    First block: σ²/V, exact (`dropout.training_variance`). Further ones: the Linear passes on less variance in eval mode
    (`dropout.weighted_variances`, exact for the second), a normal law takes this through ReLU, and the correlations that
    remain are taken to be those of `signal`. Source: Li 2018, arXiv:1801.05134, for one block; the chain is derived.
    """
    ratios: list[FloatArray] = []
    before: Block | None = None
    # Of what leaves ReLU in eval mode: its mean minus that in training, and its variance.
    moved = evaluation = np.zeros(0)
    for block in blocks:
        variance = _diagonal(block.covariance)
        if before is None:
            moved, evaluation = np.zeros_like(variance), variance
        else:
            scale = before.gamma / np.sqrt(training_variance(_diagonal(before.covariance), before.mean, p) + eps)
            moved, shrunk = _through(block, before, scale, moved, evaluation, p)
            evaluation = variance * shrunk
        ratios.append(evaluation / (training_variance(variance, block.mean, p) + eps))
        before = block
    return ratios


def _through(
    block: Block, before: Block, scale: FloatArray, moved: FloatArray, evaluation: FloatArray, p: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """How far ReLU's mean moves in eval mode, and what share of its training variance is left, both (S, n).

    `scale`: what the batch norm before multiplies by. `moved`, `evaluation`: of what leaves the ReLU before, in eval mode.
    """
    weight = block.weight * scale[:, None, :]
    signal = _diagonal(before.signal)
    factor = np.sqrt(
        np.where(signal > _NO_SIGNAL * _diagonal(before.covariance), evaluation, 0.0) / np.maximum(signal, 1e-300)
    )
    seen = before.signal * factor[:, :, None] * factor[:, None, :]
    eval_input, _ = weighted_variances(weight, before.mean, seen, p)
    _, training_input = weighted_variances(weight, before.mean, before.covariance, p)
    centre = np.einsum("snd,sd->sn", block.weight, before.beta) + block.bias
    shift = np.einsum("snd,sd->sn", weight, moved)
    mean, variance, *_ = normal_moments("relu", np.sqrt(training_input), centre)
    eval_mean, eval_variance, *_ = normal_moments("relu", np.sqrt(np.maximum(eval_input, 0.0)), centre + shift)
    return eval_mean - mean, eval_variance / np.maximum(variance, 1e-300)


def _diagonal(matrices: FloatArray) -> FloatArray:
    return np.diagonal(matrices, axis1=-2, axis2=-1)
