"""The writing end of a recording: appends whole frames, and thins out older ones where the file grows too large."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bnviz.errors import shortened
from bnviz.i18n import N_
from bnviz.inspect.errors import InspectionError
from bnviz.inspect.frames import MAGIC, frames, packed, whole_frames

MAX_NAMES: Final = 1000  # that are tried beside one that exists
KEPT: Final = 0.6  # of the limit that thinning leaves
NEWEST: Final = 0.25  # share of the frames, at the end, that thinning leaves alone

__all__ = ["Writer", "free_path", "packed"]


def free_path(path: Path) -> Path:
    """`path`, or where it exists the first of `name-2`, `name-3` … that does not."""
    if not os.path.lexists(path):
        return path
    for number in range(2, MAX_NAMES):
        other = path.with_name(f"{path.stem}-{number}{path.suffix}")
        if not os.path.lexists(other):
            return other
    raise InspectionError(N_("{path} exists, and so do the names beside it."), path=shortened(path, 200))


class Writer:
    """A new file, open for appending. A frame is written by one call of the system, and the file is whole after each."""

    def __init__(self, path: Path, limit: int) -> None:
        """Raises: InspectionError where the file cannot be made."""
        self.path = path
        self.limit = limit
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            os.write(self._file, MAGIC)
        except OSError as error:
            raise InspectionError(
                N_("Cannot write {path}: {error}."),
                path=shortened(path, 200),
                error=error.strerror or type(error).__name__,
            ) from error
        self.size = len(MAGIC)

    def append(self, frame: bytes) -> None:
        """Write one frame, thinning first where the file would pass the limit."""
        if self.size + len(frame) > self.limit:
            self._thin()
        view = memoryview(frame)
        while view:
            view = view[os.write(self._file, view) :]
        self.size += len(frame)

    def close(self) -> None:
        """Nothing is written afterwards."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _thin(self) -> None:
        """Write the file anew without every second of its older rows, or looks where those take more room, as often as it takes."""
        data = self.path.read_bytes()
        spans = [(begin - 8, end) for begin, end in whole_frames(data)]
        kinds = [frame.kind for frame in frames(data)]
        keep = [True] * len(spans)
        while sum(end - begin for (begin, end), kept in zip(spans, keep, strict=True) if kept) > KEPT * self.limit:
            left = [place for place, stays in enumerate(keep) if stays and kinds[place] in {"row", "look"}]
            older = left[: max(int(len(left) * (1 - NEWEST)), 1)]
            groups = [[place for place in older if kinds[place] == kind] for kind in ("row", "look")]
            largest = max(groups, key=lambda group: sum(spans[place][1] - spans[place][0] for place in group))
            if len(largest) < 2:
                break
            for place in largest[1::2]:
                keep[place] = False
        parts = [MAGIC, *(data[begin:end] for (begin, end), kept in zip(spans, keep, strict=True) if kept)]
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            beside.write_bytes(b"".join(parts))
            beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)
        os.close(self._file)
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        self.size = sum(map(len, parts))
