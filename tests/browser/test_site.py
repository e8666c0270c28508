"""The dashboard in a real browser: play, scrub, zoom, move a slider, share, read in Chinese, on a phone, with a bad link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from bnviz.i18n import translator
from bnviz.labs.course import LABS
from bnviz.settings import fields
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab
from tests.browser.conftest import Visit
from tests.browser.pages import guess, in_scheme, painted, ready, settled, topics

EVERY_LAB = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
CHART = ".js-plotly-plot"
PYTORCHS_OWN = "Expected more than 1 value per channel when training"


def position(page: Page) -> int:
    """The playhead, from 0."""
    return int(page.locator("input[type=range][aria-label='Position in the run']").input_value())


def press(page: Page, label: str, key: str, times: int = 1) -> None:
    """Move the slider `label` by keyboard."""
    thumb = page.get_by_role("slider", name=label)
    thumb.focus()
    for _ in range(times):
        thumb.press(key)


def zoomed_range(page: Page) -> list[float]:
    return list(page.locator(CHART).first.evaluate("(plot) => plot._fullLayout.xaxis.range"))


def settled_zoom(page: Page, whole: list[float]) -> list[float]:
    """The x range once it is another than `whole` and has come to rest (Plotly animates nothing, but draws later)."""
    for _ in range(100):
        one = zoomed_range(page)
        page.wait_for_timeout(100)
        if one != whole and zoomed_range(page) == one:
            return one
    raise AssertionError("the drag did not zoom")


def first_slider(topic: AnyTopic) -> tuple[str, str, tuple[str, str]]:
    """Name and label of the first control that is a slider, the batch size before others; the keys that move it and take it back."""
    described = fields(topic.settings)
    names = sorted(topic.controls, key=lambda name: name != "batch_size")
    name = next(name for name in names if described[name].kind == "number" and topic.applies(topic.opening, name))
    parameter = described[name].parameter
    lowest = getattr(topic.opening, name) == parameter.stops[0]
    return name, parameter.label, ("ArrowRight", "ArrowLeft") if lowest else ("ArrowLeft", "ArrowRight")


@EVERY_LAB
def test_a_prediction_is_asked_then_the_picture_comes_and_follows_a_slider(visit: Visit, lab: Lab) -> None:
    page = visit(f"{lab.name}?lang=en")
    for topic in topics(page, lab):
        expect(page.get_by_text(topic.prediction.question)).to_be_visible()
        assert painted(page) == []
        guess(page, topic)
        before = painted(page)
        name, label, (there, back) = first_slider(topic)
        press(page, label, there)
        expect(page).to_have_url(re.compile(rf"{name}=\d+"))
        if isinstance(topic, InstantTopic):  # the others wait for "Run"
            page.wait_for_function(
                "(before) => { const now = [...document.querySelectorAll('[data-painted-digest]')].map((h) => h.dataset.paintedDigest);"
                " return now.length >= before.length && before.some((digest, i) => digest !== now[i]); }",
                arg=before,  # a picture far below may have come after the first look
            )
        press(page, label, back)  # the next topic shares what this one set
        settled(page)


def test_zoom_legend_and_playhead_survive_a_slider(visit: Visit) -> None:
    page = ready(visit("running_stats?predict=0&lang=en"))
    page.get_by_role("button", name="One step forward").click()
    page.get_by_role("button", name="One step forward").click()
    scrubber = page.locator("input[type=range][aria-label='Position in the run']")
    expect(scrubber).to_have_value("2")
    plot = page.locator(CHART).first
    plot.scroll_into_view_if_needed()
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    whole = zoomed_range(page)
    left, width, middle = box["x"], box["width"], box["y"] + box["height"] / 2
    page.mouse.move(left + 0.25 * width, middle)
    page.mouse.down()
    page.mouse.move(left + 0.6 * width, middle, steps=6)
    page.mouse.up()
    zoom = settled_zoom(page, whole)
    before = painted(page)
    press(page, "Batch size", "ArrowLeft")
    page.wait_for_function(
        "(before) => [...document.querySelectorAll('[data-painted-digest]')].some((h, i) => h.dataset.paintedDigest !== before[i])",
        arg=before,
    )
    ready(page)
    assert zoomed_range(page) == pytest.approx(zoom)
    assert position(page) == 2


def test_playing_goes_on_through_a_rerun_without_the_server(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('[data-painted-digest]') && window.__bnviz.stats.painted > 5")
    press(page, "Batch size", "ArrowLeft")
    here = position(page)
    page.wait_for_function("(here) => Number(window.__bnviz.playheads.get('layer').step) > here + 2", arg=here)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_copied_link_brings_everything_back_in_another_browser(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    press(page, "Batch size", "ArrowLeft", 3)
    for _ in range(3):
        page.get_by_role("button", name="One step forward").click()
    expect(page).to_have_url(re.compile(r"step=3"))
    page.get_by_role("button", name="Share").click()
    link = page.locator("input[readonly]").first.input_value()
    assert "batch_size=12" in link
    code = page.get_by_role("img", name="QR code of the link")
    page.wait_for_function("(image) => image.naturalWidth > 50", arg=code.element_handle())
    expect(page).to_have_url(re.compile(r"batch_size=12"))
    ready(page)
    other = ready(visit(link.split("/", 3)[3]))
    assert painted(other) == painted(page)
    assert position(other) == 3


def test_the_view_is_part_of_the_link(visit: Visit) -> None:
    page = visit("layer?predict=0&lang=en&view=formula")
    expect(page.get_by_role("radio", name="Formula")).to_be_checked()
    expect(page.locator(".katex").first).to_be_visible()


@EVERY_LAB
def test_everything_is_chinese_when_asked(visit: Visit, lab: Lab) -> None:
    page = ready(visit(f"{lab.name}?predict=0&lang=zh"))
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    for other in LABS:
        expect(
            page.get_by_test_id("stSidebarNav").get_by_text(translator("zh")(other.title), exact=True)
        ).to_be_visible()
    for _ in topics(page, lab, "zh"):
        text = ready(page).locator("body").inner_text()
        code = {line for block in page.locator("pre").all_inner_texts() for line in block.splitlines()}
        text = text.replace(PYTORCHS_OWN, "")
        foreign = [line for line in text.splitlines() if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", line)]
        assert [line for line in foreign if line not in code] == []


def test_the_home_page_leads_into_the_course(visit: Visit) -> None:
    page = visit("?lang=en")
    page.get_by_role("link", name=LABS[0].title).last.click()
    expect(page.get_by_role("heading", name=LABS[0].question)).to_be_visible()


def test_the_language_follows_the_browser_and_the_switch(visit: Visit) -> None:
    page = visit("layer?predict=0", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("radio", name="中文").or_(page.get_by_role("button", name="中文")).first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_url(re.compile("lang=zh"))


@EVERY_LAB
def test_a_phone_shows_the_picture_first_and_nothing_sticks_out(visit: Visit, lab: Lab) -> None:
    page = ready(visit(f"{lab.name}?predict=0&lang=en", width=390, height=844, has_touch=True))
    for _ in topics(page, lab):
        for scheme in ("dark", "light"):
            in_scheme(page, scheme)
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        picture = page.locator("[data-painted-digest]").first.bounding_box()
        slider = page.get_by_role("slider").locator("visible=true")
        controls = page.locator(".st-key-controls").bounding_box()
        assert slider.count() > 0
        assert picture is not None
        assert controls is not None
        assert picture["y"] < controls["y"]


def test_a_batch_of_one_shows_pytorchs_own_error_and_what_to_do(visit: Visit) -> None:
    page = visit("layer?predict=0&lang=en&batch_size=1")
    expect(page.get_by_text("Expected more than 1 value per channel when training")).to_be_visible()
    expect(page.get_by_text("What to do:")).to_be_visible()
    press(page, "Batch size", "ArrowRight")
    ready(page)
    expect(page.get_by_text("Expected more than 1 value per channel when training")).to_have_count(0)


def test_an_upload_that_is_not_what_it_says_is_told(visit: Visit) -> None:
    page = visit("layer?predict=0&lang=en&source=upload")
    expect(page.locator("input[type=file]")).to_have_count(1)
    page.locator("input[type=file]").set_input_files({"name": "x.npy", "mimeType": "", "buffer": b"PK not an array"})
    expect(page.get_by_text("The file is not a NumPy array (.npy).")).to_be_visible()
    rows = "\n".join(f"{i % 7},{i % 5},{i % 3}" for i in range(200)).encode()
    page.locator("input[type=file]").set_input_files({"name": "x.csv", "mimeType": "text/csv", "buffer": rows})
    ready(page)


@pytest.mark.parametrize("path", ["", "cases"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_home_and_problems_fit_a_phone_and_speak_one_language(visit: Visit, path: str, language: str) -> None:
    page = visit(f"{path}?lang={language}", width=390, height=844)
    page.wait_for_timeout(800)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    if language == "zh":
        text = page.locator("body").inner_text().replace(PYTORCHS_OWN, "")
        assert [line for line in text.splitlines() if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", line)] == []


def test_the_course_fits_a_projector_and_its_picture_moves_without_the_server_or_plotly(visit: Visit) -> None:
    page = visit("?lang=en")
    asked: list[str] = []
    page.wait_for_function("() => window.__bnviz?.playheads.get('home')?.step > 2")
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    course = page.locator(".st-key-course").bounding_box()
    assert course is not None
    assert course["y"] + course["height"] <= 740
    here = page.evaluate("window.__bnviz.playheads.get('home').step")
    page.wait_for_function("(here) => window.__bnviz.playheads.get('home').step !== here", arg=here)
    assert asked == []
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if "plotly" in name.lower()] == []


def test_a_problem_is_found_from_the_home_page_and_its_reproduction_is_one_click_away(visit: Visit) -> None:
    page = visit("?lang=en")
    field = page.get_by_label("Or with a problem: search by symptom")
    field.fill("NaN")
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"/cases\?.*q=NaN"))
    expect(page.get_by_text("Measured here")).to_be_visible()
    page.get_by_role("button", name="eval", exact=True).click()
    page.get_by_role("link", name="See it go wrong: What it does").first.click()
    ready(page)
    expect(page).to_have_url(re.compile(r"/layer\?.*mode=eval"))
