"""The dashboard in a real browser: play, scrub, zoom, move a slider, share, read in Chinese, on a phone, with a bad link."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bnviz.i18n import translator
from bnviz.lessons.course import LESSONS
from tests.browser.conftest import Visit

NAMES = [lesson.name for lesson in LESSONS]
CHART = ".js-plotly-plot"


def painted(page: Page) -> list[str]:
    """The digests of everything that is painted now."""
    hosts = page.locator("[data-painted-digest]")
    return [str(hosts.nth(index).get_attribute("data-painted-digest")) for index in range(hosts.count())]


def position(page: Page) -> int:
    """The playhead, from 0."""
    return int(page.locator("input[type=range][aria-label='Position in the run']").input_value())


def ready(page: Page) -> Page:
    """Wait until every picture of the page is painted."""
    page.wait_for_function(
        """() => { const hosts = [...document.querySelectorAll('[data-digest]')];
                   return hosts.length > 0 && hosts.every((h) => h.dataset.digest === h.dataset.paintedDigest); }"""
    )
    return page


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


@pytest.mark.parametrize("name", [lesson.name for lesson in LESSONS if not lesson.live])  # the others wait for "Run"
def test_a_slider_changes_the_picture_and_the_address(visit: Visit, name: str) -> None:
    page = ready(visit(f"{name}?predict=0&lang=en"))
    before = painted(page)
    label = "Depth" if name == "gradient_flow" else "Batch size"
    press(page, label, "ArrowLeft")
    page.wait_for_function(
        "(before) => { const now = [...document.querySelectorAll('[data-painted-digest]')].map((h) => h.dataset.paintedDigest);"
        " return now.length === before.length && now.every((digest, i) => digest !== before[i]); }",
        arg=before,
    )
    expect(page).to_have_url(re.compile(r"(depth|batch_size)=\d+"))
    assert page.evaluate("history.length") <= 2


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


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_chinese_when_asked(visit: Visit, name: str) -> None:
    page = ready(visit(f"{name}?predict=0&lang=zh"))
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    for lesson in LESSONS:
        expect(
            page.get_by_test_id("stSidebarNav").get_by_text(translator("zh")(lesson.title), exact=True)
        ).to_be_visible()
    code = {line for block in page.locator("pre").all_inner_texts() for line in block.splitlines()}
    text = page.locator("body").inner_text()
    foreign = [
        line for line in text.splitlines() if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", line) and line not in code
    ]
    assert foreign == []


def test_the_language_follows_the_browser_and_the_switch(visit: Visit) -> None:
    page = visit("layer?predict=0", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("radio", name="中文").or_(page.get_by_role("button", name="中文")).first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_url(re.compile("lang=zh"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_picture_first_and_nothing_sticks_out(visit: Visit, name: str, scheme: str) -> None:
    page = ready(visit(f"{name}?predict=0&lang=en", width=390, height=844, color_scheme=scheme, has_touch=True))
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
    expect(page.get_by_test_id("stAlert").first).to_be_visible()
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
        text = page.locator("body").inner_text().replace("Expected more than 1 value per channel when training", "")
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
    expect(page.get_by_role("heading", name="NaN in eval mode")).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("link", name="See it go wrong: What it does").first.click()
    ready(page)
    expect(page).to_have_url(re.compile(r"/layer\?.*mode=eval"))


@pytest.mark.parametrize("path", ["", "cases", *(f"{name}?predict=0" for name in NAMES)])
def test_nothing_is_fetched_from_elsewhere_and_nothing_is_logged_as_error(visit: Visit, site: str, path: str) -> None:
    foreign: list[str] = []
    errors: list[str] = []
    page = visit("?lang=en")
    page.on(
        "request",
        lambda request: foreign.append(request.url) if not request.url.startswith((site, "data:", "blob:")) else None,
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" and "404" not in message.text else None,
    )
    page.goto(f"{site}/{path}")
    page.wait_for_selector("[data-testid='stMarkdownContainer'] h3")
    if path not in {"", "cases"}:
        ready(page)
    assert foreign == []
    assert errors == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_the_prediction_is_asked_then_the_picture_comes(visit: Visit, lesson: Any) -> None:
    page = visit(f"{lesson.name}?lang=en")
    expect(page.get_by_text(lesson.prediction.question)).to_be_visible()
    assert page.locator("[data-painted-digest]").count() == 0
    page.get_by_role("button", name=lesson.prediction.options[0], exact=True).click()
    ready(page)
