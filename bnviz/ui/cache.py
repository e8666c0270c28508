"""One computation, and one drawing, for everybody who opens the same link.

`st.cache_data` would take its copy of a result apart and put it together again at every movement of a slider.
Here all sessions look at the same one, which nobody can write to.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.figures.chart import Chart
from bnviz.figures.scene import Scene
from bnviz.i18n import Language
from bnviz.lessons.lesson import Lesson, Picture
from bnviz.settings import LabSettings
from bnviz.ui import chart, listing, player
from bnviz.ui.chart import ReadyChart
from bnviz.ui.listing import ReadyListing
from bnviz.ui.player import ReadyScene

Ready = ReadyChart | ReadyScene | ReadyListing
Draw = Callable[[Any, Language], Picture]

RESULTS: Final = 32
DRAWINGS: Final = 64  # the same in two languages


@dataclasses.dataclass(slots=True)
class _Slot:
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    made: bool = False
    value: Any = None


class Shared:
    """The `size` values that were asked for last, by key. Each is made once, by the first who asks; the others wait for it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of `key`. Raises what `make` raises, which is then asked again by the next."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self.size:
                self._slots.popitem(last=False)
        with slot.lock:
            if not slot.made:
                slot.value = make()
                slot.made = True
            return slot.value


_results: Final = Shared(RESULTS)
_drawings: Final = Shared(DRAWINGS)


def result(lesson: Lesson[Any, Any], settings: LabSettings, data: NDArray[np.float32] | None) -> Any:
    """The lab's result for `settings`, read-only; kept for all sessions unless it stands on a visitor's own `data`."""
    if data is not None:
        return lesson.run(settings, data)
    return _results.get((lesson.name, settings.model_dump_json()), lambda: read_only(lesson.run(settings, None)))


def drawings(draws: Sequence[Draw], result: Any, group: str, language: Language, *, keep: bool) -> list[Ready]:
    """The pictures of `result`, ready to be sent; kept for all sessions where `keep` says so."""

    def make() -> tuple[Any, list[Ready]]:
        pictures = [draw(result, language) for draw in draws]
        unit = next((picture.unit for picture in pictures if isinstance(picture, Scene)), "")
        return result, [_ready(picture, group, unit, language) for picture in pictures]

    # The result is kept beside its drawings, so that no other can get its id.
    made = _drawings.get((id(result), tuple(draws), language), make) if keep else make()
    return list(made[1])


def _ready(picture: Picture, group: str, unit: str, language: Language) -> Ready:
    if isinstance(picture, Chart):
        return chart.ready(picture, group, unit, language)
    if isinstance(picture, Scene):
        return player.ready(picture, group, language)
    return listing.ReadyListing(picture, group, language)


def read_only(value: Any) -> Any:
    """`value`, a result, after making every array in it read-only."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, dict):
        for part in value.values():
            read_only(part)
    elif isinstance(value, list | tuple):
        for part in value:
            read_only(part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            read_only(getattr(value, field.name))
    return value
