"""The pictures of the topic `update_count` of the lab `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.labs.modes.update_count import figures
from bnviz.labs.modes.update_count.experiment import run
from bnviz.labs.modes.update_count.settings import Settings
from tests.pictures import trace_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 12}


def test_counts_are_bars_with_their_prediction() -> None:
    result = run(Settings(**SMALL, accumulation=3))
    chart = figures.update_counts(result)
    np.testing.assert_array_equal(chart.data[0]["x"], result.updates)
    assert [shape["x0"] for shape in chart.layout["shapes"]] == [1, 3, 2, 2, 2, 2]
    pace = figures.update_pace(result)
    np.testing.assert_array_equal(trace_of(pace, "gradient accumulation, k = 3")["y"], result.old_weight[1])
