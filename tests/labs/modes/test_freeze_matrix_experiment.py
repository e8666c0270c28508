"""The topic `freeze_matrix` of the lab `modes` against plain PyTorch, closed forms and the recipe."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bnviz.labs.modes.freeze_matrix.experiment import run
from bnviz.labs.modes.freeze_matrix.result import QUANTITIES, WAYS, Result, Way
from bnviz.labs.modes.freeze_matrix.settings import Settings

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 16, "steps": 12}


@pytest.fixture(scope="module")
def frozen() -> Result:
    return run(Settings(**SMALL))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_moves_is_what_the_switches_say(frozen: Result, way: Way) -> None:
    moved = dict(zip(QUANTITIES, frozen.moved[frozen.ways.index(way)], strict=True))
    learns = way.requires_grad
    counts = (
        way.track_running_stats and way.afterwards != "untracked" and (not way.eval_mode or way.afterwards == "train")
    )
    assert [bool(moved[name]) for name in ("weights", "gamma", "beta")] == [learns] * 3
    assert [bool(moved[name]) for name in ("running_mean", "running_var", "num_batches_tracked")] == [counts] * 3
    assert bool(moved["features"]) == (learns or counts)
    if way.track_running_stats:
        assert frozen.cell(way, "num_batches_tracked") == (12 if counts else 0)
    else:
        assert math.isnan(frozen.cell(way, "running_mean"))


def test_norms_only_leaves_the_weights_free() -> None:
    result = run(Settings(**SMALL, frozen="norms"))
    both = Way(requires_grad=False, eval_mode=True, track_running_stats=True)
    assert result.cell(both, "weights") > 0
    assert result.cell(both, "gamma") == result.cell(both, "running_mean") == 0


@pytest.mark.parametrize("momentum", [0.1, 0.01, "cumulative"])
def test_frozen_statistics_go_the_way_of_the_formula(momentum: Any) -> None:
    result = run(Settings(**SMALL | {"steps": 20}, momentum=momentum))
    assert result.drift[0] == result.drift_theory[0] == 0
    assert (np.abs(result.drift - result.drift_theory)[1:] <= 4 * result.drift_error[1:]).all()
    if momentum != "cumulative":
        assert result.drift_theory[-1] == pytest.approx(1 - (1 - momentum) ** 20)


def test_a_frozen_body_keeps_its_old_answers_only_with_eval(frozen: Result) -> None:
    kept = frozen.error_old[frozen.ways.index(Way(requires_grad=False, eval_mode=True, track_running_stats=True))]
    assert kept == frozen.error_before
    assert frozen.error_old[0] > frozen.error_before  # nothing frozen
