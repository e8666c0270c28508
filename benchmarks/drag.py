"""A slider that is dragged: how many pictures a second follow the hand, alone and while a class drags at once."""

from __future__ import annotations

import asyncio
import json
import time
from statistics import median
from typing import Final

from playwright.sync_api import Page
from websockets import Origin
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import load
from benchmarks.browser import blank_page, chrome, settle
from benchmarks.report import Bound, Row, milliseconds, number, percentile, ratio
from benchmarks.servers import Server, ours
from benchmarks.sessions import RAMP_S
from benchmarks.slider import PAINTED
from bnviz.ui import assets, pictures_route

FOLLOWS: Final = Bound(8, "pictures a second", at_least=True)
PAGES: Final = ("layer", "running_stats")
LABEL: Final = "Batch size"
SLIDER: Final = "layer-batch_size-en"
STOPS: Final = range(4, 18)
ROUNDS: Final = 3  # there and back
STEP_PIXELS: Final = 12
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
FRAME_S: Final = 1 / 60
"""Between two values at least: a hand sends one for each picture of its screen."""


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
    """Each asks for the next value when the last is answered and the pause is over that the server asked for, as `drag.js` does."""
    moved = median((await load.one_session(server, "predict=0")).seconds)
    alone = median(await _drag(server, 1, seconds / 3))
    together = await _drag(server, load.CLASS, seconds)
    slow = percentile(together, 0.95)
    detail = (
        f"p95 {milliseconds(slow)}, median {milliseconds(median(together))}, slowest {milliseconds(max(together))}; "
        f"{number(len(together) / load.CLASS / seconds)} pictures a second each; "
        f"one who drags alone {milliseconds(alone)}, one session's movement {milliseconds(moved)}"
    )
    return Row(
        f"{load.CLASS} visitors who drag a slider of `{PAGES[0]}` at once: p95 against one session's movement of it",
        ratio(slow, moved),
        load.WAITING,
        detail=detail,
    )


async def _drag(server: Server, count: int, seconds: float) -> list[float]:
    """Seconds of every value until its picture, of `count` visitors who drag for `seconds`; every stop was computed before."""
    taken: list[float] = []
    path = f"{assets.mount_path()}/{pictures_route.PATH}/{PAGES[0]}/en"
    url = server.url.replace("http", "ws", 1) + path

    async def ask(connection: ClientConnection, index: int) -> float:
        question = {"settings": "", "view": "picture", "slider": SLIDER, "index": index}
        await connection.send(json.dumps(question))
        answer = await connection.recv()
        assert isinstance(answer, bytes)
        header = json.loads(answer[4 : 4 + int.from_bytes(answer[:4], "little")])
        assert header["settings"] is not None
        return float(header["pause"]) / 1000

    async def keep_dragging(number: int) -> None:
        async with connect(url, origin=Origin(server.url), max_size=None) as connection:
            await asyncio.sleep(number * RAMP_S)
            end, value = time.perf_counter() + seconds, number
            while time.perf_counter() < end:
                value += 1
                start = time.perf_counter()
                pause = await ask(connection, STOPS[value % len(STOPS)])
                taken.append(time.perf_counter() - start)
                await asyncio.sleep(max(pause, FRAME_S))

    async with connect(url, origin=Origin(server.url), max_size=None) as connection:
        for index in STOPS:
            await ask(connection, index)
    await asyncio.gather(*(keep_dragging(number) for number in range(count)))
    return taken
