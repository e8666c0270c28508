"""Random settings go through every view: pictures, theory, formula, code, data and sentences. The long form is `scripts.fuzz_views`."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from bnviz.errors import BatchOfOneError, BnvizError
from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import AnyTopic, InstantTopic
from scripts import fuzz_views

BY_ID = {topic.id: topic for topic in TOPICS}
QUICK = [topic for topic in TOPICS if isinstance(topic, InstantTopic)]


@pytest.mark.parametrize("topic", QUICK, ids=lambda topic: topic.id)
def test_random_settings_go_through_every_view(topic: AnyTopic) -> None:
    chosen = next(made for seed in range(100, 200) if (made := fuzz_views.settings(topic, random.Random(seed))))
    assert fuzz_views.fault(topic, chosen) == ""


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("gradient_flow", {"eps": 0.3, "depth": 25}),
        ("recurrence.steps", {"batch_size": 1, "normalizer": "batch_shared"}),
        ("builder", {"normalizer": "group", "groups": 6}),
        ("layer", {"batch_size": 1}),
    ],
)
def test_what_once_ended_in_a_traceback(name: str, changes: dict[str, Any]) -> None:
    topic = BY_ID[name]
    assert fuzz_views.fault(topic, topic.settings(**changes)) == ""


def test_a_batch_of_one_is_explained_at_the_time_steps_too() -> None:
    steps = BY_ID["recurrence.steps"]
    with pytest.raises(BatchOfOneError):
        steps.compute(steps.settings(batch_size=1, normalizer="batch_shared"))


def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = BY_ID["convolution.sharing"]

    def broken(*_: object) -> object:
        raise KeyError("groups")

    monkeypatch.setattr(fuzz_views, "views", broken)
    assert "KeyError" in fuzz_views.fault(topic, topic.opening)
    monkeypatch.setattr(fuzz_views, "views", lambda *_: (_ for _ in ()).throw(BnvizError("refused")))
    assert fuzz_views.fault(topic, topic.opening) == ""


def test_values_that_float32_cannot_hold_apart_get_one_verdict_none() -> None:
    layer = BY_ID["layer"]
    far = 1e8 + np.random.default_rng(0).normal(size=(200, 2)).astype(np.float64)
    result = layer.compute(layer.settings(source="upload", channel=1), far.astype(np.float32))
    assert layer.comparisons(result) == ()
    assert layer.finding is not None
    assert "float32 cannot hold" in layer.finding(result, "en")
    near = layer.compute(layer.settings(source="upload", channel=1), (far - 1e8).astype(np.float32))
    assert layer.comparisons(near)
