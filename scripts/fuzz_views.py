"""Take random settings through every view of a topic: `python -m scripts.fuzz_views [--count N] [--first SEED] [TOPIC …]`.

What a topic refuses, it refuses with a BnvizError; any other exception is a fault, and is printed with the settings that cause it.
"""

from __future__ import annotations

import argparse
import random
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Final

from bnviz.errors import BnvizError
from bnviz.i18n import LANGUAGES, translator
from bnviz.labs.course import TOPICS
from bnviz.plot.numbers import short
from bnviz.settings import LabSettings, SettingField, fields
from bnviz.study.verdict import caution
from bnviz.teaching.lab import AnyTopic, LiveTopic

SHORT: Final[dict[str, Any]] = {"epochs": 1, "seeds": 2}
"""What makes a long run short, where its topic has such settings."""
LONGEST: Final = 2.0
"""Seconds that a long run may be expected to take; what takes longer is left out."""


def value(field: SettingField, chance: random.Random) -> Any:
    """A value that `field` allows: each bound and each stop as likely as anything between."""
    if field.kind == "bool":
        return chance.random() < 0.5
    if field.kind == "choice":
        return chance.choice(field.choices)
    stops = field.parameter.stops or tuple(field.parameter.names)
    if field.kind == "values":
        return tuple(chance.choice(stops) for _ in range(chance.randint(int(field.low), int(field.high))))
    if stops and chance.random() < 0.6:
        return chance.choice(stops)
    bound = chance.choice((field.low, field.high, chance.uniform(field.low, field.high)))
    return round(bound) if field.integer else bound


def settings(topic: AnyTopic, chance: random.Random) -> LabSettings | None:
    """Random settings of `topic`, some as in its opening; None where they do not go together."""
    changed = {
        name: value(field, chance) for name, field in fields(topic.settings).items() if chance.random() < 0.4
    } | {
        name: small for name, small in SHORT.items() if isinstance(topic, LiveTopic) and name in topic.settings.names()
    }
    try:
        made: LabSettings = topic.settings(**changed)
    except BnvizError:
        return None
    return made


def views(topic: AnyTopic, result: Any) -> Iterator[Any]:
    """Everything that the page, the class and the downloads make of `result`; raises what they would."""
    told = result.settings
    right = topic.prediction.correct(result)
    assert right is None or 0 <= right < len(topic.prediction.options)
    yield topic.headline(result)
    yield topic.table(result)
    yield topic.write_script(told)
    verdicts = topic.findings(result) if topic.findings is not None else None
    for language in LANGUAGES:
        yield [draw(result, language) for draw in (*topic.pictures, *topic.theory)]
        yield [topic.formula(result, step, language) for step in (0, 1, 10**6)]
        yield [(row.quantity.text(language), short(row.measured), row.explained) for row in topic.comparisons(result)]
        if topic.finding is not None:
            sentence = topic.finding(result, language)
            assert "{" not in sentence, sentence
            assert " nan" not in sentence, sentence
            yield sentence
        if verdicts is not None:
            yield caution(verdicts, translator(language))


def fault(topic: AnyTopic, chosen: LabSettings) -> str:
    """What breaks at these settings, with its traceback; empty where nothing does or the topic refuses them."""
    try:
        if isinstance(topic, LiveTopic) and topic.seconds(chosen) > LONGEST:
            return ""
        for _ in views(topic, topic.compute(chosen)):
            pass
    except BnvizError:
        return ""
    except Exception:
        return traceback.format_exc()
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Print every fault; the exit status says whether there was one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="such as modes.gap; all where none is named")
    parser.add_argument("--count", type=int, default=50, help="of settings per topic")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args(arguments)
    faults = 0
    for topic in TOPICS:
        if options.topics and topic.id not in options.topics:
            continue
        for seed in range(options.first, options.first + options.count):
            chosen = settings(topic, random.Random(seed))
            if chosen is not None and (found := fault(topic, chosen)):
                faults += 1
                print(f"{topic.id} seed {seed}: {chosen!r}\n{found}", flush=True)
        print(f"{topic.id}: {options.count} settings", flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
