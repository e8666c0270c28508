"""The pictures of `batch_size` as data: what is drawn is what was measured, refusals and divergence and all."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.batch_size.error import figures
from bnviz.labs.batch_size.error.experiment import run
from bnviz.labs.batch_size.error.figures.differences import stretched
from bnviz.labs.batch_size.error.result import Result
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.statistics import experiment as closely
from bnviz.labs.batch_size.statistics import figures as close_figures
from bnviz.labs.batch_size.statistics.result import Result as CloseResult
from bnviz.labs.batch_size.statistics.settings import Settings as CloseSettings
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import points, points_alike, with_spreads
from bnviz.plot.primitives import wrapped
from bnviz.plot.theme import color
from bnviz.study.verdict import judge

SMALL: dict[str, Any] = {"batch_sizes": (32, 8), "epochs": 1, "seeds": 3}
DRAWN = (figures.cliff, figures.differences, figures.recalibration, figures.fidelity, figures.noise)
DRAWN_CLOSELY = (close_figures.outputs, close_figures.fidelity, close_figures.noise, close_figures.effective)


@pytest.fixture(scope="module")
def parts() -> list[Result]:
    some: list[Result] = []
    some.append(run(Settings(**SMALL), some.append))
    return some


@pytest.fixture(scope="module")
def result(parts: list[Result]) -> Result:
    return parts[-1]


@pytest.fixture(scope="module")
def partial(parts: list[Result]) -> Result:
    return parts[0]


@pytest.fixture(scope="module")
def close() -> CloseResult:
    return closely.run(CloseSettings(batch_sizes=(32, 8)))


@pytest.fixture(scope="module")
def close_ones() -> CloseResult:
    return closely.run(CloseSettings(batch_sizes=(8, 1), batch_size=1))


@pytest.fixture(scope="module")
def close_alone() -> CloseResult:
    return closely.run(CloseSettings(batch_sizes=(64,), batch_size=64, sampling="one_class", hidden_layer=2))


@pytest.fixture(scope="module")
def ones() -> Result:
    every: Any = ("none", "batch", "layer", "group", "instance")
    return run(Settings(normalizers=every, batch_sizes=(8, 1), epochs=1, seeds=2))


@pytest.fixture(scope="module")
def wild() -> Result:
    rate: dict[str, Any] = {"learning_rate": 10.0, "learning_rate_rule": "fixed"}
    return run(Settings(normalizers=("batch", "layer"), batch_sizes=(32,), epochs=2, seeds=3, **rate))


@pytest.fixture(scope="module")
def alone() -> Result:
    return run(Settings(normalizers=("instance",), batch_sizes=(64,), epochs=1, seeds=1, sampling="one_class"))


def named(chart: Chart, name: str) -> list[dict[str, Any]]:
    return [trace for trace in chart.data if trace["name"] == name]


def notes(chart: Chart) -> str:
    return " | ".join(note["text"].replace("<br>", " ") for note in chart.layout["annotations"])


def test_the_cliff_is_the_mean_error_with_the_range_of_seeds_in_order_of_batch_size(result: Result) -> None:
    chart = figures.cliff(result)
    for row, name in enumerate(("batch norm", "layer norm", "group norm")):
        (line,) = named(chart, name)
        np.testing.assert_array_equal(line["x"], (8, 32))
        np.testing.assert_allclose(line["y"], 100 * result.error_mean[row, ::-1])
        band = chart.data[[trace is line for trace in chart.data].index(True) - 1]
        np.testing.assert_allclose(band["y"][:2], 100 * result.error_low[row, ::-1])
        np.testing.assert_allclose(band["y"][2:][::-1], 100 * result.error_high[row, ::-1])
        ending = f"at 32: {with_spreads(100 * result.error_mean[:, 0], 100 * result.error_deviation[:, 0])[row]} %"
        assert ending in notes(chart)
        assert ending in chart.alt
        assert ending in json.dumps(chart.phone_layout, ensure_ascii=False)
    assert chart.layout["xaxis"]["tickvals"] == [8, 32]


def test_the_cliff_carries_the_advice_in_words(result: Result) -> None:
    chart = figures.cliff(result)
    assert result.advice.sentences
    assert result.advice.sentences[0].text() in notes(chart)  # the line above the picture goes on
    for sentence in result.advice.sentences:
        assert sentence.text() in chart.alt


def test_while_it_grows_a_ring_shows_the_training_at_work_and_the_axes_stay(parts: list[Result]) -> None:
    for part in parts:
        chart = figures.cliff(part)
        rings = [trace for trace in chart.data if trace.get("marker", {}).get("symbol") == "circle-open"]
        known = part.current_error[np.isfinite(part.current_error)]
        assert [ring["x"] for ring in rings] == [[part.training]] * len(known)
        np.testing.assert_allclose([ring["y"][0] for ring in rings], 100 * known)
        for name in ("xaxis", "yaxis", "margin"):
            assert chart.layout[name] == figures.cliff(parts[-1]).layout[name]


def test_refusals_are_crosses_with_pytorchs_words(ones: Result) -> None:
    chart = figures.cliff(ones)
    assert "batch norm, 1: ValueError: Expected more than 1 value per channel when training" in notes(chart)
    assert "instance norm, 1, 8: ValueError: Expected more than 1 spatial element" in notes(chart)
    crosses = [trace for trace in chart.data if trace.get("marker", {}).get("symbol") == "x"]
    assert [sorted(cross["x"]) for cross in crosses] == [[1], [1, 8]]
    assert {cross["marker"]["color"] for cross in crosses} == {color("error")}
    assert "PyTorch refuses batch norm" in notes(figures.differences(ones))


def test_divergence_is_told(wild: Result) -> None:
    chart = figures.cliff(wild)
    assert "layer norm: 1 training diverged (NaN)" in notes(chart)
    (cross,) = [trace for trace in chart.data if trace.get("marker", {}).get("symbol") == "x"]
    assert cross["x"] == [32]
    assert cross["text"] == ["1 of 3 seeds diverged (NaN)"]


def test_differences_draw_every_seed_the_interval_and_the_verdict(result: Result) -> None:
    chart = figures.differences(result)
    for column, place in enumerate((1, 0)):
        match, size = result.matches[place], str(result.batch_sizes[place])
        (dots,) = named(chart, size)
        np.testing.assert_allclose(dots["y"], stretched(100 * result.differences[place]))
        bands = [trace for trace in chart.data if trace.get("fill") == "toself"]
        ends = (min(bands[column]["y"]), max(bands[column]["y"]))
        assert ends == pytest.approx(tuple(stretched([100 * match.finding.low, 100 * match.finding.high])))
        assert named(chart, "mean")[column]["y"] == pytest.approx(stretched([100 * match.finding.mean] * 2))
        verdict = "not worse by a point or more" if match.standing == "not_worse" else match.finding.verdict
        assert f"<b>{points(match.finding.mean)}</b> {verdict}" in notes(chart)
        assert chart.layout["xaxis"]["ticktext"][column].startswith(f"<b>{size}</b>")
        low, high = chart.layout["yaxis"]["range"]
        assert low < dots["y"].min() <= dots["y"].max() < high
    (grey,) = chart.layout["shapes"]
    assert (grey["y0"], grey["y1"]) == pytest.approx((-np.arcsinh(1), np.arcsinh(1)))
    for tick, text in zip(chart.layout["yaxis"]["tickvals"], chart.layout["yaxis"]["ticktext"], strict=True):
        assert np.sinh(tick) == pytest.approx(float(text.replace("−", "-")))


def test_recalibration_is_drawn_beside_the_trained_and_the_best_other(result: Result) -> None:
    chart = figures.recalibration(result)
    for name, values in (
        ("batch norm as trained", result.error_mean[0]),
        ("batch norm recalibrated", result.recalibrated_mean),
        ("best of the others", np.array([match.error for match in result.matches])),
    ):
        np.testing.assert_allclose(named(chart, name)[0]["y"], 100 * values[::-1])
    assert "At batch 8 recalibration lowers the error by" in notes(chart)
    for finding in (result.rescues[1], result.remaining[1]):
        assert points_alike(finding.mean, finding.low, finding.high)[0] in notes(chart)
    assert result.rescues[1].verdict in notes(chart)


def test_what_is_not_worse_is_not_called_too_noisy_to_tell(result: Result) -> None:
    wide = judge((-0.04, -0.005, -0.02, -0.001, 0.0), 0.01)
    matches = tuple(dataclasses.replace(match, finding=wide) for match in result.matches)
    chart = figures.differences(dataclasses.replace(result, matches=matches))
    assert "not worse by a point or more" in notes(chart)
    assert "too noisy" not in notes(chart) + chart.alt


def test_outputs_are_the_sample_of_both_networks(close: CloseResult) -> None:
    chart = close_figures.outputs(close)
    for name, part in (("MLP", close.statistics), ("CNN", close.other_statistics)):
        (cloud,) = named(chart, name)
        np.testing.assert_array_equal(cloud["x"], part.truth)
        np.testing.assert_array_equal(cloud["y"], part.output)
    assert f"MLP: R² = {close.statistics.batch_fidelity:.2f}" in notes(chart)
    assert "√(m − 1)" in notes(chart)


def test_a_refused_batch_shows_the_error_in_the_place_of_the_cloud(close_ones: CloseResult) -> None:
    chart = close_figures.outputs(close_ones)
    assert not named(chart, "MLP")
    assert named(chart, "CNN")
    assert "ValueError: Expected more than 1 value per channel" in notes(chart)


@pytest.mark.parametrize(
    ("draw", "quantities"),
    [
        (close_figures.fidelity, ("fidelity",)),
        (close_figures.noise, ("mean_noise", "variance_noise")),
        (close_figures.effective, ("effective", "effective_variance")),
    ],
)
def test_measured_dots_lie_over_theory(close: CloseResult, draw: Any, quantities: tuple[str, ...]) -> None:
    chart = draw(close)
    for name, part in (("MLP", close.statistics), ("CNN", close.other_statistics)):
        for place, quantity in enumerate(quantities):
            np.testing.assert_array_equal(named(chart, name)[place]["y"], getattr(part, quantity)[::-1])
            dashed = named(chart, f"{name}, theory")[place]
            np.testing.assert_array_equal(dashed["y"], getattr(part, f"{quantity}_theory")[::-1])
            assert dashed["line"]["dash"] == "dash"


def test_labels_of_the_fidelity_stand_beside_what_they_say(result: Result, close_ones: CloseResult) -> None:
    assert f"R² = {result.statistics.fidelity[0]:.3f} at 32" in notes(figures.fidelity(result))
    assert f"R² = {close_ones.statistics.fidelity[0]:.2f} at 8" in notes(close_figures.fidelity(close_ones))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("draw", "which"),
    [
        *((draw, which) for draw in DRAWN for which in ("result", "partial", "ones", "wild", "alone")),
        *((draw, which) for draw in DRAWN_CLOSELY for which in ("close", "close_ones", "close_alone")),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_chart_is_valid_plotly_without_a_raw_nan_in_words(
    draw: Any, which: str, language: Any, request: pytest.FixtureRequest
) -> None:
    chart = draw(request.getfixturevalue(which), language)
    chart.to_plotly()
    assert "nan" not in (chart.alt + notes(chart)).lower().replace("(nan)", "").replace("（nan）", "")
    for axis in (value for name, value in chart.layout.items() if name[1:].startswith("axis")):
        assert np.isfinite(axis.get("range", [0, 1])).all()


def test_words_are_broken_where_both_languages_allow() -> None:
    assert wrapped("one two three four", 9) == "one two<br>three<br>four"
    assert wrapped("批大小为 2 时，噪声太大", 14) == "批大小为 2<br>时，噪声太大"
    assert wrapped("测试错误率（%）", 13) == "测试错误率<br>（%）"
    assert wrapped("", 10) == ""
    assert "<br>，" not in wrapped("这里看不到，噪声太大，无法判断", 10)
