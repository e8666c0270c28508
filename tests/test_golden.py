"""Nothing moves by accident: the key numbers of every topic are what `make golden` kept."""

from __future__ import annotations

import json

import pytest

from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import AnyTopic
from scripts.make_golden import KEPT, _widened, allowed, cases, numbers


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_the_key_numbers_are_the_kept_ones(topic: AnyTopic) -> None:
    path = KEPT / f"{topic.id}.json"
    assert path.exists(), f"no numbers of it are kept yet: make golden TOPIC={topic.id}"
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept.keys() == {name for name, _ in cases(topic)}
    for case, settings in cases(topic):
        found = numbers(topic, settings)
        assert found.keys() == kept[case].keys(), case
        moved = {
            name: (value, *kept[case][name])
            for name, value in found.items()
            if abs(value - kept[case][name][0]) > kept[case][name][1]
        }
        assert not moved, f"{case}: name, (now, kept, allowed): {moved}; if it should move: make golden"


def test_no_numbers_are_kept_of_a_topic_that_is_gone() -> None:
    assert {path.stem for path in KEPT.glob("*.json")} <= {topic.id for topic in TOPICS}


def test_what_is_allowed_follows_from_how_far_processors_differ() -> None:
    assert allowed({"a": 2.0, "b": 0.0}, [{"a": 2.0, "b": 0.0}]) == pytest.approx({"a": 2e-5, "b": 1e-9})
    assert allowed({"a": 2.0, "b": 1e-8}, [{"a": 2.0, "b": 2e-8}]) == pytest.approx({"a": 2e-5, "b": 1e-7})
    assert allowed({"a": 2.0, "b": 1.0}, [{"a": 2.0, "b": 1.0}, {"a": 2.1, "b": 1.0}]) == pytest.approx(
        {"a": 1.0, "b": 0.05}
    )


def test_another_processor_widens_what_is_allowed_and_moves_no_number() -> None:
    kept = {"opening": {"a": [2.0, 0.5], "b": [1.0, 1e-5]}}
    assert _widened(kept, [{"opening": {"a": 2.0, "b": 1.01}}]) == {"opening": {"a": [2.0, 0.5], "b": [1.0, 0.1]}}
