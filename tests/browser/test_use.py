"""What stood in the way when the pages were used: Share, Back, dragging, small and large screens, paper, frames, the keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from bnviz.i18n import translator
from bnviz.ui.native_words import GOES_ON
from tests.browser.conftest import PHONE, PROJECTOR, SIDEWAYS, XGA, Visit
from tests.browser.pages import asks_for, change, overhang, query, ready, resize, segment, settled
from tests.waiting import wait

SOME_LABS = pytest.mark.parametrize("name", ["layer", "running_stats", "gradient_flow"])
LARGE = (1920, 1080)


def slider(page: Page, label: str) -> Any:
    """The slider with this name."""
    return page.get_by_role("slider", name=label, exact=True)


def test_share_is_an_overlay_that_fits_every_screen(visit: Visit) -> None:
    page = ready(visit("layer?lang=en&predict=0&batch_size=16", *PROJECTOR))
    panel = page.get_by_role("dialog")
    for width, height in (PROJECTOR, PHONE, SIDEWAYS):
        resize(page, width, height)
        page.get_by_role("button", name="Share", exact=True).click()
        box = panel.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
        assert overhang(page) <= 0
        assert panel.evaluate("(panel) => panel.scrollHeight <= panel.clientHeight")
        if (width, height) == PROJECTOR:  # all of it in sight, whatever is unfolded
            for unfolded in ("Which controls the link shows", "Embed in a page"):
                panel.get_by_text(unfolded, exact=True).click()
                assert panel.evaluate("(panel) => panel.scrollHeight <= panel.clientHeight")
                panel.get_by_text(unfolded, exact=True).click()
        code = panel.get_by_role("img", name="QR code of the link")
        page.wait_for_function("(image) => image.complete && image.naturalWidth > 50", arg=code.element_handle())
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
    page.get_by_role("button", name="Share", exact=True).click()
    link = panel.get_by_label("Link to this state")
    assert dict(parse_qsl(urlsplit(link.input_value()).query)) == {"batch_size": "16", "lang": "en"}
    panel.get_by_label("Ask the question first").uncheck()
    assert "predict=0" in link.input_value()


LATER = "() => { const now = Date.now; Date.now = () => now() + 1000; }"  # what follows is a change of its own


def test_back_reset_and_the_browsers_back_undo(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    opening = query(page)
    for size in ("24", "16"):
        page.evaluate(LATER)
        slider(page, "Batch size").press("ArrowLeft")
        asks_for(page, "batch_size", size)
    page.evaluate(LATER)
    page.get_by_role("button", name="Back", exact=True).click()
    asks_for(page, "batch_size", "24")
    page.go_back()
    asks_for(page, "batch_size", "16")
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", "16")
    settled(page)
    page.evaluate(LATER)
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", "32")
    asks_for(page, "batch_size", "")
    assert query(page) == opening
    page.evaluate(LATER)
    page.go_back()
    asks_for(page, "batch_size", "16")
    page.go_forward()
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", "32")
    settled(page)


def test_the_browsers_back_is_followed_on_every_page_that_comes_after(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    for lab, title in (("layer", ""), ("modes", "Train and eval")):
        if title:
            page.get_by_test_id("stSidebarNav").get_by_text(title, exact=True).click()
            page.wait_for_function("(lab) => location.pathname.endsWith(lab)", arg=lab)
            ready(page)
        before = str(slider(page, "Momentum").get_attribute("aria-valuetext"))
        for _ in range(2):  # two presses on the first page, which the second does not count again
            page.evaluate(LATER)
            change(page, slider(page, "Momentum").press, "ArrowLeft")
            page.evaluate(LATER)
            change(page, page.go_back)
            expect(slider(page, "Momentum")).to_have_attribute("aria-valuetext", before)
            settled(page)


PRESS = """(steps) => new Promise((followed) => {
    addEventListener('popstate', (event) => setTimeout(followed, 0, event), {once: true, capture: true});
    history.go(steps);
})"""


def entry(page: Page) -> tuple[str, str | None]:
    """What an entry of the history is: its address, and what the page shows there."""
    settled(page)
    return page.url, slider(page, "Momentum").get_attribute("aria-valuetext")


@pytest.mark.parametrize("pages", [("layer",), ("layer", "modes")], ids=["one page", "two pages"])
def test_quick_presses_of_back_and_forward_end_where_they_lead(visit: Visit, pages: tuple[str, ...]) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    entries = [entry(page)]
    for lab in pages:
        if not urlsplit(page.url).path.endswith(lab):
            page.get_by_test_id("stSidebarNav").locator(f"a[href$={lab}]").click()
            page.wait_for_function("(lab) => location.pathname.endsWith(lab)", arg=lab)
            asks_for(page, "predict", "0")
            ready(page)
            entries.append(entry(page))
        for _ in range(2):
            page.evaluate(LATER)
            change(page, slider(page, "Momentum").press, "ArrowLeft")
            entries.append(entry(page))
    at, length = len(entries) - 1, page.evaluate("history.length")
    assert len(set(entries)) == len(entries)
    for presses in ((-1, -1), (1, -1, -1, 1), (-1, 1, 1), (1,) if len(pages) == 1 else (-1, -1, -1), (-1,)):
        for step in presses:
            if 0 <= at + step < len(entries):
                page.evaluate(PRESS, step)  # as soon as the browser has followed the press before
                at += step
        address, momentum = entries[at]
        page.wait_for_url(address)
        expect(slider(page, "Momentum")).to_have_attribute("aria-valuetext", str(momentum))
        assert entry(page) == entries[at]
        assert page.evaluate("history.length") == length


OPEN = """() => document.querySelectorAll('[role=listbox], dialog[open]').length + [...document.querySelectorAll('*')]
    .filter(({shadowRoot}) => shadowRoot?.querySelector('dialog[open], [role=menu]:not([hidden])')).length"""


def opened(page: Page, act: Callable[..., object], *arguments: object) -> None:
    """Open something by `act(*arguments)`."""
    assert page.evaluate(OPEN) == 0
    act(*arguments)
    page.wait_for_function(f"() => ({OPEN})() === 1")


def test_what_is_open_closes_where_the_page_moves_on_and_everything_is_kept(visit: Visit) -> None:
    page = ready(visit("gradient_flow?predict=0&lang=en&seed=1"))
    listed = page.get_by_role("combobox", name="Activation")
    openers = (
        (listed.click,),
        (page.get_by_role("button", name="Download", exact=True).first.click,),
        (page.get_by_role("button", name="Share", exact=True).click,),
        (page.locator("body").press, "?"),
    )
    for opener in openers:
        page.evaluate(LATER)
        change(page, slider(page, "Depth").press, "ArrowRight")
        opened(page, *opener)
        page.evaluate(LATER)
        change(page, page.go_back)
        page.wait_for_function(f"() => ({OPEN})() === 0")
        expect(slider(page, "Depth")).to_have_attribute("aria-valuetext", "10")
        assert query(page) == {"predict": "0", "seed": "1"}
    for opener in openers[:2]:
        for language, name in (("zh", "中文"), ("en", "English")):
            _ = translator(language)
            if language == "zh":
                opened(page, *opener)
            # One press does both; no role finds what stands beside an open list.
            page.get_by_test_id("stSidebar").get_by_text(name, exact=True).click()
            asks_for(page, "lang", language)
            page.wait_for_function(f"() => ({OPEN})() === 0")
            expect(page.get_by_role("combobox", name=_("Activation"))).to_have_value(_("sigmoid"))
            assert query(page) == {"predict": "0", "seed": "1"}
    opened(page, listed.click)
    page.get_by_test_id("stSidebarNav").get_by_text("Before or after", exact=True).click()
    page.wait_for_function("() => location.pathname.endsWith('placement')")
    page.wait_for_function(f"() => ({OPEN})() === 0")


@pytest.mark.parametrize("path", ["", "cases", "your_model", "gradient_flow"])
def test_back_takes_back_the_language_and_the_switch_of_the_question(visit: Visit, path: str) -> None:
    page = settled(visit(f"{path}?lang=en"))
    for language, name in (("zh", "中文"), ("en", "English")):
        page.evaluate(LATER)
        segment(page, name).click()
        asks_for(page, "lang", language)
        settled(page)
    switch = page.get_by_test_id("stSidebar").get_by_test_id("stCheckbox").first
    predict = switch.locator("input")
    page.evaluate(LATER)
    change(page, switch.locator("label").first.click)
    expect(predict).not_to_be_checked()
    page.evaluate(LATER)
    change(page, page.go_back)
    expect(predict).to_be_checked()
    for act, language in ((page.go_back, "zh"), (page.go_back, "en"), (page.go_forward, "zh")):
        page.evaluate(LATER)
        change(page, act)
        asks_for(page, "lang", language)
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if language == "zh" else "en")
        expect(segment(page, "中文" if language == "zh" else "English")).to_be_checked()


def test_back_takes_back_a_search_and_what_is_looked_at_in_a_model(visit: Visit) -> None:
    page = settled(visit("cases?lang=en"))
    field = page.get_by_role("searchbox")
    page.evaluate(LATER)
    field.fill("NaN")
    asks_for(page, "q", "NaN")
    settled(page).evaluate(LATER)
    page.go_back()
    expect(field).to_have_value("")
    page.go_forward()
    expect(field).to_have_value("NaN")
    model = settled(visit("your_model?lang=en&predict=0"))
    quantity = model.get_by_role("combobox", name="Quantity")
    before = quantity.input_value()
    quantity.click()
    model.evaluate(LATER)
    change(model, model.get_by_role("option").nth(1).click)
    after = quantity.input_value()
    assert after != before
    quantity.click()
    model.evaluate(LATER)
    change(model, model.go_back)
    model.wait_for_function(f"() => ({OPEN})() === 0")
    expect(quantity).to_have_value(before)
    change(model, model.go_forward)
    expect(quantity).to_have_value(after)


def test_the_picture_follows_a_dragged_slider_and_the_release_decides(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    asked: list[str] = []
    page.on(
        "websocket",
        lambda socket: "pictures" in socket.url and socket.on("framesent", lambda sent: asked.append(str(sent))),
    )
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
    value = str(slider(page, "Batch size").get_attribute("aria-valuetext"))
    assert value != "32"
    asks_for(page, "batch_size", value)
    settled(page)
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", value)
    change(page, slider(page, "Batch size").press, "ArrowRight")
    now = str(slider(page, "Batch size").get_attribute("aria-valuetext"))
    assert now != value
    asks_for(page, "batch_size", now)
    questions = len(asked)
    assert questions > 0
    for earlier in (value, ""):  # the whole drag was one change
        page.get_by_role("button", name="Back", exact=True).click()
        asks_for(page, "batch_size", earlier)
    expect(slider(page, "Batch size")).to_have_attribute("aria-valuetext", "32")
    settled(page)
    assert (
        len(asked) == questions
    )  # Back moved the slider, not the hand: the route, asked with the old settings, would show others


@SOME_LABS
def test_on_a_phone_the_picture_stays_while_the_controls_are_used(visit: Visit, name: str) -> None:
    page = ready(visit(f"{name}?predict=0&lang=en", *PHONE, has_touch=True))
    expect(page.locator("[data-testid=stSidebar][data-collapsed=false]")).to_have_count(0)
    page.wait_for_function(
        """() => {
            document.querySelector('.st-key-controls').scrollIntoView();
            return document.querySelector('.st-key-picture [data-digest]')?.dataset.floating !== undefined;
        }""",
        polling=300,  # what stands below may still be on its way, and the page too short to scroll
    )
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
    resize(page, *SIDEWAYS)  # picture and controls now stand side by side
    for down in (0, 150):
        page.wait_for_function(
            """(down) => {
                document.querySelector('[data-testid=stMain]').scrollTo(0, down);
                const {top, bottom} = document.querySelector('.st-key-picture [data-digest]').getBoundingClientRect();
                return Math.min(bottom, innerHeight) - Math.max(top, 0) >= 160 && (down === 0 || top >= -1);
            }""",
            arg=down,
        )


WHOLE = """() => {
    const hosts = [...document.querySelectorAll('[data-digest]')];
    const cut = hosts.flatMap((host) => [...host.shadowRoot.querySelectorAll('.bar, .caption, .foot')])
        .map((node) => node.getBoundingClientRect())
        .filter((box) => box.height > 0 && box.top < innerHeight - 6 && box.bottom > innerHeight + 6);
    return hosts[0].getBoundingClientRect().bottom <= innerHeight + 1 && cut.length === 0;
}"""
SIZE = "(node) => parseFloat(getComputedStyle(node).fontSize)"


@SOME_LABS
def test_nothing_is_half_visible_at_the_fold_and_type_grows_with_the_screen(visit: Visit, name: str) -> None:
    ready(visit(f"{name}?predict=0&lang=en", 820, 1180)).wait_for_function(WHOLE)
    page = ready(visit(f"{name}?predict=0&lang=en", *XGA))
    sizes = {}
    for size in (XGA, PROJECTOR, LARGE):
        settled(resize(page, *size)).wait_for_function(WHOLE)
        for label in ("Batch size", "Momentum", "eps (ε)") if name == "layer" else ():
            box = slider(page, label).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= size[1]
        word = page.locator("[data-testid=stMain] p").first
        title = page.locator(".js-plotly-plot .xtitle").first
        sizes[size] = [one.evaluate(SIZE) for one in (word, title) if one.count()]
    growth = [large / small for small, large in zip(sizes[PROJECTOR], sizes[LARGE], strict=True)]
    assert growth == pytest.approx([1.5] * len(growth), rel=0.05)


CORNERS = """() => ['.st-key-picture [data-digest]', '[data-testid=stApp]', 'body'].map((at) => {
    const node = document.querySelector(at), canvas = node.shadowRoot?.querySelector('canvas');
    return canvas ? [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data].slice(0, 3).join(', ')
        : getComputedStyle(node).backgroundColor.match(/[\\d, ]+/)[0];
})"""


BACKGROUNDS = "(nodes) => [...new Set(nodes.map((node) => getComputedStyle(node).backgroundColor))]"


def test_on_paper_nothing_is_squeezed_black_or_printed_over_what_follows(visit: Visit) -> None:
    page = visit("cases?lang=en", color_scheme="dark")
    page.wait_for_selector(".bnviz-skip", state="attached")  # of page.js, which listens to the printer
    settled(page).emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert "rgb(255, 255, 255)" in page.locator(".st-key-search button").evaluate_all(BACKGROUNDS)
    assert {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"} >= set(
        page.locator(".st-key-search button").evaluate_all(BACKGROUNDS)
    )
    model = settled(visit("your_model?lang=en&predict=0"))
    model.emulate_media(media="print")
    room, findings = (model.locator(name).bounding_box() for name in (".st-key-controls", ".st-key-findings"))
    assert room is not None
    assert findings is not None
    assert findings["width"] > 0.9 * room["width"]
    code = settled(visit("layer?view=code&predict=0&lang=en"))
    code.emulate_media(media="print")
    row = code.locator("[data-testid=stHorizontalBlock]:has(.st-key-picture)")
    expect(row).to_have_css("display", "block")  # Chromium breaks no other over two sheets
    pills = ready(visit("weight_decay?predict=0&lang=en"))
    pills.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert settled(pills).pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1
    asked = settled(visit("layer?lang=en"))
    asked.emulate_media(media="print")
    answers = asked.locator(".st-key-prediction button")
    expect(answers.first).to_be_visible()
    expect(answers.last).to_be_hidden()  # "Just show me" is no answer


def test_on_paper_stand_picture_sentence_settings_and_link(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en&batch_size=16", color_scheme="dark"))
    dark = page.evaluate(CORNERS)
    assert "255, 255, 255" not in dark
    page.emulate_media(media="print", color_scheme="dark")
    for _ in range(2):  # a browser may say it twice
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(CORNERS) == ["255, 255, 255"] * 3
    for gone in (".st-key-below", ".st-key-onward", "[data-testid=stSidebar]"):
        expect(page.locator(gone)).to_be_hidden()
    for button in page.locator(".st-key-presets button").all():
        expect(button).to_be_hidden()
    expect(page.get_by_text(re.compile(r"/layer\?batch_size=16"))).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(slider(page, "Batch size").locator("xpath=ancestor::div[@data-testid='stSlider']")).to_be_visible()
    assert page.pdf(format="A4", landscape=True, prefer_css_page_size=True).count(b"/Type /Page\n") == 1
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(CORNERS) == dark
    page.emulate_media(media="null", color_scheme="dark")
    width = "document.querySelector('.st-key-picture [data-digest]').shadowRoot.querySelector('canvas').style.width"
    settled(resize(page, *PHONE)).wait_for_function(f"() => parseFloat({width}) < 390")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(width) == "960px"  # as on a sheet that lies across
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert float(page.evaluate(f"parseFloat({width})")) < 390
    several = ready(visit("modes?topic=poison&predict=0&lang=en"))
    expect(segment(several, "NaN")).to_be_visible()
    several.emulate_media(media="print")
    expect(segment(several, "NaN")).to_be_hidden()


@SOME_LABS
def test_in_a_frame_stands_one_picture_with_its_controls(visit: Visit, name: str) -> None:
    page = visit(f"{name}?embed=true&lang=en", 800, 600, heading=False)
    page.wait_for_selector("[data-painted-digest]")
    settled(page)
    for gone in ("[data-testid=stSidebar]", ".st-key-presets", ".st-key-prediction", ".st-key-onward", "h1"):
        expect(page.locator(gone).locator("visible=true")).to_have_count(0)
    expect(slider(page, "Batch size" if name != "gradient_flow" else "Depth")).to_be_visible()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


@pytest.mark.pages
def test_headings_sliders_forced_colours_and_the_way_past_the_navigation(visit: Visit) -> None:
    page = ready(visit("layer?predict=0&lang=en"))
    for language, name in (("en", "English"), ("zh", "中文")):
        segment(page, name).click()
        asks_for(page, "lang", language)
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("[data-testid=stSlider] input[type=range][aria-labelledby]")).to_have_count(0)
        expect(page.locator(".bnviz-skip")).to_have_text(translator(language)("Skip to the controls"))
    page.reload()
    ready(page)
    page.keyboard.press("Tab")
    expect(page.locator(".bnviz-skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.closest('.st-key-controls') !== null")
    page.emulate_media(forced_colors="active")
    track = page.locator("[data-testid=stSlider] [role=group] > div > div:first-child").first
    expect(track).to_have_css("border-top-style", "solid")
    expect(page.locator("[data-testid=stCheckbox] label > span + div").first).to_have_css("border-top-style", "solid")


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
    assert seen > 0.45 * 360


HALF = """() => {
    const {top, bottom} = document.querySelector('.st-key-picture [data-digest]').getBoundingClientRect();
    return Math.min(bottom, innerHeight) - top >= innerHeight / 2;
}"""
HOLDS = "(key) => document.activeElement.closest('[class*=st-key-]')?.className.includes('st-key-' + key)"


def test_who_works_by_keyboard_keeps_the_focus(visit: Visit) -> None:
    """Where Streamlit draws the button anew, disables it, or takes the question away."""
    page = visit("layer?lang=en", *XGA)
    page.locator(".bnviz-skip").wait_for(state="attached")  # the page's own script is there
    page.locator(".st-key-prediction").get_by_role("button").nth(1).press("Enter")
    ready(page).wait_for_function(HOLDS, arg="layer-verdict")
    page.wait_for_function(HALF)  # what the answer was leaves the picture, which shows it, its room
    change(page, page.get_by_role("button", name="Batch of 2", exact=True).press, "Enter")
    page.wait_for_function(HOLDS, arg="layer-preset-batch_of_2")
    change(page, page.get_by_role("button", name="Pin", exact=True).press, "Enter")
    page.wait_for_function(HOLDS, arg="layer-pin")
    change(page, page.get_by_role("button", name="Back", exact=True).press, "Enter")
    expect(page.get_by_role("button", name="Back", exact=True)).to_be_disabled()
    page.wait_for_function(HOLDS, arg="layer-pin")  # its neighbour


def test_who_asks_again_by_keyboard_stands_at_the_first_answer(visit: Visit) -> None:
    page = settled(visit("modes?topic=poison&lang=en"))
    answers = page.locator(".st-key-prediction").get_by_role("button")
    answers.first.press("Enter")
    ready(page).locator(".st-key-verdict summary").press("Enter")
    page.get_by_role("button", name="Ask again").press("Enter")
    expect(answers.first).to_be_focused()


def test_a_chinese_title_on_a_phone_breaks_between_its_clauses(visit: Visit) -> None:
    page = ready(visit("training?topic=race&predict=0&lang=zh", *PHONE))
    lines = page.locator(".st-key-head h1").evaluate(
        """(title) => {
            const words = document.createRange(), found = [];
            const texts = document.createTreeWalker(title, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) for (const [at, letter] of [...texts.currentNode.nodeValue].entries()) {
                words.setStart(texts.currentNode, at);
                words.setEnd(texts.currentNode, at + 1);
                const {top} = words.getBoundingClientRect();
                if (found.at(-1)?.top === top) found.at(-1).text += letter;
                else found.push({top, text: letter});
            }
            return found.map(({text}) => text);
        }"""
    )
    assert lines == ["网络训练快了多少，", "它的激活值停在原处吗？"]


def test_who_is_quicker_than_the_pages_script_keeps_the_focus(visitor: Callable[..., Page], site: str) -> None:
    page = visitor(site, init="'a window of its own: its requests are routed'")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/page.js", hold)
    page.goto(f"{site}/layer?lang=en")
    option = page.locator(".st-key-prediction").get_by_role("button").nth(1)
    option.focus()
    wait(lambda: held or page.wait_for_timeout(20))  # which also lets Playwright tell of the request
    held[0].continue_()
    page.locator(".bnviz-skip").wait_for(state="attached")
    option.press("Enter")
    ready(page).wait_for_function(HOLDS, arg="layer-verdict")


@pytest.mark.pages
def test_who_works_by_keyboard_starts_pauses_and_stops_a_run_without_losing_the_focus(visit: Visit) -> None:
    page = settled(visit("training?predict=0&lang=en&seeds=2&epochs=100"))
    run = page.locator(".st-key-picture").get_by_role("button", name="Run")
    run.press("Enter")
    page.wait_for_function("() => document.activeElement.shadowRoot?.activeElement?.matches('.hold, .end')")
    page.get_by_role("button", name="Pause", exact=True).press("Enter")
    for name in ("Resume", "Pause"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(run).to_be_focused()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_loses_the_connection_reads_what_becomes_of_it_and_goes_on(
    visitor: Callable[..., Page], site: str, language: Any
) -> None:
    page = visitor(site, init="'a window of its own: its sockets are routed'")
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket(re.compile("_stcore/stream"), through)
    page.goto(f"{site}/layer?predict=0&lang={language}&batch_size=16")
    ready(page)
    page.route("**/_stcore/**", lambda route: route.abort())
    sockets[-1].close(code=1001)
    _ = translator(language)
    dialog = page.get_by_role("dialog", name=_("No connection"))
    expect(dialog).to_contain_text(_(GOES_ON))
    assert not re.search("streamlit", dialog.inner_text(), re.IGNORECASE)
    page.unroute("**/_stcore/**")
    expect(dialog).to_be_hidden()
    change(page, slider(page, _("Batch size")).press, "ArrowLeft")
    asks_for(page, "batch_size", "12")


def test_what_a_wrong_link_says_is_not_left_in_the_address(visit: Visit) -> None:
    page = ready(visit("layer?lang=xx&predict=0&step=99999&momentum=7&view=nope&lock=nope", *PROJECTOR))
    told = page.locator("[data-testid=stAlert]")
    for key in ("lang", "step", "momentum", "view", "lock"):
        expect(told.get_by_text(re.compile(rf"\b{key} (must be|in the link)")).first).to_be_visible()
    wait(lambda: query(page) == {"predict": "0", "step": "59"})


def test_a_short_chinese_line_breaks_between_words(visit: Visit) -> None:
    page = visit("recurrence?topic=error&lang=zh", *PHONE)
    page.locator(".st-key-prediction button").first.click()
    label = page.locator(".st-key-verdict summary p")
    expect(label).to_contain_text("为什么")
    ends = label.evaluate(
        """(label) => {
          const text = document.createTreeWalker(label, NodeFilter.SHOW_TEXT).nextNode();
          const top = (place) => {
            const letter = document.createRange();
            letter.setStart(text, place);
            letter.setEnd(text, place + 1);
            return letter.getBoundingClientRect().top;
          };
          return [...text.data].filter((letter, place) => place + 1 < text.length && top(place + 1) > top(place) + 5);
        }"""
    )
    assert ends  # in one line nothing is shown
    assert set(ends) <= set("，。；：！？、”")
