"""How pictures travel to a browser: a scene as one block of bytes, a chart as plain JSON values.

A scene is the length of its header (uint32, little endian), the header (JSON, padded to 8 bytes), then every array one after
another; the header says where each is. `ui/assets/decode.js` reads it. What a header holds is declared here, part by part.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, translator
from bnviz.plot.scene import Axis, Band, Cube, Curve, Layer, Map, Marker, Panel, Readout, Scene, Zone
from bnviz.plot.theme import PALETTES

VERSION: Final = 1
ALIGNMENT: Final = 8  # bytes: where an array may begin
WORTH_PACKING: Final = 16  # numbers of a chart: fewer travel as text

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EncodedScene:
    """A scene as it is sent, but for where its playhead starts."""

    frames: int
    """Of the run."""
    header: bytes
    """The start of a JSON object."""
    block: bytes
    """The arrays."""

    def content(self, step: int) -> bytes:
        """What is sent: the playhead at first on frame `step`."""
        return framed(self.header + b',"start":%d}' % step, self.block)


def framed(header: bytes, block: bytes) -> bytes:
    """A message of a `header` (JSON) and the `block` that it refers to."""
    header += b" " * (-(len(header) + 4) % ALIGNMENT)
    return len(header).to_bytes(4, "little") + header + block


def encode(scene: Scene, group: str, language: Language) -> EncodedScene:
    """`scene` as it is sent; `group` names its playhead, `language` is that of the player's buttons."""
    block = bytearray()
    header: Json = {
        "version": VERSION,
        "group": group,
        "frames": scene.frames,
        "first": scene.first,
        "fps": scene.fps,
        "autoplay": scene.ambient,
        "loop": scene.ambient,
        "compact": scene.ambient,
        "growing": scene.growing,
        "unit": scene.unit,
        "captions": list(scene.captions),
        "alt": scene.alt,
        "height": scene.height,
        "rows": [
            {"weight": row.weight, "panels": [_panel(panel, block) for panel in row.panels]} for row in scene.rows
        ],
        "words": _words(scene, language),
        "lang": language,
        "palette": PALETTES,
        "filename": f"bnviz-{scene.name}",
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    # Where the playhead starts is no part of the picture, so the digest does not know it.
    digest = hashlib.blake2b(text + block, digest_size=8).hexdigest().encode()
    return EncodedScene(scene.frames, text[:-1] + b',"digest":"%s"' % digest, bytes(block))


def _words(scene: Scene, language: Language) -> dict[str, str]:
    _ = translator(language)
    words = {
        "play": _("Play"),
        "pause": _("Pause"),
        "back": _("One step back"),
        "forward": _("One step forward"),
        "speed": _("Speed"),
        "scrub": _("Position in the run"),
        "download": _("Download"),
        "png": _("Picture (PNG)"),
        "svg": _("Drawing (SVG)"),
        "position": _("{unit} {step} of {frames}"),
    }
    if any(isinstance(panel, Cube) for row in scene.rows for panel in row.panels):
        words["turn"] = _("Turn by itself (drag, or press ↑ and ↓, to turn it yourself)")
    return words


def _panel(panel: Panel | Cube | Map, block: bytearray) -> Json:
    content: Json = {"id": panel.name, "title": panel.title, "kind": panel.kind, "subtitle": panel.subtitle}
    match panel:
        case Panel():
            content |= {
                "x": _axis(panel.x),
                "y": _axis(panel.y),
                "edges": stored(panel.edges, block),
                "layers": [_layer(layer, block) for layer in panel.layers],
                "markers": [_marker(marker, block) for marker in panel.markers],
                "zones": [_zone(zone) for zone in panel.zones],
                "curves": [_curve(curve, block) for curve in panel.curves],
                "bands": [_band(band, block) for band in panel.bands],
            }
        case Cube():
            content |= {
                "shape": list(panel.shape),
                "membership": stored(panel.membership, block),
                "role": panel.role,
                "chosen": panel.chosen,
            }
        case Map():
            content |= {
                "range": [panel.low, panel.high],
                "values": stored(panel.levels(), block),
                "bar": panel.bar,
            }
    return content | {"readouts": [_readout(readout, block) for readout in panel.readouts]}


def _axis(axis: Axis) -> Json:
    return {"label": axis.label, "range": [axis.low, axis.high], "power": axis.power}


def _layer(layer: Layer, block: bytearray) -> Json:
    return {
        "role": layer.role,
        "values": stored(layer.values, block),
        "style": layer.style,
        "label": layer.label,
        "edges": None if layer.edges is None else stored(layer.edges, block),
        "faint": layer.faint,
    }


def _marker(marker: Marker, block: bytearray) -> Json:
    return {"role": marker.role, "values": stored(marker.values, block), "label": marker.label}


def _zone(zone: Zone) -> Json:
    return {"from": zone.low, "to": zone.high, "label": zone.label}


def _curve(curve: Curve, block: bytearray) -> Json:
    return {
        "role": curve.role,
        "x": stored(curve.x, block),
        "y": stored(curve.y, block),
        "label": curve.label,
        "range": [curve.low, curve.high],
        "style": curve.style,
    }


def _band(band: Band, block: bytearray) -> Json:
    return {"role": band.role, "values": stored(band.values, block), "label": band.label, "style": band.style}


def _readout(readout: Readout, block: bytearray) -> Json:
    return {"label": readout.label, "values": stored(readout.values, block), "unit": readout.unit}


def stored(array: NDArray[Any], block: bytearray) -> Json:
    """Append `array` to `block` in the smallest type that holds it: grey levels uint8, counts uint16 or uint32, the rest float32."""
    kind = "f4"
    if array.dtype.kind in "iu" and array.size and array.min() >= 0:
        kind = "u1" if array.dtype == np.uint8 else "u2" if array.max() < 2**16 else "u4"
    block += b"\0" * (-len(block) % ALIGNMENT)
    offset = len(block)
    block += np.ascontiguousarray(array, dtype=f"<{kind}").tobytes()
    return {"dtype": kind, "shape": list(array.shape), "offset": offset}


def plain(value: Any) -> Any:
    """Plain JSON values. Arrays of numbers travel in Plotly's typed-array form; NaN and infinity become gaps elsewhere."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and value.dtype.kind == "f" and value.size > WORTH_PACKING:
            return {"dtype": "f4", "bdata": base64.b64encode(value.astype("<f4").tobytes()).decode()}
        return [plain(part) for part in value.tolist()]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
