"""The pictures of the topic `freeze_matrix` of the lab `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.labs.modes.freeze_matrix import figures
from bnviz.labs.modes.freeze_matrix.experiment import run
from bnviz.labs.modes.freeze_matrix.settings import Settings
from bnviz.plot.theme import color
from tests.pictures import words_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 12}


def test_a_cell_is_coloured_where_something_moved() -> None:
    result = run(Settings(**SMALL))
    chart = figures.freeze_cells(result)
    tiles = {
        (shape["x0"], shape["y0"]): shape["fillcolor"] for shape in chart.layout["shapes"] if shape["type"] == "rect"
    }
    rows, columns = result.moved.shape
    for row in range(rows):
        for column in range(columns):
            place = (3 + column - 0.46, rows - 1 - row - 0.43)
            if not np.isfinite(result.change[row, column]):
                assert place not in tiles
            else:
                assert (tiles[place] != color("context", 0.16)) == result.moved[row, column]
    assert words_of(chart).count("same") == int((~result.moved & np.isfinite(result.change)).sum())
