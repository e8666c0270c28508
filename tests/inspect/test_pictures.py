"""The heat maps in a report that stands alone: the recorded numbers, the findings on them, and nothing that runs or is fetched."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from torch import nn

from bnviz.i18n import LANGUAGES, Language
from bnviz.inspect import watch
from bnviz.inspect.example import PATH, PLANTED
from bnviz.inspect.figures import growth_words
from bnviz.inspect.growth import Row, growth_of, row_of
from bnviz.inspect.overview import overview
from bnviz.inspect.pictures import LEFT, ROW, SHADES, WIDE, with_pictures
from bnviz.inspect.recording import QUANTITIES, Recording, read
from bnviz.inspect.report import Report
from tests.inspect.models import net, trained

SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)


@pytest.fixture(scope="module")
def shipped() -> Recording:
    return read(PATH)


@pytest.fixture(scope="module")
def report(shipped: Recording) -> Report:
    return with_pictures(shipped.report(), shipped)


def pictures(report: Report, language: Language = "en") -> list[ElementTree.Element]:
    return [ElementTree.fromstring(found) for found in SVG.findall(report.to_html(language))]


def test_each_stroke_is_the_recorded_value(shipped: Recording, report: Report) -> None:
    """Cell by cell, the paths give back the level of the overview."""
    shown = overview(shipped, "gap")
    width = WIDE / len(shown.step)
    drawn = np.full(shown.level.shape, -1)
    for path in pictures(report)[0].iter("path"):
        name = path.attrib["class"]
        if "bar" in name:
            continue
        for x, y, length in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)", path.attrib["d"]):
            begin, count = round((float(x) - LEFT) / width), round(float(length) / width)
            drawn[int(float(y) // ROW), begin : begin + count] = int(name[1:])
    span = (shown.level - shown.low) / (shown.high - shown.low)
    assert np.array_equal(drawn >= 0, np.isfinite(shown.values))
    known = drawn >= 0
    assert np.abs(drawn[known] + 0.5 - span[known] * SHADES).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("language", LANGUAGES)
def test_findings_are_marked_and_told_in_words(language: Language, report: Report) -> None:
    for picture in pictures(report, language):
        outlines = [one.attrib["class"] for one in picture.iter("rect")]
        assert sorted(outlines) == ["error", "warning", "warning"]
        assert all(layer in picture.attrib["aria-label"] for layer in PLANTED)
    assert len(pictures(report, language)) == len(QUANTITIES)


def test_the_page_stands_alone(report: Report) -> None:
    page = report.to_html()
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=\"(?!http://localhost:8501/)", page)
    assert not re.findall(r"url\(|@import", page)


def test_the_gradient_of_a_row_is_drawn_beside_theory(tmp_path: Path) -> None:
    """Each point stands where the first snapshot's gradient is on the log axis; theory is dashed."""
    with watch(net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()), tmp_path / "run", budget=1e9) as watcher:
        trained(watcher._model, 10)
    recording = read(tmp_path / "run")
    row = row_of(recording, "", 0)
    assert isinstance(row, Row)
    growth = growth_of(recording, row)
    report = with_pictures(recording.report(), recording)
    drawing = pictures(report)[-1]
    assert growth_words(growth, str) in report.to_html()
    spots = [float(spot.attrib["cx"]) for spot in drawing.iter("circle")]
    ticks = {text.text: float(text.attrib["x"]) for text in drawing.iter("text") if text.attrib["class"] == "middle"}
    (low, left), *_, (high, right) = ticks.items()
    scale = (right - left) / np.log10(float(high) / float(low))
    expected = left + scale * np.log10(growth.rms / float(low))
    np.testing.assert_allclose(spots, expected, atol=0.2)
    lines = {line.attrib["class"]: line.attrib["points"].split() for line in drawing.iter("polyline")}
    assert lines["theory"][-1] == lines["measured"][-1]  # theory begins at the last layer
    assert "polyline.theory{stroke-width:1.8;stroke-dasharray" in report.to_html()
    assert pickle.loads(pickle.dumps(report)).to_html("zh") == report.to_html("zh")


def test_names_are_text(shipped: Recording) -> None:
    first, *others = shipped.norms
    hostile = replace(shipped, norms=(replace(first, name="<b onload=alert(1)>"), *others))
    page = with_pictures(hostile.report(), hostile).to_html()
    assert "<b onload" not in page
    assert "&lt;b onload" in page


def test_a_report_with_pictures_can_be_pickled(report: Report) -> None:
    again = pickle.loads(pickle.dumps(report))
    assert again.to_html("zh") == report.to_html("zh")


def test_without_a_step_there_is_no_picture(shipped: Recording) -> None:
    empty = replace(shipped, step=shipped.step[:0])
    assert with_pictures(Report((), (), shipped.report().looked), empty).pictures is None
