"""The pictures of the topic `momentum_error` of the lab `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.labs.modes.momentum_error import figures
from bnviz.labs.modes.momentum_error.experiment import run
from bnviz.labs.modes.momentum_error.settings import Settings
from tests.pictures import trace_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 12, "seeds": 3}


def test_the_momentum_curve_is_the_mean_error_over_the_initial_weight() -> None:
    result = run(Settings(**SMALL, momentum=0.1))
    chart = figures.momentum_curve(result)
    np.testing.assert_allclose(trace_of(chart, "as trained")["y"], 100 * result.over.mean)
    np.testing.assert_allclose(trace_of(chart, "recalibrated")["y"], 100 * result.recalibrated_over.mean)
    np.testing.assert_array_equal(trace_of(chart, "(1 − α)ᵗ")["y"], result.left_over)
    assert trace_of(chart, "chosen")["x"] == [result.momentums.index(0.1)]
    assert chart.layout["xaxis"]["ticktext"][-1] == "cumulative"
