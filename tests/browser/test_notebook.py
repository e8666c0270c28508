"""What a notebook shows, in a browser: a scene's player plays, a chart is drawn, and nothing is asked of the network."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

import bnviz


def test_a_result_plays_and_draws_in_its_frame(browser: Browser) -> None:
    result = bnviz.run("running_stats", steps=12)
    page = browser.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url))
    try:
        page.set_content(f"<!doctype html><body>{result._repr_html_()}</body>")
        frame = page.frame_locator("iframe")
        expect(frame.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        slider = frame.locator("figure.scene input[type=range]")
        expect(slider).to_have_value("0")
        canvas = frame.locator("figure.scene .stage canvas")
        before = canvas.evaluate("canvas => canvas.toDataURL()")
        frame.locator("figure.scene .play").click()
        expect(slider).to_have_value("12")  # it stops at the end
        assert canvas.evaluate("canvas => canvas.toDataURL()") != before
    finally:
        page.close()
    assert wrong == []
