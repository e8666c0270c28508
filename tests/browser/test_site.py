"""The dashboard as one site: home and problems, play and zoom through reruns, a link in another browser, a refused file."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from bnviz.i18n import LANGUAGES, Language, translator
from bnviz.labs.course import LABS
from bnviz.ui import assets, native_words
from bnviz.ui.visit import LANGUAGE_NAMES
from tests.browser.conftest import PHONE, PROJECTOR, Visit
from tests.browser.pages import (
    PYTORCHS_OWN,
    Finding,
    asks_for,
    change,
    foreign,
    overhang,
    painted,
    query,
    ready,
    resize,
    segment,
    serious,
    settled,
)

CHART = ".js-plotly-plot"
RANGE = f"() => document.querySelector('{CHART}')._fullLayout.xaxis.range.join()"


def position(page: Page) -> int:
    """The playhead, from 0."""
    return int(page.locator("input[type=range][aria-label='Position in the run']").input_value())


def zoomed_range(page: Page) -> list[float]:
    """What the first chart shows of its x axis."""
    return list(page.locator(CHART).first.evaluate("(plot) => plot._fullLayout.xaxis.range"))


def test_zoom_and_playhead_survive_a_slider(visit: Visit) -> None:
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
    plot.evaluate(
        "(plot, whole) => new Promise((done) => { const look = () =>"
        " plot._fullLayout.xaxis.range.join() === whole.join() ? setTimeout(look, 20) : done(); look(); })",
        whole,
    )
    zoom = zoomed_range(page)
    before = painted(page)
    change(page, page.get_by_role("slider", name="Batch size").press, "ArrowLeft")
    assert painted(page) != before
    assert zoomed_range(page) == pytest.approx(zoom)
    assert position(page) == 2


def test_playing_goes_on_through_a_rerun_without_the_server(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('[data-painted-digest]') && window.__bnviz.stats.painted > 5")
    page.get_by_role("slider", name="Batch size").press("ArrowLeft")
    here = position(page)
    page.wait_for_function("(here) => Number(window.__bnviz.playheads.get('layer').step) > here + 2", arg=here)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_copied_link_brings_everything_back_in_another_browser(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    for size in ("24", "16", "12"):
        page.get_by_role("slider", name="Batch size").press("ArrowLeft")
        asks_for(page, "batch_size", size)
    for _ in range(3):
        page.get_by_role("button", name="One step forward").click()
    asks_for(page, "step", "3")
    settled(page)
    page.get_by_role("button", name="Share").click()
    panel = page.get_by_role("dialog")
    panel.get_by_label("Ask the question first").uncheck()
    link = panel.get_by_label("Link to this state").input_value()
    other = ready(visit(link.split("/", 3)[3]))
    assert painted(other) == painted(page)
    assert position(other) == 3
    assert query(other) == query(page)


def test_view_and_language_of_a_link_and_of_the_browser(visit: Visit) -> None:
    page = visit("layer?predict=0&view=formula", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("radio", name="Formula")).to_be_checked()
    expect(page.locator(".katex").first).to_be_visible()
    segment(page, "中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    asks_for(page, "lang", "zh")
    asks_for(page, "view", "formula")


def test_a_refused_setting_says_why_and_leads_back_and_one_without_effect_rests(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en&batch_size=2"))
    page.get_by_role("slider", name="Batch size").press("ArrowLeft")
    expect(page.get_by_text(PYTORCHS_OWN)).to_be_visible()
    expect(page.get_by_text("What to do:")).to_be_visible()
    page.get_by_role("button", name="Back to what worked").click()
    asks_for(page, "batch_size", "2")
    expect(page.get_by_text(PYTORCHS_OWN)).to_have_count(0)
    momentum = page.get_by_role("slider", name="Momentum", exact=True)
    expect(momentum).to_be_enabled()
    ready(page).locator(".st-key-layer-mode-en").get_by_text("eval", exact=True).click()
    asks_for(page, "mode", "eval")
    expect(momentum).to_be_disabled()


def test_an_upload_that_is_not_what_it_says_is_told(visit: Visit) -> None:
    page = visit("layer?predict=0&lang=en&source=upload")
    expect(page.locator("input[type=file]")).to_have_count(1)
    page.locator("input[type=file]").set_input_files({"name": "x.npy", "mimeType": "", "buffer": b"PK not an array"})
    expect(page.get_by_text("The file is not a NumPy array (.npy).")).to_be_visible()
    settled(page)  # with a file the uploader stands below the settings
    rows = "\n".join(f"{i % 7},{i % 5},{i % 3}" for i in range(200)).encode()
    page.locator("input[type=file]").set_input_files({"name": "x.csv", "mimeType": "text/csv", "buffer": rows})
    expect(page.get_by_text("handwritten digits")).to_have_count(
        0
    )  # the long text stands outside the part that is drawn again
    ready(page)


def test_the_course_fits_a_projector_moves_without_the_server_or_plotly_and_leads_to_its_first_lab(
    visit: Visit,
) -> None:
    page = visit("?lang=en", *PROJECTOR)
    page.wait_for_function("() => window.__bnviz?.playheads.get('home')?.step > 2")
    settled(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    course = page.locator(".st-key-course").bounding_box()
    assert course is not None
    assert course["y"] + course["height"] <= 740
    here = page.evaluate("window.__bnviz.playheads.get('home').step")
    page.wait_for_function("(here) => window.__bnviz.playheads.get('home').step !== here", arg=here)
    assert asked == []
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if name.endswith(assets.PLOTLY.name)] == []
    page.get_by_role("link", name=LABS[0].title).last.click()
    expect(page.get_by_role("heading", name=LABS[0].question)).to_be_visible()


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


@pytest.mark.parametrize(("path", "kept"), [("", {}), ("cases", {"q": "NaN"})])
def test_home_and_problems_fit_a_phone_speak_one_language_and_keep_the_search(
    visit: Visit, streamlits_own: Callable[[], set[Finding]], path: str, kept: dict[str, str]
) -> None:
    page = settled(visit(f"{path}?lang=en", *PHONE))
    assert overhang(page) <= 0
    page.wait_for_function("() => document.documentElement.dataset.bnviz === 'ready'")  # it closes the sidebar first
    page.get_by_test_id("stExpandSidebarButton").click()
    segment(page, "中文").click()
    asks_for(page, "lang", "zh")
    assert foreign(settled(page)) == []
    assert overhang(page) <= 0
    resize(page, *PROJECTOR)
    for value in kept.values():
        page.get_by_role("searchbox").fill(value)
        asks_for(page, "q", value)
        expect(page.locator("details[open]")).to_have_count(1)
    for language in LANGUAGES:  # English, and back
        segment(page, LANGUAGE_NAMES[language]).click()
        asks_for(page, "lang", language)
        assert query(page) == kept
        expect(page.locator("details[open]")).to_have_count(len(kept))
        expect(page.get_by_test_id("stException")).to_have_count(0)
    found = serious(page)
    if found:
        own = streamlits_own()
        assert {finding: html for finding, html in found.items() if finding not in own} == {}


def test_what_streamlit_writes_itself_follows_the_language_and_back(visit: Visit) -> None:
    page = visit("layer?predict=0&lang=zh&source=upload")
    page.locator("input[type=file]").set_input_files({"name": "x.exe", "mimeType": "", "buffer": b"MZ"})
    uploader = page.get_by_test_id("stFileUploader")
    languages: tuple[Language, ...] = ("zh", "en", "zh")
    for language in languages:
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if language == "zh" else "en")
        said = native_words.data(translator(language))
        expect(uploader.get_by_role("button", name=said.get("Add files", "Add files"))).to_be_visible()
        name = said.get("Remove {name}", "Remove {name}").format(name="x.exe")
        expect(uploader.get_by_role("button", name=name)).to_be_visible()
        segment(page, LANGUAGE_NAMES["en" if language == "zh" else "zh"]).click()


def test_comparisons_are_a_list_where_a_table_has_no_room(visit: Visit) -> None:
    page = settled(visit("gradient_flow?predict=0&lang=en&view=theory"))
    rows, titles = page.locator(".bnviz-comparisons tbody th"), page.locator(".bnviz-comparisons thead")
    expect(titles).to_be_visible()
    resize(page, *PHONE)
    expect(titles).to_be_hidden()
    expect(rows).not_to_have_count(0)
    told = page.locator(".bnviz-comparisons td").first.evaluate("(cell) => getComputedStyle(cell, '::before').content")
    assert told == '"Measured"'
    assert page.locator(".bnviz-comparisons > div").evaluate("(box) => box.scrollWidth <= box.clientWidth")
