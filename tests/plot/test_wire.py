"""The wire format of a scene: every part travels under its declared name, every array in the smallest type that holds it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bnviz.plot import wire
from bnviz.plot.scene import Axis, Band, Cube, Curve, Layer, Map, Marker, Panel, Readout, Row, Scene, Zone

LINE, FRAMES = np.linspace(0, 1, 5), np.arange(3) / 2


def scene() -> Scene:
    panel = Panel(
        "panel", "Panel", "histogram", Axis("x", -1, 1), Axis("y", 0, 2, power=True), LINE,
        (Layer("before", np.ones((3, 4), dtype=np.int64), "line", "layer", edges=LINE * 2, faint=True),), "sub",
        (Marker("after", FRAMES, "marker"),), (Zone(0.1, 0.2, "zone"),), (Curve("theory", LINE, LINE**2, "curve", 0, 4, "dash"),),
        (Band("running", FRAMES, "band"),), (Readout("readout", FRAMES, "ms"),),
    )  # fmt: skip
    cube = Cube("cube", "Cube", (1, 2, 1, 2), np.arange(4).reshape(1, 2, 1, 2) + 70_000, "before", chosen=True)
    grey = Map("map", "Map", np.linspace(-2, 2, 12).reshape(3, 2, 2), -1, 1, bar=True)
    return Scene("run", 3, "batch", (Row((panel,)), Row((cube, grey), 2)), ["caption"], "alt", first=0)


def decoded(content: bytes) -> dict[str, Any]:
    """The header, with its arrays in place of the references to them."""
    length = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + length])
    block = content[4 + length :]

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(part) for part in node]
        if not isinstance(node, dict):
            return node
        if node.keys() == {"dtype", "shape", "offset"}:
            assert node["offset"] % 8 == 0
            count = int(np.prod(node["shape"]))
            return np.frombuffer(block, f"<{node['dtype']}", count, node["offset"]).reshape(node["shape"])
        return {name: resolved(part) for name, part in node.items()}

    assert (4 + length) % 8 == 0
    found: dict[str, Any] = resolved(header)
    return found


def test_every_part_arrives_under_its_name() -> None:
    header = decoded(wire.encode(scene(), "group", "en").content(2))
    assert {name: header[name] for name in ("version", "group", "frames", "first", "unit", "start", "captions", "alt")} == {
        "version": 1, "group": "group", "frames": 3, "first": 0, "unit": "batch", "start": 2, "captions": ["caption"], "alt": "alt",
    }  # fmt: skip
    assert [row["weight"] for row in header["rows"]] == [1, 2]
    (panel,), (cube, grey) = (row["panels"] for row in header["rows"])
    assert [part["id"] for part in (panel, cube, grey)] == ["panel", "cube", "map"]
    assert [part["kind"] for part in (panel, cube, grey)] == ["histogram", "cube", "map"]
    assert (panel["x"], panel["y"]) == (
        {"label": "x", "range": [-1, 1], "power": False},
        {"label": "y", "range": [0, 2], "power": True},
    )
    assert panel["zones"] == [{"from": 0.1, "to": 0.2, "label": "zone"}]
    for part, names in (
        (panel["layers"][0], {"role", "values", "style", "label", "edges", "faint"}),
        (panel["markers"][0], {"role", "values", "label"}),
        (panel["curves"][0], {"role", "x", "y", "label", "range", "style"}),
        (panel["bands"][0], {"role", "values", "label", "style"}),
        (panel["readouts"][0], {"label", "values", "unit"}),
    ):
        assert part.keys() == names
    np.testing.assert_array_equal(panel["edges"], LINE.astype(np.float32))
    np.testing.assert_array_equal(panel["layers"][0]["values"], np.ones((3, 4)))
    np.testing.assert_array_equal(panel["layers"][0]["edges"], (LINE * 2).astype(np.float32))
    np.testing.assert_array_equal(panel["curves"][0]["y"], (LINE**2).astype(np.float32))
    np.testing.assert_array_equal(panel["bands"][0]["values"], FRAMES)
    np.testing.assert_array_equal(cube["membership"].ravel(), np.arange(4) + 70_000)
    np.testing.assert_array_equal(grey["values"], scene().rows[1].panels[1].levels())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "kind"),
    [(np.arange(3, dtype=np.uint8), "u1"), (np.arange(3), "u2"), (np.array([2**16]), "u4"), (np.array([-1]), "f4"), (LINE, "f4")],
)  # fmt: skip
def test_arrays_travel_in_the_smallest_type_that_holds_them(values: np.ndarray, kind: str) -> None:
    block = bytearray(b"abc")
    reference = wire.stored(values, block)
    assert reference == {"dtype": kind, "shape": [len(values)], "offset": 8}
    np.testing.assert_array_equal(np.frombuffer(block, f"<{kind}", len(values), 8), values.astype(f"<{kind}"))


def test_the_digest_is_the_pictures_and_not_the_playheads() -> None:
    one, other = (decoded(wire.encode(scene(), "group", "en").content(step)) for step in (0, 1))
    assert one["digest"] == other["digest"]
    assert decoded(wire.encode(scene(), "group", "zh").content(0))["digest"] != one["digest"]


def test_a_charts_numbers_are_what_json_can_hold() -> None:
    sent = wire.plain({"x": np.linspace(0, 1, 20), "y": np.array([1.0, np.nan]), "z": (np.float32(2), float("inf"))})
    assert sent["x"].keys() == {"dtype", "bdata"}
    assert (sent["y"], sent["z"]) == ([1.0, None], [2.0, None])
    json.dumps(sent, allow_nan=False)
