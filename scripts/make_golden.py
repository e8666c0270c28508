"""Keep the key numbers of every topic, so that a change of the code or of PyTorch that moves one is seen at once.

Each topic's headline, the numbers that its script prints, at its opening and its presets; of what takes long, at reduced settings.
Processors round differently, so everything is computed several times: with all that this processor can, and with fewer instructions,
down to those that every processor has. How far these lie apart says how far training amplifies rounding there, and what is to be allowed.
Where another processor gives yet other numbers, of the same code, `python -m scripts.make_golden --widen` there lets those in, too.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bnviz.labs.course import TOPICS
from bnviz.settings import LabSettings
from bnviz.teaching.lab import AnyTopic, LiveTopic

KEPT: Final = Path(__file__).parents[1] / "tests" / "golden"
"""A file for each topic."""
WAYS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"},
)
"""Environments: the instructions that every library that computes for us may use; none said: all. The last ones all processors share."""
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
LEAST: Final = 1e-5
"""Relative difference that is always allowed."""
AMPLIFIED: Final = 1e-5
"""Relative difference between any two ways from which on training amplifies rounding: then no number of these settings is firmer than
`LOOSE` of its size."""
LOOSE: Final = 0.05
TINY: Final = 1e-5
"""A number below this is taken for rounding itself, as the difference between two ways to the same is: it may be several times as
large elsewhere, and says nothing of the others."""
MARGIN: Final = 10.0
"""What is allowed, in differences between the ways."""

Numbers = dict[str, float]
Kept = dict[str, dict[str, list[float]]]
"""By case and name: the number, and by how much it may move."""


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


def allowed(one: Numbers, others: Sequence[Numbers]) -> Numbers:
    """By how much each number of `one` may move."""
    difference = {name: max(abs(value - other.get(name, math.inf)) for other in others) for name, value in one.items()}
    relative = [d / abs(one[name]) for name, d in difference.items() if abs(one[name]) >= TINY]
    least = LOOSE if max(relative, default=0.0) > AMPLIFIED else LEAST
    return {
        name: max(MARGIN * difference[name], (MARGIN if abs(value) < TINY else least) * abs(value), 1e-9)
        for name, value in one.items()
    }


def main() -> None:
    """Measure in all ways, each in a process of its own, and keep; of the topics that the command line names, or of all."""
    names = [word for word in sys.argv[1:] if not word.startswith("--")]
    if unknown := set(names) - {topic.id for topic in TOPICS}:
        sys.exit(f"no such topic: {', '.join(sorted(unknown))}; there are {', '.join(topic.id for topic in TOPICS)}")
    if "--measure" in sys.argv:
        json.dump(measure(names), sys.stdout)
        return
    found = [_in_a_process(names, way) for way in WAYS]
    widen = "--widen" in sys.argv
    if not names and not widen:
        for path in KEPT.glob("*.json"):
            path.unlink()
    for topic in found[0]:
        path = KEPT / f"{topic}.json"
        by_case = [one[topic] for one in found]
        kept = _widened(json.loads(path.read_text(encoding="utf-8")), by_case) if widen else _new(by_case)
        path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path.relative_to(KEPT.parents[1])}: {sum(map(len, kept.values()))} numbers")


def _in_a_process(names: Sequence[str], way: Mapping[str, str]) -> dict[str, dict[str, Numbers]]:
    told = subprocess.run(
        [sys.executable, "-m", "scripts.make_golden", "--measure", *names],
        env={**os.environ, "OMP_NUM_THREADS": "1", **way},
        check=True,
        capture_output=True,
    )
    measured: dict[str, dict[str, Numbers]] = json.loads(told.stdout)
    return measured


def _new(ways: Sequence[Mapping[str, Numbers]]) -> Kept:
    """What is kept of a topic that was measured in these ways."""
    first, *others = ways
    return {
        case: {
            name: [float(f"{numbers[name]:.9g}"), float(f"{most:.2g}")]
            for name, most in allowed(numbers, [other[case] for other in others]).items()
        }
        for case, numbers in first.items()
    }


def _widened(kept: Kept, ways: Sequence[Mapping[str, Numbers]]) -> Kept:
    """The numbers as they are kept, and allowed what was and what these ways want."""
    return {
        case: {
            name: [value, max(pairs[name][1], float(f"{most:.2g}"))]
            for name, most in allowed(numbers, [other[case] for other in ways]).items()
            for value in [numbers[name]]
        }
        for case, pairs in kept.items()
        for numbers in [{name: pair[0] for name, pair in pairs.items()}]
    }


if __name__ == "__main__":
    main()
