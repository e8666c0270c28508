"""The pictures of the topic `influence` of the lab `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.labs.modes.influence import figures
from bnviz.labs.modes.influence.experiment import run
from bnviz.labs.modes.influence.settings import Settings
from tests.pictures import words_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8}


def test_exactly_zero_is_blank() -> None:
    result = run(Settings(**SMALL))
    chart = figures.influence_matrices(result)
    for place, trace in enumerate(chart.data):
        np.testing.assert_array_equal(np.isnan(trace["z"]), result.influence[place] == 0)
    assert words_of(chart).count("others: exactly 0") == 3
