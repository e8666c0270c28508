"""What a Chinese page says of a picture is punctuated as Chinese is, however it was put together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bnviz.errors import SettingError, UnknownSettingError
from bnviz.i18n import closed_up
from bnviz.labs.course import TOPICS
from bnviz.study import shipped
from bnviz.teaching.lab import AnyTopic, LiveTopic

HAN = "[一-鿿）”]"
HALF_WIDTH = re.compile(f"(?<={HAN}) ?[,;:](?=[ 一-鿿])|[,;:] ?(?={HAN})|; ")


def said(topic: AnyTopic) -> Iterator[str]:
    """Text alternatives, captions, labels and the finding of the opening, without tags."""
    result: Any = (
        shipped.load(topic.result, topic.shipped) if isinstance(topic, LiveTopic) else topic.compute(topic.opening)
    )
    for draw in (*topic.pictures, *topic.theory):
        picture: Any = draw(result, "zh")
        notes = getattr(picture, "layout", {}).get("annotations", ())
        for text in (picture.alt, *getattr(picture, "captions", ()), *(note["text"] for note in notes)):
            yield re.sub("<[^>]*>", "", text)
    if topic.finding is not None:
        yield closed_up(topic.finding(result, "zh"))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_no_half_width_punctuation_stands_beside_a_chinese_character(topic: AnyTopic) -> None:
    assert [text for text in said(topic) if HALF_WIDTH.search(text)] == []


def test_an_error_lists_names_as_its_language_does() -> None:
    unknown = UnknownSettingError(["a", "b"], ["eps", "momentum"])
    assert "a, b. Its settings are eps, momentum" in str(unknown)
    assert "a、b" in unknown.text("zh")
    assert ", " not in SettingError("mode", "x", "y").text("zh")
