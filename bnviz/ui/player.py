"""Live histograms on a canvas: a run's frames travel once, the browser plays them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, translator
from bnviz.plot.scene import Axis, Cube, Map, Scene
from bnviz.ui import assets
from bnviz.ui.chart import PALETTE


@dataclasses.dataclass(frozen=True, slots=True)
class ReadyScene:
    """A scene as it is sent, but for where its playhead starts. `header`: the start of a JSON object; `block`: the arrays."""

    key: str
    frames: int
    header: bytes
    block: bytes

    def show(self, step: int) -> int | None:
        """Put it on the page, its playhead at first on frame `step`; return the frame where the visitor stopped it, if any."""
        state = assets.component("player")(
            key=self.key, data=self.content(step), default={"step": None}, on_step_change=lambda: None
        )
        stopped = state.step
        return int(stopped) if isinstance(stopped, int) and 0 <= stopped < self.frames else None

    def content(self, step: int) -> bytes:
        """Header length (uint32, little endian), JSON header padded to 8 bytes, then every array one after another."""
        header = self.header + b',"start":%d}' % step
        header += b" " * (-(len(header) + 4) % 8)
        return len(header).to_bytes(4, "little") + header + self.block


def ready(scene: Scene, group: str, language: Language) -> ReadyScene:
    """`scene`, ready to be shown; `group` names its playhead."""
    _ = translator(language)
    block = bytearray()
    header: dict[str, Any] = {
        "version": 1,
        "group": group,
        "frames": scene.frames,
        "first": scene.first,
        "fps": scene.fps,
        "autoplay": scene.ambient,
        "loop": scene.ambient,
        "compact": scene.ambient,
        "unit": scene.unit,
        "captions": list(scene.captions),
        "alt": scene.alt,
        "height": scene.height,
        "rows": [
            {"weight": row.weight, "panels": [_plain(panel, block) for panel in row.panels]} for row in scene.rows
        ],
        "words": {
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
        },
        "lang": language,
        "palette": PALETTE,
        "filename": f"bnviz-{scene.name}",
    }
    if any(isinstance(panel, Cube) for row in scene.rows for panel in row.panels):
        header["words"] |= {"turn": _("Turn by itself (drag, or press ↑ and ↓, to turn it yourself)")}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    # Where the playhead starts is no part of the picture, so the digest does not know it.
    digest = hashlib.blake2b(text + block, digest_size=8).hexdigest().encode()
    return ReadyScene(f"{group}.{scene.name}", scene.frames, text[:-1] + b',"digest":"%s"' % digest, bytes(block))


def _plain(value: Any, block: bytearray) -> Any:
    """Dataclasses as dictionaries under the names that player.js reads; arrays as references into `block`."""
    if isinstance(value, np.ndarray):
        return _reference(value, block)
    if isinstance(value, Axis):
        return {"label": value.label, "range": [value.low, value.high], **({"power": True} if value.power else {})}
    if isinstance(value, tuple):
        return [_plain(part, block) for part in value]
    if not dataclasses.is_dataclass(value):
        return value
    if isinstance(value, Map):
        picture = {name: getattr(value, name) for name in ("title", "kind", "subtitle", "bar")}
        return {
            "id": value.name,
            **picture,
            "range": [value.low, value.high],
            "values": _reference(value.levels(), block),
            "readouts": _plain(value.readouts, block),
        }
    content = {field.name: _plain(getattr(value, field.name), block) for field in dataclasses.fields(value)}
    if "name" in content:
        content["id"] = content.pop("name")
    if {"low", "high"} <= content.keys():
        low, high = content.pop("low"), content.pop("high")
        content |= {"range": [low, high]} if "y" in content else {"from": low, "to": high}
    return content


def _reference(array: NDArray[Any], block: bytearray) -> dict[str, Any]:
    """Append `array` to `block` in the smallest type that holds it: grey levels uint8, counts uint16 or uint32, the rest float32."""
    kind = "f4"
    if array.dtype.kind in "iu" and array.size and array.min() >= 0:
        kind = "u1" if array.dtype == np.uint8 else "u2" if array.max() < 2**16 else "u4"
    block += b"\0" * (-len(block) % 8)
    offset = len(block)
    block += np.ascontiguousarray(array, dtype=f"<{kind}").tobytes()
    return {"dtype": kind, "shape": list(array.shape), "offset": offset}
