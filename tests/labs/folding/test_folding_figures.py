"""Pictures of the lab `folding` as data: the result's own numbers, theory beside them, and words in both languages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.labs.folding import figures
from bnviz.labs.folding.experiment import run
from bnviz.labs.folding.lesson import TOPIC
from bnviz.labs.folding.mistakes import predicted, predicted_by_channel, scales
from bnviz.labs.folding.settings import Settings
from tests.pictures import trace_of

CASES: list[dict[str, Any]] = [
    {},
    {"layer": "linear", "bias": False},
    {"layer": "conv_transpose"},
    {"channels": 1},
    {"warmup": 0},
]
RESULT = run(Settings(layer="conv_transpose", seed=2))


@pytest.mark.parametrize("changes", CASES, ids=str)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_picture_is_drawn_and_told(changes: dict[str, Any], language: Any) -> None:
    result = run(Settings(**changes))
    for draw in (*TOPIC.pictures, *TOPIC.theory):
        chart: Any = draw(result, language)
        chart.to_plotly()
        assert chart.alt
        assert "{" not in chart.alt
        for trace in chart.data:
            assert len(trace["x"]) == len(trace["y"]) > 0
            if trace["name"] and trace["mode"] != "lines":
                assert np.isfinite(np.asarray(trace["x"], dtype=float)).all()


def test_the_hero_shows_every_folding_once_and_its_theory() -> None:
    chart = figures.errors(RESULT)
    right, wrong = trace_of(chart, "right"), trace_of(chart, "wrong")
    assert right["x"] == [*RESULT.relative_error.values(), *RESULT.int8.values()]
    assert wrong["x"] == list(RESULT.wrong.values())
    assert sorted([*right["y"], *wrong["y"]]) == list(range(1, 12))
    assert len(chart.layout["yaxis"]["ticktext"]) == 11
    marks = [shape["x0"] for shape in chart.layout["shapes"]]
    assert marks == [2.0**-53, 2.0**-24, 2.0**-11, 2.0**-8, *predicted(RESULT).values()]
    low, high = chart.layout["xaxis"]["range"]
    assert all(low < np.log10(value) < high for value in [*right["x"], *wrong["x"], *marks])


def test_weights_lie_on_their_theory() -> None:
    chart = figures.weights(RESULT)
    np.testing.assert_array_equal(trace_of(chart, "before")["y"], RESULT.largest_before)
    folded = trace_of(chart, "folded")["y"]
    expected = np.asarray(trace_of(chart, "theory")["y"])[::3]
    np.testing.assert_allclose(folded, expected, rtol=1e-12)
    np.testing.assert_allclose(expected, np.abs(scales(RESULT)) * RESULT.largest_before)


def test_int8_says_whether_anything_shows() -> None:
    quiet, loud = run(Settings()), run(Settings(gamma_spread=2.0, seed=1))
    assert "No difference here that would matter." in figures.int8(quiet).alt
    assert "too coarse" in figures.int8(loud).alt
    chart = figures.int8(loud)
    np.testing.assert_array_equal(trace_of(chart, "one scale for all")["y"], loud.int8_by_channel["per_tensor"])
    np.testing.assert_array_equal(trace_of(chart, "a scale per channel")["y"], loud.int8_by_channel["per_channel"])


def test_mistakes_and_outputs_show_the_results_numbers() -> None:
    chart = figures.mistakes(RESULT)
    for name, title in (("eps_forgotten", "ε forgotten"), ("train_mode", "folded in train mode")):
        trace = trace_of(chart, title)
        np.testing.assert_array_equal(trace["y"], RESULT.wrong_by_channel[name])
        np.testing.assert_array_equal(trace["x"], predicted_by_channel(RESULT)[name])
    chart = figures.outputs(RESULT)
    np.testing.assert_array_equal(trace_of(chart, "folded rightly")["y"], RESULT.folded["right"])
    np.testing.assert_allclose(RESULT.folded["right"], RESULT.apart, rtol=1e-12, atol=1e-12)
    assert not np.allclose(trace_of(chart, "wrong axis")["y"], RESULT.apart, atol=1e-3)
