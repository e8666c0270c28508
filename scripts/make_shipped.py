"""Run live topics as they open and write what the dashboard shows before anybody presses Run.

python -m scripts.make_shipped [topic ...]        for instance: placement training.race
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from bnviz.labs.course import TOPICS
from bnviz.study import shipped
from bnviz.teaching.lab import LiveTopic


def wanted(names: list[str]) -> list[LiveTopic[Any, Any]]:
    """The live topics, all or those with these `names`. Raises ValueError for a name that is none."""
    known = {topic.id: topic for topic in TOPICS if isinstance(topic, LiveTopic)}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise ValueError(f"no result is shipped for {', '.join(unknown)}; there are {', '.join(known) or 'none'}")
    return [known[name] for name in names or known]


def make(topic: LiveTopic[Any, Any], path: Path) -> None:
    """Run `topic` as it opens and write the result to `path`."""
    shipped.save(topic.compute(topic.opening), path)


def main() -> None:
    for topic in wanted(sys.argv[1:]):
        start = time.monotonic()
        make(topic, topic.shipped)
        print(f"{topic.id}: {topic.shipped.stat().st_size / 1024:.0f} KB, {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
