"""What the lessons ask for is let in, whatever the bounds on work are; and what is let in says what it will cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.costs import Topic, instant, promised
from bnviz.classroom.plans import plans
from bnviz.errors import BnvizError, CostError
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.course import LABS
from bnviz.settings import LabSettings
from bnviz.teaching.lab import InstantTopic
from scripts.make_golden import cases

DEAR = [
    ("modes.backward", {"steps": 1000, "depth": 4, "batch_size": 2}),
    ("modes.poison", {"steps": 1000, "depth": 5}),
    ("modes.gap", {"batch_size": 1024, "width": 8, "steps": 1000}),
    ("modes.gap", {"depth": 30}),
    ("modes.influence", {"batch_size": 256, "width": 8}),
    ("modes.update_count", {"depth": 50, "width": 8}),
    ("noise.shift", {"depth": 30}),
    ("recurrence.steps", {"warmup": 500}),
    ("recurrence.through_time", {"batch_size": 768, "seeds": 9}),
]
"""Took 1.1 to 2.2 s of processor time, and were let in as 0.8 s at most."""


def linked() -> Iterator[tuple[Topic, LabSettings]]:
    """Every state that a preset, a kept number, a case or a plan asks for, of the topics that answer at once."""
    for topic in instant():
        for _, settings in cases(topic):
            yield topic, settings
        for preset in topic.presets:
            yield topic, topic.preset(preset.name)
    links = [(link.lab, link.query) for case in CASES for link in case.links]
    places = [(step.link.page, step.link.query) for plan in plans() for step in plan.steps]
    labs = {lab.name: lab for lab in LABS}
    for name, query in (*links, *places):
        if name in labs:
            linked_topic, settings, _ = labs[name].from_query(query)
            if isinstance(linked_topic, InstantTopic):
                yield linked_topic, settings


def test_every_state_that_the_lessons_ask_for_is_let_in() -> None:
    states = {(topic.id, settings.model_dump_json()): (topic, settings) for topic, settings in linked()}
    bounded = {topic.id for topic in instant() if promised(topic, topic.opening)}  # the others have nothing to refuse
    assert len(bounded) >= 12
    checked = [pair for pair in states.values() if pair[0].id in bounded]
    assert len(checked) > 50
    assert [(topic.id, one) for topic, one in checked if isinstance(promised(topic, one), CostError)] == []


@pytest.mark.parametrize(("name", "changes"), DEAR, ids=[f"{name}-{changes}" for name, changes in DEAR])
def test_what_takes_seconds_is_refused_by_the_names_of_its_settings(name: str, changes: dict[str, int]) -> None:
    (topic,) = [topic for topic in instant() if topic.id == name]
    error = promised(topic, topic.settings(**changes))
    assert isinstance(error, CostError)
    assert {*error.reduce} & {*changes}


def test_nothing_is_computed_to_learn_the_promise_and_the_check_is_there_again() -> None:
    (topic,) = [topic for topic in instant() if topic.id == "noise.shift"]
    assert promised(topic, topic.opening) == pytest.approx(0.19, abs=0.1)
    with pytest.raises(BnvizError):
        topic.compute(topic.settings(depth=50, width=512))
