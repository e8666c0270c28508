"""The pictures of the topic `gap` of the lab `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.labs.modes.gap import figures
from bnviz.labs.modes.gap.experiment import run
from bnviz.labs.modes.gap.settings import Settings
from tests.pictures import trace_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 12}


def test_gap_curves_are_the_gaps() -> None:
    result = run(Settings(**SMALL))
    chart = figures.gap_curves(result)
    np.testing.assert_array_equal(trace_of(chart, "logits")["y"], result.gap[:, -1])
    np.testing.assert_array_equal(trace_of(chart, "layer 2")["y"], result.gap[:, 1])
    np.testing.assert_array_equal(trace_of(chart, "logits, recalibrated")["y"], result.recalibrated[:, -1])
    own = figures.gap_own(result)
    np.testing.assert_array_equal(trace_of(own, "layer 1")["y"], result.own[:, 0])
    np.testing.assert_array_equal(trace_of(own, "theory")["y"], result.own_theory[:, 0])
