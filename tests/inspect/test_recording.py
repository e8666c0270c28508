"""A recording is data only: whole at every byte, bounded, and a hostile one gets one sentence."""

from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from bnviz.inspect import recording, watch
from bnviz.inspect.frames import MAGIC, RecordingError, frames, packed, whole_frames
from bnviz.inspect.recording import QUANTITIES, read
from tests.inspect.models import net, trained

MUTATIONS = int(os.environ.get("BNVIZ_MUTATIONS", "300"))  # 2000 in the long form


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a short training's recording."""
    path = tmp_path_factory.mktemp("run") / "run.bnviz"
    with watch(model := net(), path, budget=1e9):
        trained(model, 60)
    return path.read_bytes()


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same of a model whose layers stand in a row, which the file says."""
    path = tmp_path_factory.mktemp("run") / "run.bnviz"
    with watch(net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()), path, budget=1e9) as watcher:
        trained(watcher._model, 10)
    return path.read_bytes()


def test_what_is_read(data: bytes) -> None:
    read_back = read(data)
    rows = len(read_back.step)
    assert read_back.finished
    assert [norm.name for norm in read_back.norms] == ["1"]
    assert {name: values.shape for name, values in read_back.quantities.items()} == dict.fromkeys(QUANTITIES, (1, rows))
    assert np.isfinite(read_back.quantities["gradient"]).any()
    layer = read_back.looks[-1].layers[0]
    assert layer.before is not None
    assert layer.mean_band is not None
    assert layer.batch_mean is not None
    assert layer.before.share.sum() == pytest.approx(1)
    assert layer.before.edges.shape == (33,)
    assert layer.calls == 1


def test_most_batches_lie_within_their_predicted_band(data: bytes) -> None:
    inside = [
        (look.layers[0].mean_band[0] <= look.layers[0].batch_mean)
        & (look.layers[0].batch_mean <= look.layers[0].mean_band[1])
        for look in read(data).looks
        if look.step > 30
    ]
    assert np.mean(inside) > 0.8


def test_it_is_whole_at_every_byte(data: bytes) -> None:
    """A prefix holds what was finished; before the model is written there is nothing to show, and a sentence says so."""
    ends = [end for _, end in whole_frames(data)]
    rows = [end for end, frame in zip(ends, frames(data), strict=True) if frame.kind in {"row", "look"}]
    for size in range(0, len(data), 97):
        if size < ends[0]:
            with pytest.raises(RecordingError):
                read(data[:size])
        else:
            assert len(read(data[:size]).step) == sum(end <= size for end in rows)


def test_hostile_files_get_one_sentence(data: bytes, chained: bytes) -> None:
    """Bytes flipped, cut out, doubled; half of them with checksums mended, so that what is behind them is reached."""
    generator = random.Random(0)
    for _ in range(MUTATIONS):
        mutant = bytearray(generator.choice((data, chained)))
        for _ in range(generator.randint(1, 4)):
            place, size = generator.randrange(len(mutant)), generator.choice((1, 1, 4, 64))
            match generator.randrange(4):
                case 0:
                    mutant[place] = generator.randrange(256)
                case 1:
                    del mutant[place : place + size]
                case 2:
                    mutant[place:place] = mutant[place : place + size]
                case _:
                    mutant[place : place + 4] = struct.pack("<I", generator.choice((0, 1, 2**31, 2**32 - 1)))
        mended = _mended(bytes(mutant)) if generator.random() < 0.5 else bytes(mutant)
        assert "\n" not in _said(mended)


def _said(data: bytes) -> str:
    """The summary of a recording, or the sentence about it; any other error is raised."""
    try:
        return read(data).report().summary()
    except RecordingError as error:
        return str(error)


def _mended(data: bytes) -> bytes:
    """The same frames with checksums that fit."""
    mended, place = bytearray(data), len(MAGIC)
    while place + 8 <= len(mended):
        (length,) = struct.unpack_from("<I", mended, place)
        if place + 8 + length > len(mended):
            break
        struct.pack_into("<I", mended, place + 4, zlib.crc32(mended[place + 8 : place + 8 + length]))
        place += 8 + length
    return bytes(mended)


@pytest.mark.parametrize(
    ("hostile", "sentence"),
    [
        (b"", "not a recording"),
        (b"SQLite format 3\x00" * 10, "not a recording"),
        (MAGIC[:6] + b"\x09\n", "has format 9; this bnviz reads format 1"),
        (MAGIC, "empty"),
        (MAGIC + struct.pack("<II", 2**31, 0), "damaged at byte 8"),
        (MAGIC + packed("row", {}, {}), "something that no bnviz writes"),
        (MAGIC + packed("model", {"layers": []}, {}), "something that no bnviz writes"),
        (MAGIC + packed("model", {"layers": [{"kind": "batch"}] * 6000}, {}), "something that no bnviz writes"),
    ],
    ids=[
        "nothing",
        "another format",
        "a later format",
        "no frame",
        "a huge frame",
        "no model",
        "no layers",
        "many layers",
    ],
)
def test_malformed_files(hostile: bytes, sentence: str) -> None:
    with pytest.raises(RecordingError, match=sentence):
        read(hostile)


def test_nested_json_and_huge_shapes() -> None:
    def frame(head: bytes) -> bytes:
        payload = struct.pack("<I", len(head)) + head
        return MAGIC + struct.pack("<II", len(payload), zlib.crc32(payload)) + payload

    for head in (
        b"[" * 100_000,
        b'{"kind": "model", "arrays": [["a", "f4", [16000000, 16000000]]]}',
        b'{"kind": "model", "arrays": [["a", "O", [1]]]}',
        b'{"kind": "model", "arrays": [["a", "f4", [true]]]}',
        b'{"kind": "model", "arrays": 3}',
        b'{"kind": "model", "n": ' + b"9" * 5000 + b"}",
    ):
        with pytest.raises(RecordingError):
            read(frame(head))


def test_of_more_looks_than_are_unpacked_evenly_many_and_the_last_are(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(data)
    monkeypatch.setattr(recording, "MAX_LAYER_LOOKS", 3)
    some = read(data)
    steps = [look.step for look in whole.looks]
    assert [look.step for look in some.looks] == [steps[0], steps[round((len(steps) - 1) / 2)], steps[-1]]
    assert {name: values.shape for name, values in some.quantities.items()} == {
        name: values.shape for name, values in whole.quantities.items()
    }
    assert some.findings == whole.findings


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"Cannot read .*: No such file"):
        read(tmp_path / "none.bnviz")
    with pytest.raises(RecordingError, match="Cannot read"):
        read(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "run.bnviz")
    with pytest.raises(RecordingError, match=r"Cannot read .*: not a file of bytes"):
        read(tmp_path / "run.bnviz")
    with pytest.raises(RecordingError, match="Cannot read"):
        read("run\0.bnviz")
