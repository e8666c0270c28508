"""The words above, in and below the pictures: short enough for their place, punctuated as their language does, and their links hold."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bnviz.errors import SettingError, UnknownSettingError
from bnviz.i18n import LANGUAGES, closed_up, translator
from bnviz.labs.course import LABS, TOPICS
from bnviz.study import shipped
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab, LiveTopic

HAN = "[一-鿿）”]"
HALF_WIDTH = re.compile(f"(?<={HAN}) ?[,;:](?=[ 一-鿿])|[,;:] ?(?={HAN})|; ")


LONGEST_LINE = 265
"""Letters, of which a Chinese one counts twice, in three lines of a page of 1024 pixels: more would take the picture's half of it."""


def opening(topic: AnyTopic) -> Any:
    """The result with which a page opens."""
    return shipped.load(topic.result, topic.shipped) if isinstance(topic, LiveTopic) else topic.compute(topic.opening)


def length(text: str) -> int:
    """In letters."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_the_line_above_a_picture_leaves_it_its_room(topic: AnyTopic) -> None:
    results = [opening(topic)] if topic.finding is not None else []
    if topic.finding is not None and isinstance(topic, InstantTopic):
        results += [topic.compute(topic.preset(preset.name)) for preset in topic.presets]
    for language in LANGUAGES:
        _ = translator(language)
        found = [topic.finding(result, language) for result in results] if topic.finding is not None else []
        for line in (_(topic.answer), *(_(preset.look_for) for preset in topic.presets), *found):
            assert length(line) <= LONGEST_LINE, line


def said(topic: AnyTopic) -> Iterator[str]:
    """Text alternatives, captions, labels and the finding of the opening, without tags."""
    result = opening(topic)
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


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_what_a_text_names_is_set_by_its_links_and_alike_in_both_languages(lab: Lab) -> None:
    for topic in lab.topics:
        links = [re.findall(r"\]\(\?([^)]*)\)", topic.text(language)) for language in LANGUAGES]
        assert Counter(links[0]) == Counter(links[1]), topic.id
        for link in links[0]:
            opened, _, problems = lab.from_query(dict(parse_qsl(link)))
            assert problems == [], link
            assert opened is topic, link
