"""The file of a recording, byte by byte: a magic word, then frames that are only ever appended.

```
file   = MAGIC frame*
frame  = length (uint32) · CRC-32 of the payload (uint32) · payload
payload = length of the head (uint32) · head (JSON, UTF-8) · the arrays, one behind the other
head   = {"kind": …, "arrays": [[name, type, [shape]] …], … numbers and texts of that kind}
```
The kinds: one "model" first, then "row" and "look" (a row with what hooks saw) as the training goes, once "chains"
(`chains.py`), "state" (parameters and statistics as the watch was closed) and "end". A reader passes over kinds that it does not know.

All numbers are little-endian. A frame that is not there to its last byte was being written when the process ended: it and what
follows is left out, so a file is whole at every byte. It is data only: nothing in it is executed, unpickled or looked up.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_
from bnviz.inspect.errors import InspectionError

VERSION: Final = 1
MAGIC: Final = b"bnviz\x00" + bytes([VERSION]) + b"\n"
TYPES: Final[Mapping[str, str]] = {"f4": "<f4", "i8": "<i8", "u2": "<u2", "u1": "|u1"}
MAX_BYTES: Final = 64_000_000  # of a file
MAX_FRAME: Final = 16_000_000
MAX_HEAD: Final = 4_000_000
MAX_ARRAYS: Final = 64
MAX_FRAMES: Final = 10_000  # a watch of one layer writes 3,000 in its 2 MB

_LENGTHS: Final = struct.Struct("<II")
_HEAD: Final = struct.Struct("<I")


class RecordingError(InspectionError):
    """The file is no recording, or a damaged one."""


@dataclass(frozen=True)
class Frame:
    """One frame as it was read; every array has the shape that its head tells."""

    kind: str
    head: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def packed(kind: str, head: Mapping[str, Any], arrays: Mapping[str, tuple[str, NDArray[Any]]]) -> bytes:
    """One frame; `arrays` by name, each with its type (a key of `TYPES`)."""
    described = [[name, form, list(values.shape)] for name, (form, values) in arrays.items()]
    text = json.dumps({"kind": kind, "arrays": described, **head}, ensure_ascii=False, separators=(",", ":")).encode()
    body = b"".join(np.ascontiguousarray(values, dtype=TYPES[form]).tobytes() for form, values in arrays.values())
    payload = _HEAD.pack(len(text)) + text + body
    return _LENGTHS.pack(len(payload), zlib.crc32(payload)) + payload


def whole_frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of each whole frame's payload. Raises: RecordingError where `data` does not begin as a recording does."""
    if data[: len(MAGIC) - 2] != MAGIC[:-2] or len(data) < len(MAGIC):
        raise RecordingError(N_("This file is not a recording of bnviz."))
    if data[: len(MAGIC)] != MAGIC:
        raise RecordingError(
            N_("This recording has format {version}; this bnviz reads format {known}."), version=data[6], known=VERSION
        )
    if len(data) > MAX_BYTES:
        raise RecordingError(N_("The recording is larger than {most} MB."), most=MAX_BYTES // 1_000_000)
    place = len(MAGIC)
    for _ in range(MAX_FRAMES):
        if place + _LENGTHS.size > len(data):
            return
        length, check = _LENGTHS.unpack_from(data, place)
        begin = place + _LENGTHS.size
        if length > MAX_FRAME:
            raise _damaged(place)
        if begin + length > len(data):
            return
        if zlib.crc32(memoryview(data)[begin : begin + length]) != check:
            raise _damaged(place)
        yield begin, begin + length
        place = begin + length
    raise RecordingError(N_("The recording has more than {most} parts."), most=MAX_FRAMES)


def frames(data: bytes) -> Iterator[Frame]:
    """The frames of a recording in order, sizes and shapes checked before anything is read. Raises: RecordingError."""
    for begin, end in whole_frames(data):
        try:
            yield _frame(data[begin:end])
        except (ValueError, TypeError, KeyError, RecursionError, struct.error, OverflowError) as error:
            if isinstance(error, RecordingError):
                raise
            raise _damaged(begin) from error


def _frame(payload: bytes) -> Frame:
    (size,) = _HEAD.unpack_from(payload)
    if size > min(MAX_HEAD, len(payload) - _HEAD.size):
        raise ValueError("head too long")
    head = json.loads(payload[_HEAD.size : _HEAD.size + size].decode("utf-8"))
    if not isinstance(head, dict) or not isinstance(head.get("kind"), str):
        raise ValueError("no kind")
    described: Sequence[Any] = head.get("arrays", [])
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise ValueError("arrays")
    arrays: dict[str, NDArray[Any]] = {}
    place = _HEAD.size + size
    for name, form, shape in described:
        if not isinstance(name, str) or not isinstance(shape, list) or len(shape) > 3:
            raise ValueError("array")
        if not all(type(side) is int and 0 <= side <= MAX_FRAME for side in shape):
            raise ValueError("shape")
        kind = np.dtype(TYPES[form])
        length = math.prod(shape) * kind.itemsize
        if place + length > len(payload):
            raise ValueError("array too long")
        arrays[name] = np.frombuffer(payload, kind, math.prod(shape), place).reshape(shape)
        place += length
    if place != len(payload):
        raise ValueError("bytes left over")
    return Frame(head["kind"], head, arrays)


def _damaged(place: int) -> RecordingError:
    return RecordingError(N_("The recording is damaged at byte {place}."), place=place)
