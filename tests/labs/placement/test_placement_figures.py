"""The pictures of `placement` as data: what is drawn is what was measured, divergence and all."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.placement import figures
from bnviz.labs.placement.experiment import run
from bnviz.labs.placement.result import Result
from bnviz.labs.placement.settings import Settings
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import points, with_spread
from bnviz.plot.theme import color
from bnviz.study.figures.seeds import apart
from bnviz.theory.activations import moments_after

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "epochs": 2, "seeds": 4}
CHARTS = (figures.curves, figures.differences, figures.moments, figures.bias)


@pytest.fixture(scope="module")
def result() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def wild() -> Result:
    return run(Settings(**SMALL, learning_rate=2.0, activation="identity"))


@pytest.fixture(scope="module")
def one() -> Result:
    return run(Settings(**(SMALL | {"seeds": 1, "epochs": 1})))


@pytest.fixture(scope="module")
def partial() -> Result:
    parts: list[Result] = []
    run(Settings(**SMALL), parts.append)
    return parts[0]


def named(chart: Chart, name: str) -> dict[str, Any]:
    (trace,) = [trace for trace in chart.data if trace["name"] == name]
    return trace


def notes(chart: Chart) -> str:
    return " | ".join(note["text"] for note in chart.layout["annotations"])


def test_curves_are_the_mean_errors_with_the_range_of_seeds(result: Result) -> None:
    chart = figures.curves(result)
    for index, position in enumerate(result.positions):
        line = named(chart, figures.NAMES[position])
        np.testing.assert_allclose(line["y"], 100 * result.error.mean[index])
        np.testing.assert_array_equal(line["x"], result.epochs)
        place = [trace is line for trace in chart.data].index(True)
        points = len(result.epochs)
        band = chart.data[place - 1]
        np.testing.assert_allclose(band["y"][:points], 100 * result.error.low[index])
        np.testing.assert_allclose(band["y"][points:][::-1], 100 * result.error.high[index])
        assert band["fill"] == "toself"
        ending = f"{with_spread(100 * result.error.mean[index, -1], 100 * result.error.deviation[index, -1])} %"
        assert ending in notes(chart)
        assert ending in chart.alt
        assert ending in json.dumps(chart.phone_layout, ensure_ascii=False)


def test_end_labels_stand_apart_and_within_the_axis() -> None:
    close = [("a<br>1", "ink", 0.3), ("b<br>2", "ink", 0.31), ("c<br>3", "ink", 0.32)]
    ends = [-0.3, 2.0]
    places = sorted(note["y"] for note in apart(close, ends, 2.0))  # type: ignore[arg-type]
    assert min(np.diff(places)) >= 2 * 0.064 * 2.3 - 1e-9
    assert ends[0] <= places[0] < places[-1] <= ends[1]


def test_differences_draw_every_seed_the_interval_and_the_verdict(result: Result) -> None:
    chart = figures.differences(result)
    dots = [trace for trace in chart.data if trace["mode"] == "markers"]
    bands = [trace for trace in chart.data if trace.get("fill") == "toself"]
    means = [trace for trace in chart.data if trace["name"] == "mean"]
    assert len(dots) == len(bands) == len(means) == 3
    for number, finding in enumerate(result.findings):
        np.testing.assert_allclose(dots[number]["y"], 100 * result.differences[number])
        assert (min(bands[number]["y"]), max(bands[number]["y"])) == pytest.approx(
            (100 * finding.low, 100 * finding.high)
        )
        assert means[number]["y"] == pytest.approx([100 * finding.mean] * 2)
        assert finding.verdict in chart.layout["annotations"][number]["text"]
        assert points(finding.mean) in chart.layout["annotations"][number]["text"]
        axis = chart.layout[f"yaxis{'' if number == 0 else number + 1}"]
        assert axis["range"][1] > np.abs(dots[number]["y"]).max()
        assert axis["range"][1] >= 100 * max(abs(finding.low), abs(finding.high))
    assert [shape["y1"] for shape in chart.layout["shapes"]] == [1.0] * 3
    assert dots[0]["name"] == "after − before"


def test_signals_are_the_last_layers_histograms(result: Result) -> None:
    scene = figures.signals(result)
    assert scene.frames == len(result.look_steps) == len(scene.captions)
    for lower, histogram in enumerate((result.received, result.passed)):
        for index in range(3):
            panel = scene.rows[lower].panels[index]
            np.testing.assert_array_equal(panel.layers[0].values, histogram.density()[index, :, -1])
            assert bool(panel.zones) == bool(panel.readouts) == (lower == 0)
    np.testing.assert_allclose(scene.rows[0].panels[2].readouts[0].values, 100 * result.saturated[2, :, -1])
    np.testing.assert_allclose(scene.rows[0].panels[2].readouts[1].values, 100 * result.dead[2, :, -1])


def test_moments_lie_over_theory(result: Result) -> None:
    chart = figures.moments(result)
    known = moments_after("relu")
    theory = [trace["y"][0] for trace in chart.data if trace["line"].get("dash") == "dash"]
    assert theory == pytest.approx([known.mean, 0.0, math.sqrt(known.variance), 1.0])
    lines = [trace for trace in chart.data if trace["mode"] == "lines+markers"]
    np.testing.assert_allclose([trace["y"] for trace in lines[:3]], result.passed_mean)
    np.testing.assert_allclose([trace["y"] for trace in lines[3:]], np.sqrt(result.passed_variance))


def test_bias_is_drawn_on_a_log_axis(result: Result) -> None:
    chart = figures.bias(result)
    np.testing.assert_allclose(chart.data[0]["y"], result.bias_effects)
    np.testing.assert_allclose(chart.data[1]["y"], np.maximum(result.bias_gradients, 1e-18))
    assert chart.layout["yaxis"]["type"] == "log"


def test_divergence_is_told_with_its_step(wild: Result) -> None:
    chart = figures.curves(wild)
    first = int(wild.diverged_at[0].min())
    assert f"4 of 4 diverged (NaN), first at step {first}" in notes(chart)
    crosses = named(chart, "diverged: no batch norm")
    np.testing.assert_allclose(crosses["x"], wild.diverged_at[0] / 21)
    assert crosses["marker"]["color"] == color("error")
    assert [trace["name"] for trace in chart.data if trace["name"].startswith("diverged")] == [crosses["name"]]
    assert "4 seeds diverged and are left out" in notes(figures.differences(wild))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("which", ["result", "wild", "one", "partial"])
@pytest.mark.parametrize("draw", CHARTS, ids=lambda draw: draw.__name__)
def test_every_chart_is_valid_plotly_without_a_raw_nan_in_words(
    draw: Any, which: str, language: Any, request: pytest.FixtureRequest
) -> None:
    chart = draw(request.getfixturevalue(which), language)
    chart.to_plotly()
    assert "nan" not in (chart.alt + notes(chart)).lower().replace("(nan)", "").replace("（nan）", "")
    for axis in (value for name, value in chart.layout.items() if name[1:].startswith("axis")):
        assert np.isfinite(axis.get("range", [0, 1])).all()


@pytest.mark.parametrize("which", ["result", "wild", "one", "partial"])
def test_scenes_are_finite(which: str, request: pytest.FixtureRequest) -> None:
    for language in LANGUAGES:
        scene = figures.signals(request.getfixturevalue(which), language)
        for row in scene.rows:
            for panel in row.panels:
                assert math.isfinite(panel.y.high)
                assert all(np.isfinite(layer.values).all() for layer in panel.layers)
                assert panel.x.low < panel.x.high
