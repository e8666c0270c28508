"""The pictures of `training` as data: what is drawn is what was measured, divergence and all."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES, translator
from bnviz.labs.training.boundaries import figures as boundary_figures
from bnviz.labs.training.lab import LAB
from bnviz.labs.training.landscape import figures as landscape_figures
from bnviz.labs.training.race import figures as race_figures
from bnviz.labs.training.sweep import figures as sweep_figures
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import points_alike, with_spreads
from bnviz.plot.theme import color
from bnviz.study import verdict
from bnviz.study.figures.forest import Claim, Effect, forest, times, times_within
from bnviz.study.verdict import judge
from bnviz.teaching.lab import AnyTopic

TINY: dict[str, Any] = {
    "width": 8,
    "depth": 1,
    "epochs": 2,
    "seeds": 3,
    "learning_rates": (0.1, 1.0, 32.0),
    "samples": 60,
}
CASES: dict[str, dict[str, Any]] = {
    "plain": {"normalizers": ("none", "batch", "layer", "group")},
    "wild": {
        "normalizers": ("none", "batch"),
        "activation": "identity",
        "depth": 4,
        "learning_rate": 30.0,
        "init": "he",
    },
    "single": {"normalizers": ("layer",), "seeds": 1},
    "adam": {"normalizers": ("batch", "none"), "optimizer": "adam"},
}


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, str], Any]:
    """Every topic in every case, and the first partial result."""
    made: dict[tuple[str, str], Any] = {}
    for topic in LAB.topics:
        for case, changes in CASES.items():
            known = {name: value for name, value in (TINY | changes).items() if name in topic.settings.model_fields}
            parts: list[Any] = []
            made[topic.name, case] = topic.run(topic.settings(**known), None, parts.append)
            made[topic.name, f"{case}, partial"] = parts[0]
    return made


def named(chart: Chart, name: str) -> dict[str, Any]:
    (trace,) = [trace for trace in chart.data if trace["name"] == name]
    return trace


def words(chart: Chart) -> str:
    return " | ".join(note["text"] for note in chart.layout.get("annotations", ()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)
def test_every_chart_is_valid_whatever_happened(
    topic: AnyTopic, language: Any, results: dict[tuple[str, str], Any]
) -> None:
    names = set()
    for (of, _case), result in results.items():
        if of != topic.name:
            continue
        for draw in (*topic.pictures, *topic.theory):
            chart = draw(result, language)
            assert isinstance(chart, Chart)
            chart.to_plotly()
            names.add(chart.name)
            told = (chart.alt + words(chart) + json.dumps(chart.phone_layout, default=str, ensure_ascii=False)).lower()
            assert "nan" not in told.replace("(nan)", "").replace("（nan）", "")
            for name, axis in chart.layout.items():
                if name[1:].startswith("axis"):
                    assert np.isfinite(axis.get("range", [0, 1])).all()
    assert len(names) == len(topic.pictures) + len(topic.theory)


def test_picture_names_are_the_topics_own(results: dict[tuple[str, str], Any]) -> None:
    names = [
        draw(results[topic.name, "plain"], "en").name
        for topic in LAB.topics
        for draw in (*topic.pictures, *topic.theory)
    ]
    assert len(names) == len(set(names))


def test_the_hero_fits_above_the_fold(results: dict[tuple[str, str], Any]) -> None:
    for topic in LAB.topics:
        assert topic.pictures[0](results[topic.name, "plain"], "en").height <= 430  # type: ignore[union-attr]


def test_received_draws_the_three_percentiles_of_every_variant(results: dict[tuple[str, str], Any]) -> None:
    result = results["race", "plain"]
    chart = race_figures.received(result)
    for index, name in enumerate(("none", "batch norm", "layer norm", "group norm")):
        for place, level in enumerate((15, 50, 85)):
            drawn = named(chart, f"{name}: {level} %")
            np.testing.assert_allclose(drawn["y"], result.percentiles[index, 0, :, place])
            np.testing.assert_array_equal(drawn["x"], result.steps)
        assert f"drift {with_spreads(result.drift_mean, result.drift_deviation)[index]}" in words(chart)
    ranges = [axis["range"] for name, axis in chart.layout.items() if name.startswith("yaxis")]
    assert all(ends == ranges[0] for ends in ranges)
    growing = race_figures.received(results["race", "plain, partial"])
    assert growing.layout["xaxis"]["range"] == chart.layout["xaxis"]["range"]


def test_learned_lays_gamma_and_beta_over_the_percentiles(results: dict[tuple[str, str], Any]) -> None:
    result = results["race", "plain"]
    chart = race_figures.learned(result)
    np.testing.assert_allclose(named(chart, "β")["y"], result.shift[1, 0])
    np.testing.assert_allclose(
        named(chart, "β + 1.04·|γ|")["y"], result.shift[1, 0] + 1.0364334 * np.abs(result.scale[1, 0])
    )
    assert named(chart, "β")["line"]["dash"] == "dash"
    assert not race_figures.learned(results["race", "single"]).data


def test_claims_carry_every_effect_with_its_verdict(results: dict[tuple[str, str], Any]) -> None:
    result = results["race", "plain"]
    chart = race_figures.claims(result)
    for findings in (result.findings, result.drift_findings, result.speed_findings):
        for finding in findings:
            assert verdict.words(finding, translator("en")) in words(chart)
    dots = [trace for trace in chart.data if trace["mode"] == "markers" and trace["name"] == "batch norm"]
    np.testing.assert_allclose(dots[0]["x"], 100 * result.differences[0])
    np.testing.assert_allclose(dots[2]["x"], result.drift_differences[0])
    assert "nothing to compare" in words(race_figures.claims(results["race", "single"]))


def test_forest_draws_interval_mean_and_what_would_not_matter() -> None:
    values = np.array([0.2, 0.3, 0.4])
    finding = judge(values, 0.1)
    chart = forest(
        "f", [Claim("t", "u", [Effect("a", "series_1", values, finding)], times, factor=True)], lambda text: text
    )
    interval = named(chart, "95 % confidence interval of the mean")
    assert interval["x"] == pytest.approx([finding.low, finding.high])
    assert named(chart, "mean")["x"] == [pytest.approx(0.3)]
    assert (chart.layout["shapes"][0]["x0"], chart.layout["shapes"][0]["x1"]) == (-0.1, 0.1)
    assert times_within(finding, lambda text: text) in words(chart)
    span = chart.layout["xaxis"]["range"]
    assert span[0] < finding.low
    assert finding.high < span[1]
    share = forest(
        "f", [Claim("t", "u", [Effect("a", "series_1", values, finding)], points_alike, scale=100)], lambda text: text
    )
    assert named(share, "mean")["x"] == [pytest.approx(30)]


def test_rates_are_drawn_with_their_range_and_the_largest_that_trains(results: dict[tuple[str, str], Any]) -> None:
    result = results["sweep", "plain"]
    chart = sweep_figures.rates(result)
    for index, name in enumerate(("no normalizer", "batch norm", "layer norm", "group norm")):
        drawn = named(chart, name)
        np.testing.assert_allclose(drawn["y"], 100 * result.error.mean[index])
        np.testing.assert_allclose(drawn["error_y"]["array"], 100 * (result.error.high - result.error.mean)[index])
        np.testing.assert_array_equal(drawn["x"], result.rates)
        largest = result.largest_rate[index]
        assert (f"trains up to {largest:.3g}" if math.isfinite(largest) else "trains at no rate") in words(chart)


def test_diverged_trainings_are_marked_at_their_rate_with_their_step(results: dict[tuple[str, str], Any]) -> None:
    result = results["sweep", "wild"]
    where = (result.diverged_at[0] >= 0).any(axis=1)
    assert where.any()
    crosses = named(sweep_figures.rates(result), "diverged: no normalizer")
    np.testing.assert_array_equal(crosses["x"], result.rates[where])
    assert crosses["marker"]["color"] == color("error")
    first = result.diverged_at[0][where][0]
    assert f"{(first >= 0).sum()} of 3 diverged (NaN), first at step {first[first >= 0].min()}" == crosses["text"][0]
    assert "diverged" in words(race_figures.curves(results["race", "wild"]))
    assert "diverged" in words(landscape_figures.ranges(results["landscape", "wild"]))


def test_lengths_lie_over_pythagoras_for_plain_sgd_only(results: dict[tuple[str, str], Any]) -> None:
    result = results["sweep", "plain"]
    chart = sweep_figures.lengths(result)
    growth = result.end_square[1, :, 0] / result.start_square[1, :, 0] - 1
    np.testing.assert_allclose(named(chart, "batch norm")["y"], growth)
    expected = result.predicted_square[1, :, 0] / result.start_square[1, :, 0] - 1
    np.testing.assert_allclose(named(chart, "predicted, batch norm")["y"], expected)
    assert not [
        trace for trace in sweep_figures.lengths(results["sweep", "adam"]).data if trace["name"].startswith("predicted")
    ]


def test_maps_show_the_network_its_boundary_the_best_one_and_the_points(results: dict[tuple[str, str], Any]) -> None:
    result = results["boundaries", "plain"]
    chart = boundary_figures.maps(result)
    heats = [trace for trace in chart.data if trace["type"] == "heatmap"]
    assert len(heats) == 4
    for index, heat in enumerate(heats):
        np.testing.assert_array_equal(heat["z"], result.latest[index])
        assert (heat["zmin"], heat["zmax"]) == (0, 1)
        assert with_spreads(100 * result.error.mean[:, -1], 100 * result.error.deviation[:, -1])[index] in words(chart)
    best = [trace for trace in chart.data if trace["name"] == "best possible boundary"]
    assert len(best) == 4
    np.testing.assert_array_equal(best[0]["z"], result.best)
    drawn = next(trace for trace in chart.data if trace["name"] == "class 1")
    np.testing.assert_array_equal(drawn["x"], result.points[result.labels == 1, 0])


def test_growth_shows_every_look(results: dict[tuple[str, str], Any]) -> None:
    result = results["boundaries", "plain"]
    heats = [trace for trace in boundary_figures.growth(result).data if trace["type"] == "heatmap"]
    assert len(heats) == result.looks.shape[0] * result.looks.shape[1]
    np.testing.assert_array_equal(heats[-1]["z"], result.looks[-1, -1, ::2, ::2])


def test_the_least_possible_error_is_drawn_where_it_is_known(results: dict[tuple[str, str], Any]) -> None:
    result = results["boundaries", "plain"]
    least = 100 * (1 - result.best_accuracy)
    for chart in (boundary_figures.curves(result), boundary_figures.limit(result)):
        assert named(chart, "least possible error")["y"] == pytest.approx([least] * 2)
    np.testing.assert_allclose(
        named(boundary_figures.limit(result), "batch norm")["y"], 100 * (1 - result.accuracy[1, :, -1])
    )


def test_ranges_and_changes_are_the_geometric_means(results: dict[tuple[str, str], Any]) -> None:
    result = results["landscape", "plain"]
    np.testing.assert_array_equal(named(landscape_figures.ranges(result), "batch norm")["y"], result.range_mean[1])
    np.testing.assert_array_equal(named(landscape_figures.changes(result), "batch norm")["y"], result.relative_mean[1])
    middle = int(np.argmin(np.abs(result.look_steps - result.total_steps / 4)))
    chart = landscape_figures.along(result)
    np.testing.assert_allclose(named(chart, "batch norm")["y"][1:], result.loss[1, 0, middle])
    parabola = named(chart, "second order, batch norm")
    assert parabola["y"][0] == pytest.approx(result.start_loss[1, 0, middle])
    slope = (parabola["y"][1] - parabola["y"][0]) / parabola["x"][1]
    bent = result.curvature[1, 0, middle] * parabola["x"][1] / 2
    assert slope == pytest.approx(result.slope_expected[1, 0, middle] + bent)
