"""What the pictures of several topics of the lab `training` share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Translate
from bnviz.labs.training.shared.parameters import VariantName
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name
from bnviz.settings import NORMALIZERS
from bnviz.study.figures.forest import Effect
from bnviz.study.figures.seeds import ErrorCurve
from bnviz.study.over_seeds import OverSeeds
from bnviz.study.verdict import Finding


class WithErrors(Protocol):
    """A result with a course of the test error for each variant."""

    @property
    def variants(self) -> tuple[VariantName, ...]:
        """The normalizers that are compared; V of them."""

    @property
    def error(self) -> OverSeeds:
        """(V, E): share of the test samples that are wrong."""

    @property
    def diverged_at(self) -> NDArray[np.int64]:
        """(V, S): step at which a seed's loss was no number any more, −1 where it always was."""


class WithPairs(Protocol):
    """A result that compares pairs of variants."""

    @property
    def pairs(self) -> tuple[tuple[VariantName, VariantName], ...]:
        """The first of each is what the second is compared with."""


def variant_curves(result: WithErrors, _: Translate) -> list[ErrorCurve]:
    """The error curves of all variants."""
    return [
        ErrorCurve(
            normalizer_name(name, _), _(NORMALIZERS[name]), NORMALIZER_ROLES[name], result.error[index], diverged
        )
        for index, (name, diverged) in enumerate(zip(result.variants, result.diverged_at, strict=True))
    ]


def effects(result: WithPairs, values: NDArray[np.float64], findings: Sequence[Finding], _: Translate) -> list[Effect]:
    """One row per pair: `values` (Q, S) of each later variant against the first, and what they say."""
    return [
        Effect(normalizer_name(second, _), NORMALIZER_ROLES[second], row, finding)
        for (_first, second), row, finding in zip(result.pairs, values, findings, strict=True)
    ]
