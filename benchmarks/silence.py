"""How long a run says nothing: `python -m benchmarks --only silence`, for every topic whose run is started by a button.

`python -m benchmarks.silence [TOPIC …]` prints the longest silences of every measured setting, and after which lines of code they ended.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.costs import changes
from benchmarks.report import Bound, Row, number
from bnviz import work
from bnviz.errors import BnvizError
from bnviz.jobs import resources
from bnviz.jobs.worker import limit_memory
from bnviz.labs.course import TOPICS
from bnviz.settings import LabSettings, fields
from bnviz.teaching.lab import LiveTopic
from scripts.fuzz_views import value

DRAWN: Final = 600
"""Random settings per topic, of which those with the dearest steps are measured."""
MEASURED: Final = 3
LONGEST_RUN: Final = 12.0
"""Promised seconds of a run that is measured: a longer one has more steps, but no longer ones."""
FEWEST: Final = {"epochs": 1, "steps": 20}
SILENCE: Final = Bound(0.5, "s")

Topic = LiveTopic[Any, Any]


@dataclass(frozen=True, slots=True)
class Silence:
    """`seconds` of processor time without a word, and the line of code that ended it."""

    seconds: float
    ended_at: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. `silences`: the longest first. `counted`: what the pieces of work were said to take."""

    topic: str
    changes: dict[str, Any]
    promised: float
    seconds: float
    counted: float
    silences: tuple[Silence, ...]


def live() -> list[Topic]:
    """The topics whose run is started by a button."""
    return [topic for topic in TOPICS if isinstance(topic, LiveTopic)]


def of_run(topic: Topic, settings: LabSettings) -> Measured:
    """Run to the end and listen. Raises: what the run raises."""
    silences: list[Silence] = []
    counted = 0.0
    start = last = time.process_time()

    def end(frame: Any) -> None:
        nonlocal last
        now = time.process_time()
        silences.append(Silence(now - last, _line(frame)))
        last = now

    def on_work(seconds: float) -> None:
        nonlocal counted
        counted += seconds
        end(sys._getframe(1))

    with work.heard_by(on_work):
        topic.compute(settings, on_update=lambda _: end(sys._getframe(1)))
    end(sys._getframe())
    silences.sort(key=lambda one: -one.seconds)
    return Measured(
        topic.id, changes(topic, settings), topic.seconds(settings), last - start, counted, tuple(silences[:5])
    )


def _line(frame: Any) -> str:
    """Where in the project, outside of `bnviz.work`."""
    rows = []
    while frame is not None and len(rows) < 3:
        path = Path(frame.f_code.co_filename)
        if "bnviz" in path.parts and path.name != "work.py":
            rows.append(f"{path.parent.name}/{path.name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(rows)


def dearest(topic: Topic, count: int, seed: int = 0) -> list[LabSettings]:
    """Of the random settings that are let in: those whose runs promise most, with as few steps as there may be."""
    chance = random.Random(seed)
    found: list[tuple[float, LabSettings]] = []
    for _ in range(DRAWN):
        drawn = {name: value(field, chance) for name, field in fields(topic.settings).items() if chance.random() < 0.5}
        drawn |= {name: few for name, few in FEWEST.items() if name in topic.settings.names()}
        try:
            one = topic.settings(**drawn)
            seconds = topic.seconds(one)
        except BnvizError:
            continue
        if seconds <= LONGEST_RUN:
            found.append((seconds, one))
    found.sort(key=lambda pair: -pair[0])
    return [one for _, one in found[:count]]


def widest(topic: Topic) -> LabSettings | None:
    """As wide as there may be, with the largest batches and the most seeds, and few layers; None where all of that is refused."""
    known = fields(topic.settings)
    wide = {name: known[name].high for name in ("width", "batch_size", "seeds") if name in known}
    few = {name: value for name, value in FEWEST.items() if name in known}
    for depth in range(3, 0, -1):
        try:
            settings: LabSettings = topic.settings(**wide, **few, **({"depth": depth} if "depth" in known else {}))
            topic.seconds(settings)
        except BnvizError:
            continue
        return settings
    return None


def of_topic(topic: Topic, measured: int = MEASURED, seed: int = 0, *, opening: bool = True) -> list[Measured]:
    """The widest and the dearest settings, and the `opening` where that is wanted."""
    found = []
    for settings in [topic.opening if opening else None, widest(topic), *dearest(topic, measured, seed)]:
        if settings is None:
            continue
        try:
            found.append(of_run(topic, settings))
        except (BnvizError, MemoryError, RuntimeError) as error:
            print(f"{topic.id} {changes(topic, settings)}: {error!r}", file=sys.stderr, flush=True)
    return found


def measure(quick: bool) -> list[Row]:
    """The longest silence of each topic."""
    torch.set_num_threads(1)
    rows = []
    for topic in live():
        runs = of_topic(topic, 1 if quick else MEASURED)
        worst = max(runs, key=lambda run: run.silences[0].seconds)
        detail = f"processor time; at {worst.changes}, before {worst.silences[0].ended_at}"
        rows.append(Row(f"longest silence of a run of `{topic.id}`", worst.silences[0].seconds, SILENCE, "s", detail))
    return rows


def main() -> None:
    """Print what was measured of the topics named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="such as training.sweep; all where none is named")
    parser.add_argument("--count", type=int, default=MEASURED, help="of settings besides the opening")
    parser.add_argument("--no-opening", action="store_true", help="of the dear settings only")
    parser.add_argument("--seed", type=int, default=0, help="of the random settings")
    options = parser.parse_args()
    torch.set_num_threads(1)
    limit_memory(resources.run_bytes(1))
    for topic in live():
        if not options.topics or topic.id in options.topics:
            for run in of_topic(topic, options.count, options.seed, opening=not options.no_opening):
                print(
                    f"{run.topic}: {run.seconds:.1f} s, promised {run.promised:.1f}, counted {run.counted:.1f}: {run.changes}"
                )
                for silence in run.silences:
                    print(f"    {number(silence.seconds)} s before {silence.ended_at}", flush=True)


if __name__ == "__main__":
    main()
