"""Keep the key numbers of every topic, so that a change of the code or of PyTorch that moves one is seen at once.

Each topic's headline, the numbers that its script prints, at its opening and its presets; of what takes long, at reduced settings.
Processors round differently, so everything is computed twice: with all that this processor can, and with the plain instructions
that every processor has. How far the two lie apart says how far training amplifies rounding there, and what is to be allowed.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bnviz.labs.course import TOPICS
from bnviz.settings import LabSettings
from bnviz.teaching.lab import AnyTopic, LiveTopic

KEPT: Final = Path(__file__).parents[1] / "tests" / "golden"
"""A file for each topic."""
PLAIN: Final = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "COMPATIBLE",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OMP_NUM_THREADS": "1",
}
"""Environment: every library that computes for us on the instructions that all processors share."""
REDUCED: Final[Mapping[str, Any]] = {
    "epochs": 1,
    "seeds": 3,
    "width": 16,
    "depth": 2,
    "train_size": 322,
    "draws": 50,
    "samples": 100,
    "steps": 40,
}
"""What a topic that takes long is computed with here, where it has such a setting."""
LEAST: Final = 1e-6
"""Relative difference that is always allowed."""
AMPLIFIED: Final = 1e-4
"""Relative difference between the two from which on training amplifies rounding: then no number of these settings is firmer than
`LOOSE` of its size."""
LOOSE: Final = 0.05
TINY: Final = 1e-5
"""A number below this is taken for rounding itself, as the difference between two ways to the same is: it may be several times as
large elsewhere, and says nothing of the others."""
MARGIN: Final = 10.0
"""What is allowed, in differences between the two."""

Numbers = dict[str, float]


def cases(topic: AnyTopic) -> Iterator[tuple[str, LabSettings]]:
    """What is kept of `topic`, each by its name."""
    if isinstance(topic, LiveTopic):
        yield "reduced", reduced(topic)
        return
    yield "opening", topic.opening
    for preset in topic.presets:
        yield preset.name, topic.preset(preset.name)


def reduced(topic: AnyTopic) -> LabSettings:
    """The opening with as much of `REDUCED` as the topic has and admits."""
    changes: dict[str, Any] = {}
    for name, value in REDUCED.items():
        if name in topic.settings.model_fields:
            try:
                topic.settings(**changes, **{name: value})
            except ValueError:
                continue
            changes[name] = value
    settings: LabSettings = topic.settings(**changes)
    return settings


def numbers(topic: AnyTopic, settings: LabSettings) -> Numbers:
    """The headline; what is not finite is left out, since it has no size."""
    found = topic.headline(topic.compute(settings))
    return {name: float(value) for name, value in found.items() if math.isfinite(float(value))}


def measure(names: Collection[str]) -> dict[str, dict[str, Numbers]]:
    """By topic and case; of all topics, or of those with these `names`."""
    chosen = [topic for topic in TOPICS if not names or topic.id in names]
    return {topic.id: {name: numbers(topic, settings) for name, settings in cases(topic)} for topic in chosen}


def allowed(one: Numbers, other: Numbers) -> Numbers:
    """By how much each number of `one` may move."""
    difference = {name: abs(value - other.get(name, math.inf)) for name, value in one.items()}
    relative = [d / abs(one[name]) for name, d in difference.items() if abs(one[name]) >= TINY]
    least = LOOSE if max(relative, default=0.0) > AMPLIFIED else LEAST
    return {
        name: max(MARGIN * difference[name], (MARGIN if abs(value) < TINY else least) * abs(value), 1e-9)
        for name, value in one.items()
    }


def main() -> None:
    """Measure, here and in a process on plain instructions, and keep; of the topics that the command line names, or of all."""
    names = [word for word in sys.argv[1:] if not word.startswith("--")]
    if unknown := set(names) - {topic.id for topic in TOPICS}:
        sys.exit(f"no such topic: {', '.join(sorted(unknown))}; there are {', '.join(topic.id for topic in TOPICS)}")
    if "--measure" in sys.argv:
        json.dump(measure(names), sys.stdout)
        return
    first, plain = (
        json.loads(
            subprocess.run(
                [sys.executable, "-m", "scripts.make_golden", "--measure", *names],
                env={**os.environ, "OMP_NUM_THREADS": "1", **more},
                check=True,
                capture_output=True,
            ).stdout
        )
        for more in ({}, PLAIN)
    )
    if not names:
        for path in KEPT.glob("*.json"):
            path.unlink()
    for topic, by_case in first.items():
        kept = {
            case: {
                name: [float(f"{found[name]:.9g}"), float(f"{most:.2g}")]
                for name, most in allowed(found, plain[topic][case]).items()
            }
            for case, found in by_case.items()
        }
        path = KEPT / f"{topic}.json"
        path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path.relative_to(KEPT.parents[1])}: {sum(map(len, kept.values()))} numbers")


if __name__ == "__main__":
    main()
