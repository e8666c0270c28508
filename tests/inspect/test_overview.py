"""What the page "Your model" draws: numbers of the recording, thinned, held and placed; the shipped recording and its planted faults."""

from __future__ import annotations

import csv
import io
import os
import random
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from bnviz.inspect import example, watch
from bnviz.inspect.figures import channel_bands, gradient_growth, heat_map, histograms
from bnviz.inspect.frames import RecordingError
from bnviz.inspect.growth import Row, growth_of, row_of
from bnviz.inspect.overview import (
    MAX_CELLS,
    MAX_CHANNELS,
    MAX_ROWS,
    channels,
    columns,
    layer_course,
    overview,
    table,
)
from bnviz.inspect.pictures import with_pictures
from bnviz.inspect.recording import QUANTITIES, Recording, read
from tests.inspect.models import net, trained

MUTATIONS = int(os.environ.get("BNVIZ_MUTATIONS", "150"))
LARGEST = 500_000  # bytes that the shipped recording may have


@pytest.fixture(scope="module")
def shipped() -> Recording:
    return read(example.PATH)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a short training's recording."""
    path = tmp_path_factory.mktemp("run") / "run.bnviz"
    with watch(model := net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()), path, budget=1e9):
        trained(model, 30)
    return path.read_bytes()


def wide(recording: Recording, layers: int) -> Recording:
    """The recording with its layers over and over, under new names."""
    places = np.arange(layers) % len(recording.norms)
    norms = tuple(replace(recording.norms[place], name=f"layer{number}") for number, place in enumerate(places))
    quantities = {name: values[places] for name, values in recording.quantities.items()}
    looks = tuple(replace(look, layers=tuple(look.layers[place] for place in places)) for look in recording.looks)
    columns = {
        part.name: values[:, places]
        for part in fields(recording.course)
        if isinstance(values := getattr(recording.course, part.name), np.ndarray) and values.ndim == 2
    }
    course = replace(recording.course, **columns)
    return replace(recording, norms=norms, quantities=quantities, looks=looks, calls={}, course=course)


def test_the_shipped_recording_has_the_planted_faults_and_no_others(shipped: Recording) -> None:
    assert {layer for finding in shipped.findings for layer in finding.layers} == set(example.PLANTED)
    assert {finding.rule: finding.layers for finding in shipped.findings} == {
        "eval_while_training": ("block6.norm",),
        "started_recently": ("block2.norm",),
        "dead_channels": ("block4.norm",),
    }
    assert shipped.finished
    assert example.PATH.stat().st_size < LARGEST


def test_every_planted_fault_can_be_seen_before_the_list_is(shipped: Recording) -> None:
    """As `example.PLANTED` says: the slow layer has the largest gap, the pruned one the most dead channels, the stopped one no data."""
    gap, dead = overview(shipped, "gap"), overview(shipped, "dead")
    slow, pruned, stopped = (gap.layers.index(name) for name in example.PLANTED)
    at_the_end = gap.values[:, -1]
    assert np.nanargmax(at_the_end) == slow
    assert at_the_end[slow] > 5 * np.nanmedian(at_the_end)
    assert dead.values[pruned, -1] == pytest.approx(0.75)
    assert np.nanmax(np.delete(dead.values[:, -1], pruned)) < 0.2
    assert np.isnan(gap.values[stopped]).all()


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_heat_map_shows_the_recorded_numbers(shipped: Recording, quantity: str) -> None:
    shown = overview(shipped, quantity)  # type: ignore[arg-type]
    recorded = shipped.quantities[quantity]  # type: ignore[index]
    assert np.array_equal(shown.step, shipped.step[columns(shipped)])
    for row in range(len(shown.layers)):
        known = recorded[row][np.isfinite(recorded[row])]
        if known.size:
            assert shown.values[row, -1] in known
            assert np.nanmax(shown.values[row]) <= known.max()
        else:
            assert np.isnan(shown.values[row]).all()
    level = shown.level[np.isfinite(shown.level)]
    assert level.min() >= shown.low
    assert level.max() <= shown.high
    chart = heat_map(shown, "block2.norm", True, "en")
    assert np.allclose(chart.data[0]["z"], shown.level, atol=1e-3, equal_nan=True)
    assert [part["y0"] for part in chart.layout["shapes"]] == [mark.row - 0.46 for mark in shown.marks]
    assert "▸ block2.norm" in "".join(chart.layout["yaxis"]["ticktext"])
    assert not heat_map(shown, "", False, "en").layout["shapes"]


def test_a_spike_between_two_columns_is_not_lost(shipped: Recording) -> None:
    many = replace(
        shipped,
        step=np.arange(1, 5001),
        seconds=np.zeros(5000),
        quantities={name: np.full((8, 5000), 0.1) for name in QUANTITIES},
    )
    many.quantities["z"][3, 1234] = 9.0
    assert overview(many, "z").values[3].max() == 9.0


def test_a_model_with_many_layers_shows_those_with_findings_and_the_chosen_one(shipped: Recording) -> None:
    many = wide(shipped, 1500)
    shown = overview(many, "gap", "layer777")
    assert len(shown.layers) <= MAX_ROWS
    assert shown.values.size <= 1.1 * MAX_CELLS
    assert "layer777" in shown.layers
    assert shown.all_layers == 1500
    named = [text for text in heat_map(shown, "layer777", True, "en").layout["yaxis"]["ticktext"] if "layer777" in text]
    assert named == ["<b>▸ layer777</b>"]


def test_histograms_follow_the_looks(shipped: Recording) -> None:
    course = layer_course(shipped, "block1.norm")
    assert course.seen
    assert np.allclose(course.before.sum(axis=1), 1, atol=1e-6)
    last = shipped.looks[-1].layers[1].before
    assert last is not None
    assert (last.share * (last.edges[1:] + last.edges[:-1])).sum() == pytest.approx(
        (course.before[-1] * (course.before_edges[1:] + course.before_edges[:-1])).sum(), abs=0.02
    )
    assert set(course.look) <= {look.step for look in shipped.looks}
    assert (course.look <= course.step).all()
    scene = histograms(course, False, "en")
    assert scene.frames == len(scene.captions) == len(course.before)
    assert not layer_course(shipped, "block6.norm").seen


def test_channels_stand_beside_their_band(shipped: Recording) -> None:
    found = channels(shipped, "block1.norm", 10**9)
    assert found is not None
    look = next(look for look in shipped.looks if look.step == found.step).layers[1]
    assert look.running_mean is not None
    assert look.batch_mean is not None
    assert look.mean_band is not None
    assert np.array_equal(found.mean.running, np.sort(look.running_mean))
    assert np.array_equal(found.mean.batch, look.batch_mean[found.mean.channel])
    low, high = look.mean_band
    assert found.mean.outside == np.sum((look.batch_mean < low) | (look.batch_mean > high))
    slow = channels(shipped, "block2.norm", 10**9)
    assert slow is not None
    assert slow.mean.outside > 0.8 * slow.total > found.mean.outside
    chart = channel_bands(found, "block1.norm", "en")
    assert chart.data[0]["type"] == "bar"
    first = channels(shipped, "block1.norm", 0)
    assert first is not None
    assert first.step == shipped.looks[0].step


def test_of_a_wide_layer_those_outside_are_shown() -> None:
    from bnviz.inspect.overview import _sides

    running = np.arange(5000.0)
    batch = running.copy()
    batch[[7, 4321]] += 10
    sides = _sides(running, batch, (running - 1, running + 1))
    assert len(sides.channel) <= MAX_CHANNELS
    assert {7, 4321} <= set(sides.channel.tolist())
    assert sides.outside == 2


def test_the_csv_holds_every_number(shipped: Recording) -> None:
    rows = list(csv.DictReader(io.StringIO(table(shipped))))
    assert len(rows) == len(shipped.step) * len(shipped.norms)
    last = rows[-1]
    assert (int(last["step"]), last["layer"]) == (int(shipped.step[-1]), shipped.norms[-1].name)
    assert float(last["z"]) == pytest.approx(shipped.quantities["z"][-1, -1], rel=1e-5)
    hostile = replace(shipped, norms=tuple(replace(norm, name="=1+1") for norm in shipped.norms))
    assert all(row["layer"] == "'=1+1" for row in csv.DictReader(io.StringIO(table(hostile))))


def test_what_is_read_of_a_hostile_file_can_be_drawn(data: bytes, tmp_path: Path) -> None:
    """Whatever `read` lets through, the pictures, the table and the report take."""
    generator = random.Random(1)
    survived = 0
    for _ in range(MUTATIONS):
        mutant = mutated(data, generator)
        try:
            recording = read(mutant)
            recording.findings  # noqa: B018 - judged when it is asked for
        except RecordingError:
            continue
        survived += 1
        drawn(recording)
    assert survived > MUTATIONS / 10


def mutated(data: bytes, generator: random.Random) -> bytes:
    """A few bytes of one frame changed, its checksum mended, so that the reader sees them."""
    import struct
    import zlib

    from bnviz.inspect.frames import whole_frames

    begin, end = generator.choice(list(whole_frames(data)))
    payload = bytearray(data[begin:end])
    for _ in range(generator.randint(1, 8)):
        # Mostly the arrays, which stand at the end: what changes the head seldom survives.
        place = generator.randrange(len(payload) // 2 if generator.random() < 0.7 else 0, len(payload))
        payload[place] = generator.choice((0, 127, 128, 255, generator.randrange(256)))
    head = struct.pack("<II", len(payload), zlib.crc32(payload))
    return data[: begin - 8] + head + bytes(payload) + data[end:]


def drawn(recording: Recording) -> None:
    """Draw and write everything."""
    if not len(recording.step):
        return
    for quantity in QUANTITIES:
        heat_map(overview(recording, quantity), "", True, "zh")
    for norm in recording.norms:
        histograms(layer_course(recording, norm.name), False, "zh")
        found = channels(recording, norm.name, int(recording.step[-1]))
        if found is not None:
            channel_bands(found, norm.name, "zh")
        row = row_of(recording, norm.name, int(recording.step[0]))
        if isinstance(row, Row):
            gradient_growth(growth_of(recording, row), norm.name, "zh")
    table(recording)
    with_pictures(recording.report(), recording).to_html("zh")
