"""What a teacher does on one screen: presenter mode and keys, links that show and lock, embedding, downloads, print, Pin."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.pages import change

HEADLINE = "What does batch norm do to the numbers, and who supplies μ and σ²?"


def painted(page: Page) -> None:
    page.wait_for_selector("[data-painted-digest]")


def test_presenter_mode_by_keys(visit: Visit) -> None:
    page = visit("layer?predict=0&lang=en")
    painted(page)
    root, picture = page.locator("html"), page.locator(".st-key-picture canvas")
    before = picture.bounding_box()
    page.keyboard.press("p")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    expect(page.locator(".st-key-controls")).to_be_hidden()
    expect(page).to_have_url(re.compile("present=1"))
    after = picture.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 1.3 * before["width"]
    assert after["y"] + after["height"] <= 720
    page.keyboard.press("s")
    expect(page.locator(".st-key-controls")).to_be_visible()
    page.get_by_role("slider", name="Batch size").press("ArrowLeft")
    expect(page).to_have_url(re.compile("batch_size=24"))
    expect(page).to_have_url(re.compile("present=1"))
    page.keyboard.press("s")
    page.keyboard.press("PageDown")  # a clicker's key: the first preset
    expect(page).to_have_url(re.compile("mode=eval.*input_scale=5"))
    page.keyboard.press("l")
    page.mouse.move(300, 200)
    expect(page.locator(".bnviz-laser")).to_have_css("transform", "matrix(1, 0, 0, 1, 300, 200)")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(root).not_to_have_attribute("data-present", "")
    expect(page.locator(".bnviz-laser")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("present"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("p")
    expect(page.locator(".bnviz-present")).to_be_visible()
    boxes = [page.locator(name).first.bounding_box() for name in (".bnviz-present", "h1 span", "h1")]
    bar, words, title = (box for box in boxes if box is not None)
    assert words["y"] >= bar["y"] + bar["height"]  # below the buttons, and in lines as wide as the phone
    assert title["width"] > 300


def test_share_makes_links_that_show_and_lock_and_what_is_downloaded_says_what_it_is(visit: Visit) -> None:
    page = visit("layer?predict=0&lang=en&batch_size=8")
    painted(page)
    page.get_by_role("button", name="Download").first.click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Drawing (SVG)").click()
    drawing = Path(download.value.path()).read_text(encoding="utf-8")
    assert HEADLINE in drawing
    assert "Batch size 8" in drawing
    assert "/layer?batch_size=8" in drawing
    page.get_by_role("button", name="Share").click()
    panel = page.get_by_role("dialog", name="Share")
    panel.get_by_text("Which controls the link shows").click()
    for box in panel.get_by_role("checkbox", name=re.compile(": shown$")).all():
        if (box.get_attribute("aria-label") or "").split(":")[0] not in ("Batch size", "eps (ε)"):
            box.uncheck()
    panel.get_by_role("checkbox", name="eps (ε): locked").check()
    link = panel.get_by_role("textbox", name="Link to this state").input_value()
    assert link.endswith("/layer?batch_size=8&lang=en&show=batch_size,eps&lock=eps")
    frame = panel.locator("textarea").input_value()
    assert re.match(r'<iframe src="[^"]*/layer\?[^"]*show=batch_size,eps&lock=eps[^"]*embed=true" ', frame)
    page.keyboard.press("Escape")
    change(page, page.get_by_role("slider", name="Batch size").press, "ArrowLeft")
    page.get_by_role("button", name="Share").click()
    expect(panel.get_by_role("textbox", name="Link to this state")).to_have_value(
        re.compile("batch_size=6&lang=en&show=batch_size,eps&lock=eps$")
    )
    student = visit(link.split("/", 3)[3] + "&predict=0&embed=true", heading=False)
    painted(student)
    expect(student.get_by_role("slider", name="Batch size")).to_be_enabled()
    expect(student.get_by_role("slider", name="eps (ε)")).to_be_disabled()
    expect(student.get_by_role("slider")).to_have_count(3)  # the playhead's is the third
    reader = visit(link.split("/", 3)[3] + "&predict=0")
    painted(reader)
    change(reader, reader.locator('a[href="?eps=0.04"]').click)  # a link in the text: what is locked stays
    expect(reader.get_by_role("slider", name="eps (ε)")).to_have_attribute("aria-valuetext", "10⁻⁵")
    page.evaluate("window.print = () => { window.printed = true; }")
    panel.get_by_role("button", name="Print").click()
    page.wait_for_function("window.printed")
    assert page.locator("img.sheet.code").evaluate("image => image.naturalWidth") > 0
