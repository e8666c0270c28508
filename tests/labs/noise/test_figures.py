"""The pictures of `noise` as data: what is drawn is what was measured, at the edges too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.noise.dropout import figures as dropout_figures
from bnviz.labs.noise.dropout.result import Result as DropoutResult
from bnviz.labs.noise.ghost import figures as ghost_figures
from bnviz.labs.noise.ghost.result import Result as GhostResult
from bnviz.labs.noise.lab import LAB
from bnviz.labs.noise.mates import figures as mates_figures
from bnviz.labs.noise.mates.result import Result as MatesResult
from bnviz.labs.noise.shift import figures as shift_figures
from bnviz.labs.noise.shift.result import Result as ShiftResult
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import points_alike
from bnviz.teaching.lab import AnyTopic

INSTANT: dict[str, Any] = {"draws": 400, "depth": 2, "width": 24}
MATES_TOPIC, SHIFT_TOPIC, DROPOUT_TOPIC, GHOST_TOPIC = LAB.topics
TINY: dict[str, Any] = {"batch_size": 64, "depth": 2, "width": 16, "epochs": 2, "seeds": 3, "train_size": 200}
MATES = (
    mates_figures.law,
    mates_figures.rates,
    mates_figures.values,
    mates_figures.distribution,
    mates_figures.fidelity,
)
SHIFT = (shift_figures.ratios, shift_figures.outputs, shift_figures.pure, shift_figures.units)
DROPOUT = (
    dropout_figures.curves,
    dropout_figures.differences,
    dropout_figures.ratios,
    dropout_figures.remainder,
    dropout_figures.units,
)
GHOST = (ghost_figures.curves, ghost_figures.differences, ghost_figures.sizes, ghost_figures.noise)


def own(topic: AnyTopic, **values: Any) -> Any:
    """The topic's settings, of `values` those that it has."""
    return topic.settings(**{name: value for name, value in values.items() if name in topic.settings.model_fields})


@pytest.fixture(scope="module")
def mates() -> MatesResult:
    return MATES_TOPIC.compute(own(MATES_TOPIC, **INSTANT))


@pytest.fixture(scope="module")
def result() -> ShiftResult:
    return SHIFT_TOPIC.compute(own(SHIFT_TOPIC, **INSTANT))


@pytest.fixture(scope="module")
def dropout() -> DropoutResult:
    return DROPOUT_TOPIC.compute(own(DROPOUT_TOPIC, **TINY))


@pytest.fixture(scope="module")
def ghost() -> GhostResult:
    return GHOST_TOPIC.compute(own(GHOST_TOPIC, **TINY))


def named(chart: Chart, name: str) -> dict[str, Any]:
    (trace,) = [trace for trace in chart.data if trace["name"] == name]
    return trace


def words(chart: Chart) -> str:
    return " | ".join(note["text"] for note in chart.layout["annotations"]) + " | " + chart.alt


def check(chart: Chart) -> None:
    """Valid, finite where it must be, and no raw NaN in words."""
    chart.to_plotly()
    assert "nan" not in words(chart).lower().replace("(nan)", "").replace("（nan）", "")
    for axis in (value for name, value in chart.layout.items() if name[1:].startswith("axis")):
        assert np.isfinite(axis.get("range", [0, 1])).all()
    assert len(chart.data) < 40


def test_law_lies_over_the_histogram(mates: MatesResult) -> None:
    chart = mates_figures.law(mates)
    np.testing.assert_allclose(named(chart, "measured")["y"][:-1], mates.counts.density())
    np.testing.assert_allclose(named(chart, "law")["y"], mates.law_pdf)
    assert chart.layout["shapes"][0]["x0"] == 1.0
    assert f"{mates.std:.3g}" in words(chart)
    assert f"{mates.std_theory:.3g}" in words(chart)


def test_small_batches_show_their_bound() -> None:
    chart = mates_figures.law(MATES_TOPIC.compute(own(MATES_TOPIC, **INSTANT, batch_size=4)))
    assert sorted(shape["x0"] for shape in chart.layout["shapes"]) == pytest.approx([-(3**0.5), 1.0, 3**0.5])
    assert named(chart, "law")["line"]["shape"] == "hv"


def test_rates_values_and_distribution_are_the_results(mates: MatesResult) -> None:
    chart = mates_figures.rates(mates)
    np.testing.assert_allclose(named(chart, "measured")["y"], mates.rate)
    np.testing.assert_allclose(named(chart, "1 − R²(m)")["y"], mates.rate_theory)
    assert named(chart, "this batch size")["x"] == [32]
    chart = mates_figures.values(mates)
    np.testing.assert_allclose(named(chart, "measured")["y"], mates.value_mean)
    np.testing.assert_allclose(named(chart, "measured")["error_y"]["array"], mates.value_std)
    chart = mates_figures.distribution(mates)
    np.testing.assert_allclose(named(chart, "law")["y"], mates.law_cdf)
    chart = mates_figures.fidelity(mates)
    np.testing.assert_allclose(named(chart, "measured")["y"], mates.fidelity)


def test_ratios_stand_beside_their_theory(result: ShiftResult) -> None:
    chart = shift_figures.ratios(result)
    np.testing.assert_allclose(named(chart, "eval")["y"], result.shift.ratio)
    np.testing.assert_allclose(named(chart, "theory")["y"], result.shift.ratio_theory)
    np.testing.assert_allclose(named(chart, "own Dropout alone")["y"], result.shift.local)
    assert f"eval: {result.shift.ratio[-1]:.3g}" in words(chart)
    chart = shift_figures.outputs(result)
    np.testing.assert_allclose(named(chart, "eval")["y"][:-1], result.shift.evaluation.density())
    chart = shift_figures.pure(result)
    np.testing.assert_allclose(named(chart, "μ/σ = 2")["y"], result.pure.variance[2])
    assert chart.layout["shapes"][0]["x0"] == 0.5
    chart = shift_figures.units(result)
    np.testing.assert_allclose(named(chart, "layer 1")["y"], result.shift.unit_ratio[0])


def test_curves_hold_every_order_and_the_recalibrated(dropout: DropoutResult) -> None:
    chart = dropout_figures.curves(dropout)
    for index, name in enumerate(dropout.variants):
        np.testing.assert_allclose(
            named(chart, dropout_figures.NAMES[name])["y"], np.maximum(100 * dropout.courses.error.mean[index], 0.5)
        )
    afresh = named(chart, "before, recalibrated")["y"]
    np.testing.assert_allclose(afresh, 100 * (1 - dropout.recalibrated.mean(0)))


def test_differences_carry_their_verdicts(dropout: DropoutResult, ghost: GhostResult) -> None:
    shown = (
        (dropout_figures.differences(dropout), dropout.findings[:3], dropout.differences[:3]),
        (dropout_figures.remainder(dropout), dropout.findings[3:], dropout.differences[3:]),
        (ghost_figures.differences(ghost), ghost.findings, ghost.differences),
    )
    for chart, findings, values in shown:
        dots = [trace for trace in chart.data if trace["mode"] == "markers"]
        assert len(dots) == len(findings)
        for note, dot, finding, row in zip(chart.layout["annotations"], dots, findings, values, strict=True):
            np.testing.assert_allclose(dot["y"], 100 * row)
            assert finding.verdict in note["text"]
            assert points_alike(finding.mean, finding.low, finding.high)[0] in note["text"]
    assert "2 − 64" in words(ghost_figures.differences(ghost))


def test_ghost_sizes_show_every_seed(ghost: GhostResult) -> None:
    chart = ghost_figures.sizes(ghost)
    np.testing.assert_allclose(named(chart, "as trained")["y"], 100 * ghost.courses.error.mean[:, -1])
    np.testing.assert_allclose(named(chart, "recalibrated")["y"], 100 * (1 - ghost.recalibrated.mean(1)))
    seeds = [trace for trace in chart.data if trace["name"] == ""]
    np.testing.assert_allclose([trace["y"] for trace in seeds], 100 * (1 - ghost.courses.accuracy[:, :, -1]))
    np.testing.assert_allclose(named(ghost_figures.noise(ghost), "measured")["y"], ghost.fidelity[::-1])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": 2},
        {"batch_size": 3, "sample_value": -3.0},
        {"batch_size": 1024},
        {"source": "digits_relu"},
        {"dropout": 0.95, "depth": 15},
        {"order": "none", "depth": 1},
        {"order": "dropout_after_norm"},
    ],
)
def test_instant_charts_stand_at_every_edge(changes: dict[str, Any]) -> None:
    for topic, charts in ((MATES_TOPIC, MATES), (SHIFT_TOPIC, SHIFT)):
        result = topic.compute(own(topic, **(INSTANT | changes)))
        for language in LANGUAGES:
            for draw in charts:
                check(draw(result, language))


def partial_and_whole(topic: Any, **changes: Any) -> list[Any]:
    """The first partial result of a run, and the whole."""
    found: list[Any] = []
    whole = topic.compute(own(topic, **(TINY | changes)), on_update=found.append)
    return [found[0], whole]


@pytest.mark.parametrize("changes", [{}, {"seeds": 1}, {"learning_rate": 10.0, "epochs": 12, "dropout": 0.05}])
def test_training_charts_stand_when_seeds_are_few_or_diverge(changes: dict[str, Any]) -> None:
    for topic, charts in ((DROPOUT_TOPIC, DROPOUT), (GHOST_TOPIC, GHOST)):
        for result in partial_and_whole(topic, **changes):
            for draw in charts:
                check(draw(result, "zh"))
                check(draw(result))


def test_names_of_pictures_are_unique_in_their_topic(
    mates: MatesResult, result: ShiftResult, dropout: DropoutResult, ghost: GhostResult
) -> None:
    for charts, shown in ((MATES, mates), (SHIFT, result), (DROPOUT, dropout), (GHOST, ghost)):
        names = [draw(shown).name for draw in charts]
        assert len(set(names)) == len(names)
