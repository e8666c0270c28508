"""Count for how many fresh seeds what the lessons say holds: `python -m scripts.claims [--seeds N] [--live] [TOPIC …]`.

A claim is `Topic.holds` of a topic's opening or `Preset.holds` of a preset. It must hold for 19 of 20 seeds. Topics that train
for long are run with `--live` only: that takes hours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bnviz.labs.course import TOPICS
from bnviz.settings import LabSettings
from bnviz.teaching.lab import AnyTopic, LiveTopic

SHARE: Final = 0.95
FIRST, BETWEEN = 10_000, 100  # fresh: no lesson was written with these seeds; runs over several seeds do not overlap


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence that must hold at `settings`, whatever the seed."""

    topic: AnyTopic
    """Where it is said."""
    name: str
    """Of the preset; "opening" for what is said of the opening."""
    settings: LabSettings
    """All but the seed."""
    holds: Callable[[Any], bool]
    """Whether a result shows it."""


def claims(topic: AnyTopic) -> Iterator[Claim]:
    """Every claim of `topic` that can be tested."""
    if topic.holds is not None:
        yield Claim(topic, "opening", topic.opening, topic.holds)
    for preset in topic.presets:
        if preset.holds is not None:
            yield Claim(topic, preset.name, topic.preset(preset.name), preset.holds)


def count(claim: Claim, seeds: int) -> int:
    """For how many of `seeds` fresh seeds it holds."""
    results = (
        claim.topic.compute(claim.settings.replace(seed=FIRST + BETWEEN * number), *_no_data(claim.topic))
        for number in range(seeds)
    )
    return sum(claim.holds(result) for result in results)


def enough(held: int, seeds: int) -> bool:
    """Whether `held` of `seeds` are 95 % at least."""
    return held >= SHARE * seeds


def main(arguments: list[str] | None = None) -> int:
    """Print a line per claim; the exit status says whether all hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="such as modes.gap; all where none is named")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--live", action="store_true", help="also those that train for long")
    options = parser.parse_args(arguments)
    failed = 0
    for topic in TOPICS:
        if (options.topics and topic.id not in options.topics) or (isinstance(topic, LiveTopic) and not options.live):
            continue
        for claim in claims(topic):
            held = count(claim, options.seeds)
            fine = enough(held, options.seeds)
            failed += not fine
            print(f"{topic.id:28} {claim.name:28} {held:3} of {options.seeds} {'' if fine else 'FAILS'}", flush=True)
    return int(failed > 0)


def _no_data(topic: AnyTopic) -> tuple[None, ...]:
    return () if topic.upload is None else (None,)


if __name__ == "__main__":
    sys.exit(main())
