"""Every page through Streamlit's own test runner: both languages, every view, links, presets, predictions, nonsense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from bnviz.i18n import translator
from bnviz.labs.course import LESSONS
from bnviz.settings import fields, to_query
from bnviz.ui.runs import shipped_result
from bnviz.ui.visit import VIEWS

ROOT = Path(__file__).parents[2]
FRAME = ROOT / "bnviz" / "ui" / "frame.py"
EVERY_LESSON = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
PARTS = [part for lesson in LESSONS for part in lesson.parts]
EVERY_PART = pytest.mark.parametrize("lesson", PARTS, ids=lambda part: part.text)


def open_page(name: str, **query: str) -> AppTest:
    """The page `name` as a first visitor with this link sees it."""
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.switch_page(f"../../pages/{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    return page.run()


def open_part(lesson: Any, **query: str) -> AppTest:
    """The page of `lesson` as it opens; of a lab with topics, at this one."""
    return open_page(lesson.name, **to_query(lesson.beginning), **query)


def words(page: AppTest) -> str:
    """Everything written on the page."""
    return "\n".join(
        element.value
        for kind in (page.markdown, page.info, page.warning, page.error)
        for element in kind
        if isinstance(element.value, str)
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_home_names_every_lab(language: str) -> None:
    page = open_page("home", lang=language)
    assert not page.exception
    for lesson in LESSONS:
        assert translator("zh" if language == "zh" else "en")(lesson.question) in words(page)


@EVERY_PART
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_renders(lesson: Any, language: str, view: str) -> None:
    page = open_part(lesson, lang=language, view=view, predict="0")
    assert not page.exception
    assert not page.error
    assert not page.warning
    assert translator("zh" if language == "zh" else "en")(lesson.question) in words(page)


@EVERY_PART
def test_the_picture_waits_for_the_prediction(lesson: Any) -> None:
    page = open_part(lesson, lang="en")
    assert page.segmented_control(key="lang").value == "en"
    assert f"{lesson.name}:view" not in [control.key for control in page.segmented_control]
    known = shipped_result(lesson) if lesson.live else lesson.run(lesson.beginning, None)
    if known is None:  # a long run that comes with no result: the question gives way to the Run button
        page.button(key=f"{lesson.name}:guess:0").click().run()
        assert not page.exception
        assert page.button(key=f"{lesson.name}:run")
        return
    right = lesson.prediction.correct(known)
    page.button(key=f"{lesson.name}:guess:{right}").click().run()
    assert not page.exception
    assert "Right." in words(page)
    wrong = open_part(lesson, lang="en")
    other = (right + 1) % len(lesson.prediction.options)
    wrong.button(key=f"{lesson.name}:guess:{other}").click().run()
    assert "Not quite" in words(wrong)


@EVERY_PART
def test_presets_render_and_say_what_to_look_for(lesson: Any) -> None:
    page = open_part(lesson, lang="en", predict="0")
    assert 3 <= len(lesson.presets) <= 8
    for number, preset in enumerate(lesson.presets):
        page.button(key=f"{lesson.text}:preset:{number}").click().run()
        assert not page.exception
        assert preset.look_for in words(page)
        chosen = page.session_state["visit"].labs[lesson.name].settings
        assert chosen == lesson.preset(number)
        assert getattr(chosen, "topic", "") == lesson.topic


@EVERY_LESSON
def test_at_most_six_controls_are_seen_first_and_the_rest_under_more(lesson: Any) -> None:
    shown: set[str] = {"topic"} if lesson.topics else set()
    for part in lesson.parts:
        assert len(part.controls) <= 6
        assert len({*part.controls, *part.more}) == len((*part.controls, *part.more))
        shown.update(part.controls, part.more)
    assert sorted(shown) == sorted(lesson.settings.names())


@pytest.mark.parametrize(
    "lesson", [lesson for lesson in PARTS if lesson.topic], ids=lambda lesson: f"{lesson.name}-{lesson.topic}"
)
def test_a_link_with_a_topic_alone_opens_it_as_a_click_does(lesson: Any) -> None:
    page = open_page(lesson.name, topic=lesson.topic)
    state = page.session_state["visit"].labs[lesson.name]
    assert (state.settings, state.problems) == (lesson.beginning, [])


@pytest.mark.parametrize("full", [False, True])
@EVERY_PART
def test_a_link_brings_its_settings_back(lesson: Any, full: bool) -> None:
    lab = next(lab for lab in LESSONS if lab.name == lesson.name)
    topic = {"topic": lesson.topic} if lesson.topic else {}
    for chosen in [lesson.beginning, lesson.settings(**topic), lesson.settings(**topic, seed=3)]:
        assert lab.from_query(lab.to_query(chosen, full=full)) == (chosen, [])


@pytest.mark.parametrize("lesson", [lesson for lesson in LESSONS if lesson.topics], ids=lambda lesson: lesson.name)
def test_topics_are_chosen_on_the_page_and_keep_what_they_share(lesson: Any) -> None:
    page = open_page(lesson.name, lang="en", predict="0", seed="3")
    for part in (*lesson.parts[1:], lesson.parts[0]):
        control(page, f"{lesson.name}:topic").set_value(part.topic).run()
        assert not page.exception
        assert part.question in words(page)
        settings = page.session_state["visit"].labs[lesson.name].settings
        assert (settings.topic, settings.seed) == (part.topic, 3)


def control(page: AppTest, key: str) -> Any:
    """The widget with this key, whatever its kind."""
    for kind in ("select_slider", "segmented_control", "selectbox", "toggle", "number_input", "button_group"):
        for widget in page.get(kind):
            if getattr(widget, "key", None) == key:
                return widget
    raise KeyError(key)


@EVERY_PART
def test_a_moved_control_is_in_the_link_and_survives_a_page_switch(lesson: Any) -> None:
    page = open_part(lesson, lang="en", predict="0")
    name = next(name for name in lesson.controls if fields(lesson.settings)[name].parameter.stops
                and fields(lesson.settings)[name].kind == "number")  # fmt: skip
    stops = fields(lesson.settings)[name].parameter.stops
    target = next(stop for stop in stops[1:] if stop != getattr(lesson.beginning, name))
    control(page, f"{lesson.name}:{name}").set_value(target).run()
    assert not page.exception
    visit = page.session_state["visit"]
    assert getattr(visit.labs[lesson.name].settings, name) == target
    for left in ("home", lesson.name):
        page.query_params.clear()  # as a browser that follows a link of the navigation
        page.switch_page(f"../../pages/{left}.py").run()
    assert getattr(page.session_state["visit"].labs[lesson.name].settings, name) == target
    assert control(page, f"{lesson.name}:{name}").value == target


@EVERY_LESSON
def test_a_bad_link_is_told_and_the_rest_kept(lesson: Any) -> None:
    page = open_page(lesson.name, lang="en", predict="0", seed="7", batch_size="99999", colour="<b>red</b>", eps="nan")
    assert not page.exception
    told = words(page)
    assert "batch\\_size must be a whole number in" in told
    assert "<b>" not in told
    assert page.session_state["visit"].labs[lesson.name].settings == lesson.settings(seed=7)


@EVERY_LESSON
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_hostile_links_leave_the_page_standing(lesson: Any, data: st.DataObject) -> None:
    names = st.sampled_from([*lesson.settings.names(), "lang", "view", "step", "predict", "x", "__class__"])
    values = st.one_of(
        st.text(max_size=30), st.integers().map(str), st.floats().map(str),
        st.sampled_from(["", "1e9", "-1", "null", "../../etc/passwd", "'; DROP TABLE", "$\\frac{1}{0}$", "%00"]),
    )  # fmt: skip
    query = data.draw(st.dictionaries(names, values, min_size=1, max_size=5))
    page = open_page(lesson.name, **query)
    assert not page.exception
    own = {key: value for key, value in query.items() if key in lesson.settings.names()}
    assert page.session_state["visit"].labs[lesson.name].settings == lesson.from_query(own)[0]


def test_too_much_work_is_refused_with_the_names_that_the_page_shows() -> None:
    page = open_page("gradient_flow", lang="en", predict="0", depth="50", width="512", batch_size="1024", steps="200")
    assert not page.exception
    assert "Reduce Depth, Width, Batch size" in words(page)
    control(page, "gradient_flow:depth").set_value(1).run()
    assert not page.exception
