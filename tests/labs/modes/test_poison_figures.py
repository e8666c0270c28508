"""The pictures of the topic `poison` of the lab `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.labs.modes.poison import figures
from bnviz.labs.modes.poison.experiment import run
from bnviz.labs.modes.poison.settings import Settings
from bnviz.plot.theme import color
from tests.pictures import trace_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 12}


def test_no_number_is_a_red_cross() -> None:
    result = run(Settings(**SMALL, poison_at=6))
    chart = figures.poison_course(result)
    crosses = trace_of(chart, "eval mode: NaN")
    np.testing.assert_array_equal(crosses["x"], result.batches[6:])
    assert crosses["marker"]["color"] == color("error")
    assert "train mode: NaN" not in [trace["name"] for trace in chart.data]
    cures = figures.poison_cures(result)
    assert trace_of(cures, "NaN")["y"] == [5, 4, 3]  # the first three attempts
