"""Every page through Streamlit's own test runner: both languages, every view, links, presets, predictions, nonsense."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from bnviz.i18n import translator
from bnviz.labs.course import LABS, TOPICS
from bnviz.settings import fields
from bnviz.teaching.lab import LiveTopic
from bnviz.ui import cache, visit
from bnviz.ui.runs import shipped_result
from bnviz.ui.visit import VIEWS

ROOT = Path(__file__).parents[2]
FRAME = ROOT / "bnviz" / "ui" / "frame.py"
EVERY_LAB = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
EVERY_TOPIC = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
LABS_WITH_TOPICS = [lab for lab in LABS if len(lab.topics) > 1]
LAB_OF = {topic.id: lab for lab in LABS for topic in lab.topics}


def open_page(name: str, **query: str) -> AppTest:
    """The page `name` as a first visitor with this link sees it."""
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.switch_page(f"../../pages/{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    return page.run()


def open_topic(topic: Any, **query: str) -> AppTest:
    """The lab's page, opened at `topic`."""
    named = {} if topic.name == topic.lab else {"topic": topic.name}
    return open_page(topic.lab, **named, **query)


def state(page: AppTest, lab: str) -> Any:
    """Where the visitor stands in a lab."""
    return page.session_state["visit"].labs[lab]


def words(page: AppTest) -> str:
    """Everything written on the page, whether or not its lines may break in a number."""
    return "\n".join(
        element.value.replace("\N{NO-BREAK SPACE}", " ")
        for kind in (page.markdown, page.info, page.warning, page.error)
        for element in kind
        if isinstance(element.value, str)
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_home_names_every_lab(language: str) -> None:
    page = open_page("home", lang=language)
    assert not page.exception
    for lab in LABS:
        assert translator("zh" if language == "zh" else "en")(lab.question) in words(page)


@EVERY_TOPIC
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_renders(topic: Any, language: str, view: str) -> None:
    page = open_topic(topic, lang=language, view=view, predict="0")
    assert not page.exception
    assert not page.error
    assert not page.warning
    assert translator("zh" if language == "zh" else "en")(topic.question) in words(page)


@EVERY_TOPIC
def test_the_picture_waits_for_the_prediction(topic: Any) -> None:
    page = open_topic(topic, lang="en")
    assert page.segmented_control(key="lang").value == "en"
    assert f"{topic.lab}:view:en" not in [control.key for control in page.segmented_control]
    result = shipped_result(topic) if isinstance(topic, LiveTopic) else topic.compute(topic.opening)
    right = topic.prediction.correct(result)
    assert right is not None
    page.button(key=f"{topic.id}:guess:{right}").click().run()
    assert not page.exception
    options = topic.prediction.options
    assert f"Right: “{options[right]}”. Why?" in [card.label for card in page.expander]
    assert topic.prediction.explanation in words(page)
    page.button(key=f"{topic.id}:ask").click().run()
    other = (right + 1) % len(options)
    page.button(key=f"{topic.id}:guess:{other}").click().run()
    told = f"Not quite. You said “{options[other]}”; here it is “{options[right]}”. Why?"
    assert told in [card.label for card in page.expander]


def test_the_code_view_gives_the_digits_that_do_not_hang_on_rounding() -> None:
    """At 84 training steps with layer norm a learning rate of another last digit changes the drift by some per cent."""
    steps = next(topic for topic in TOPICS if topic.id == "recurrence.steps")
    page = open_topic(steps, lang="en", view="code", predict="0", normalizer="layer")
    drift = re.search(r"`drift = ([\d.]+)`", words(page))
    assert drift is not None
    assert len(drift[1].replace(".", "").lstrip("0")) <= 2
    assert any("Training amplifies rounding" in caption.value for caption in page.caption)
    plain = open_topic(steps, lang="en", view="code", predict="0", warmup="0")
    assert not page.exception
    assert not plain.exception
    assert not any("Training amplifies rounding" in caption.value for caption in plain.caption)


def test_nothing_is_asked_where_the_run_has_no_answer() -> None:
    builder = next(topic for topic in TOPICS if topic.id == "builder")
    refused = open_topic(builder, lang="en", normalizer="group", groups="6")
    assert builder.prediction.question not in words(refused)
    assert "builder:view:en" in [control.key for control in refused.segmented_control]
    assert builder.prediction.question in words(open_topic(builder, lang="en", normalizer="group", groups="4"))


@EVERY_TOPIC
def test_presets_render_and_say_what_to_look_for(topic: Any) -> None:
    page = open_topic(topic, lang="en", predict="0")
    assert 3 <= len(topic.presets) <= 8
    assert len({preset.name for preset in topic.presets}) == len(topic.presets)
    assert all(preset.name.isidentifier() for preset in topic.presets)
    for preset in topic.presets:
        page.button(key=f"{topic.id}:preset:{preset.name}").click().run()
        assert not page.exception
        assert preset.look_for.replace("*", r"\*") in words(page)  # N* in bold type
        assert (state(page, topic.lab).topic, state(page, topic.lab).settings) == (topic, topic.preset(preset.name))


@EVERY_TOPIC
def test_at_most_six_controls_are_seen_first_and_the_rest_under_more(topic: Any) -> None:
    assert len(topic.controls) <= 6
    assert sorted((*topic.controls, *topic.more)) == sorted(topic.settings.names())


@pytest.mark.parametrize(
    "topic", [topic for lab in LABS_WITH_TOPICS for topic in lab.topics], ids=lambda topic: topic.id
)
def test_a_link_with_a_topic_alone_opens_it_as_a_click_does(topic: Any) -> None:
    page = open_topic(topic)
    found = state(page, topic.lab)
    assert (found.topic, found.settings, found.problems) == (topic, topic.opening, [])


@pytest.mark.parametrize("full", [False, True])
@EVERY_TOPIC
def test_a_link_brings_its_settings_back(topic: Any, full: bool) -> None:
    lab = LAB_OF[topic.id]
    for chosen in [topic.opening, *(topic.preset(preset.name) for preset in topic.presets), topic.settings(seed=3)]:
        assert lab.from_query(lab.to_query(topic, chosen, full=full)) == (topic, chosen, [])


@pytest.mark.parametrize("lab", LABS_WITH_TOPICS, ids=lambda lab: lab.name)
def test_settings_of_one_topic_say_nothing_in_another_and_a_wrong_topic_is_told(lab: Any) -> None:
    for topic in lab.topics:
        foreign = {name for other in lab.topics for name in other.settings.names()} - set(topic.settings.names())
        query = {"topic": topic.name, "seed": "5"} | dict.fromkeys(foreign, "1")
        assert lab.from_query(query) == (topic, topic.settings(seed=5), [])
    topic, settings, problems = lab.from_query({"topic": "<b>", "seed": "5"})
    assert (topic, settings) == (lab.topics[0], lab.topics[0].settings(seed=5))
    assert [problem.name for problem in problems] == ["topic"]


@pytest.mark.parametrize("lab", LABS_WITH_TOPICS, ids=lambda lab: lab.name)
def test_topics_are_chosen_on_the_page_and_keep_what_they_share(lab: Any) -> None:
    page = open_page(lab.name, lang="en", predict="0", seed="3")
    for topic in (*lab.topics[1:], lab.topics[0]):
        control(page, f"{lab.name}:topic:en").set_value(topic.name).run()
        assert not page.exception
        assert topic.question in words(page)
        found = state(page, lab.name)
        assert (found.topic, found.settings.seed) == (topic, 3)


def control(page: AppTest, key: str) -> Any:
    """The widget with this key, whatever its kind."""
    for kind in ("select_slider", "segmented_control", "selectbox", "toggle", "number_input", "button_group"):
        for widget in page.get(kind):
            if getattr(widget, "key", None) == key:
                return widget
    raise KeyError(key)


@EVERY_TOPIC
def test_a_moved_control_is_in_the_link_and_survives_a_page_switch(topic: Any) -> None:
    page = open_topic(topic, lang="en", predict="0")
    described = fields(topic.settings)
    name = next(name for name in topic.controls if described[name].parameter.stops and described[name].kind == "number")
    target = next(stop for stop in described[name].parameter.stops[1:] if stop != getattr(topic.opening, name))
    control(page, f"{topic.id}:{name}:en").set_value(target).run()
    assert not page.exception
    assert getattr(state(page, topic.lab).settings, name) == target
    for left in ("home", topic.lab):
        page.query_params.clear()  # as a browser that follows a link of the navigation
        page.switch_page(f"../../pages/{left}.py").run()
    assert getattr(state(page, topic.lab).settings, name) == target
    assert control(page, f"{topic.id}:{name}:en").value == target


@pytest.mark.parametrize("topic", ["sharing", "maps"])
def test_fewer_channels_than_groups_leave_a_sentence_and_no_traceback(topic: str) -> None:
    page = open_page("convolution", topic=topic, lang="en", predict="0", normalizer="group", channels="8", groups="8")
    if topic == "maps":
        control(page, f"convolution.{topic}:more").set_value(True).run()
    for channels in (4, 1, 8):
        control(page, f"convolution.{topic}:channels:en").set_value(channels).run()
        assert not page.exception
        assert state(page, "convolution").settings.channels == channels


@EVERY_TOPIC
def test_the_language_is_switched_there_and_back_and_everything_is_kept(topic: Any) -> None:
    page = open_topic(topic, lang="en", predict="0")
    if topic.more:
        control(page, f"{topic.id}:more").set_value(True).run()
    for name, field in fields(topic.settings).items():
        if field.kind == "choice":
            try:
                widget = control(page, f"{topic.id}:{name}:en")
            except KeyError:  # it has no effect now
                continue
            if widget.disabled:
                continue
            widget.set_value(next(choice for choice in field.choices if choice != getattr(topic.opening, name))).run()
    chosen = state(page, topic.lab).settings
    for language in ("zh", "en", "zh"):
        control(page, "lang").set_value(language).run()
        assert not page.exception
        assert state(page, topic.lab).settings == chosen


@EVERY_LAB
def test_a_bad_link_is_told_and_the_rest_kept(lab: Any) -> None:
    page = open_page(lab.name, lang="en", predict="0", seed="99999999999", colour="<b>red</b>", batch_size="8")
    assert not page.exception
    said = words(page)
    assert "seed must be a whole number from" in said
    assert "<b>" not in said
    kept = {"batch_size": 8} if "batch_size" in lab.topics[0].settings.names() else {}
    assert state(page, lab.name).settings == lab.topics[0].settings(**kept)


WRONG = dict.fromkeys(("view", "lock", "pin"), "nope")
WRONG |= {"momentum": "7", "step": "99999", "lang": "xx", "predict": "xyz", "show": "nope,eps"}


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_value_of_each_key_is_told_with_its_key_and_the_address_is_true_afterwards(key: str) -> None:
    page = open_page("layer", **{"lang": "en", "predict": "0", key: WRONG[key]})
    assert not page.exception
    (said,) = (warning.value.replace("\\", "") for warning in page.warning)
    assert said.startswith(key)
    assert ": nope. Its settings are" in said if key in {"show", "lock"} else f"; got {WRONG[key]}, so " in said
    link = visit.link(LAB_OF["layer"], state(page, "layer"))
    assert link == {"show": {"show": "eps"}, "pin": {"pin": "1"}, "step": {"step": "59"}}.get(key, {})
    visitor = page.session_state["visit"]
    assert (visitor.wanted, visitor.predict) == (None if key == "lang" else "en", key == "predict")


@EVERY_LAB
@settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_hostile_links_leave_the_page_standing(lab: Any, data: st.DataObject) -> None:
    known = sorted({name for topic in lab.topics for name in topic.settings.names()})
    names = st.sampled_from([*known, "topic", "lang", "view", "step", "predict", "x", "__class__"])
    values = st.one_of(
        st.text(max_size=30),
        st.integers().map(str),
        st.floats().map(str),
        st.sampled_from(["", "1e9", "-1", "null", "../../etc/passwd", "'; DROP TABLE", "$\\frac{1}{0}$", "%00"]),
    )
    query = data.draw(st.dictionaries(names, values, min_size=1, max_size=5))
    page = open_page(lab.name, **query)
    assert not page.exception
    own = {key: value for key, value in query.items() if key in (*known, "topic")}
    found = state(page, lab.name)
    assert (found.topic, found.settings) == lab.from_query(own)[:2]


def test_too_much_work_is_refused_with_the_names_that_the_page_shows() -> None:
    page = open_page("gradient_flow", lang="en", predict="0", depth="50", width="512", batch_size="1024", steps="200")
    assert not page.exception
    assert "Reduce Depth, Width, Batch size" in words(page)
    control(page, "gradient_flow:depth:en").set_value(1).run()
    assert not page.exception


def test_no_view_and_no_pin_computes_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The code view's second computation is another's: at a learning rate that differs by one rounding."""
    made: list[tuple[str, str]] = []
    get = cache._results.get

    def counted(key: Any, make: Callable[[], Any], *more: Any) -> Any:
        return get(key, lambda: (made.append(key), make())[1], *more)

    monkeypatch.setattr(cache._results, "get", counted)
    seed = {"topic": "gap", "lang": "en", "predict": "0", "seed": "4711", "steps": "3"}
    for more in (
        {},
        {"view": "code"},
        {"view": "theory"},
        {"pin": "seed=4712&steps=3"},
        {"view": "code", "pin": "seed=4712&steps=3"},
    ):
        page = open_page("modes", **seed, **more)
        assert not page.exception
    assert len(made) == len(set(made)) == 3
