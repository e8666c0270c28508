"""What a moved control makes of the settings, whatever the others are."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from bnviz.labs.course import TOPICS
from bnviz.settings import fields
from bnviz.teaching.lab import AnyTopic
from bnviz.ui import controls, visit
from scripts import fuzz_views


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "current", lambda: SimpleNamespace(language="en"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_a_control_that_is_moved_is_obeyed_or_says_why_not(topic: AnyTopic) -> None:
    """From any settings to any stop: what another setting refuses then takes a value that goes with it."""
    for seed in range(6):
        settings = fuzz_views.settings(topic, random.Random(seed)) or topic.opening
        for name, field in fields(topic.settings).items():
            for stop in (*field.parameter.stops, *field.choices) if field.kind != "values" else ():
                state = SimpleNamespace(topic=topic, settings=settings, problems=[], preset="")
                controls._change(state, name, stop)  # type: ignore[arg-type]
                assert getattr(state.settings, name) == stop or state.problems, (settings, name, stop)


def test_what_does_not_go_with_a_new_value_changes_with_it() -> None:
    """The default of the groups divides neither 1 channel nor 3."""
    (topic,) = [topic for topic in TOPICS if topic.id == "convolution.sharing"]
    for channels in (1, 3):
        state = SimpleNamespace(
            topic=topic, settings=topic.settings(normalizer="group", groups=8), problems=[], preset=""
        )
        controls._change(state, "channels", channels)  # type: ignore[arg-type]
        assert state.settings.channels == channels
        assert channels % state.settings.groups == 0
        assert "groups must be a divisor" in str(state.problems[0])
