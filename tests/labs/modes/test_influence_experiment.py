"""The topic `influence` of the lab `modes` against plain PyTorch, closed forms and the recipe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bnviz.errors import SettingError
from bnviz.labs.modes.influence.experiment import run
from bnviz.labs.modes.influence.settings import Settings

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 16}


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_only_batch_norm_in_train_mode_looks_at_others(mode: Any) -> None:
    result = run(Settings(**SMALL | {"batch_size": 5}, mode=mode, sample=2))
    off = ~np.eye(5, dtype=bool)
    others = np.arange(5) != 1
    for place, name in enumerate(result.normalizers):
        seen = name == "batch" and mode == "train"
        assert bool((result.influence[place][off] != 0).all()) == seen
        assert bool(result.influence[place][off].any()) == seen
        assert (
            bool(result.output_change[place][others].any()) == bool(result.gradient_change[place][others].any()) == seen
        )
        assert result.output_change[place, 1] > 0
        assert result.others_that_move[place] == (4 if seen else 0)
    np.testing.assert_allclose(result.jacobian, result.jacobian_theory, rtol=0, atol=1e-12)


def test_the_jacobian_is_that_of_finite_differences() -> None:
    """Double precision, central differences: good to 1e-6 of the largest entry."""
    result = run(Settings(**SMALL | {"batch_size": 4}))
    norm = torch.nn.BatchNorm1d(1, eps=result.eps).double()
    with torch.no_grad():
        norm.weight.fill_(result.gamma)
    step, values = 1e-6, torch.from_numpy(result.values)
    for j in range(4):
        move = step * torch.eye(4, dtype=torch.float64)[j]
        slope = (norm((values + move)[:, None]) - norm((values - move)[:, None])) / (2 * step)
        np.testing.assert_allclose(
            slope[:, 0].detach(), result.jacobian[:, j], atol=1e-6 * np.abs(result.jacobian).max()
        )


def test_groups_must_divide_the_width_and_matter() -> None:
    with pytest.raises(SettingError, match="groups must be a divisor of the width, 16"):
        run(Settings(**SMALL, groups=32))
    two, eight = (run(Settings(**SMALL | {"batch_size": 4}, groups=groups)).influence for groups in (2, 8))
    assert not np.array_equal(two[2], eight[2])
    np.testing.assert_array_equal(two[:2], eight[:2])
