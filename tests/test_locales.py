"""Two languages: nothing missing, nothing unused, nothing changed in translation that is not words."""

from __future__ import annotations

import re
import string

import pytest

from bnviz.errors import Phrase
from bnviz.i18n import COUNTED_NOUNS, PACKAGE, catalogue, choose_language, closed_up, translator
from bnviz.labs.course import TOPICS
from bnviz.teaching.lab import AnyTopic
from scripts.update_catalogues import extract

USED = {message for messages in extract().values() for message in messages}
TRANSLATED = catalogue("zh")
EVERY_TOPIC = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)


def test_every_message_is_found() -> None:
    """What is translated is marked by `_` or `N_`: in `translator(language)("…")` nobody looks for a message."""
    for path in PACKAGE.rglob("*.py"):
        assert not re.search(r"translator\([^()]*\)\(\s*f?[\"']", path.read_text(encoding="utf-8")), path


def test_every_message_is_translated() -> None:
    assert sorted(USED - TRANSLATED.keys()) == []


def test_no_translation_is_unused() -> None:
    assert sorted(TRANSLATED.keys() - USED) == []


def placeholders(message: str) -> set[str]:
    """The names in braces; in a formula, where braces group, those that no command precedes and that are words."""
    if "\\" in message:
        return set(re.findall(r"(?<![\\^_}a-zA-Z])\{([a-z_]{2,})(?:[!:][^{}]*)?\}", message))
    return {name for _, name, _, _ in string.Formatter().parse(message) if name}


def test_placeholders_are_found_beside_formulas() -> None:
    assert placeholders(r"$\frac{1}{m}\text{of them}$: {batches} of {size:.3f}") == {"batches", "size"}
    assert placeholders("{batches} of {size:.3f}") == {"batches", "size"}


def test_placeholders_survive_translation() -> None:
    for message, translation in TRANSLATED.items():
        assert placeholders(translation) == placeholders(message), message


@pytest.mark.parametrize(
    ("message", "of_one", "of_many"),
    [
        ("{count} seeds are left out", "1 seed is left out", "3 seeds are left out"),
        ("after {count} training steps", "after 1 training step", "after 3 training steps"),
        ("{count} forward passes, {count} batches", "1 forward pass, 1 batch", "3 forward passes, 3 batches"),
        ("{count} samples per batch are worth {n}", "1 sample per batch is worth 1", "3 samples per batch are worth 1"),
        ("momentum {count} acts as {n}", "momentum 1 acts as 1", "momentum 3 acts as 1"),
    ],
)
def test_what_is_counted_stands_in_the_singular_beside_a_one(message: str, of_one: str, of_many: str) -> None:
    told = translator("en")(message)
    assert told == message
    assert told.format(count=1, n="1") == Phrase(message, {"count": "1", "n": 1}).text() == of_one
    assert told.format(count=3, n="1") == of_many


def test_every_noun_that_a_message_counts_has_a_singular() -> None:
    """Behind a placeholder that is named for a number, what ends with an s is counted, but for a few words."""
    numbers = r"count|lost|n|total|all|(?!times|pixels|variants|parts)[a-z]+s"
    after = re.compile(rf"\{{(?:{numbers})\}}(?: (?!of |and |to |at |with |by )[a-z-]+)? ([a-z]+s)\b")
    counted = {noun for message in USED for noun in after.findall(message)}
    assert "seeds" in counted
    assert counted - set(COUNTED_NOUNS.split("|")) <= {"buffers", "has", "is", "teachers", "this"}


def test_translations_are_chinese() -> None:
    assert translator("zh")("Batch size") == "批大小"
    untouched = {message for message, translation in TRANSLATED.items() if message == translation}
    assert {message for message in untouched if re.search(r"[a-z]{4,} [a-z]{3,}", message)} == set()


@EVERY_TOPIC
def test_long_texts_stand_in_both_languages_with_the_same_parts(topic: AnyTopic) -> None:
    english, chinese = topic.text("en"), topic.text("zh")
    assert len(re.findall(r"^#+ ", english, re.M)) == len(re.findall(r"^#+ ", chinese, re.M))
    assert re.search(r"[\u4e00-\u9fff]", chinese)


@EVERY_TOPIC
def test_a_wrapped_chinese_line_leaves_no_gap(topic: AnyTopic) -> None:
    text = topic.text("zh")
    assert not re.findall(
        r"(?m)^(?![#|]).*[一-鿿，。、；：（）](?:\]\([^)]*\)|\*\*)?\n *[\[*]{0,3}[一-鿿，。、；：（）]", text
    )
    assert all(line.count("#") < 4 and len(line) < 60 for line in text.splitlines() if line.startswith("#"))


def test_chinese_sentences_put_together_stand_without_gaps_and_english_ones_as_they_were() -> None:
    assert closed_up("移动 0.12 个。 在共用的模块里： 占 8.4 %。") == "移动 0.12 个。在共用的模块里：占 8.4 %。"
    assert closed_up("无 Dropout高 8 %，比ReLU低") == "无 Dropout 高 8 %，比 ReLU 低"
    assert closed_up("by 0.12. In a shared module: 8.4 %.") == "by 0.12. In a shared module: 8.4 %."


@pytest.mark.parametrize(
    ("english", "value", "told"),
    [
        ("Reduce {names}.", "种子数", "请减小种子数。"),
        ("Reduce {names}.", "eps（ε）", "请减小 eps（ε）。"),
        ("separated by {separator}", "逗号", "以逗号分隔"),
        ("separated by {separator}", "Tab", "以 Tab 分隔"),
        ("{rows} rows", 3, "3 行"),
    ],
)
def test_a_value_in_a_chinese_message_stands_as_if_it_had_been_written_with_it(
    english: str, value: object, told: str
) -> None:
    message = next(message for message in TRANSLATED if message.endswith(english))
    names = dict.fromkeys(placeholders(message), value)
    assert translator("zh")(message).format(**names).endswith(told)


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        (("zh",), "zh"), (("zh-CN",), "zh"), (("zh_TW",), "zh"), ((None, "zh-Hans-CN"), "zh"),
        (("en-GB",), "en"), (("fr-FR",), "en"), ((None, None), "en"), (("xx", "zh"), "zh"), (("en", "zh"), "en"),
    ],
)  # fmt: skip
def test_the_first_wish_that_we_speak_wins(wishes: tuple[str | None, ...], language: str) -> None:
    assert choose_language(*wishes) == language
