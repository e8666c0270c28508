"""Above the visitor's own data, nothing on a page speaks of the data that is built in."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bnviz.errors import Phrase
from bnviz.i18n import LANGUAGES, Language, translator
from bnviz.labs.course import TOPICS
from bnviz.study.verdict import caution
from bnviz.teaching.lab import AnyTopic, InstantTopic
from tests.pages.test_pages import open_topic, words

TAKING: Final = [topic for topic in TOPICS if topic.upload is not None]
EVERY = pytest.mark.parametrize("topic", TAKING, ids=lambda topic: topic.id)
BUILT_IN: Final = re.compile(
    r"\bdigits?\b|handwritten|photograph|\bmoons?\b|spiral|two circles|\b1797\b|手写数字|数字图像|照片|月牙|螺旋|同心圆",
    re.IGNORECASE,
)
SMALL: Final = {
    "width": 8,
    "depth": 2,
    "epochs": 2,
    "seeds": 3,
    "batch_size": 8,
    "learning_rates": (0.1, 1.0),
    "steps": 8,
}
RNG: Final = np.random.default_rng(0)
TABLE: Final = np.column_stack([RNG.normal(size=(60, 2)), np.arange(60) % 2]).astype(np.float32)
IMAGES: Final = RNG.random((3, 1, 16, 16)).astype(np.float32)
OWN: Final[Mapping[str, np.ndarray[Any, Any]]] = {"table": TABLE, "classes": TABLE, "images": IMAGES}


def strings(thing: Any, language: Language) -> Iterator[str]:
    """Every string in `thing`, however deep."""
    if isinstance(thing, Phrase):
        yield thing.text(language)
    elif isinstance(thing, str):
        yield thing
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from strings(getattr(thing, field.name), language)
    elif isinstance(thing, Mapping):
        yield from strings(list(thing.values()), language)
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from strings(part, language)


def told(topic: AnyTopic, result: Any, language: Language) -> str:
    """What the topic says of `result`: sentence, pictures, tables, verdicts, question, formula and long text."""
    _ = translator(language)
    ask = topic.prediction
    said = [_(text) for text in (topic.answer, ask.question, *ask.options, ask.explanation)]
    said += [] if topic.finding is None else [topic.finding(result, language)]
    said += [] if topic.findings is None else [caution(topic.findings(result), _, own_data=True)]
    said += [topic.formula(result, 0, language), topic.text(language, own_data=True)]
    drawn = [draw(result, language) for draw in (*topic.pictures, *topic.theory)]
    return "\n".join([*said, *strings([drawn, list(topic.comparisons(result))], language)])


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """A short run of each topic on own data."""
    made = {}
    for topic in TAKING:
        named = {name: value for name, value in SMALL.items() if name in topic.settings.model_fields}
        settings = topic.settings(**(named if topic.upload == "classes" else {}), source="upload")
        made[topic.id] = topic.compute(settings, OWN[str(topic.upload)])
    return made


@EVERY
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_topic_says_of_own_data_names_no_other(
    topic: AnyTopic, language: Language, results: dict[str, Any]
) -> None:
    found = [line for line in told(topic, results[topic.id], language).splitlines() if BUILT_IN.search(line)]
    assert not found


def test_the_built_in_data_is_spoken_of_where_it_is_shown() -> None:
    """Else the test above would find nothing whatever stood there."""
    for topic in TAKING:
        for language in LANGUAGES:
            assert "<!--" not in topic.text(language) + topic.text(language, own_data=True)
    for name in ("layer", "convolution.maps", "convolution.effective", "training.boundaries"):
        [topic] = [topic for topic in TAKING if topic.id == name]
        for language in LANGUAGES:
            assert BUILT_IN.search(topic.text(language)), (name, language)


def given(topic: AnyTopic, **query: str) -> AppTest:
    """The topic's page after its visitor has given a file."""
    page = open_topic(topic, source="upload", **query)
    stream = io.BytesIO()
    np.save(stream, OWN[str(topic.upload)])
    page.file_uploader[0].set_value(("own.npy", stream.getvalue(), "application/octet-stream")).run()
    assert not page.exception
    return page


@EVERY
def test_nothing_written_on_the_page_speaks_of_other_data(topic: AnyTopic) -> None:
    """As the file has come, without another click: the long text below stands outside the part that is drawn again."""
    for language in LANGUAGES:
        page = given(topic, lang=language, predict="0")
        [uploader] = page.file_uploader
        assert uploader.value is not None
        captions = "\n".join(caption.value for caption in page.caption)
        found = [line for line in (words(page) + captions).splitlines() if BUILT_IN.search(line)]
        assert not found
    if isinstance(topic, InstantTopic):
        assert topic.text("zh", own_data=True)[:40] in words(page)


def test_the_uploader_stands_first_whether_there_is_a_file_or_not_and_below_it_why_one_is_refused() -> None:
    [topic] = [topic for topic in TAKING if topic.id == "layer"]
    widgets = {"file_uploader", "slider", "select_slider", "selectbox", "warning"}

    def first(page: AppTest) -> list[str]:
        return [str(node.type) for node in page.main if node.type in widgets][:2]

    assert first(open_topic(topic, source="upload", predict="0"))[0] == "file_uploader"
    page = given(topic, predict="0")
    assert first(page)[0] == "file_uploader"
    page.file_uploader[0].set_value(("own.csv", b"a,b\n1,x\n2,3\n4,5\n", "text/csv")).run()
    assert first(page) == ["file_uploader", "warning"]
    assert len(page.warning) == 1
