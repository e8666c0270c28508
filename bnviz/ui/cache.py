"""One computation, and one drawing, for everybody who opens the same link.

`st.cache_data` would take its copy of a result apart and put it together again at every movement of a slider.
Here all sessions look at the same one, which nobody can write to.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language
from bnviz.plot.chart import Chart
from bnviz.plot.scene import Scene
from bnviz.settings import LabSettings
from bnviz.teaching.lab import InstantTopic, Picture
from bnviz.ui import chart, listing, player, visit
from bnviz.ui.chart import ReadyChart
from bnviz.ui.compute_queue import ComputeQueue, WhileWaiting, acquire, nobody_asks
from bnviz.ui.listing import ReadyListing
from bnviz.ui.player import ReadyScene

Ready = ReadyChart | ReadyScene | ReadyListing
Draw = Callable[[Any, Language], Picture]

RESULT_BYTES: Final = 64 * 2**20
RESULT_REST: Final = 2**14  # bytes of a result that are not in arrays
DRAWING_BYTES: Final = 128 * 2**20
DRAWING_LEAST: Final = 2**21  # so that there are at most 64


@dataclasses.dataclass(slots=True)
class _Slot:
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    made: bool = False
    weight: int = 0
    value: Any = None


class Shared:
    """The values that were asked for last, by key, `size` in all. Each is made once, by the first who asks; the others wait for it.

    `weigh`: how much of `size` a value takes; None stands for one that is not made yet.
    """

    def __init__(self, size: int, weigh: Callable[[Any], int] = lambda _: 1) -> None:
        self.size, self.weigh = size, weigh
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any], while_waiting: WhileWaiting = nobody_asks) -> Any:
        """The value of `key`. Raises what `make` raises, which is then asked again by the next; and what `while_waiting` does."""
        with self._lock:
            slot = self._slots.setdefault(key, _Slot(weight=self.weigh(None)))
            self._slots.move_to_end(key)
            self._make_room()
        acquire(slot.lock, while_waiting)
        try:
            if not slot.made:
                slot.value = make()
                slot.made = True
                with self._lock:
                    slot.weight = self.weigh(slot.value)
                    self._make_room()
            return slot.value
        finally:
            slot.lock.release()

    def _make_room(self) -> None:
        taken = sum(slot.weight for slot in self._slots.values())
        while taken > self.size and len(self._slots) > 1:
            taken -= self._slots.popitem(last=False)[1].weight


_queue: Final = ComputeQueue()


def result(
    topic: InstantTopic[Any, Any],
    settings: LabSettings,
    data: NDArray[np.float32] | None,
    visitor: str = "",
    while_waiting: WhileWaiting = visit.still_wanted,
) -> Any:
    """The topic's result for `settings`, read-only; kept for all sessions unless it stands on a visitor's own `data`.

    `visitor`: who asks; by default this session. Raises what `while_waiting` raises meanwhile.
    """

    def make() -> Any:
        return _queue.run(topic.id, lambda: topic.compute(settings, data), visitor or visit.owner(), while_waiting)

    if data is not None:
        return make()
    key = topic.id, settings.model_dump_json()
    return _results.get(key, lambda: read_only(make()), while_waiting)


def is_heavy(topic: InstantTopic[Any, Any], visitor: str) -> bool:
    """Whether the next result of `topic` for `visitor` is expected to keep others waiting."""
    return _queue.is_heavy(topic.id, visitor)


def drawings(draws: Sequence[Draw], result: Any, group: str, language: Language, *, keep: bool) -> list[Ready]:
    """The pictures of `result`, ready to be sent; kept for all sessions where `keep` says so."""

    def make() -> tuple[Any, list[Ready]]:
        pictures = [draw(result, language) for draw in draws]
        unit = next((picture.unit for picture in pictures if isinstance(picture, Scene)), "")
        return result, [ready(picture, group, unit, language) for picture in pictures]

    # The result is kept beside its drawings, so that no other can get its id.
    made = _drawings.get((id(result), tuple(draws), language), make) if keep else make()
    return list(made[1])


def drawn(key: Hashable, make: Callable[[], Any]) -> Any:
    """What `make` draws, kept for all sessions under `key`."""
    return _drawings.get(key, make)


def ready(picture: Picture, group: str, unit: str, language: Language) -> Ready:
    """`picture` as it is sent; `group` names its playhead, `unit` one frame of it."""
    if isinstance(picture, Chart):
        return chart.ready(picture, group, unit, language)
    if isinstance(picture, Scene):
        return player.ready(picture, group, language)
    return listing.ReadyListing(picture, group, language)


def arrays(value: Any) -> Iterator[NDArray[Any]]:
    """Every array in `value`, a result."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from arrays(tuple(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from arrays(part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name))


def read_only(result: Any) -> Any:
    """`result`, after making every array in it read-only."""
    for array in arrays(result):
        array.setflags(write=False)
    return result


_results: Final = Shared(RESULT_BYTES, lambda result: RESULT_REST + sum(array.nbytes for array in arrays(result)))


def _weigh_drawn(drawn: Any) -> int:
    """Bytes of what was drawn and of the results that are kept beside it."""
    parts = drawn if isinstance(drawn, tuple) else (drawn,)
    flat = [one for part in parts for one in (part if isinstance(part, list | tuple) else (part,))]
    scenes = sum(len(one.scene.block) for one in flat if isinstance(one, ReadyScene))
    results = sum(array.nbytes for array in arrays([one for one in flat if not isinstance(one, Ready)]))
    return max(DRAWING_LEAST, scenes + results)


_drawings: Final = Shared(DRAWING_BYTES, _weigh_drawn)
