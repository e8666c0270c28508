"""The topics of the lab `recurrence` are whole."""

from __future__ import annotations

import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.recurrence.lab import LAB
from bnviz.teaching.lab import AnyTopic, LiveTopic


@pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)
def test_every_topic_is_whole(topic: AnyTopic) -> None:
    assert 3 <= len(topic.presets) <= 6
    assert len(topic.controls) <= 6
    assert len(topic.pictures) <= 3
    assert isinstance(topic, LiveTopic) == (topic.name == "error")
    for language in LANGUAGES:
        assert topic.text(language)
    assert sorted(topic.controls + topic.more) == sorted(topic.settings.names())
    for preset in topic.presets:
        if isinstance(topic, LiveTopic):
            assert topic.seconds(topic.preset(preset.name)) < 45
