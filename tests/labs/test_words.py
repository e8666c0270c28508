"""The words above, in and below the pictures: short enough for their place, punctuated as their language does, and their links hold."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bnviz.errors import SettingError, UnknownSettingError
from bnviz.i18n import LANGUAGES, Language, catalogue, closed_up, translator
from bnviz.labs.course import LABS, TOPICS, find
from bnviz.study import shipped
from bnviz.study.verdict import caution
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab, LiveTopic

HAN = "[一-鿿）”]"
HALF_WIDTH = re.compile(f"(?<={HAN}) ?[,;:](?=[ 一-鿿])|[,;:] ?(?={HAN})|; ")
IN_BRACKETS = re.compile(
    r"(?<![\w√/²·) ])(?<![\w√/²·)] )\((?![^()]*[=−+·][^()]*[()])[^()]*[一-鿿]|[一-鿿] ?\([^()]*[±…%]"
)
GAP = re.compile(r"[一-鿿，。；：] [一-鿿]")
ENGLISH = re.compile(r"(?:\b[a-z]{2,} ){3,}")
NUMBER = r"[−+×]?\d+(?:\.(\d+))?"
MIDDLE = r"(?:[−+×]\d+|\d+\.)\d*"
ENDS = re.compile(rf"(?:{MIDDLE}(?: points| 个百分点)?(?:, 95 % interval |，95 % 区间 | ?[(（]))?{NUMBER} … {NUMBER}")
OTHER_INTERVALS = re.compile(rf"(?<!Size\()\[{NUMBER}, ?{NUMBER}\]|[(（]{NUMBER} (?:to|到) {NUMBER}")
PERCENT = re.compile(r"(?<![\w.±… −+])(?<!± )(?<!… )\b\d+(?:\.(\d+))?[ \N{NO-BREAK SPACE}]%")


LONGEST_LINE = 265
"""Letters, of which a Chinese one counts twice, in three lines of a page of 1024 pixels: more would take the picture's half of it."""


def opening(topic: AnyTopic) -> Any:
    """The result with which a page opens."""
    return shipped.load(topic.result, topic.shipped) if isinstance(topic, LiveTopic) else topic.compute(topic.opening)


def presets(topic: AnyTopic) -> list[Any]:
    """The results of its presets, where they are soon computed."""
    return (
        [topic.compute(topic.preset(preset.name)) for preset in topic.presets]
        if isinstance(topic, InstantTopic)
        else []
    )


def length(text: str) -> int:
    """In letters."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_the_line_above_a_picture_leaves_it_its_room(topic: AnyTopic) -> None:
    results = [opening(topic), *presets(topic)] if topic.finding is not None else []
    for language in LANGUAGES:
        _ = translator(language)
        found = [topic.finding(result, language) for result in results] if topic.finding is not None else []
        for line in (_(topic.answer), *(_(preset.look_for) for preset in topic.presets), *found):
            assert length(line) <= LONGEST_LINE, line


def strings(part: Any) -> Iterator[str]:
    """Every text in a picture, its colours and names too."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        yield from chain.from_iterable(map(strings, part.values()))
    elif isinstance(part, list | tuple):
        yield from chain.from_iterable(map(strings, part))
    elif dataclasses.is_dataclass(part):
        yield from chain.from_iterable(strings(getattr(part, field.name)) for field in dataclasses.fields(part))


def said(topic: AnyTopic, language: Language) -> tuple[str, ...]:
    """As of its name."""
    return _said(topic.id, language)


@cache
def _said(name: str, language: Language) -> tuple[str, ...]:
    """Every text of the pictures, and the findings, of the opening and, where they are soon computed, the presets; without tags."""
    topic, texts = find(name), list[str]()
    for result in [opening(topic), *presets(topic)]:
        pictures = [draw(result, language) for draw in (*topic.pictures, *topic.theory)]
        texts += [text for text in strings(pictures) if "\n" not in text and "%{" not in text]
        if topic.finding is not None:
            texts.append(closed_up(topic.finding(result, language)))
        if topic.findings is not None:
            texts.append(caution(topic.findings(result), translator(language)))
        texts += [row.note.text(language) for row in topic.comparisons(result) if row.note is not None]
    return tuple(dict.fromkeys(re.sub("<[^>]*>", " " if language == "en" else "。", text) for text in texts))


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_chinese_is_punctuated_and_spaced_as_chinese_and_holds_no_english_sentence(topic: AnyTopic) -> None:
    for wrong in (HALF_WIDTH, IN_BRACKETS, GAP):
        assert [text for text in said(topic, "zh") if wrong.search(text)] == []
    chinese = [
        text for text in said(topic, "zh") if re.search("[一-鿿]", text) and not re.search("Error|Expected", text)
    ]
    assert [text for text in chinese if ENGLISH.search(text)] == []


def places(found: re.Match[str]) -> set[int]:
    """How many digits the numbers of a match have behind the point; an exact 0 has as many as any."""
    numbers = re.findall(r"\d+(?:\.\d+)?", re.sub("95 %", "", found[0]))
    return {len(number.partition(".")[2]) for number in numbers if number != "0"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_intervals_are_written_in_one_way_and_to_the_same_place_as_their_middle(
    topic: AnyTopic, language: Language
) -> None:
    for text in said(topic, language):
        assert not OTHER_INTERVALS.search(text), text
        for found in ENDS.finditer(text):
            assert len(places(found)) <= 1, text


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.finding is not None], ids=lambda topic: topic.id)
def test_the_percentages_that_a_finding_compares_have_as_many_digits(topic: AnyTopic) -> None:
    for result in [opening(topic), *presets(topic)]:
        told = topic.finding(result, "en")  # type: ignore[misc]
        told = re.sub(r"within [\d.]+ %|closes [\d.]+ %", "", told)
        digits = {len(number) for number in PERCENT.findall(told)}
        assert len(digits) <= 1, told


def test_no_message_has_another_way_to_write_an_interval() -> None:
    for message, translation in catalogue("zh").items():
        for text in (message, translation):
            assert not re.search(r"\[\{\w+\}, \{\w+\}\]|[(（]\{\w+\} (?:to|到) \{\w+\}", text), text


def test_brackets_in_chinese_messages_are_full_width_but_for_formulas_and_code() -> None:
    for translation in catalogue("zh").values():
        plain = re.sub(r"\$[^$]*\$|`[^`]*`|\]\([^)]*\)", "", translation)
        assert not re.search(r"[一-鿿）]\([^()]*[一-鿿][^()]*\)(?!/)", plain), translation
        assert not re.search('[一-鿿]"|"[一-鿿]', plain), translation


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
