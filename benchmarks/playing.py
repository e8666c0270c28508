"""Moving pictures: frames painted per second, and what the server says meanwhile."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Browser

from benchmarks.browser import SIZE, blank_page, chrome, settle, watch_messages
from benchmarks.report import Bound, Row
from benchmarks.servers import ours

FRAMES: Final = Bound(50, "per second", at_least=True)
SILENCE: Final = Bound(0, "messages")
WARM_UP_MS: Final = 500
STATS: Final = "[window.__bnviz.stats.painted, performance.now()]"


MOVED: Final = {"layer": "playing `layer`", "convolution": "`convolution`, whose tensors turn by themselves,"}


def measure(quick: bool) -> list[Row]:
    """Let each picture move, at speed 1, and count."""
    with ours() as server, chrome() as browser:
        return [row for page in MOVED for row in _moving(browser, server.url, page, 2 if quick else 5)]


def _moving(browser: Browser, url: str, name: str, seconds: int) -> list[Row]:
    page = blank_page(browser)
    heard = watch_messages(page)
    page.goto(f"{url}/{name}?predict=0&lang=en")
    settle(page)
    if name == "layer":
        page.get_by_role("button", name="Play").first.click()
    page.wait_for_timeout(WARM_UP_MS)
    painted, began = page.evaluate(STATS)
    messages = heard.count
    page.wait_for_timeout(1000 * seconds)
    painted_later, ended = page.evaluate(STATS)
    messages_later = heard.count
    page.close()
    what = f"{MOVED[name]} at {SIZE['width']}×{SIZE['height']}: "
    rate = 1000 * (painted_later - painted) / (ended - began)
    return [
        Row(what + "frames painted", rate, FRAMES, FRAMES.unit, f"{painted_later - painted} frames in {seconds} s"),
        Row(what + "messages from the server meanwhile", messages_later - messages, SILENCE, SILENCE.unit),
    ]
