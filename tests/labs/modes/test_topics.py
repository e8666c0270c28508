"""What holds for every topic of the lab `modes`."""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from bnviz.core.datasets import digits
from bnviz.errors import BatchOfOneError, CostError
from bnviz.i18n import LANGUAGES
from bnviz.labs.modes.lab import LAB
from bnviz.teaching.lab import AnyTopic
from tests.pictures import words_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 12, "seeds": 3}
EDGES: dict[str, tuple[dict[str, Any], ...]] = {
    "gap": ({"depth": 1, "steps": 1}, {"depth": 9}, {"batch_size": 512, "steps": 2}),
    "momentum_error": ({"seeds": 1, "steps": 1}, {"momentum": "cumulative"}, {"learning_rate": 10.0, "steps": 60}),
    "freeze_matrix": ({"steps": 1}, {"frozen": "norms"}, {"learning_rate": 10.0}),
    "update_count": ({"steps": 1, "accumulation": 32}, {"momentum": "cumulative"}),
    "influence": ({"batch_size": 2}, {"mode": "eval", "sample": 64}),
    "poison": (
        {"poison_at": 6},
        {"poison": "inf", "poison_at": 1},
        {"poison": "huge", "poison_at": 12},
        {"poison_at": 1000},
        {"poison": "large", "poison_at": 6, "momentum": "cumulative"},
        {"poison_at": 6, "skip_bad_steps": False},
    ),
}
"""Further short runs of a topic, beside the one that every topic is tried with."""
CASES = [(topic.name, changes) for topic in LAB.topics for changes in ({}, *EDGES.get(topic.name, ()))]
EVERY_TOPIC = pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)


def small(topic: AnyTopic, **changes: Any) -> Any:
    """A short run's settings: of `SMALL` and `changes` what the topic has."""
    own = {name: value for name, value in (SMALL | changes).items() if name in topic.settings.model_fields}
    return topic.settings(**own)


@cache
def opened(topic: str) -> Any:
    """The run of a topic as it opens."""
    return LAB.topic(topic).compute(LAB.topic(topic).opening)


def arrays(result: Any) -> dict[str, np.ndarray]:
    return {
        field.name: value
        for field in dataclasses.fields(result)
        if isinstance(value := getattr(result, field.name), np.ndarray)
    }


@EVERY_TOPIC
def test_the_same_settings_give_the_same_numbers_and_another_seed_others(topic: AnyTopic) -> None:
    settings = small(topic)
    once, again, other = (topic.compute(each) for each in (settings, settings, settings.replace(seed=7)))
    assert once.settings == settings
    for name, values in arrays(once).items():
        np.testing.assert_array_equal(values, getattr(again, name), err_msg=name)
    assert any(
        not np.array_equal(values, getattr(other, name), equal_nan=True) for name, values in arrays(once).items()
    )


@EVERY_TOPIC
def test_bad_input_is_refused_before_any_work(topic: AnyTopic) -> None:
    with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
        topic.compute(topic.opening.replace(batch_size=1))
    with pytest.raises(CostError) as caught:
        topic.compute(small(topic, batch_size=1024, width=512, depth=50, steps=1000))
    assert "depth" in caught.value.reduce, (
        "a network's cost: `NetworkSettings` and `check_seconds` of the lab's `shared`"
    )


@EVERY_TOPIC
def test_nothing_is_left_in_what_sessions_share(topic: AnyTopic) -> None:
    state = torch.random.get_rng_state()
    before = digits()[0].clone()
    topic.compute(small(topic, poison_at=3))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(digits()[0], before)


@EVERY_TOPIC
def test_topics_are_whole(topic: AnyTopic) -> None:
    result = opened(topic.name)
    assert len(topic.title) <= 12, "a title is a button beside the others: at most 12 letters"
    assert len({len(values) for values in topic.table(result).values()}) == 1
    assert topic.headline(result)
    assert all(source.url.startswith("https://") for source in topic.sources)
    for preset in topic.presets:
        assert topic.preset(preset.name) != topic.opening


@EVERY_TOPIC
def test_a_topic_has_no_setting_without_a_control(topic: AnyTopic) -> None:
    assert sorted((*topic.controls, *topic.more)) == sorted(topic.settings.model_fields)


@EVERY_TOPIC
def test_theory_explains_what_was_measured(topic: AnyTopic) -> None:
    rows = topic.comparisons(opened(topic.name))
    assert len(rows) >= 2, "lesson.comparisons: two numbers at least are laid over theory"
    assert [row.quantity.text() for row in rows if not row.explained] == []


@pytest.mark.parametrize(("name", "changes"), CASES, ids=[f"{name}-{changes}" for name, changes in CASES])
def test_every_picture_is_valid_plotly_whatever_the_run(name: str, changes: dict[str, Any]) -> None:
    topic = LAB.topic(name)
    result = topic.compute(small(topic, **changes))
    for draw in (*topic.pictures, *topic.theory):
        for language in LANGUAGES:
            chart: Any = draw(result, language)
            chart.to_plotly()
            assert "nan" not in (chart.alt + words_of(chart)).replace("NaN", "").lower().replace("repeated", "")
            for axis in (value for key, value in chart.layout.items() if key[1:].startswith("axis")):
                assert np.isfinite(axis.get("range", [0, 1])).all()
            assert chart.height <= 430 or draw is not topic.pictures[0]
            if language == "zh":
                assert not re.findall(r"(?<![A-Za-z_])[a-z]{3,} [a-z]{3,}", words_of(chart))


def test_names_of_pictures_are_unique_in_the_lab() -> None:
    names = []
    for topic in LAB.topics:
        result = topic.compute(small(topic))
        names += [draw(result, "en").name for draw in (*topic.pictures, *topic.theory)]
    assert len(names) == len(set(names))
