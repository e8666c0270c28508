"""What the lessons ask for is let in, whatever the bounds on work are; and what is let in says what it will cost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.costs import Topic, instant, promised
from bnviz.classroom.plans import plans
from bnviz.errors import BatchOfOneError, BnvizError, CostError
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.course import LABS, TOPICS
from bnviz.settings import LabSettings, fields
from bnviz.teaching.lab import AnyTopic, InstantTopic
from bnviz.ui import controls
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


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_no_slider_offers_what_is_refused_beside_the_rest_of_the_opening(topic: AnyTopic) -> None:
    refused = []
    for name, field in fields(topic.settings).items():
        if field.kind != "number" or not field.parameter.stops:
            continue
        stops = controls.slider_stops(field, topic.opening)
        assert len(stops) >= 2, name
        for stop in stops:
            error = refusal(topic, topic.opening.replace(**{name: stop}))
            if not isinstance(error, BatchOfOneError | None):  # which is a lesson
                refused.append((name, stop, error))
    assert refused == []


def refusal(topic: AnyTopic, settings: LabSettings) -> BnvizError | None:
    """With what `topic` refuses `settings`; nothing is computed."""
    if isinstance(topic, InstantTopic):
        error = promised(topic, settings)
        return error if isinstance(error, BnvizError) else None
    try:
        topic.seconds(settings)
    except BnvizError as error:
        return error
    return None


def test_a_link_may_say_more_than_a_slider_offers_beside_settings_that_make_up_for_it() -> None:
    (gap,) = [topic for topic in instant() if topic.id == "modes.gap"]
    depth = fields(gap.settings)["depth"]
    deep = gap.settings(depth=30, width=32, steps=20)
    assert refusal(gap, deep) is None
    assert controls.slider_stops(depth, gap.opening)[-1] == 12
    assert controls.slider_stops(depth, deep)[-2:] == [12, 30]


def test_a_bound_that_hangs_on_another_setting_ends_the_slider() -> None:
    (layer,) = [topic for topic in instant() if topic.id == "layer"]
    channel = fields(layer.settings)["channel"]
    assert controls.slider_stops(channel, layer.settings(channels=4)) == [0, 1, 2, 3]
    assert controls.slider_stops(channel, layer.settings(channels=16))[-1] == 15
