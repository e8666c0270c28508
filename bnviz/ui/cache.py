"""One computation, and one drawing, for everybody who opens the same link.

`st.cache_data` would take its copy of a result apart and put it together again at every movement of a slider.
Here all sessions look at the same one, which nobody can write to.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language
from bnviz.plot.chart import Chart
from bnviz.plot.scene import Scene
from bnviz.settings import LabSettings
from bnviz.teaching.lab import InstantTopic, Picture
from bnviz.ui import chart, listing, player, visit
from bnviz.ui.chart import ReadyChart
from bnviz.ui.compute_queue import ComputeQueue, Elsewhere, WhileWaiting, acquire, nobody_asks
from bnviz.ui.listing import ReadyListing
from bnviz.ui.player import ReadyScene

Ready = ReadyChart | ReadyScene | ReadyListing
Draw = Callable[[Any, Language], Picture]

RESULT_BYTES: Final = 64 * 2**20
RESULT_REST: Final = 2**14  # bytes of a result that are not in arrays
DRAWING_BYTES: Final = 128 * 2**20
DRAWING_LEAST: Final = 2**21  # so that there are at most 64
ONCE_SHARE: Final = 0.5  # that is left to what was asked for once where the rest is taken by what was asked for again
LATELY_S: Final = 60.0


@dataclasses.dataclass(slots=True)
class _Slot:
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    made: bool = False
    weight: int = 0
    value: Any = None
    asked: float = 0.0
    """When last, by the clock, in seconds."""


class Shared:
    """The values that were asked for last, by key, `size` in all. Each is made once, by the first who asks; the others wait for it.

    What was asked for again of late is kept longer: who asks for one new thing after another would else push out what everybody
    looks at. Source: segmented LRU, Karedla, Love & Wherry, "Caching Strategies to Improve Disk System Performance", 1994.

    `weigh`: how much of `size` a value takes; None stands for one that is not made yet.
    """

    def __init__(
        self, size: int, weigh: Callable[[Any], int] = lambda _: 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.size, self.weigh, self.clock = size, weigh, clock
        self._lock = threading.Lock()
        self._once: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._again: OrderedDict[Hashable, _Slot] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any], while_waiting: WhileWaiting = nobody_asks) -> Any:
        """The value of `key`. Raises what `make` raises, which is then asked again by the next; and what `while_waiting` does."""
        with self._lock:
            slot = self._slot(key)
            self._make_room(slot)
        acquire(slot.lock, while_waiting)
        try:
            if not slot.made:
                slot.value = make()
                slot.made = True
                with self._lock:
                    slot.weight = self.weigh(slot.value)
                    self._make_room(slot)
            return slot.value
        finally:
            slot.lock.release()

    @property
    def taken(self) -> int:
        """How much of `size` is taken."""
        with self._lock:
            return sum(slot.weight for kept in (self._once, self._again) for slot in kept.values())

    def _slot(self, key: Hashable) -> _Slot:
        slot = self._again.pop(key, None) or self._once.pop(key, None) or _Slot(weight=self.weigh(None))
        (self._again if slot.made else self._once)[key] = slot
        slot.asked = self.clock()
        return slot

    def _make_room(self, wanted: _Slot) -> None:
        """Let go of the oldest, but not of `wanted`."""
        weights = {id(kept): sum(slot.weight for slot in kept.values()) for kept in (self._once, self._again)}
        while sum(weights.values()) > self.size and len(self._once) + len(self._again) > 1:
            once, again = (next(iter(kept.values()), wanted) for kept in (self._once, self._again))
            stale = wanted.asked - again.asked >= LATELY_S
            full = weights[id(self._once)] > ONCE_SHARE * self.size
            from_again = once is wanted or (again is not wanted and (stale or not full))
            kept = self._again if from_again else self._once
            weights[id(kept)] -= kept.popitem(last=False)[1].weight


_queue: Final = ComputeQueue()


def compute_elsewhere(elsewhere: Elsewhere | None) -> None:
    """Have heavy results computed there; None for here."""
    _queue.elsewhere = elsewhere


def freely() -> None:
    """What is asked before something is computed or drawn, by whom it may be."""


def result(
    topic: InstantTopic[Any, Any],
    settings: LabSettings,
    data: NDArray[np.float32] | None,
    visitor: str = "",
    while_waiting: WhileWaiting = visit.still_wanted,
    before: Callable[[], object] = freely,
) -> Any:
    """The topic's result for `settings`, read-only; kept for all sessions unless it stands on a visitor's own `data`.

    `visitor`: who asks; by default this session. `before`: called where it has to be computed. Raises what that raises, and what
    `while_waiting` does meanwhile.
    """

    def make() -> Any:
        before()
        return _queue.run(topic.id, topic.computation(settings, data), visitor or visit.owner(), while_waiting)

    if data is not None:
        return make()
    key = topic.id, settings.model_dump_json()
    return _results.get(key, lambda: read_only(make()), while_waiting)


def is_heavy(topic: InstantTopic[Any, Any], visitor: str) -> bool:
    """Whether the next result of `topic` for `visitor` is expected to keep others waiting."""
    return _queue.is_heavy(topic.id, visitor)


def drawings(
    draws: Sequence[Draw],
    result: Any,
    group: str,
    language: Language,
    *,
    keep: bool,
    before: Callable[[], object] = freely,
) -> list[Ready]:
    """The pictures of `result`, ready to be sent; kept for all sessions where `keep` says so.

    `before`: called where they have to be drawn. Raises what that raises.
    """

    def make() -> tuple[Any, list[Ready]]:
        before()
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
    """Every array in `value`, a result. What several parts have in common is looked into once."""
    rest, known = [value], set[int]()
    while rest:
        one = rest.pop()
        if isinstance(one, np.ndarray):
            yield one
        elif isinstance(one, dict):
            rest.extend(one.values())
        elif isinstance(one, (list, tuple)):
            rest.extend(one)
        elif (names := _field_names(cast("Hashable", type(one)))) and id(one) not in known:
            known.add(id(one))
            rest.extend([getattr(one, name) for name in names])


@functools.cache
def _field_names(kind: Any) -> tuple[str, ...]:
    """Of a dataclass; nothing of anything else. `dataclasses.fields` makes its list anew each time."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


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
