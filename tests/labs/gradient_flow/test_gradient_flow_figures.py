"""The pictures of `gradient_flow` as data: what is drawn is what was measured, explosions and all."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz.labs.gradient_flow import figures
from bnviz.labs.gradient_flow.experiment import run
from bnviz.labs.gradient_flow.figures.layers_axis import layer_ticks
from bnviz.labs.gradient_flow.result import Result
from bnviz.labs.gradient_flow.settings import Settings
from bnviz.plot.chart import Chart
from bnviz.plot.theme import color

plain = partial(Settings, init="torch", weight_gain=1.0, bias_std=0.0)  # the weights of nn.Linear by default

CHARTS = (figures.flow, figures.heat, figures.layer_growth, figures.growth_by_step)
SMALL: dict[str, Any] = {"depth": 5, "width": 16, "batch_size": 12, "steps": 4}


@pytest.fixture(scope="module")
def result() -> Result:
    return run(plain())


@pytest.fixture(scope="module")
def exploded() -> Result:
    return run(
        plain(
            depth=50,
            width=16,
            batch_size=8,
            steps=3,
            activation="relu",
            init="scaled",
            weight_gain=5.0,
            learning_rate=10,
        )
    )


@pytest.fixture(scope="module")
def lost() -> Result:
    return run(plain(depth=40, width=16, batch_size=8, steps=2, init="scaled", weight_gain=0.05))


def named(chart: Chart, name: str) -> dict[str, Any]:
    (trace,) = [trace for trace in chart.data if trace["name"] == name]
    return trace


def notes(chart: Chart) -> str:
    return " | ".join(note["text"] for note in chart.layout["annotations"])


def test_flow_draws_measured_gradients_over_theory(result: Result) -> None:
    chart = figures.flow(result)
    for index, (name, role) in enumerate((("no normalizer", "before"), ("batch norm", "after"))):
        fresh, trained = named(chart, f"{name}, fresh network"), named(chart, f"{name}, after 15 steps")
        theory = named(chart, f"{name}, mean-field theory")
        np.testing.assert_array_equal(fresh["y"], result.gradient_rms[index, 0])
        np.testing.assert_array_equal(trained["y"], result.gradient_rms[index, -1])
        np.testing.assert_array_equal(theory["y"], result.gradient_rms_theory[index])
        assert fresh["line"]["color"] == trained["line"]["color"] == color(role)  # type: ignore[arg-type]
        assert theory["line"] == {"color": color("theory"), "width": 1.8, "dash": "dash"}
        assert trained["opacity"] < 1
        np.testing.assert_array_equal(fresh["x"], np.arange(1, 11))
    assert "no normalizer: ×0.142 per layer" in notes(chart)
    assert "batch norm: ×1.05 per layer" in notes(chart)
    assert "vanished" in notes(chart)
    low, high = chart.layout["yaxis"]["range"]
    assert low < math.log10(result.gradient_rms[:, [0, -1]].min())
    assert high > math.log10(result.gradient_rms[:, [0, -1]].max())
    (band,) = chart.layout["shapes"]
    assert math.isclose(band["y1"], 1e-7 * result.gradient_rms[0, 0, -1])


def test_flow_of_a_fresh_network_only() -> None:
    chart = figures.flow(run(plain(**(SMALL | {"steps": 0, "normalizer": "none"}))))
    assert [trace["name"] for trace in chart.data] == [
        "no normalizer, fresh network",
        "no normalizer, mean-field theory",
    ]
    assert "after" not in notes(chart)
    assert "batch" not in notes(chart) + chart.alt


def test_nothing_vanishes_where_it_does_not() -> None:
    chart = figures.flow(run(plain(**SMALL, init="scaled", weight_gain=1.0, activation="tanh")))
    assert "vanished" not in notes(chart)
    assert chart.layout["shapes"] == []


def test_heat_holds_the_logarithm_of_every_gradient(result: Result) -> None:
    chart = figures.heat(result)
    for index, name in enumerate(("no normalizer", "batch norm")):
        trace = named(chart, name)
        np.testing.assert_allclose(10.0 ** trace["z"], result.gradient_rms[index].T)
        assert trace["coloraxis"] == "coloraxis"
        np.testing.assert_array_equal(trace["customdata"][0], result.steps)
    ticks = chart.layout["xaxis"]
    assert ticks["ticktext"] == [str(result.steps[place]) for place in ticks["tickvals"]]
    assert ticks["ticktext"][-1] == "15"
    assert chart.playhead_first == 0
    axis = chart.layout["coloraxis"]
    assert axis["cmin"] <= np.nanmin(chart.data[0]["z"])
    assert axis["cmax"] >= np.nanmax(chart.data[1]["z"])
    upper, lower = chart.layout["yaxis"]["domain"], chart.layout["yaxis2"]["domain"]
    assert 0 <= lower[0] < lower[1] < upper[0] < upper[1] == 1


def test_growth_pictures_hold_the_factors(result: Result) -> None:
    layers = figures.layer_growth(result)
    np.testing.assert_array_equal(named(layers, "batch norm")["y"], result.layer_growth[1])
    theory = [trace["y"] for trace in layers.data if trace["name"] == "mean-field theory"]
    np.testing.assert_array_equal(theory, result.layer_growth_theory)
    assert "batch norm: ×1.05 per layer, theory ×1.02" in notes(layers)
    steps = figures.growth_by_step(result)
    np.testing.assert_array_equal(named(steps, "no normalizer")["y"], result.growth_by_step[0])
    for chart in (layers, steps):
        for trace in chart.data:
            assert chart.layout["yaxis"]["range"][0] <= np.nanmin(trace["y"])
            assert chart.layout["yaxis"]["range"][1] >= np.nanmax(trace["y"])


def test_window_plays_densities_under_the_activation(result: Result) -> None:
    scene = figures.activation_window(result)
    assert scene.frames == len(result.steps) == len(scene.captions)
    density = result.preactivations.density()
    assert [[panel.name for panel in row.panels] for row in scene.rows] == [
        ["none-1", "none-6", "none-10"],
        ["batch-1", "batch-6", "batch-10"],
    ]
    for index, row in enumerate(scene.rows):
        for panel, layer in zip(row.panels, (0, 5, 9), strict=True):
            np.testing.assert_array_equal(panel.layers[0].values, density[index, :, layer])
            assert panel.layers[0].role == ("before", "after")[index]
            np.testing.assert_array_equal(panel.readouts[0].values, 100 * result.saturated[index, :, layer])
            phi, slope = panel.curves
            np.testing.assert_allclose(phi.y, 1 / (1 + np.exp(-phi.x)))
            np.testing.assert_allclose(slope.y, phi.y * (1 - phi.y), atol=1e-12)
            # Where σ′ is below 5 % of ¼: z beyond 4.36.
            assert [(zone.low, zone.high) for zone in panel.zones] == [
                (-6.0, pytest.approx(-4.357, abs=0.001)),
                (pytest.approx(4.357, abs=0.001), 6.0),
            ]
    assert "after 15 training steps" in scene.captions[-1]
    assert f"{result.loss[1, -1]:.3g}" in scene.captions[-1]
    assert scene.still().data


@pytest.mark.parametrize(("depth", "layers"), [(1, ["1"]), (2, ["1", "2"]), (3, ["1", "2", "3"]), (4, ["1", "3", "4"])])
def test_window_shows_first_middle_and_last_layer(depth: int, layers: list[str]) -> None:
    scene = figures.activation_window(run(plain(**(SMALL | {"depth": depth}))))
    assert [panel.name.removeprefix("none-") for panel in scene.rows[0].panels] == layers


def test_an_explosion_is_left_blank_and_told(exploded: Result) -> None:
    assert not np.isfinite(exploded.gradient_rms[0, -1]).any()
    flow = figures.flow(exploded)
    assert np.isnan(named(flow, "no normalizer, after 3 steps")["y"]).all()
    assert "training: no longer a number" in notes(flow)
    assert np.isfinite(flow.layout["yaxis"]["range"]).all()
    heat = figures.heat(exploded)
    assert np.isnan(named(heat, "no normalizer")["z"][:, -1]).all()
    assert "blank" in notes(heat)
    assert "then no longer a number" in notes(figures.growth_by_step(exploded))
    assert "–" in figures.activation_window(exploded).captions[-1]


def test_what_float32_loses_is_told(lost: Result) -> None:
    first = int(lost.first_measurable[0])
    chart = figures.flow(lost)
    assert f"lost in float32 before layer {first + 1}" in notes(chart)
    assert f"to layer {first + 1}" in chart.alt
    drawn = named(chart, "no normalizer, fresh network")["y"]
    np.testing.assert_array_equal(np.isnan(drawn), lost.gradient_rms[0, 0] == 0)
    assert "blank" in notes(figures.heat(lost))


@pytest.mark.parametrize("draw", CHARTS)
def test_every_number_that_is_sent_is_json(draw: Any, result: Result, exploded: Result, lost: Result) -> None:
    for run_result in (result, exploded, lost):
        chart = draw(run_result)
        assert chart.to_plotly().to_json()
        for note in chart.layout["annotations"]:
            numbers = [value for value in (note["x"], note["y"]) if not isinstance(value, str)]
            assert np.isfinite(np.array(numbers, dtype=float)).all()
        for name, axis in chart.layout.items():
            if name.startswith(("xaxis", "yaxis")):
                assert json.loads(json.dumps(axis["range"]))[0] < axis["range"][1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_colour_and_no_word_from_outside(result: Result, language: Any) -> None:
    for draw in CHARTS:
        chart = draw(result, language)
        assert bool(re.search(r"[\u4e00-\u9fff]", chart.alt + notes(chart))) == (language == "zh")
        assert "per layer" not in chart.alt + notes(chart) or language == "en"
    scene = figures.activation_window(result, language)
    assert bool(re.search(r"[\u4e00-\u9fff]", scene.alt + scene.captions[0] + scene.unit)) == (language == "zh")


CHANGED = {
    "depth": 6,
    "width": 24,
    "activation": "tanh",
    "init": "torch",
    "weight_gain": 2.0,
    "bias_std": 0.5,
    "normalizer": "layer",
    "position": "after",
    "skip": True,
    "gamma": 2.0,
    "batch_size": 9,
    "source": "gaussian",
    "steps": 3,
    "learning_rate": 1.0,
    "eps": 0.5,
    "seed": 1,
}


@pytest.mark.parametrize("name", Settings.names())
def test_every_control_changes_a_picture(name: str) -> None:
    base = plain(**SMALL, init="scaled")
    pictures = [figures.flow(run(s)).to_plotly().to_json() for s in (base, base.replace(**{name: CHANGED[name]}))]
    assert pictures[0] != pictures[1]


@given(st.integers(1, 50))
def test_layer_ticks_stand_on_layers_and_are_few(depth: int) -> None:
    ticks = layer_ticks(depth)
    assert 1 <= len(ticks) <= 12
    assert ticks[0] in (1, 2)
    assert all(1 <= tick <= depth for tick in ticks)


def test_the_size_of_z_is_drawn_over_its_theory() -> None:
    result = run(plain(**SMALL, skip=True))
    drawn = figures.mean_square(result).data
    for index in range(2):
        measured, theory = drawn[2 * index : 2 * index + 2]
        np.testing.assert_allclose(measured["y"], result.preactivation_rms[index, 0] ** 2)
        np.testing.assert_allclose(theory["y"], result.preactivation_rms_theory[index] ** 2)
