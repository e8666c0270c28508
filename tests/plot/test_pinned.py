"""A pinned run behind the present one: what is laid over, what must stand beside, and axes that hold both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bnviz.labs.layer.experiment import run
from bnviz.labs.layer.figures import stages
from bnviz.labs.layer.settings import Settings
from bnviz.plot.chart import Chart
from bnviz.plot.pinned import over, over_scene
from bnviz.plot.scene import Scene


def chart(values: Any, **layout: Any) -> Chart:
    trace = {"type": "scatter", "mode": "lines+text", "x": [0, 1], "y": values, "text": ["a", "b"]}
    return Chart("curve", [trace], {"xaxis": {}, "yaxis": {"range": [0, max(values)]}, **layout}, "A curve.")


def test_the_pinned_curve_is_faint_behind_and_the_axis_holds_both() -> None:
    now, pinned = chart([1, 2]), chart([3, 9])
    both = over(now, pinned)
    assert both is not None
    behind, front = both.data
    assert (behind["y"], behind["showlegend"], behind["mode"]) == ([3, 9], False, "lines")
    assert behind["opacity"] < 0.5
    assert front == now.data[0]
    assert both.layout["yaxis"]["range"] == [0, 9]
    assert now.layout["yaxis"]["range"] == [0, 2]


def test_a_reversed_axis_stays_reversed() -> None:
    now = replace(chart([1, 2]), layout={"xaxis": {}, "yaxis": {"range": [2, 0]}})
    both = over(now, chart([1, 5]))
    assert both is not None
    assert both.layout["yaxis"]["range"] == [5, 0]


@pytest.mark.parametrize(
    "other",
    [
        replace(chart([1, 2]), data=[{"type": "heatmap", "z": [[1]]}]),
        replace(chart([1, 2]), data=[{"type": "bar", "y": [1]}]),
        chart([1, 2], yaxis2={}),
        replace(chart([1, 2]), layout={"xaxis": {"type": "log"}, "yaxis": {}}),
    ],
    ids=["a heat map", "bars", "other axes", "another scale"],
)
def test_what_shares_no_axes_or_is_no_curve_stands_beside(other: Chart) -> None:
    assert over(chart([1, 2]), other) is None
    assert over(other, chart([1, 2])) is None


@pytest.fixture(scope="module")
def scenes() -> tuple[Scene, Scene]:
    return tuple(stages(run(Settings(batch_size=size, steps=5)), "en") for size in (4, 64))  # type: ignore[return-value]


def test_histograms_of_both_runs_keep_their_own_bins(scenes: tuple[Scene, Scene]) -> None:
    now, pinned = scenes
    both = over_scene(now, pinned, "Pinned")
    assert both is not None
    for panel, one, other in zip(both.rows[0].panels, now.rows[0].panels, pinned.rows[0].panels, strict=True):
        faint = [layer for layer in panel.layers if layer.faint]  # type: ignore[union-attr]
        assert len(faint) == len(other.layers)  # type: ignore[union-attr]
        for layer in faint:
            assert np.array_equal(layer.edges, other.edges)  # type: ignore[union-attr]
            assert layer.values.shape[-1] == len(layer.edges) - 1
        assert panel.layers[-len(one.layers) :] == one.layers  # type: ignore[union-attr]
        assert panel.x.low == min(one.x.low, other.x.low)  # type: ignore[union-attr]
        assert panel.y.high == max(one.y.high, other.y.high)  # type: ignore[union-attr]


def test_what_is_no_histogram_stands_beside_in_its_row(scenes: tuple[Scene, Scene]) -> None:
    both = over_scene(*scenes, "Pinned")
    assert both is not None
    heats = [panel.title for row in scenes[1].rows for panel in row.panels if panel.kind == "heat"]
    assert heats
    beside = [panel.title for row in both.rows for panel in row.panels if panel.title.startswith("Pinned: ")]
    assert beside == [f"Pinned: {title}" for title in heats]
    names = [panel.name for row in both.rows for panel in row.panels]
    assert len(set(names)) == len(names)


def test_runs_of_another_length_stand_beside(scenes: tuple[Scene, Scene]) -> None:
    longer = stages(run(Settings(batch_size=4, steps=6)), "en")
    assert over_scene(scenes[0], longer, "Pinned") is None
