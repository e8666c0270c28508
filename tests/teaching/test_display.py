"""A result shows itself in a notebook: its topic's question, its numbers and its pictures, and nothing from elsewhere."""

from __future__ import annotations

import html
from typing import Any

import pytest

from bnviz.labs.course import TOPICS
from bnviz.plot.numbers import short
from bnviz.plot.scene import Scene
from bnviz.study import shipped
from bnviz.teaching.display import display
from bnviz.teaching.lab import LiveTopic
from tests.plot.test_page import Elements, assert_self_contained


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_every_result_shows_its_question_numbers_and_pictures(topic: Any) -> None:
    result = shipped.load(topic.result, topic.shipped) if isinstance(topic, LiveTopic) else topic.compute(topic.opening)
    element = result._repr_html_()
    assert_self_contained(element)
    [(_, attributes)] = Elements(element).found
    page = attributes["srcdoc"] or ""
    assert html.escape(topic.question) in page
    for name, value in topic.headline(result).items():
        assert f"<td>{html.escape(name)}</td><td>{short(value)}</td>" in page
    pictures = [draw(result, "en") for draw in topic.pictures]
    assert page.count("<figure ") == len(pictures)
    assert page.count('<figure class="scene"') == sum(isinstance(picture, Scene) for picture in pictures)


def test_in_the_readers_language() -> None:
    topic = next(topic for topic in TOPICS if topic.id == "layer")
    assert html.escape(html.escape(topic.question)) not in display(topic, topic.compute(topic.opening), "zh")
