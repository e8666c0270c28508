"""The pictures of `recurrence` as data: what is drawn is what was measured."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.recurrence.error import figures as recurrence_error
from bnviz.labs.recurrence.lab import LAB
from bnviz.labs.recurrence.shared.figures import VARIANT_NAMES, VARIANT_ROLES
from bnviz.labs.recurrence.steps import figures as recurrence_steps
from bnviz.labs.recurrence.through_time import figures as recurrence_through_time
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.theme import color

STEPS = (
    recurrence_steps.drift,
    recurrence_steps.weights,
    recurrence_steps.padding,
    recurrence_steps.fluctuation,
    recurrence_steps.handed_on,
)
ERROR = (recurrence_error.curves, recurrence_error.differences, recurrence_error.statistics, recurrence_error.left_over)
BACK = (recurrence_through_time.gradient, recurrence_through_time.gammas, recurrence_through_time.growth)
SMALL: dict[str, Any] = {"cell": "rnn", "width": 8, "epochs": 1, "seeds": 3}


def made(topic: str, **changes: Any) -> Any:
    return LAB.topic(topic).compute(LAB.topic(topic).settings(**changes))


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """By name: a usual run of each topic, and the runs that strain the pictures."""
    parts: list[Any] = []
    whole = LAB.topic("error").run(LAB.topic("error").settings(**SMALL), parts.append)
    back: dict[str, Any] = {"cell": "rnn", "width": 16, "seeds": 3}
    return {
        "steps": made("steps", warmup=10, width=16),
        "steps pixels": made("steps", warmup=0, width=8, cell="rnn", sequence="pixels", padding=0.8, term="input"),
        "steps unpadded": made("steps", warmup=0, width=8, padding=0.0, momentum="cumulative", batch_size=2),
        "error": whole,
        "error partial": parts[0],
        "error one": made("error", **(SMALL | {"seeds": 1, "momentum": 1.0})),
        "back": made("through_time", **back),
        "back lstm": made("through_time", **(back | {"cell": "lstm"})),
        "back pixels": made("through_time", **(back | {"sequence": "pixels", "seeds": 1})),
        "back zero": made("through_time", **(back | {"gamma": 0.0})),
    }


def named(chart: Chart, name: str) -> list[dict[str, Any]]:
    return [trace for trace in chart.data if trace["name"] == name]


def notes(chart: Chart) -> str:
    return " | ".join(note["text"] for note in chart.layout["annotations"])


def test_drift_draws_every_batch_the_steps_modules_and_the_shared_one(results: dict[str, Any]) -> None:
    result = results["steps"]
    chart = recurrence_steps.drift(result)
    for panel, (values, kept, level) in enumerate(
        (
            (result.batch_mean, result.running_mean, result.shared_mean),
            (np.sqrt(result.batch_var), np.sqrt(result.running_var), math.sqrt(result.shared_var)),
        )
    ):
        dots, shared, rings = (
            named(chart, name)[panel] for name in ("one batch", "one shared module", "one module per step")
        )
        np.testing.assert_allclose(dots["y"].reshape(-1, 8), values)
        np.testing.assert_array_equal(dots["x"][:8], np.arange(1, 9))
        np.testing.assert_allclose(rings["y"], kept)
        assert shared["y"] == pytest.approx([level] * 2)
        assert dots.get("xaxis", "x") == ("x2" if panel else "x")
    assert named(chart, "theory")[0]["y"][0] == result.shared_mean_theory
    assert short(result.shared_mean) in chart.alt


def test_weights_and_padding_lie_under_their_closed_forms(results: dict[str, Any]) -> None:
    result = results["steps"]
    chart = recurrence_steps.weights(result)
    np.testing.assert_allclose(named(chart, "measured")[0]["y"], 100 * result.weights)
    np.testing.assert_allclose(named(chart, "theory")[0]["y"], 100 * result.weights_theory)
    chart = recurrence_steps.padding(result)
    for panel in range(2):
        np.testing.assert_allclose(
            named(chart, "padding included")[panel]["y"], named(chart, "theory")[panel]["y"], rtol=1e-4, atol=1e-6
        )
    np.testing.assert_allclose(named(chart, "real steps only")[0]["y"], result.padded.real_mean)
    assert f"{100 * result.padded.share[-1]:.0f} %" in chart.layout["xaxis"]["ticktext"][-1]
    assert chart.layout["xaxis2"]["ticktext"] == chart.layout["xaxis"]["ticktext"]


def test_theory_of_steps(results: dict[str, Any]) -> None:
    result = results["steps"]
    chart = recurrence_steps.fluctuation(result)
    np.testing.assert_array_equal(named(chart, "measured")[0]["y"], result.fluctuation)
    assert named(chart, "theory")[0]["y"][0] == result.fluctuation_theory
    chart = recurrence_steps.handed_on(result)
    np.testing.assert_array_equal(named(chart, "shared")[1]["y"], result.handed_deviation[1])
    np.testing.assert_array_equal(named(chart, "per step")[0]["y"], result.handed_mean[0])


def test_curves_and_differences_are_the_runs(results: dict[str, Any]) -> None:
    result = results["error"]
    chart = recurrence_error.curves(result)
    for index, variant in enumerate(result.variants):
        (line,) = named(chart, VARIANT_NAMES[variant])
        np.testing.assert_allclose(line["y"], 100 * result.errors[index].mean)
        assert line["line"]["color"] == color(VARIANT_ROLES[variant])
    chart = recurrence_error.differences(result)
    dots = [trace for trace in chart.data if trace["mode"] == "markers"]
    assert [trace["name"] for trace in dots] == ["shared − per step", "input only − none", "layer norm − none"]
    for trace, values in zip(dots, result.differences, strict=False):
        np.testing.assert_allclose(trace["y"], 100 * values)


def test_statistics_shows_both_errors_of_the_same_weights(results: dict[str, Any]) -> None:
    result = results["error"]
    chart = recurrence_error.statistics(result)
    kept = [1, 2, 3]
    (running,), (own,) = named(chart, "running statistics"), named(chart, "the test images' own statistics")
    np.testing.assert_allclose(running["x"], [100 * result.errors[index].mean[-1] for index in kept])
    np.testing.assert_allclose(own["x"], 100 * result.batch_error[kept].mean(1))
    assert own["x"][0] == own["x"][1]
    chart = recurrence_error.left_over(result)
    (dots,) = [trace for trace in chart.data if trace["mode"] == "markers"]
    np.testing.assert_allclose(dots["y"], result.left_over)


def test_gradients_are_drawn_backwards_with_theory_for_tanh_only(results: dict[str, Any]) -> None:
    result = results["back"]
    chart = recurrence_through_time.gradient(result)
    for index, variant in enumerate(result.variants):
        (line,) = named(chart, VARIANT_NAMES[variant])
        np.testing.assert_allclose(line["y"], result.relative.mean[index])
        np.testing.assert_array_equal(line["x"], np.arange(8)[::-1])
    dashed = [trace for trace in chart.data if trace["line"].get("dash") == "dash"]
    assert len(dashed) == 4
    np.testing.assert_allclose(dashed[1]["y"], result.relative_theory[1])
    gated = recurrence_through_time.gradient(results["back lstm"])
    assert not [trace for trace in gated.data if trace["line"].get("dash") == "dash"]
    assert "no closed form" in notes(recurrence_through_time.growth(results["back lstm"]))
    chart = recurrence_through_time.gammas(result)
    np.testing.assert_allclose(named(chart, "measured")[0]["y"], result.gamma_over_seeds.mean)
    np.testing.assert_allclose(named(chart, "closed form")[0]["y"], result.gamma_growth_theory)
    assert not named(recurrence_through_time.gammas(results["back lstm"]), "closed form")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", ["steps", "error", "back"])
def test_every_chart_is_valid_finite_and_speaks_the_language(
    results: dict[str, Any], topic: str, language: Any
) -> None:
    names = set()
    for name in (name for name in results if name.split()[0] == topic):
        for draw in {"steps": STEPS, "error": ERROR, "back": BACK}[topic]:
            chart = draw(results[name], language)
            chart.to_plotly()
            names.add(chart.name)
            words = chart.alt + notes(chart) + json.dumps(chart.phone_layout, ensure_ascii=False)
            assert "nan" not in words.lower(), (name, chart.name)
            for axis in (value for key, value in chart.layout.items() if key[1:].startswith("axis")):
                assert np.isfinite(axis.get("range", [0, 1])).all(), (name, chart.name)
            series = {trace["line"]["color"] for trace in chart.data if "color" in trace.get("line", {})}
            assert len(series) <= 8
            if language == "zh":
                assert any("\u4e00" <= letter <= "\u9fff" for letter in chart.alt)
    assert len(names) == {"steps": 5, "error": 4, "back": 3}[topic]
