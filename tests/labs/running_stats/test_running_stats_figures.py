"""The pictures of `running_stats` as data: what is drawn is what was measured, and every control shows."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz.labs.running_stats import figures
from bnviz.labs.running_stats.experiment import run
from bnviz.labs.running_stats.figures.momentums import momentum_role
from bnviz.labs.running_stats.result import Result
from bnviz.labs.running_stats.settings import Settings
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import spread_out
from bnviz.plot.theme import color
from bnviz.settings import fields

CHARTS = (figures.convergence, figures.variance, figures.trade_off, figures.eval_error)
BASE = {"source": "gaussian", "disturbance": "jump", "steps": 30, "disturbance_at": 10, "replicas": 8}


@pytest.fixture(scope="module")
def result() -> Result:
    return run(Settings(steps=60, momentums=(0.01, 0.1, 0.5, "cumulative")))


def named(chart: Chart, name: str) -> list[dict[str, Any]]:
    return [trace for trace in chart.data if trace["name"] == name]


def notes(chart: Chart) -> list[str]:
    return [note["text"] for note in chart.layout["annotations"]]


@pytest.mark.parametrize(
    ("draw", "measured", "expected"),
    [
        (figures.convergence, "mean_spread", "expected_mean"),
        (figures.variance, "var_spread", "expected_var"),
    ],
)
def test_curves_are_the_measured_averages_over_the_closed_form(
    result: Result, draw: Any, measured: str, expected: str
) -> None:
    chart = draw(result)
    summary = getattr(result, measured)
    theory = {trace["y"].tobytes() for trace in named(chart, "theory")}
    around = {trace["y"].tobytes() for trace in named(chart, "") if trace["line"].get("dash") == "dot"}
    bands = {trace["fillcolor"][:7]: trace for trace in chart.data if trace.get("fill") == "toself"}
    for index, name in enumerate(("momentum 0.01", "momentum 0.1", "momentum 0.5", "cumulative")):
        (line,) = named(chart, name)
        np.testing.assert_array_equal(line["y"], summary.average[index])
        role = momentum_role(result.settings.compared[index])
        assert line["line"]["color"] == color(role)
        mean, std = getattr(result, expected)[index], getattr(result, f"{expected}_std")[index]
        assert mean.tobytes() in theory
        assert ({(mean - std).tobytes(), (mean + std).tobytes()} <= around) == (draw is figures.variance)
        band = bands[color(role)]
        np.testing.assert_array_equal(band["y"], np.concatenate((summary.low[index], summary.high[index][::-1])))
        assert f"<b>{name}</b>" in notes(chart)
    assert chart.playhead_first == 0
    assert chart.layout["xaxis"]["range"] == [0, 60]


def test_the_truth_is_drawn_and_named(result: Result) -> None:
    (truth,) = named(figures.convergence(result), "true mean")
    assert set(truth["y"]) == {result.population_mean}
    (told,) = [text for text in notes(figures.convergence(result)) if "true mean = " in text]
    assert float(told.partition("= ")[2].removesuffix("</b>")) == pytest.approx(result.population_mean, abs=0.005)
    (variance,) = named(figures.variance(result), "true variance")
    assert set(variance["y"]) == {result.truth_var}


def test_theory_is_dashed_ink_everywhere(result: Result) -> None:
    for draw in (figures.convergence, figures.variance, figures.eval_error):
        lines = named(draw(result), "theory")
        assert len(lines) == 4
        assert all(line["line"]["color"] == color("theory") and line["line"]["dash"] != "solid" for line in lines)


@pytest.mark.parametrize("draw", CHARTS)
def test_axes_hold_the_data(result: Result, draw: Any) -> None:
    chart = draw(result)
    for trace in chart.data:
        for letter in "xy":
            axis = chart.layout[f"{letter}axis"]
            values = np.array([value for value in trace[letter] if value is not None], dtype=float)
            assert np.isfinite(values).all()
            low, high = axis["range"]
            shown = np.log10(values[values > 0]) if axis.get("type") == "log" else values
            if trace["name"] != "theory" or draw is not figures.trade_off:  # its line runs beyond the points
                assert (shown >= low - 1e-9).all()
                assert (shown <= high + 1e-9).all()


@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_plotly_accepts_the_charts(result: Result, draw: Any, language: Any) -> None:
    chart = draw(result, language)
    assert len(chart.to_plotly().data) == len(chart.data)
    merged = {**chart.layout, **chart.phone_layout}
    assert Chart(chart.name, chart.data, merged, chart.alt).to_plotly().layout.annotations
    words = " ".join([chart.alt, *notes(chart), chart.layout["yaxis"]["title"]["text"]])
    assert bool(re.search(r"[\u4e00-\u9fff]", words)) == (language == "zh")
    if language == "zh":
        assert not re.search(r"[a-zA-Z]{5,}", re.sub(r"<[^>]+>", "", words))


def test_trade_off_points_are_the_measured_ones(result: Result) -> None:
    chart = figures.trade_off(result)
    for index, name in enumerate(("momentum 0.01", "momentum 0.1", "momentum 0.5", "cumulative")):
        (ring,), (dot,) = named(chart, f"{name}, theory"), named(chart, f"{name}, measured")
        assert (ring["x"][0], ring["y"][0]) == (result.steps_to_5pct_theory[index], result.noise_theory[index])
        steps = result.steps_to_5pct[index]
        assert dot["x"] == [None if np.isnan(steps) else steps]
        assert dot["y"] == [result.noise[index]]
        assert ring["marker"]["symbol"] == "circle-open"
    assert named(chart, "momentum 0.01, measured")[0]["x"] == [None]  # 299 batches are beyond this run of 60
    assert "longer than<br>this run" in notes(chart)


def test_one_replica_has_no_noise_to_show() -> None:
    single = run(Settings(replicas=1, steps=5))
    assert all(trace["y"] == [None] for trace in figures.trade_off(single).data if "measured" in trace["name"])
    figures.spread(single)


def test_spread_plays_the_histograms_over_the_normal_law(result: Result) -> None:
    scene = figures.spread(result)
    panels = [panel for row in scene.rows for panel in row.panels]
    assert scene.frames == 61 == len(scene.captions)
    assert scene.first == 0
    assert scene.captions[17] == "after 17 batches"
    assert [len(row.panels) for row in scene.rows] == [2, 2]
    for index, panel in enumerate(panels):
        measured, theory = panel.layers
        assert measured.values.shape == theory.values.shape == (61, len(panel.edges) - 1)
        high = panel.y.high
        np.testing.assert_array_equal(measured.values, np.minimum(result.spread_share[index], high))
        np.testing.assert_array_equal(theory.values, np.minimum(result.spread_theory[index], high))
        assert (measured.role, theory.role, theory.style) == (
            momentum_role(result.settings.compared[index]),
            "theory",
            "dash",
        )
        assert (panel.x, panel.y.high) == (panels[0].x, panels[0].y.high)
        np.testing.assert_array_equal(panel.markers[0].values, result.truth_mean)
        np.testing.assert_array_equal(panel.readouts[1].values, result.replica_std[index])
    assert panels[0].x.low < result.population_mean < panels[0].x.high
    assert scene.still().to_plotly().data


@pytest.mark.parametrize("count", [1, 3, 6])
def test_spread_has_at_most_three_panels_in_a_row(count: int) -> None:
    momentums = (0.01, 0.02, 0.05, 0.1, 0.5, 1.0)[:count]
    scene = figures.spread(run(Settings(momentums=momentums, steps=4, replicas=4)))
    assert sum(len(row.panels) for row in scene.rows) == count
    assert max(len(row.panels) for row in scene.rows) <= 3


def test_a_momentum_has_one_colour_whatever_else_is_compared() -> None:
    colours = set()
    for settings in (
        Settings(**BASE),
        Settings(**BASE, momentum=1.0, compare=0.1),
        Settings(**BASE, momentums=(0.001, 0.1)),
    ):
        (line,) = named(figures.convergence(run(settings)), "momentum 0.1")
        colours.add(line["line"]["color"])
    assert len(colours) == 1
    stops = fields(Settings)["momentum"].parameter.stops
    assert len({momentum_role(stop) for stop in stops}) == len(stops)


def test_disturbance_is_marked_where_it_happens() -> None:
    jump = figures.convergence(run(Settings(**BASE)))
    assert [shape["x0"] for shape in jump.layout["shapes"]] == [10]
    assert "the mean jumps" in notes(jump)
    late = figures.convergence(run(Settings(**{**BASE, "disturbance_at": 30})))
    assert late.layout["shapes"] == []
    assert "nothing moves: the disturbance comes after the last batch" in notes(late)
    drift = figures.convergence(run(Settings(**{**BASE, "disturbance": "ramp"})))
    assert "the mean starts to drift" in notes(drift)


def drawn(settings: Settings) -> str:
    found = run(settings)
    pictures = [*(draw(found) for draw in CHARTS), figures.spread(found).still()]
    return json.dumps(
        [[picture.data, picture.layout] for picture in pictures],
        default=lambda value: value.tolist() if isinstance(value, np.ndarray) else float(value),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"momentum": 0.2},
        {"compare": "none"},
        {"momentums": (0.2,)},
        {"batch_size": 16},
        {"steps": 31},
        {"replicas": 9},
        {"source": "digits"},
        {"mean": 2.5},
        {"std": 1.5},
        {"disturbance": "ramp"},
        {"disturbance_at": 11},
        {"disturbance_size": 1.0},
        {"eps": 0.1},
        {"seed": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_control_changes_the_picture(change: dict[str, object]) -> None:
    assert set(change) <= set(Settings.names())
    assert drawn(Settings(**BASE)) != drawn(Settings(**{**BASE, **change}))


def test_every_control_is_tried() -> None:
    (mark,) = test_each_control_changes_the_picture.pytestmark
    assert {name for change in mark.args[1] for name in change} == set(Settings.names())


@given(
    values=st.lists(st.floats(-1, 2), min_size=1, max_size=8),
    gap=st.floats(0.0, 0.3),
)
def test_labels_never_overlap(values: list[float], gap: float) -> None:
    placed = spread_out(values, gap, 0.0, 1.0)
    order = np.argsort(placed)
    apart = min(gap, 1 / max(len(values) - 1, 1))
    assert (np.diff(np.array(placed)[order]) >= apart - 1e-9).all()
    assert min(placed) >= -1e-9
    assert max(placed) <= 1 + 1e-9
    assert all(
        placed[i] <= placed[j] + 1e-9 for i in range(len(values)) for j in range(len(values)) if values[i] < values[j]
    )


def test_labels_with_room_stay_at_their_lines() -> None:
    assert spread_out([0.9, 0.1, 0.5], 0.1, 0, 1) == pytest.approx([0.9, 0.1, 0.5])
    assert spread_out([0.5, 0.5], 0.1, 0, 1) == pytest.approx([0.45, 0.55])
