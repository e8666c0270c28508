"""A Chromium for measuring: pages that have settled, and key presses timed in the page itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from scripts import chromium

SIZE: Final[ViewportSize] = {"width": 1280, "height": 720}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
QUIET_S: Final = 1.0
SETTLE_LIMIT_S: Final = 60.0

# Whether the screen shows what it will show: no script runs, every picture in view is painted, no font is on its way.
STATE: Final = """() => {
    const inView = ({ top, bottom }) => bottom > 0 && top < innerHeight;
    const hosts = [...document.querySelectorAll('[data-digest]')].filter((host) => inView(host.getBoundingClientRect()));
    return {
        busy: document.querySelector('[data-testid=stStatusWidget], [data-testid=stSkeleton], [data-stale=true]') !== null
            || document.querySelector('[data-testid=stMainBlockContainer]') === null
            || document.fonts.status === 'loading'
            || hosts.some((host) => host.dataset.paintedDigest !== host.dataset.digest),
        seen: [document.body.scrollHeight, document.body.innerText.length, document.querySelectorAll('*').length].join(),
    };
}"""

# The one ruler for every page: from the keydown event to the end of the frame in which the page's state, as `read` tells
# it, changed for the last time. The message that a frame sends itself arrives after that frame was painted.
PRESS: Final = """([read, quiet, limit]) => {
    const state = new Function('return ' + read);
    let last = state();
    window.__pressed = new Promise((resolve, reject) => {
        document.addEventListener('keydown', () => {
            const start = performance.now();
            let changed = null;
            const look = () => {
                const now = performance.now();
                const seen = state();
                if (seen !== last) {
                    last = seen;
                    const { port1, port2 } = new MessageChannel();
                    port1.onmessage = () => { changed = performance.now(); };
                    port2.postMessage(null);
                } else if (changed !== null && now - changed > quiet) {
                    resolve(changed - start);
                    return;
                }
                if (now - start > limit) reject('nothing new after a key press');
                else requestAnimationFrame(look);
            };
            requestAnimationFrame(look);
        }, { capture: true, once: true });
    });
}"""
PRESS_QUIET_MS: Final = 200
PRESS_LIMIT_MS: Final = 10_000


@contextmanager
def chrome() -> Iterator[Browser]:
    """A headless Chromium. Raises RuntimeError where there is none."""
    path = chromium.find()
    if path is None:
        raise RuntimeError("no Chromium: run scripts/chromium.py --install")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def blank_page(browser: Browser) -> Page:
    """A page of a context of its own, so with an empty cache."""
    return browser.new_context(viewport=SIZE).new_page()


def settle(page: Page) -> float:
    """Wait until the screen stays as it is; the seconds until its last change. Raises TimeoutError."""
    start = since = time.monotonic()
    last = None
    while time.monotonic() - start < SETTLE_LIMIT_S:
        state: dict[str, Any] = page.evaluate(STATE)
        if state["busy"] or state["seen"] != last:
            last, since = state["seen"], time.monotonic()
        elif time.monotonic() - since > QUIET_S:
            return since - start
        page.wait_for_timeout(50)
    raise TimeoutError(f"{page.url} did not settle")


def press(page: Page, key: str, read: str) -> float:
    """Press `key`; milliseconds until the last change of `read`, a JavaScript expression whose value is the page's state."""
    page.evaluate(PRESS, [read, PRESS_QUIET_MS, PRESS_LIMIT_MS])
    page.keyboard.press(key)
    milliseconds: float = page.evaluate("window.__pressed")
    return milliseconds


@dataclass(slots=True)
class Messages:
    """How many messages came over the page's WebSocket since it was watched."""

    count: int = 0


def watch_messages(page: Page) -> Messages:
    """Count what the server tells `page` from now on."""
    messages = Messages()

    def received(_: dict[str, Any]) -> None:
        messages.count += 1

    session = page.context.new_cdp_session(page)
    session.on("Network.webSocketFrameReceived", received)
    session.send("Network.enable")
    return messages
