"""Every page through Streamlit's own test runner: both languages, every view, links, presets, predictions, nonsense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from bnviz.i18n import translator
from bnviz.lessons.course import LESSONS
from bnviz.settings import fields, from_query
from bnviz.ui.visit import VIEWS

ROOT = Path(__file__).parents[2]
FRAME = ROOT / "bnviz" / "ui" / "frame.py"
EVERY_LESSON = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


def open_page(name: str, **query: str) -> AppTest:
    """The page `name` as a first visitor with this link sees it."""
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.switch_page(f"../../pages/{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    return page.run()


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


@EVERY_LESSON
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_renders(lesson: Any, language: str, view: str) -> None:
    page = open_page(lesson.name, lang=language, view=view, predict="0")
    assert not page.exception
    assert not page.error
    assert not page.warning
    assert translator("zh" if language == "zh" else "en")(lesson.question) in words(page)


@EVERY_LESSON
def test_the_picture_waits_for_the_prediction(lesson: Any) -> None:
    page = open_page(lesson.name, lang="en")
    assert page.segmented_control(key="lang").value == "en"
    assert f"{lesson.name}:view" not in [control.key for control in page.segmented_control]
    right = lesson.prediction.correct(lesson.run(lesson.settings(), None))
    page.button(key=f"{lesson.name}:guess:{right}").click().run()
    assert not page.exception
    assert "Right." in words(page)
    wrong = open_page(lesson.name, lang="en")
    other = (right + 1) % len(lesson.prediction.options)
    wrong.button(key=f"{lesson.name}:guess:{other}").click().run()
    assert "Not quite" in words(wrong)


@EVERY_LESSON
def test_presets_render_and_say_what_to_look_for(lesson: Any) -> None:
    page = open_page(lesson.name, lang="en", predict="0")
    assert 3 <= len(lesson.presets) <= 8
    for number, preset in enumerate(lesson.presets):
        page.button(key=f"{lesson.name}:preset:{number}").click().run()
        assert not page.exception
        assert preset.look_for in words(page)
        chosen = page.session_state["visit"].labs[lesson.name].settings
        assert chosen == lesson.settings(**preset.changes)


@EVERY_LESSON
def test_at_most_six_controls_are_seen_first_and_the_rest_under_more(lesson: Any) -> None:
    assert len(lesson.controls) <= 6
    assert sorted((*lesson.controls, *lesson.more)) == sorted(lesson.settings.names())


def control(page: AppTest, key: str) -> Any:
    """The widget with this key, whatever its kind."""
    for kind in ("select_slider", "segmented_control", "selectbox", "toggle", "number_input", "button_group"):
        for widget in page.get(kind):
            if getattr(widget, "key", None) == key:
                return widget
    raise KeyError(key)


@EVERY_LESSON
def test_a_moved_control_is_in_the_link_and_survives_a_page_switch(lesson: Any) -> None:
    page = open_page(lesson.name, lang="en", predict="0")
    name = next(name for name in lesson.controls if fields(lesson.settings)[name].parameter.stops
                and fields(lesson.settings)[name].kind == "number")  # fmt: skip
    stops = fields(lesson.settings)[name].parameter.stops
    target = next(stop for stop in stops[1:] if stop != getattr(lesson.settings(), name))
    control(page, f"{lesson.name}:{name}").set_value(target).run()
    assert not page.exception
    visit = page.session_state["visit"]
    assert getattr(visit.labs[lesson.name].settings, name) == target
    page.switch_page("../../pages/home.py").run()
    page.switch_page(f"../../pages/{lesson.name}.py").run()
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
    assert page.session_state["visit"].labs[lesson.name].settings == from_query(lesson.settings, own)[0]


def test_too_much_work_is_refused_with_the_names_that_the_page_shows() -> None:
    page = open_page("gradient_flow", lang="en", predict="0", depth="50", width="512", batch_size="1024", steps="200")
    assert not page.exception
    assert "Reduce Depth, Width, Batch size" in words(page)
    control(page, "gradient_flow:depth").set_value(1).run()
    assert not page.exception
