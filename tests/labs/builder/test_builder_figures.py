"""Pictures of the page `builder` as data: what they say is what the run holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.labs.builder import figures
from bnviz.labs.builder.experiment import run
from bnviz.labs.builder.lesson import code
from bnviz.labs.builder.result import Result
from bnviz.labs.builder.settings import Settings
from bnviz.plot.listing import Code, Table

CASES: tuple[dict[str, Any], ...] = (
    {},
    {"layer": "linear", "batch_size": 1},
    {"normalizer": "group", "groups": 5, "dropout": 0.5},
    {"normalizer": "none", "layer": "conv1d", "activation": "identity"},
    {"mode": "eval", "normalizer": "layer", "dropout": 0.2, "dropout_place": "input"},
)


@pytest.fixture(scope="module", params=CASES, ids=str)
def result(request: pytest.FixtureRequest) -> Result:
    return run(Settings(**request.param))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_picture_is_valid_and_named_apart(result: Result, language: Any) -> None:
    charts = [draw(result, language) for draw in (figures.trace, figures.counts, figures.variances)]
    for chart in charts:
        chart.to_plotly()
        assert chart.alt
    assert len({chart.name for chart in charts} | {"code", "tensors"}) == 5


def test_the_trace_has_a_box_per_module_and_a_shape_on_every_arrow(result: Result) -> None:
    chart = figures.trace(result)
    for drawing in (chart.layout, chart.phone_layout):
        boxes = [shape for shape in drawing["shapes"] if shape["type"] == "rect"]
        arrows = [shape for shape in drawing["shapes"] if shape["type"] == "path"]
        words = " ".join(entry["text"].replace("<br>", " ") for entry in drawing["annotations"])
        assert len(boxes) == len(result.stages) == len(arrows) - 1
        for stage in result.stages:
            assert f"<b>{stage.module}</b>" in words
        for shape in result.shapes:
            assert f"<b>({', '.join(map(str, shape))})</b>" in words
        assert ("<b>–</b>" in words) == bool(result.refusal)
        assert (result.refusal.split(" ")[0] in words) == bool(result.refusal) or not result.refusal
        reds = [box for box in boxes if box["line"]["dash"] == "dot"]
        assert len(reds) == bool(result.refusal)
    assert str(result.shapes[0]) in chart.alt


def test_boxes_and_arrows_take_turns_along_the_way(result: Result) -> None:
    boxes = [shape for shape in figures.trace(result).layout["shapes"] if shape["type"] == "rect"]
    edges = [edge for box in boxes for edge in (box["x0"], box["x1"])]
    assert edges == sorted(edges)
    tall = [shape for shape in figures.trace(result).phone_layout["shapes"] if shape["type"] == "rect"]
    levels = [edge for box in tall for edge in (box["y1"], box["y0"])]
    assert levels == sorted(levels, reverse=True)


def test_the_counts_are_the_modules_and_the_marks_the_arithmetics(result: Result) -> None:
    bars, marks = figures.counts(result).data
    assert list(bars["x"])[::-1] == [entry.count for entry in result.tensors]
    assert list(marks["x"])[::-1] == list(result.expected)


def test_the_law_passes_through_the_channels() -> None:
    result = run(Settings(input_std=0.01))
    law, channels = figures.variances(result).data
    assert np.interp(channels["x"], law["x"], law["y"]) == pytest.approx(channels["y"], rel=0.02)
    assert float(channels["y"].max()) < 0.9


def test_the_listing_warns_and_lists() -> None:
    result = run(Settings(layer="linear", batch_size=1, bias="true"))
    listing = code(result, "en")
    assert [note.tone for note in listing.notes] == ["error", "error", "warning"]
    assert listing.notes[0].text == result.refusal
    assert list(listing.tabs) == ["PyTorch", "Keras 3", "Flax (NNX)"]
    assert all(isinstance(tab, Code) and tab.text for tab in listing.tabs.values())
    assert [note.tone for note in code(run(Settings()), "en").notes] == ["success"]


def test_the_table_is_the_state_dict(result: Result) -> None:
    table = next(iter(figures.tensors(result).tabs.values()))
    assert isinstance(table, Table)
    assert list(table.columns["Name"]) == [entry.name for entry in result.tensors]
    assert list(table.columns["Numbers"]) == [entry.count for entry in result.tensors]
