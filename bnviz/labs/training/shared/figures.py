"""What the pictures of several topics of the lab `training` share; each function takes any topic's `Result`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Translate
from bnviz.plot.variants import NORMALIZER_ROLES, normalizer_name
from bnviz.settings import NORMALIZERS
from bnviz.study.figures.forest import Effect
from bnviz.study.figures.seeds import Course

if TYPE_CHECKING:
    from bnviz.labs.training.boundaries import experiment as training_boundaries
    from bnviz.labs.training.landscape import experiment as training_landscape
    from bnviz.labs.training.race import experiment as training_race
    from bnviz.labs.training.sweep import experiment as training_sweep
    from bnviz.study.verdict import Finding

    WithErrors = training_race.Result | training_boundaries.Result
    WithPairs = training_race.Result | training_sweep.Result | training_landscape.Result


def courses(result: WithErrors, _: Translate) -> list[Course]:
    """The error curves of all variants."""
    return [
        Course(
            normalizer_name(name, _), _(NORMALIZERS[name]), NORMALIZER_ROLES[name], result.error_of(index),
            result.diverged_at[index],
        )
        for index, name in enumerate(result.variants)
    ]  # fmt: skip


def effects(result: WithPairs, values: NDArray[np.float64], findings: Sequence[Finding], _: Translate) -> list[Effect]:
    """One row per pair: `values` (Q, S) of each later variant against the first, and what they say."""
    return [
        Effect(normalizer_name(second, _), NORMALIZER_ROLES[second], row, finding)
        for (_first, second), row, finding in zip(result.pairs, values, findings, strict=True)
    ]
