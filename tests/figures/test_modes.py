"""The pictures of `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.modes.freeze_matrix import figures as modes_freeze_matrix
from bnviz.labs.modes.gap import figures as modes_gap
from bnviz.labs.modes.influence import figures as modes_influence
from bnviz.labs.modes.lab import LESSON
from bnviz.labs.modes.momentum_error import figures as modes_momentum_error
from bnviz.labs.modes.poison import figures as modes_poison
from bnviz.labs.modes.shared import dispatch as modes
from bnviz.labs.modes.shared.dispatch import Settings
from bnviz.labs.modes.update_count import figures as modes_update_count
from bnviz.plot.chart import Chart
from bnviz.plot.theme import color

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 12, "seeds": 3}
EDGES: dict[str, tuple[dict[str, Any], ...]] = {
    "gap": ({}, {"depth": 1, "steps": 1}, {"depth": 9}, {"batch_size": 512, "steps": 2}),
    "momentum_error": ({}, {"seeds": 1, "steps": 1}, {"momentum": "cumulative"}, {"learning_rate": 10.0, "steps": 60}),
    "freeze_matrix": ({}, {"steps": 1}, {"frozen": "norms"}, {"learning_rate": 10.0}),
    "update_count": ({}, {"steps": 1, "accumulation": 32}, {"momentum": "cumulative"}),
    "influence": ({}, {"batch_size": 2}, {"mode": "eval", "sample": 64}),
    "poison": (
        {"poison_at": 6}, {"poison": "inf", "poison_at": 1}, {"poison": "huge", "poison_at": 12}, {"poison_at": 1000},
        {"poison": "large", "poison_at": 6, "momentum": "cumulative"}, {"poison_at": 6, "skip_bad_steps": False},
    ),
}  # fmt: skip
CASES = [(topic, changes) for topic, several in EDGES.items() for changes in several]


def named(chart: Chart, name: str) -> dict[str, Any]:
    return next(trace for trace in chart.data if trace["name"] == name)


def words(chart: Chart) -> str:
    return " | ".join(note["text"] for note in chart.layout["annotations"])


@pytest.mark.parametrize(("topic", "changes"), CASES, ids=[f"{topic}-{changes}" for topic, changes in CASES])
def test_every_picture_is_valid_plotly_whatever_the_run(topic: Any, changes: dict[str, Any]) -> None:
    part = LESSON.topics[topic]
    result = part.run(Settings(**SMALL | {"topic": topic} | changes), None)
    for draw in (*part.pictures, *part.theory):
        for language in LANGUAGES:
            chart = draw(result, language)
            chart.to_plotly()
            assert "nan" not in (chart.alt + words(chart)).replace("NaN", "").lower().replace("repeated", "")
            for axis in (value for name, value in chart.layout.items() if name[1:].startswith("axis")):
                assert np.isfinite(axis.get("range", [0, 1])).all()
            assert chart.height <= 430 or draw is not part.pictures[0]
            if language == "zh":
                assert not re.findall(r"(?<![A-Za-z_])[a-z]{3,} [a-z]{3,}", words(chart))


def test_names_of_pictures_are_unique_in_the_lab() -> None:
    names = []
    for part in LESSON.parts:
        result = part.run(Settings(**SMALL | {"topic": part.topic}), None)
        names += [draw(result, "en").name for draw in (*part.pictures, *part.theory)]
    assert len(names) == len(set(names))


def test_gap_curves_are_the_gaps() -> None:
    result = modes.gap(Settings(**SMALL))
    chart = modes_gap.gap_curves(result)
    np.testing.assert_array_equal(named(chart, "logits")["y"], result.gap[:, -1])
    np.testing.assert_array_equal(named(chart, "layer 2")["y"], result.gap[:, 1])
    np.testing.assert_array_equal(named(chart, "logits, recalibrated")["y"], result.recalibrated[:, -1])
    own = modes_gap.gap_own(result)
    np.testing.assert_array_equal(named(own, "layer 1")["y"], result.own[:, 0])
    np.testing.assert_array_equal(named(own, "theory")["y"], result.own_theory[:, 0])


def test_the_momentum_curve_is_the_mean_error_over_the_initial_weight() -> None:
    result = modes.momentum_error(Settings(**SMALL))
    chart = modes_momentum_error.momentum_curve(result)
    np.testing.assert_allclose(named(chart, "as trained")["y"], 100 * result.over.mean)
    np.testing.assert_allclose(named(chart, "recalibrated")["y"], 100 * result.recalibrated_over.mean)
    np.testing.assert_array_equal(named(chart, "(1 − α)ᵗ")["y"], result.left_over)
    assert named(chart, "chosen")["x"] == [result.momentums.index(0.1)]
    assert chart.layout["xaxis"]["ticktext"][-1] == "cumulative"


def test_a_cell_is_coloured_where_something_moved() -> None:
    result = modes.freeze_matrix(Settings(**SMALL))
    chart = modes_freeze_matrix.freeze_cells(result)
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
    assert words(chart).count("same") == int((~result.moved & np.isfinite(result.change)).sum())


def test_counts_are_bars_with_their_prediction() -> None:
    result = modes.update_count(Settings(**SMALL, accumulation=3))
    chart = modes_update_count.update_counts(result)
    np.testing.assert_array_equal(chart.data[0]["x"], result.updates)
    assert [shape["x0"] for shape in chart.layout["shapes"]] == [1, 3, 2, 2, 2, 2]
    pace = modes_update_count.update_pace(result)
    np.testing.assert_array_equal(named(pace, "gradient accumulation, k = 3")["y"], result.old_weight[1])


def test_exactly_zero_is_blank() -> None:
    result = modes.influence(Settings(**SMALL))
    chart = modes_influence.influence_matrices(result)
    for place, trace in enumerate(chart.data):
        np.testing.assert_array_equal(np.isnan(trace["z"]), result.influence[place] == 0)
    assert words(chart).count("exactly 0") == 3


def test_no_number_is_a_red_cross() -> None:
    result = modes.poison(Settings(**SMALL, poison_at=6))
    chart = modes_poison.poison_course(result)
    crosses = named(chart, "eval mode: NaN")
    np.testing.assert_array_equal(crosses["x"], result.batches[6:])
    assert crosses["marker"]["color"] == color("error")
    assert "train mode: NaN" not in [trace["name"] for trace in chart.data]
    cures = modes_poison.poison_cures(result)
    assert named(cures, "NaN")["y"] == [5, 4, 3]  # the first three attempts
