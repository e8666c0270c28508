"""Where recordings come from: the one that ships, the visitor's upload, and the file that `bnviz view` was started with."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bnviz.i18n import N_
from bnviz.inspect import example
from bnviz.inspect.frames import RecordingError
from bnviz.inspect.recording import Recording, read, siblings_of
from bnviz.ui import cache

Source = Literal["followed", "example", "upload"]

MAX_MEGABYTES: Final = 4  # of an upload; larger ones are opened by `bnviz view`
KEPT_BYTES: Final = 96 * 2**20
REST: Final = 2**16  # bytes of a recording that are not in arrays
LAYER_BYTES: Final = 2**9  # the same of a layer at one look
TOO_LARGE: Final = N_("A recording that is sent here may have {most} MB. A larger one opens with `bnviz view FILE`.")


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording, and what tells it from a later state of the same file."""

    name: str
    version: Hashable
    recording: Recording


class Followed:
    """The file that the server was told to show."""

    def __init__(self) -> None:
        self.path: Path | None = None


FOLLOWED: Final = Followed()


def follow(path: Path | None) -> None:
    """Show the file at `path`, and what is appended to it, to everybody who opens "Your model"."""
    FOLLOWED.path = path


def sources() -> tuple[Source, ...]:
    """What there is to open, the first by default."""
    return ("example", "upload") if FOLLOWED.path is None else ("followed", "example", "upload")


def shipped() -> Opened:
    """The recording that ships."""
    return _read(example.PATH)


def followed() -> Opened:
    """The file that the server was told to show, as it is now. Raises: RecordingError."""
    if FOLLOWED.path is None:  # a link from a server that had one
        return shipped()
    return _read(FOLLOWED.path)


def uploaded(name: str, data: bytes) -> Opened:
    """The visitor's own; what many send is read once. Raises: RecordingError."""
    if len(data) > MAX_MEGABYTES * 2**20:
        raise RecordingError(TOO_LARGE, most=MAX_MEGABYTES)
    version = hashlib.blake2b(data, digest_size=16).digest()
    return Opened(name, version, _kept.get(version, lambda: read(data)))


def _read(path: Path) -> Opened:
    siblings = siblings_of(path)
    version = tuple((str(part), *_state(part)) for part in (path, *siblings))
    return Opened(path.name, version, _kept.get(version, lambda: read(path, siblings)))


def _state(path: Path) -> tuple[int, int, int]:
    """What changes when the file does: the watcher appends, or puts another file in its place."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns


def _weight(recording: Recording | None) -> int:
    if recording is None:
        return REST
    layers = len(recording.norms) * (1 + len(recording.looks))
    return REST + LAYER_BYTES * layers + sum(array.nbytes for array in cache.arrays(recording))


_kept: Final = cache.Shared(KEPT_BYTES, _weight)
