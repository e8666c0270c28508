"""A slider that is dragged: how many pictures a second follow the hand, alone and while a class drags at once."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Final

from playwright.sync_api import Page

from benchmarks.browser import blank_page, chrome, settle
from benchmarks.load import CLASS
from benchmarks.report import Bound, Row, milliseconds, number, percentile, ratio
from benchmarks.servers import Server, ours
from benchmarks.sessions import RAMP_S, Session, visitors
from benchmarks.slider import PAINTED

FOLLOWS: Final = Bound(8, "pictures a second", at_least=True)
WAITING: Final = Bound(4)
PAGES: Final = ("layer", "running_stats")
LABEL: Final = "Batch size"
ROUNDS: Final = 3  # there and back
STEP_PIXELS: Final = 3
STEP_MS: Final = 16  # between two movements of the hand
# Counts how often the pictures in view have changed, once a frame.
COUNT: Final = f"""() => {{
    window.__pictures = 0;
    let last = {PAINTED};
    const look = () => {{
        const seen = {PAINTED};
        if (seen !== last) window.__pictures += 1;
        last = seen;
        requestAnimationFrame(look);
    }};
    requestAnimationFrame(look);
}}"""


def measure(quick: bool) -> list[Row]:
    """The rows of one visitor on each page, then of a class."""
    with ours() as server:
        with chrome() as browser:
            alone = [_follow(blank_page(browser), server, name, 1 if quick else ROUNDS) for name in PAGES]
        return [*alone, asyncio.run(_together(server, 4 if quick else 12))]


def _follow(page: Page, server: Server, name: str, rounds: int) -> Row:
    page.goto(f"{server.url}/{name}?predict=0&lang=en")
    settle(page)
    slider = page.get_by_role("slider", name=LABEL)
    handle = slider.locator("xpath=ancestor::div[@data-rac][1]").bounding_box()
    track = slider.locator("xpath=ancestor::*[@data-testid='stSlider'][1]").bounding_box()
    assert handle is not None
    assert track is not None
    y, left, right = (
        handle["y"] + handle["height"] / 2,
        track["x"] + 0.3 * track["width"],
        track["x"] + 0.8 * track["width"],
    )
    page.mouse.move(handle["x"] + handle["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(left, y)
    page.evaluate(COUNT)
    start, x, way = time.perf_counter(), left, STEP_PIXELS
    for _ in range(int(2 * rounds * (right - left) / STEP_PIXELS)):
        x += way
        if not left <= x <= right:
            way = -way
        page.mouse.move(x, y)
        page.wait_for_timeout(STEP_MS)
    seconds = time.perf_counter() - start
    pictures = page.evaluate("window.__pictures")
    page.mouse.up()
    page.context.close()
    detail = f"{pictures} pictures in {number(seconds)} s"
    return Row(f"a slider of `{name}` that is dragged", pictures / seconds, FOLLOWS, FOLLOWS.unit, detail)


async def _together(server: Server, seconds: float) -> Row:
    """Each sends the next value when the last is answered and the pause is over that the server asked for, as `drag.js` does."""
    alone = await _drag(server, 1, seconds / 3)
    together = await _drag(server, CLASS, seconds)
    one, slow = median(alone), percentile(together, 0.95)
    detail = (
        f"p95 {milliseconds(slow)}, median {milliseconds(median(together))}, slowest {milliseconds(max(together))}; "
        f"{number(len(together) / CLASS / seconds)} pictures a second each; one alone {milliseconds(one)}"
    )
    return Row(
        f"{CLASS} sessions that drag a slider of `{PAGES[0]}` at once: p95 against the one-session median",
        ratio(slow, one),
        WAITING,
        detail=detail,
    )


async def _drag(server: Server, count: int, seconds: float) -> list[float]:
    """Seconds of every value until its picture, of `count` visitors who drag for `seconds`."""
    taken: list[float] = []

    async def keep_dragging(session: Session, delay: float) -> None:
        await asyncio.sleep(delay)
        stops = range(4, len(session.stops[LABEL]) - 4)
        end, value = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            value += 1
            taken.append(await session.hold(LABEL, stops[value % len(stops)], value))
            await asyncio.sleep(session.pause)

    async with visitors(server.url, PAGES[0], lambda _: "predict=0&lang=en", count) as sessions:
        for session in sessions[:1]:  # every stop is computed before, as where a teacher has shown it
            for option in session.stops[LABEL][4:-4]:
                await session.move(LABEL, option)
            await session.move(LABEL, session.standing[LABEL])
        await asyncio.gather(*(keep_dragging(session, index * RAMP_S) for index, session in enumerate(sessions)))
    return taken
