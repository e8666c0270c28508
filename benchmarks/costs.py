"""What is let in as bounded work, measured: `python -m benchmarks --only costs`, for every topic that answers at once.

`python -m benchmarks.costs [TOPIC …]` prints each of the measured settings, dearest first: from these the formulas are mended.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import torch

from benchmarks import straight
from benchmarks.report import Bound, Row, number, ratio
from bnviz.errors import BnvizError
from bnviz.labs.course import TOPICS
from bnviz.settings import LabSettings, fields
from bnviz.study import cost
from bnviz.teaching.lab import InstantTopic
from scripts.fuzz_views import settings as random_settings
from scripts.fuzz_views import value

DRAWN: Final = 400
"""Settings per topic whose promise is looked at."""
MEASURED: Final = 12
"""Of these: the half that promises to be dearest, and as many others."""
DEAREST: Final = Bound(10.0)
"""In units of the reference: the straight training of `gradient_flow` at its defaults."""

Topic = InstantTopic[Any, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """One setting: the `share` of what one visitor may ask for that it promises (0: its topic promises nothing), and what it took."""

    topic: str
    changes: dict[str, Any]
    share: float
    seconds: float


class _Promised(Exception):  # noqa: N818 - the topic would begin to compute
    """Nothing more is wanted."""


@contextmanager
def _asked(shares: list[float], *, only: bool) -> Iterator[None]:
    """Inside, every check of a topic's cost leaves its share of the budget in `shares`; nothing is computed where `only`."""
    check = cost.check_cost

    def noted(asked: float, budget: float, reduce: tuple[str, ...]) -> None:
        check(asked, budget, reduce)
        shares.append(asked / budget)
        if only:
            raise _Promised

    users = [module for module in list(sys.modules.values()) if getattr(module, "check_cost", None) is check]
    for module in users:
        module.check_cost = noted  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in users:
            module.check_cost = check  # type: ignore[attr-defined]


def promised(topic: Topic, settings: LabSettings) -> float | BnvizError:
    """The share that `settings` promise, or with what the topic refuses them."""
    shares: list[float] = []
    with _asked(shares, only=True):
        try:
            topic.compute(settings)
        except _Promised:
            pass
        except BnvizError as error:
            return error
    return max(shares, default=0.0)


def candidates(topic: Topic, count: int, seed: int = 0) -> Iterator[LabSettings]:
    """Each setting at each bound and stop, and at random so many."""
    chance = random.Random(seed)
    for name, field in fields(topic.settings).items():
        for one in {value(field, chance) for _ in range(24)}:
            try:
                yield topic.settings(**{name: one})
            except BnvizError:
                continue
    for _ in range(count):
        drawn = random_settings(topic, chance)
        if drawn is not None:
            yield drawn


def chosen(topic: Topic, count: int, measured: int) -> list[tuple[float, LabSettings]]:
    """Of all candidates that are let in: those that promise most, and others at random."""
    known = {one.model_dump_json(): one for one in candidates(topic, count)}
    asked = [(share, one) for one in known.values() if isinstance(share := promised(topic, one), float)]
    asked.sort(key=lambda pair: -pair[0])
    half = measured // 2
    others = asked[half:]
    return asked[:half] + random.Random(1).sample(others, min(half, len(others)))


def changes(topic: Topic, settings: LabSettings) -> dict[str, Any]:
    """What `settings` has otherwise than the topic's opening."""
    opening = topic.opening.model_dump()
    return {name: value for name, value in settings.model_dump().items() if value != opening[name]}


def forget() -> None:
    """Empty what the topics keep of earlier settings, so that each is measured as if it came first."""
    for name, module in list(sys.modules.items()):
        if name.startswith("bnviz.labs."):
            for one in vars(module).values():
                clear = getattr(one, "cache_clear", None)
                if clear is not None and getattr(one, "__module__", "") == name:
                    clear()


def seconds(topic: Topic, settings: LabSettings) -> float | None:
    """Processor time of one computation; None where it is refused after all."""
    forget()
    start = time.process_time()
    try:
        topic.compute(settings)
    except BnvizError:
        return None
    return time.process_time() - start


def of_topic(topic: Topic, count: int = DRAWN, measured: int = MEASURED) -> list[Measured]:
    """What was measured of `topic`, dearest first."""
    topic.compute(topic.opening)  # what is imported and read once
    found = []
    for share, settings in chosen(topic, count, measured):
        taken = seconds(topic, settings)
        if taken is not None:
            found.append(Measured(topic.id, changes(topic, settings), share, taken))
    return sorted(found, key=lambda one: -one.seconds)


def instant() -> list[Topic]:
    """The topics that answer at once."""
    return [topic for topic in TOPICS if isinstance(topic, InstantTopic)]


def reference() -> float:
    """Processor seconds of the straight training that everything is measured in."""
    work = straight.gradient_flow_work()
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return median(times)


def measure(quick: bool) -> list[Row]:
    """The dearest settings that each topic lets in, against the reference measured before and after."""
    torch.set_num_threads(1)
    rows, before = [], reference()
    for topic in instant():
        dearest = of_topic(topic, DRAWN, MEASURED // 3 if quick else MEASURED)[0]
        after = reference()
        detail = f"{number(dearest.seconds)} s of processor time at {dearest.changes}, promised {number(dearest.share)}"
        value = ratio(dearest.seconds, (before + after) / 2)
        rows.append(
            Row(f"dearest settings of `{topic.id}`, against a straight training", value, DEAREST, detail=detail)
        )
        before = after
    return rows


def main() -> None:
    """Print what was measured of the topics named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="such as modes.gap; all where none is named")
    parser.add_argument("--count", type=int, default=MEASURED, help="of settings that are measured per topic")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"reference {reference():.4f} s", flush=True)
    for topic in instant():
        if not options.topics or topic.id in options.topics:
            for one in of_topic(topic, DRAWN, options.count):
                print(f"{one.topic} {one.seconds:.3f} s, promised {one.share:.2f}: {one.changes}", flush=True)


if __name__ == "__main__":
    main()
