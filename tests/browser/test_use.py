"""What stood in the way when the pages were used: language, Share, Back, dragging, small and large screens, paper, frames, contrast."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from bnviz.i18n import Language, translator
from bnviz.labs.course import LABS
from bnviz.settings import fields
from bnviz.teaching.lab import AnyTopic, Lab
from tests.browser.conftest import Visit
from tests.browser.pages import in_scheme, ready, segment, settled

EVERY_LAB = pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
SOME_LABS = pytest.mark.parametrize("name", ["layer", "running_stats", "gradient_flow"])
PROJECTOR, XGA, PHONE, SIDEWAYS = (1280, 720), (1024, 768), (390, 844), (844, 390)


def query(page: Page) -> dict[str, str]:
    """What the address bar says, without the language, once it has come to rest."""
    last = ""
    while last != page.url:
        last = page.url
        page.wait_for_timeout(1000)  # the address follows the picture
    return {name: value for name, value in parse_qsl(urlsplit(last).query) if name != "lang"}


def slider(page: Page, label: str) -> Any:
    return page.get_by_role("slider", name=label, exact=True)


def touch(page: Page, topic: AnyTopic) -> set[str]:
    """Change one control of every kind that `topic` has; the kinds."""
    described = fields(topic.settings)
    page.locator(".st-key-controls").get_by_text("More", exact=True).click() if topic.more else None
    settled(page)
    touched: set[str] = set()
    for name in (*topic.controls, *topic.more):
        field = described[name]
        if field.kind in touched or not topic.applies(topic.opening, name):
            continue
        here = page.locator(f"[class*='st-key-{topic.id.replace('.', '-')}-{name}-en']")
        if here.count() == 0:
            continue
        if field.kind == "number" and field.parameter.stops:
            at_the_end = getattr(topic.opening, name) == field.parameter.stops[-1]
            here.get_by_role("slider").press("ArrowLeft" if at_the_end else "ArrowRight")
        elif field.kind == "bool":
            here.locator("label").first.click()
        elif field.kind == "values":
            here.get_by_role("button").locator("visible=true").last.click()
        else:
            continue
        touched.add(field.kind)
        settled(page)
    return touched


@EVERY_LAB
def test_switching_the_language_there_and_back_keeps_everything(visit: Visit, lab: Lab) -> None:
    page = settled(visit(f"{lab.name}?predict=0&lang=en"))
    assert touch(page, lab.topics[0])
    segment(page, "Formula").click()
    settled(page)
    before = query(page)
    assert set(before) - {"predict", "view"}
    for language, name in (("zh", "中文"), ("en", "English")):
        segment(page, name).click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if language == "zh" else "en")
        settled(page)
        assert query(page) == before
        expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(segment(page, "Formula")).to_be_checked()


@pytest.mark.parametrize("size", [PROJECTOR, PHONE, SIDEWAYS])
def test_share_is_an_overlay_that_fits_every_screen(visit: Visit, size: tuple[int, int]) -> None:
    page = ready(visit("layer?lang=en&predict=0&batch_size=16", *size))
    page.get_by_role("button", name="Share", exact=True).click()
    panel = page.get_by_role("dialog")
    box = panel.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["y"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert box["y"] + box["height"] <= size[1]
    code = page.get_by_role("img", name="QR code of the link")
    page.wait_for_function("(image) => image.complete && image.naturalWidth > 50", arg=code.element_handle())
    link = panel.get_by_label("Link to this state")
    assert dict(parse_qsl(urlsplit(link.input_value()).query)) == {"batch_size": "16", "lang": "en"}
    panel.get_by_label("Ask the question first").uncheck()
    assert "predict=0" in link.input_value()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_back_reset_and_the_browsers_back_undo(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    opening = query(page)
    for _ in range(2):
        slider(page, "Batch size").press("ArrowLeft")
        query(page)
    assert query(page)["batch_size"] == "16"
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page).to_have_url(re.compile(r"batch_size=24"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"batch_size=16"))
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", "16")
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", "32")
    assert query(page) == opening


def test_the_picture_follows_a_dragged_slider_and_the_release_decides(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    handle = slider(page, "Batch size").locator("xpath=ancestor::div[@data-rac][1]")
    box = handle.bounding_box()
    assert box is not None
    painted = "document.querySelector('[data-painted-digest]').dataset.paintedDigest"
    before = page.evaluate(painted)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] - 50, middle, steps=5)
    page.wait_for_function(f"(before) => {painted} !== before", arg=before)  # the button is still down
    page.mouse.move(box["x"] - 80, middle, steps=5)
    page.mouse.up()
    value = slider(page, "Batch size").get_attribute("aria-valuetext")
    assert value != "32"
    expect(page).to_have_url(re.compile(rf"batch_size={value}\b"))
    settled(page)
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", str(value))
    slider(page, "Batch size").press("ArrowRight")
    query(page)
    now = slider(page, "Batch size").get_attribute("aria-valuetext")
    assert now != value
    expect(page).to_have_url(re.compile(rf"batch_size={now}\b"))
    page.get_by_role("button", name="Back", exact=True).click()
    page.get_by_role("button", name="Back", exact=True).click()  # the whole drag was one change
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", "32")


@SOME_LABS
def test_on_a_phone_the_picture_stays_while_the_controls_are_used(visit: Visit, name: str) -> None:
    page = ready(visit(f"{name}?predict=0&lang=en", *PHONE, has_touch=True))
    expect(page.locator("[data-testid=stSidebar][data-collapsed=false]")).to_have_count(0)
    page.locator(".st-key-controls").evaluate("(controls) => controls.scrollIntoView()")
    hero = page.locator(".st-key-picture [data-digest]").first
    expect(hero).to_have_attribute("data-floating", re.compile(r"\d+"))
    box = hero.bounding_box()
    assert box is not None
    assert box["y"] == 0
    assert 0.3 * PHONE[1] < box["height"] < 0.5 * PHONE[1]
    assert box["width"] > 0.8 * PHONE[0]
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_hidden()  # it would cover the picture
    page.locator("[data-testid=stMain]").evaluate("(main) => main.scrollTo(0, 0)")
    expect(hero).not_to_have_attribute("data-floating", re.compile("."))


@SOME_LABS
def test_on_a_phone_held_sideways_picture_and_controls_stand_side_by_side(visit: Visit, name: str) -> None:
    page = ready(visit(f"{name}?predict=0&lang=en", *SIDEWAYS, has_touch=True))
    expect(page.locator("[data-testid=stSidebar][data-collapsed=false]")).to_have_count(0)
    page.wait_for_timeout(500)
    for down in (0, 150):
        page.locator("[data-testid=stMain]").evaluate("(main, down) => main.scrollTo(0, down)", down)
        page.wait_for_timeout(300)
        box = page.locator(".st-key-picture [data-digest]").first.bounding_box()
        assert box is not None
        assert min(box["y"] + box["height"], SIDEWAYS[1]) - max(box["y"], 0) >= 160
    assert box["y"] >= -1


@pytest.mark.parametrize("size", [PROJECTOR, XGA, (820, 1180), (1920, 1080)])
@SOME_LABS
def test_nothing_is_half_visible_at_the_fold(visit: Visit, name: str, size: tuple[int, int]) -> None:
    page = ready(visit(f"{name}?predict=0&lang=en", *size))
    page.wait_for_function(
        "document.querySelector('.st-key-picture [data-digest]').getBoundingClientRect().bottom <= innerHeight + 1"
    )
    cut = page.evaluate(
        """() => [...document.querySelectorAll('[data-digest]')].flatMap((host) => [...host.shadowRoot.querySelectorAll('.bar, .caption')])
            .map((node) => [node.className, node.getBoundingClientRect()])
            .filter(([, box]) => box.height > 0 && box.top < innerHeight - 6 && box.bottom > innerHeight + 6).map(([name]) => name)"""
    )
    assert cut == []


def test_type_grows_with_the_screen(visit: Visit) -> None:
    sizes = {}
    for width, height in (PROJECTOR, (1920, 1080)):
        page = ready(visit("running_stats?predict=0&lang=en", width, height))
        page.wait_for_selector(".js-plotly-plot text")
        sizes[width] = page.evaluate(
            """() => [parseFloat(getComputedStyle(document.querySelector('[data-testid=stMain] p')).fontSize),
                      parseFloat(getComputedStyle(document.querySelector('.js-plotly-plot .xtitle')).fontSize)]"""
        )
    assert [large / small for small, large in zip(*sizes.values(), strict=True)] == pytest.approx([1.5, 1.5], rel=0.05)


# Of the words in the pictures those with less than 4.5 : 1.
CONTRAST = """() => {
    const root = getComputedStyle(document.querySelector('.stApp')).backgroundColor;
    const light = (css) => css.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (one) => { const [a, b] = [light(one), light(root)].toSorted((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
    const seen = [...document.querySelectorAll('[data-digest]')].flatMap((host) => [...host.shadowRoot.querySelectorAll('svg text')])
        .filter((text) => text.textContent.trim()).map((text) => [text.textContent, getComputedStyle(text).fill]);
    return [...seen, ...(window.__texts ?? [])].filter(([, color]) => ratio(color) < 4.5).map(([text, color]) => `${text}: ${color}`);
}"""
RECORD = """() => {
    window.__texts = [];
    const draw = CanvasRenderingContext2D.prototype.fillText;
    const probe = document.createElement('span');
    document.body.append(probe);
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        probe.style.color = this.fillStyle;
        window.__texts.push([text, getComputedStyle(probe).color]);
        return draw.call(this, text, ...rest);
    };
}"""


@EVERY_LAB
def test_every_word_in_a_picture_can_be_read(visit: Visit, lab: Lab) -> None:
    page = ready(visit(f"{lab.name}?predict=0&lang=en"))
    page.evaluate(RECORD)
    for scheme in ("dark", "light"):
        page.evaluate("window.__texts.length = 0")
        in_scheme(page, scheme)
        page.wait_for_timeout(300)
        assert page.evaluate(CONTRAST) == [], scheme


def test_on_paper_stand_picture_sentence_settings_and_link(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en&batch_size=16"))
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    for gone in (".st-key-below", ".st-key-onward", "[data-testid=stSidebar]"):
        expect(page.locator(gone)).to_be_hidden()
    for button in page.locator(".st-key-presets button").all():
        expect(button).to_be_hidden()
    expect(page.get_by_text(re.compile(r"/layer\?batch_size=16"))).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(slider(page, "Batch size").locator("xpath=ancestor::div[@data-testid='stSlider']")).to_be_visible()
    assert page.pdf(format="A4", landscape=True, prefer_css_page_size=True).count(b"/Type /Page\n") == 1


@SOME_LABS
def test_in_a_frame_stands_one_picture_with_its_controls(visit: Visit, name: str) -> None:
    page = visit(f"{name}?embed=true&lang=en", 800, 600, heading=False)
    page.wait_for_selector("[data-painted-digest]")
    settled(page)
    for gone in ("[data-testid=stSidebar]", ".st-key-presets", ".st-key-prediction", ".st-key-onward", "h1"):
        expect(page.locator(gone).locator("visible=true")).to_have_count(0)
    expect(slider(page, "Batch size" if name != "gradient_flow" else "Depth")).to_be_visible()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_headings_sliders_and_the_way_past_the_navigation(visit: Visit, language: Language) -> None:
    page = ready(visit(f"layer?predict=0&lang={language}"))
    headings = page.get_by_role("heading", level=1)
    expect(headings).to_have_count(1)
    labels = page.locator("input[type=range]").evaluate_all(
        "(all) => all.filter((one) => one.hasAttribute('aria-labelledby')).length"
    )
    assert labels == 0
    page.keyboard.press("Tab")
    skip = page.get_by_role("button", name=translator(language)("Skip to the controls"))
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('.st-key-controls') !== null")


def test_in_forced_colours_sliders_and_switches_are_seen(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en", forced_colors="active"))
    track = page.locator("[data-testid=stSlider] [role=group] > div > div:first-child").first
    assert track.evaluate("(node) => getComputedStyle(node).borderTopStyle") == "solid"
    switch = page.locator("[data-testid=stCheckbox] label > span + div").first
    assert switch.evaluate("(node) => getComputedStyle(node).borderTopStyle") == "solid"


def test_at_200_percent_the_player_leaves_the_picture_in_sight(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en", 640, 360, device_scale_factor=2))
    page.locator(".st-key-picture [data-digest]").first.evaluate(
        "(host) => host.shadowRoot.querySelector('.stage').scrollIntoView()"
    )
    stage, bar = (
        page.locator(".st-key-picture [data-digest]").first.evaluate(
            "(host, part) => host.shadowRoot.querySelector(part).getBoundingClientRect().toJSON()", part
        )
        for part in (".stage", ".bar")
    )
    seen = min(stage["bottom"], bar["top"], 360) - max(stage["top"], 0)
    assert seen > 0.5 * 360
