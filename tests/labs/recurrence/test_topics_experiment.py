"""What the experiments of all topics of the lab `recurrence` refuse, and what they allow."""

from __future__ import annotations

from typing import Any

import pytest

from bnviz.errors import BatchOfOneError, CostError
from bnviz.labs.recurrence.error.experiment import estimated_seconds
from bnviz.labs.recurrence.error.settings import Settings as ErrorSettings
from bnviz.labs.recurrence.lab import LAB
from bnviz.labs.recurrence.steps.experiment import statistics as steps
from bnviz.labs.recurrence.steps.settings import Settings as StepsSettings
from bnviz.labs.recurrence.through_time.experiment import growth as through_time
from bnviz.teaching.lab import AnyTopic

EVERY = pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)


def made(topic: AnyTopic, **changes: Any) -> Any:
    """The run of the topic's opening with those of `changes` that it has."""
    known = {name: value for name, value in changes.items() if name in topic.settings.model_fields}
    return topic.compute(topic.opening.replace(**known))


@EVERY
def test_a_batch_of_one_is_refused_with_pytorchs_words(topic: AnyTopic) -> None:
    with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
        made(topic, batch_size=1, warmup=0, width=8, epochs=1)


@EVERY
def test_too_much_is_refused_before_any_work(topic: AnyTopic) -> None:
    with pytest.raises(CostError):
        made(topic, sequence="pixels", width=512, seeds=20, epochs=100, warmup=500, batch_size=1024)


def test_what_a_class_wants_is_allowed() -> None:
    for change in ({"seeds": 20}, {"epochs": 30}, {"batch_size": 4, "epochs": 2}, {"cell": "gru", "seeds": 20}):
        assert estimated_seconds(ErrorSettings(**change)) < 60  # type: ignore[arg-type]
    for change in ({"sequence": "pixels", "cell": "rnn", "warmup": 0}, {"width": 128}, {"batch_size": 1024}):
        assert steps.estimated_seconds(StepsSettings(**change)) < steps.SECONDS  # type: ignore[arg-type]
    for topic, module in ((LAB.topic("steps"), steps), (LAB.topic("through_time"), through_time)):
        for preset in topic.presets:
            settings: Any = topic.preset(preset.name)
            assert module.estimated_seconds(settings) < 0.7 * module.SECONDS


def test_each_topic_has_the_settings_that_it_uses_and_no_others() -> None:
    names = {topic.name: set(topic.settings.names()) for topic in LAB.topics}
    shared = set.intersection(*names.values())
    assert shared == {"cell", "sequence", "gamma", "width", "batch_size", "seed"}
    assert {name: names[name] - shared for name in names} == {
        "steps": {"normalizer", "term", "momentum", "padding", "warmup", "learning_rate"},
        "error": {"momentum", "epochs", "learning_rate", "seeds"},
        "through_time": {"seeds"},
    }
