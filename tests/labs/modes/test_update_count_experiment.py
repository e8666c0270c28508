"""The topic `update_count` of the lab `modes` against plain PyTorch, closed forms and the recipe."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bnviz.labs.modes.update_count.experiment import corrected_momentum, run
from bnviz.labs.modes.update_count.settings import Settings

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 16, "steps": 12}


@pytest.mark.parametrize(("momentum", "accumulation"), [(0.1, 4), (0.3, 1), (0.02, 7), (1.0, 3)])
def test_every_forward_pass_is_an_update(momentum: float, accumulation: int) -> None:
    settings = Settings(**SMALL | {"steps": 3, "batch_size": 8}, momentum=momentum, accumulation=accumulation)
    result = run(settings)
    counts = np.array([1, accumulation, 2, 2, 2, 2])
    np.testing.assert_array_equal(result.updates, counts)
    np.testing.assert_array_equal(result.updates_last, counts)
    np.testing.assert_allclose(result.momentum, 1 - (1 - momentum) ** counts, rtol=1e-5)
    np.testing.assert_allclose(result.old_weight, result.old_weight_theory, atol=1e-6)
    assert result.corrected_momentum == pytest.approx(momentum, rel=1e-4)
    assert result.running_mean == pytest.approx(momentum * result.batch_mean, rel=1e-4)


def test_a_tiny_momentum_is_corrected_too_or_not_at_all() -> None:
    assert corrected_momentum(1e-17, 4) == pytest.approx(2.5e-18)
    assert corrected_momentum(5e-324, 4) is None
    assert run(Settings(**SMALL | {"steps": 1}, momentum=5e-324)).updates[1] == 4


def test_the_plain_average_has_no_momentum_to_correct() -> None:
    result = run(Settings(**SMALL | {"steps": 2}, momentum="cumulative"))
    np.testing.assert_array_equal(result.old_weight[:, 1:], 0)
    assert math.isnan(result.corrected)
