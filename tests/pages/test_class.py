"""The class page, every link of every lesson, and links that show and lock controls, through Streamlit's own test runner."""

from __future__ import annotations

from typing import Any

import pytest

from bnviz.classroom.plans import plans
from bnviz.i18n import translator
from bnviz.labs.course import LABS
from bnviz.ui import lesson_plans, visit
from tests.pages.test_pages import open_page, state, words

STEPS = [(plan, step) for plan in plans() for step in plan.steps]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_class_page_is_there_in_both_languages(language: Any) -> None:
    page = open_page("classroom", lang=language)
    assert not page.exception
    assert translator(language)("Teach with a class") in words(page)


@pytest.mark.parametrize(("plan", "step"), STEPS, ids=[f"{plan.name}-{step.title.en}" for plan, step in STEPS])
def test_a_link_of_a_lesson_opens_as_the_lesson_means_it(plan: Any, step: Any) -> None:
    place = lesson_plans.place(step)
    page = open_page(place["page"], lang="en", **place["query"])
    assert not page.exception
    assert not page.error
    assert not page.warning
    assert ("## Predict first" in words(page)) == (step.question is not None and step.question.kind == "prediction")


def controls_of(page: Any) -> dict[str, Any]:
    widgets = [*page.select_slider, *page.segmented_control, *page.toggle, *page.selectbox, *page.number_input]
    return {widget.key.split(":")[1]: widget for widget in widgets if widget.key and widget.key.startswith("layer:")}


def test_a_link_shows_the_controls_that_it_names_and_no_others() -> None:
    page = open_page("layer", lang="en", predict="0", show="eps,batch_size,seed", lock="eps", eps="0.04", warmup="5")
    assert not page.warning
    controls = controls_of(page)
    assert set(controls) & set(state(page, "layer").settings.names()) == {"eps", "batch_size", "seed"}
    assert (controls["eps"].disabled, controls["batch_size"].disabled) == (True, False)
    assert not any("More" in toggle.label for toggle in page.toggle)


def test_a_shown_control_works_and_reset_keeps_what_is_not_the_visitors() -> None:
    page = open_page("layer", lang="en", predict="0", show="batch_size", eps="0.04", batch_size="8")
    controls_of(page)["batch_size"].set_value(64).run()
    assert state(page, "layer").settings.batch_size == 64
    page.button(key="layer:reset").click().run()
    settings = state(page, "layer").settings
    assert (settings.batch_size, settings.eps) == (32, 0.04)


def test_presets_that_set_what_is_hidden_or_locked_are_not_offered() -> None:
    def presets(**query: str) -> set[str]:
        page = open_page("layer", lang="en", predict="0", **query)
        return {button.key.split(":")[2] for button in page.button if ":preset:" in (button.key or "")}

    assert presets(show="eps,batch_size") == {"eps_as_large_as_variance"}
    assert "eps_as_large_as_variance" not in presets(lock="eps")
    assert "batch_of_2" in presets(lock="eps")


def test_a_link_that_shows_what_is_no_setting_says_so() -> None:
    page = open_page("layer", lang="en", predict="0", show="batch_size,rm_rf", lock="<b>")
    (warning,) = page.warning
    assert "rm" in warning.value
    assert state(page, "layer").shown == ("batch_size",)
    assert state(page, "layer").locked == ()


def test_the_restrictions_stay_in_the_link() -> None:
    page = open_page("layer", lang="en", predict="0", show="eps,batch_size", lock="eps")
    layer = next(lab for lab in LABS if lab.name == "layer")
    remembered = state(page, "layer")
    assert (remembered.shown, remembered.locked) == (("eps", "batch_size"), ("eps",))
    again = visit.LabState(layer.topics[0], layer.topics[0].opening)
    visit.restrict(layer, again, {"show": "eps,batch_size", "lock": "eps"})
    assert (again.shown, again.locked) == (remembered.shown, remembered.locked)


def test_a_pinned_picture_stays_and_both_settings_are_written() -> None:
    page = open_page("layer", lang="en", predict="0")
    page.button(key="layer:pin").click().run()
    assert not page.caption  # nothing has changed yet
    controls_of(page)["batch_size"].set_value(2).run()
    assert not page.exception
    assert "Pinned (faint): as it opens. Now: Batch size 2." in page.caption[0].value.replace("\\", "")
    page.button(key="layer:pin").click().run()
    assert state(page, "layer").pinned is None
    assert not any("Pinned" in caption.value for caption in page.caption)


@pytest.mark.parametrize("pin", ["batch_size=2&eps=0.04", "1"])
def test_a_pin_is_part_of_the_link(pin: str) -> None:
    page = open_page("layer", lang="en", predict="0", momentum="0.5", pin=pin)
    assert not page.exception
    assert not page.warning
    topic, settings = state(page, "layer").pinned
    assert settings == topic.settings(**({"batch_size": 2, "eps": 0.04} if "=" in pin else {}))
    layer = next(lab for lab in LABS if lab.name == "layer")
    assert visit.link(layer, state(page, "layer"))["pin"] == pin


def test_a_wrong_pin_is_told_and_the_rest_kept() -> None:
    page = open_page("layer", lang="en", predict="0", pin="batch_size=2&eps=-1&evil=1")
    assert not page.exception
    (warning,) = page.warning
    assert "evil" in warning.value
    assert state(page, "layer").pinned[1].batch_size == 2
