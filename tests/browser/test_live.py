"""A long run before the eyes of several visitors: it grows, pauses, stops, survives reloads and the death of its worker."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import websockets
from playwright.sync_api import Browser, Locator, Page, Route, WebSocket, expect

from benchmarks.sessions import Session
from tests.browser.conftest import PATIENCE, PHONE, PROJECTOR, Serve
from tests.browser.pages import overhang, segment, serious

pytestmark = [pytest.mark.pages, pytest.mark.xdist_group("live")]  # one server for all
APP = Path(__file__).parent / "live" / "app.py"
WALK = ".st-key-picture figure[role=img]"
SLOW = 2 * PATIENCE
Open = Callable[..., Page]
# Every label that the first picture had, and everything that was told about the run.
RECORD = """() => {
    window.seen = new Set();
    window.told = new Set();
    window.sockets = new Set();
    window.WebSocket = class extends WebSocket { constructor(...all) { super(...all); sockets.add(this); } };
    setInterval(() => {
        for (const {shadowRoot} of document.querySelectorAll('*')) {
            const label = shadowRoot?.querySelector('figure')?.ariaLabel;
            if (label) window.seen.add(label);
            for (const word of shadowRoot?.querySelectorAll('.state, .share') ?? []) window.told.add(word.textContent);
        }
    }, 20);
}"""
REQUESTS: dict[Page, list[object]] = {}  # what each page asked Streamlit for: its reruns


@pytest.fixture(scope="module")
def address(serve: Serve) -> Iterator[str]:
    with serve(APP) as found:
        yield found


def _count(page: Page, socket: WebSocket) -> None:
    if "_stcore" in socket.url:

        def note(frame: object) -> None:
            REQUESTS[page].append(frame)

        socket.on("framesent", note)


@pytest.fixture
def visit(visitor: Callable[..., Page], address: str) -> Open:
    """A new visitor of the run with this `seed` and so many `ticks` (20 a second)."""

    def open_page(seed: int, ticks: int, language: str = "en", size: tuple[int, int] = PROJECTOR) -> Page:
        page = visitor(address, size, f"({RECORD})()")
        if page not in REQUESTS:
            REQUESTS[page] = []
            page.on("websocket", lambda socket: _count(page, socket))
        page.goto(f"{address}/?predict=0&lang={language}&seed={seed}&batch_size={ticks}")
        page.wait_for_selector("h1", timeout=SLOW)
        return page

    return open_page


def run_button(page: Page) -> Locator:
    return page.get_by_test_id("stButton").get_by_role("button", name=re.compile("Run|运行"))


def press_run(page: Page) -> Page:
    run_button(page).click(timeout=SLOW)
    expect(page.get_by_role("progressbar")).to_be_visible(timeout=SLOW)
    return page


def state(page: Page) -> Locator:
    return page.locator(".state[role=status]")


def told(page: Page) -> tuple[int, int]:
    """Ticks that the picture shows, and the process that counted them."""
    return parsed(page.locator(WALK).first.get_attribute("aria-label") or "")


def parsed(label: str) -> tuple[int, int]:
    """The same of a label."""
    found = re.fullmatch(r"\w+: (\d+) ticks by (\d+)", label)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def at_rest(page: Page) -> int:
    """Wait until no picture is under way any more; the ticks that the last one shows."""
    page.evaluate("window.last = null")
    page.wait_for_function(
        """() => {
            const figure = [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('figure')).find(Boolean);
            const before = window.last;
            window.last = figure.ariaLabel;
            return before === window.last;
        }""",
        polling=500,
    )
    return told(page)[0]


def wait_for_ticks(page: Page, more_than: int) -> int:
    """Wait until the picture shows more ticks; returns the worker."""
    page.wait_for_function(
        """(least) => { const figure = [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('figure')).find(Boolean);
                        return Number(figure?.ariaLabel?.match(/(\\d+) ticks/)?.[1]) > least; }""",
        arg=more_than,
        timeout=SLOW,
    )
    return told(page)[1]


def test_a_run_grows_and_ends_in_all_its_views_without_reruns_on_the_way(visit: Open) -> None:
    page = visit(1, 128)
    expect(page.get_by_text("A run takes about 7 s on one core of this server.")).to_be_visible()
    press_run(page)
    wait_for_ticks(page, 20)
    asked = len(REQUESTS[page])
    expect(page.get_by_role("radio", name="Formula")).to_be_visible(timeout=SLOW)
    wait_for_ticks(page, 127)
    assert len(REQUESTS[page]) == asked + 1  # when it was over, and not before
    # On a quiet machine some thirty pictures on the way, on a very busy one eight.
    assert page.evaluate("window.seen.size") > 4
    said = page.evaluate("[...window.told]")
    assert "Running" in said
    assert any(re.fullmatch(r"\d+ % · about \d+ s left", words) for words in said)
    expect(page.locator("canvas").first).to_be_visible()
    assert page.get_by_role("progressbar").count() == 0
    known = visit(1, 128)
    expect(known.get_by_role("radio", name="Formula")).to_be_visible(timeout=SLOW)
    assert run_button(known).count() == 0


@pytest.mark.pages
def test_zoom_survives_the_growing_and_the_end(visit: Open) -> None:
    page = press_run(visit(2, 192))
    wait_for_ticks(page, 3)
    plot = page.locator(".js-plotly-plot").first
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.25 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=6)
    page.mouse.up()
    zoom = plot.evaluate("(plot) => plot._fullLayout.xaxis.range")
    assert zoom != [0, 192]
    wait_for_ticks(page, min(told(page)[0] + 10, 191))
    assert plot.evaluate("(plot) => plot._fullLayout.xaxis.range") == pytest.approx(zoom)
    expect(page.get_by_role("radio", name="Formula")).to_be_visible(timeout=SLOW)
    wait_for_ticks(page, 191)
    assert plot.evaluate("(plot) => plot._fullLayout.xaxis.range") == pytest.approx(zoom)


@pytest.mark.pages
def test_pause_holds_the_run_and_stop_keeps_what_there_is(visit: Open) -> None:
    page = press_run(visit(3, 768))
    wait_for_ticks(page, 5)
    page.get_by_role("button", name="Pause").click()
    expect(state(page)).to_have_text("Paused")
    held = at_rest(page)
    page.get_by_role("button", name="Resume").click()
    expect(state(page)).to_have_text("Running")
    wait_for_ticks(page, held + 3)
    page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile(r"Stopped at \d+ %"))).to_be_visible(timeout=SLOW)
    expect(run_button(page)).to_be_visible()
    assert told(page)[0] > held


@pytest.mark.pages
def test_a_reload_finds_the_living_run(visit: Open) -> None:
    page = press_run(visit(4, 768))
    worker = wait_for_ticks(page, 30)
    page.reload()
    expect(page.get_by_role("progressbar")).to_be_visible(timeout=SLOW)
    assert wait_for_ticks(page, 30) == worker
    assert run_button(page).count() == 0
    page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    expect(run_button(page)).to_be_visible(timeout=SLOW)


@pytest.mark.pages
def test_two_visitors_share_a_run_and_neither_can_end_it_for_the_other(visit: Open) -> None:
    one = press_run(visit(5, 768))
    worker = wait_for_ticks(one, 3)
    other = visit(5, 768, "zh")
    assert wait_for_ticks(other, 3) == worker
    expect(state(other)).to_have_text("运行中")
    one.get_by_role("button", name="Pause").click()
    expect(state(one)).to_have_text("Paused")
    wait_for_ticks(other, told(one)[0] + 10)
    one.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
    expect(run_button(one)).to_be_visible(timeout=SLOW)
    wait_for_ticks(other, told(other)[0] + 10)
    run_button(one).click()
    assert wait_for_ticks(one, told(other)[0]) == worker
    for page in (one, other):
        page.close()


@pytest.mark.pages
def test_another_setting_is_another_run_and_ends_the_old_one(visit: Open) -> None:
    page = press_run(visit(6, 768))
    wait_for_ticks(page, 3)
    page.get_by_role("slider", name="Batch size").press("ArrowLeft")
    expect(run_button(page)).to_be_visible(timeout=SLOW)
    assert page.locator(WALK).count() == 0
    press_run(page)
    wait_for_ticks(page, 3)
    page.get_by_role("slider", name="Batch size").press("ArrowRight")
    expect(page.get_by_text(re.compile(r"Stopped at \d+ %"))).to_be_visible(timeout=SLOW)


@pytest.mark.pages
def test_a_closed_tab_makes_room_for_who_waits(visit: Open) -> None:
    first, second = press_run(visit(7, 768)), press_run(visit(8, 768))
    for page in (first, second):
        wait_for_ticks(page, 3)
    third = press_run(visit(9, 768))
    expect(state(third)).to_have_text(re.compile("^Waiting: one run before yours"))  # and how long, where that is known
    fourth = press_run(visit(10, 64, "zh"))
    expect(state(fourth)).to_have_text(re.compile("^排队中：前面还有 2 个运行"))
    first.close()
    wait_for_ticks(third, 3)
    expect(state(fourth)).to_have_text(re.compile("^排队中：前面还有一个运行"))
    second.close()
    wait_for_ticks(fourth, 3)


@pytest.mark.pages
def test_a_closed_tab_pauses_the_run(visit: Open) -> None:
    page = press_run(visit(11, 768))
    worker = wait_for_ticks(page, 3)
    before = told(page)[0]
    page.close()
    left = time.monotonic()
    time.sleep(3)  # that nothing happens in, at 20 ticks a second
    page = visit(11, 768)
    assert wait_for_ticks(page, 3) == worker
    found = min(parsed(label)[0] for label in page.evaluate("[...window.seen]"))
    assert found - before < 10 * (time.monotonic() - left)  # the server may notice late, but not that late
    wait_for_ticks(page, found)
    page.close()


@pytest.mark.pages
def test_the_language_may_change_in_mid_run(visit: Open) -> None:
    page = press_run(visit(17, 768))
    wait_for_ticks(page, 3)
    page.get_by_role("button", name="Pause").click()
    expect(state(page)).to_have_text("Paused")
    segment(page, "中文").click()
    expect(state(page)).to_have_text("已暂停")
    expect(page.locator(WALK).first).to_have_attribute("aria-label", re.compile("^zh: "))
    page.get_by_role("button", name="停止").click()
    expect(run_button(page)).to_be_visible(timeout=SLOW)


@pytest.mark.pages
def test_a_widget_whose_javascript_comes_late_keeps_what_the_link_said(browser: Browser, address: str) -> None:
    late: list[Route] = []

    def hold(request: Route) -> None:
        late.append(request)

    page = browser.new_page()  # whose cache is empty
    page.set_default_timeout(PATIENCE)
    page.route(re.compile(r"/NumberInput\..*js"), hold)
    page.goto(f"{address}/?predict=0&lang=zh&seed=18&batch_size=768")
    press_run(page)
    wait_for_ticks(page, 3)
    for request in late:
        request.continue_()
    expect(page.get_by_role("spinbutton")).to_have_value("18")
    segment(page, "English").click()
    expect(state(page)).to_have_text("Running")
    assert "seed=18" in page.url
    assert len(late) == 1
    page.close()


@pytest.mark.pages
def test_a_tab_that_slept_catches_up(visit: Open) -> None:
    page = press_run(visit(19, 768))
    wait_for_ticks(page, 3)
    # What a browser does to a tab that nobody can see: no frame is painted until it is seen again.
    page.evaluate(
        "() => { window.kept = []; window.real = requestAnimationFrame; window.requestAnimationFrame = (f) => kept.push(f); }"
    )
    before = at_rest(page)
    awake = visit(19, 768)
    wait_for_ticks(awake, before + 30)
    page.evaluate("() => { window.requestAnimationFrame = real; kept.forEach((f) => real(f)); }")
    wait_for_ticks(page, told(awake)[0])
    awake.close()
    page.close()


@pytest.mark.pages
def test_a_killed_worker_is_told_and_replaced(visit: Open) -> None:
    page = press_run(visit(12, 128))
    worker = wait_for_ticks(page, 10)
    os.kill(worker, signal.SIGKILL)
    expect(page.get_by_role("radio", name="Formula")).to_be_visible(timeout=SLOW)
    assert wait_for_ticks(page, 127) != worker
    assert "Running · The worker process died; the run was started again." in page.evaluate("[...window.told]")


@pytest.mark.pages
@pytest.mark.parametrize(
    ("seed", "message"),
    [(1000, "seed must be below 1000; got 1000."), (1001, "The worker process died twice on this run."), (1003, "The run failed.")],
)  # fmt: skip
def test_a_run_that_fails_says_why(visit: Open, seed: int, message: str) -> None:
    page = visit(seed, 64)
    run_button(page).click(timeout=SLOW)
    expect(page.get_by_test_id("stAlert").get_by_text(message)).to_be_visible(timeout=SLOW)
    expect(run_button(page)).to_be_visible()


def test_too_much_is_refused_before_a_worker_starts(visit: Open) -> None:
    page = visit(13, 1024)
    expect(page.get_by_text("batch_size must be below 1024; got 1024.")).to_be_visible(timeout=SLOW)
    assert run_button(page).count() == 0


# Ends the connection of the run, and lets none be made. An offline browser may keep the old one for minutes.
NOWHERE = """() => {
  const Socket = window.WebSocket;
  window.back = () => { window.WebSocket = Socket; };
  window.WebSocket = class extends Socket { constructor() { super(location.origin.replace("http", "ws") + "/nowhere"); } };
  [...window.sockets].filter((one) => one.url.includes("/live/")).forEach((one) => one.close(4000));
}"""


@pytest.mark.pages
def test_a_lost_connection_comes_back(visit: Open) -> None:
    page = press_run(visit(14, 768))
    worker = wait_for_ticks(page, 3)
    page.evaluate(NOWHERE)
    expect(state(page)).to_have_text("Connection lost, trying again")
    page.evaluate("window.back()")
    assert wait_for_ticks(page, told(page)[0] + 20) == worker
    page.close()


@pytest.mark.pages
def test_axe_finds_nothing_in_a_running_page(visit: Open) -> None:
    page = press_run(visit(15, 768, size=PHONE))
    wait_for_ticks(page, 3)
    assert serious(page, ".st-key-picture") == {}
    for button in (
        page.get_by_role("button", name="Pause"),
        page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop"),
    ):
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40
    assert overhang(page) <= 0


async def _twenty(address: str, first_seed: int) -> list[str]:
    """Twenty visitors, two for each of ten runs, press Run at once and look on to the end; returns how each run ended."""
    sessions = [
        Session(address, "", f"predict=0&lang=en&seed={first_seed + number // 2}&batch_size=16") for number in range(20)
    ]

    async def look_on(session: Session) -> str:
        if not session.live:
            return "lost" if "Run" in session.buttons else "done"  # before this page was drawn
        last = {"status": {"state": "lost"}}
        async with websockets.connect(address.replace("http", "ws") + session.live) as socket:
            async for text in socket:
                last = json.loads(text)
                with suppress(websockets.ConnectionClosedOK):  # the last one closes
                    await socket.send("seen")
        return str(last["status"]["state"])

    for session in sessions:
        await session.open()
    await asyncio.gather(*(session.press("Run") for session in sessions))
    ends = await asyncio.wait_for(asyncio.gather(*(look_on(session) for session in sessions)), 300)
    await asyncio.gather(*(session.close() for session in sessions))
    assert not any(session.exceptions for session in sessions)
    return list(ends)


@pytest.mark.pages
def test_twenty_press_run_at_once_and_everything_is_as_it_was_afterwards(visit: Open, address: str) -> None:
    page = press_run(visit(16, 16))
    worker = wait_for_ticks(page, 15)
    server = psutil.Process(worker).parent().parent()  # the worker's parent is the fork server
    assert "streamlit" in " ".join(server.cmdline())
    page.close()

    def twenty(first_seed: int) -> list[str]:
        with ThreadPoolExecutor(1) as apart:  # Playwright has an event loop of its own in this thread
            return apart.submit(asyncio.run, _twenty(address, first_seed)).result()

    assert twenty(100) == ["done"] * 20
    before, memory = {child.pid for child in server.children(recursive=True)}, server.memory_info().rss
    assert twenty(200) == ["done"] * 20
    assert {child.pid for child in server.children(recursive=True)} == before
    assert server.memory_info().rss - memory < 20 * 2**20  # ten results of a few kilobytes, twenty ended sessions


@pytest.mark.pages
def test_a_server_that_is_ended_before_the_viewers_eyes_leaves_no_process_behind(
    serve: Serve, browser: Browser
) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    with serve(APP) as address:
        page.goto(f"{address}/?predict=0&lang=en&batch_size=768")
        press_run(page)
        worker = wait_for_ticks(page, 3)
        server = psutil.Process(worker).parent().parent()
        born = server.children(recursive=True)
        assert len(born) >= 4
    _, alive = psutil.wait_procs(born, 60)
    assert alive == []
    expect(state(page)).to_have_text("Connection lost, trying again")
    page.close()
