"""Short forms of `make fuzz` and `make load`: a server stands what hostile visitors send, and a lesson leaves nothing behind.

Nothing is asserted on the clock; how long visitors wait is what the long forms measure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from math import inf

import pytest
from streamlit.proto.Element_pb2 import Element

from benchmarks import fuzz, walk
from benchmarks.hostile import MARK, TEXTS
from benchmarks.servers import Server, the_command
from bnviz.ui.views import escaped

VISITORS, STEPS = 12, 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with the_command(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.mark.timeout(900)
def test_a_lesson_leaves_nothing_behind(server: Server) -> None:
    outcome = asyncio.run(walk.twice(server, VISITORS, STEPS, think=0.2, arriving=2, kept=0))
    assert outcome.faults == []
    assert sum(lesson.steps for lesson in outcome.lessons) == 2 * VISITORS * STEPS
    assert all(lesson.runs for lesson in outcome.lessons)
    first, second = outcome.states
    assert second.processes == first.processes
    assert second.threads <= first.threads + VISITORS // 2  # idle ones of the thread pools come and go
    # Streamlit keeps each session for two minutes, with an event loop of three descriptors; the connection of who left without
    # a word is one more until a ping is missed.
    assert second.descriptors <= first.descriptors + 4 * (VISITORS + walk.STAYING + 1)
    assert walk.grown(first, second)["memory"] <= 5


@pytest.mark.timeout(900)
def test_what_hostile_visitors_send_does_no_harm(server: Server) -> None:
    report = asyncio.run(fuzz.fuzz(server, range(300), processor_seconds=inf))
    assert report.faults == []
    assert report.links + report.files == 300
    assert report.files > 50


@pytest.mark.parametrize("text", TEXTS)
def test_escaped_text_is_read_as_text(text: str) -> None:
    element = Element()
    element.markdown.body = f"got {escaped(text)}"
    assert fuzz.misread(element) == ""


@pytest.mark.parametrize(
    "text",
    [
        f"[{MARK}](http://{MARK}.example)",
        f"www.{MARK}.example",
        f"a ${MARK}$",
        f":red[{MARK}]",
        f"{MARK}@{MARK}.example",
    ],
)
def test_text_that_would_be_read_as_something_else_is_found(text: str) -> None:
    element = Element()
    element.slider.label = text
    assert fuzz.misread(element) != ""
    element.slider.label = f"`{text}`"
    assert fuzz.misread(element) == ""


def test_html_is_found_where_it_is_read() -> None:
    element = Element()
    element.html.body = TEXTS[0]
    assert "HTML" in fuzz.misread(element)
    element.markdown.body = TEXTS[0]
    assert fuzz.misread(element) == ""
    element.markdown.allow_html = True
    assert "HTML" in fuzz.misread(element)


def test_a_line_in_the_log_is_a_fault() -> None:
    lesson, state = walk.Lesson(), walk.State(1, 1, 1, 1)
    quiet = walk.Outcome(lesson, (lesson, lesson), (state, state), "bnviz: http://localhost:8501/")
    assert quiet.faults == []
    broken = walk.Outcome(lesson, (lesson, lesson), (state, state), "Traceback (most recent call last)")
    assert len(broken.faults) == 1
