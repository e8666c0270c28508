"""Between the pool and the page: what is kept, what is drawn how often, what the WebSocket says, what the page offers."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from bnviz.i18n import LANGUAGES, Language
from bnviz.jobs.job import Job, identity
from bnviz.jobs.pool import JobPool, Wait
from bnviz.plot.chart import Chart
from bnviz.study import shipped
from bnviz.ui import broadcast, live, runs
from bnviz.ui.runs import KEPT, Run, Runs, shipped_result
from scripts import make_shipped
from tests.jobs import slow
from tests.jobs.slow import Settings
from tests.jobs.slow_topic import LAB, TOPIC, walk
from tests.jobs.threads import Threads
from tests.waiting import wait

FRAME = Path(__file__).parents[1] / "browser" / "live" / "frame.py"
LONG = 768


@pytest.fixture(scope="module")
def pool() -> Iterator[JobPool]:
    """Two workers that are threads."""
    pool = JobPool(Threads(2))
    yield pool
    pool.close()


@pytest.fixture
def known(pool: JobPool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    found = Runs(lambda: pool)
    monkeypatch.setattr(live, "RUNS", found)
    yield found
    for job in pool.alive():
        pool.stop(job)
    wait(lambda: pool.busy == 0)


def partial(ticks: int, updates: int = 1) -> Job:
    """A job in the middle of its run."""
    settings = Settings(batch_size=32)
    whole = slow.run(Settings(batch_size=4))
    result = slow.Result(settings, whole.values[:ticks], 1)
    return Job(7, identity(slow.run, settings, None), slow.run, settings, {"ada"}, "running", 3, updates, result)


def no_wait(job: Job) -> Wait:
    return Wait(0, 0.0)


# --- drawing -----------------------------------------------------------------------------------------------------


def test_a_partial_result_is_drawn_once_for_each_language_and_scenes_not_at_all() -> None:
    drawn: list[tuple[int, Language]] = []

    def counted(result: slow.Result, language: Language) -> Chart:
        drawn.append((len(result.values), language))
        return walk(result, language)

    job = partial(2)
    scene = TOPIC.pictures[1]
    run = Run(replace(TOPIC, pictures=(counted, scene)), Settings(), job)
    first = run.snapshot("en", no_wait)
    assert run.snapshot("en", no_wait) is first
    assert run.snapshot("zh", no_wait) is not first
    job.enter("paused")
    second = run.snapshot("en", no_wait)
    assert json.loads(second.status)["state"] == "paused"
    assert second.charts is first.charts
    assert drawn == [(2, "en"), (2, "zh")]
    job.partial, job.updates = slow.Result(job.partial.settings, job.partial.values.repeat(2), 1), 2
    job.announce()
    (chart,) = json.loads(run.snapshot("en", no_wait).charts)
    assert chart["live"] == {"run": "7/en", "update": 2, "key": f"{TOPIC.id}.walk"}
    assert "4 ticks" in chart["alt"]
    assert drawn[2:] == [(4, "en")]


def test_a_picture_that_cannot_be_drawn_yet_does_not_take_the_others_with_it() -> None:
    def never(result: slow.Result, language: Language) -> Chart:
        raise IndexError

    run = Run(replace(TOPIC, pictures=(never, walk)), Settings(), partial(2))
    assert [chart["live"]["key"] for chart in run.snapshot("en", no_wait).payloads] == [f"{TOPIC.id}.walk"]


def test_the_status_tells_state_place_progress_time_and_problem() -> None:
    job = partial(4)
    status = json.loads(Run(TOPIC, Settings(), job).snapshot("zh", lambda _: Wait(3, 240.0)).status)
    assert {
        "job": 7,
        "state": "running",
        "place": 3,
        "wait": 240.0,
        "progress": 0.125,
        "problem": "",
    }.items() <= status.items()
    job.partial = None
    job.announce()
    status = json.loads(Run(TOPIC, Settings(), job).snapshot("zh", no_wait).status)
    assert status["progress"] is status["left"] is None


# --- keeping -----------------------------------------------------------------------------------------------------


def test_what_is_done_is_known_and_never_runs_again(known: Runs) -> None:
    settings = Settings(batch_size=4)
    run = known.start(TOPIC, settings, "ada")
    assert known.latest(TOPIC, settings) is run
    assert known.find(run.job.number) is run
    wait(lambda: run.job.state == "done")
    assert known.start(TOPIC, settings, "bob") is run
    assert known.latest(TOPIC, Settings(batch_size=6)) is None


def test_a_run_on_other_data_is_another_run(known: Runs) -> None:
    settings, table = Settings(batch_size=2), np.ones((2, 2), dtype=np.float32)
    run = known.start(TOPIC, settings, "ada", table)
    assert known.latest(TOPIC, settings) is None
    assert known.latest(TOPIC, settings, table + 1) is None
    assert known.latest(TOPIC, settings, table.copy()) is run


def test_what_failed_may_be_tried_again(known: Runs) -> None:
    settings = Settings(seed=slow.WRONG)
    first = known.start(TOPIC, settings, "ada")
    wait(lambda: first.job.over)
    second = known.start(TOPIC, settings, "ada")
    assert second is not first
    assert known.latest(TOPIC, settings) is second


def test_only_so_many_results_are_kept_and_the_latest_seen_stay(known: Runs) -> None:
    first = known.start(TOPIC, Settings(batch_size=2, seed=0), "ada")
    wait(lambda: first.job.over)
    runs = [first]
    for seed in range(1, KEPT + 3):
        known.latest(TOPIC, first.settings)
        run = known.start(TOPIC, Settings(batch_size=2, seed=seed), "ada")
        wait(lambda run=run: run.job.over)  # type: ignore[misc]
        runs.append(run)
    alive = known.start(TOPIC, Settings(batch_size=LONG), "ada")
    assert sum(known.find(run.job.number) is run for run in (*runs, alive)) == KEPT + 1
    assert known.latest(TOPIC, first.settings) is first
    assert known.latest(TOPIC, Settings(batch_size=2, seed=1)) is None
    assert known.latest(TOPIC, alive.settings) is alive


def test_who_stopped_a_run_is_not_taken_back_into_it(known: Runs, pool: JobPool) -> None:
    run = known.start(TOPIC, Settings(batch_size=LONG), "ada")
    assert known.join(run, "bob")
    pool.leave("bob")
    assert not run.job.over
    assert not known.join(run, "bob")
    assert known.start(TOPIC, run.settings, "bob") is run
    assert run.job.owners == {"ada", "bob"}


# --- shipping ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shipping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for language in LANGUAGES:
        shutil.copy(TOPIC.folder / f"text.{language}.md", tmp_path)
    topic = replace(TOPIC, folder=tmp_path)
    make_shipped.make(topic, topic.shipped)
    monkeypatch.setattr(runs, "_shipped", {})
    return topic


def test_a_shipped_result_is_the_run_itself(shipping: Any) -> None:
    result = shipped_result(shipping)
    assert (result.values == slow.run(Settings()).values).all()


def test_a_result_for_other_defaults_is_not_shown(shipping: Any) -> None:
    shipped.save(slow.run(Settings(seed=1, batch_size=4)), shipping.shipped)
    assert shipped_result(shipping) is None


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"PK\x03\x04 nonsense"])
def test_a_broken_file_is_no_result(shipping: Any, content: bytes | None) -> None:
    path = shipping.shipped
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert shipped_result(shipping) is None


@pytest.mark.parametrize("topic", make_shipped.wanted([]), ids=lambda topic: topic.id)
def test_what_is_shipped_is_whole_and_belongs_to_todays_opening(topic: Any) -> None:
    assert shipped_result(topic).progress == 1


# --- the WebSocket -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(known: Runs, most: int = 500) -> AsyncIterator[str]:
    """The route behind a real server, in this event loop."""
    app = Starlette(routes=[broadcast.route("/x", most, known)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.02)
        try:
            yield f"ws://127.0.0.1:{listening.getsockname()[1]}/x/live"
        finally:
            server.should_exit = True
            await asyncio.wait([task], timeout=20)
            assert task.done(), "the server waits for a viewer who is gone"


def talk(known: Runs, conversation: Callable[[str], Awaitable[None]], most: int = 500) -> None:
    async def whole() -> None:
        async with serving(known, most) as address:
            await asyncio.wait_for(conversation(address), 60)

    with ThreadPoolExecutor(1) as apart:  # Playwright, where it ran before, has an event loop in this thread
        apart.submit(asyncio.run, whole()).result()


@asynccontextmanager
async def viewing(
    address: str, run: Run, owner: str, language: str = "en"
) -> AsyncIterator[websockets.ClientConnection]:
    """A connection to `run` that has introduced itself."""
    async with websockets.connect(f"{address}/{run.job.number}/{language}") as connection:
        await connection.send(owner)
        yield connection


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("{number}/en", "eve"),
        ("{number}/en", ""),
        ("{number}/en", b"ada"),
        ("{number}/en?owner=ada", "seen"),  # a token in an address is none
        ("{number}/xx", "ada"),
        ("999/en", "ada"),
    ],
)
def test_who_does_not_own_the_run_sees_nothing(known: Runs, path: str, first: str | bytes) -> None:
    run = known.start(TOPIC, Settings(batch_size=LONG), "ada")

    async def conversation(address: str) -> None:
        async with websockets.connect(f"{address}/{path.format(number=run.job.number)}") as one:
            await one.send(first)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await one.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == broadcast.GONE

    talk(known, conversation)
    assert not run.job.viewers


def test_who_does_not_say_who_they_are_is_not_waited_for(known: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "INTRODUCTION_SECONDS", 0.05)
    run = known.start(TOPIC, Settings(batch_size=LONG), "ada")

    async def conversation(address: str) -> None:
        async with websockets.connect(f"{address}/{run.job.number}/en") as one:
            with pytest.raises(websockets.ConnectionClosed):
                await one.recv()

    talk(known, conversation)


def test_viewers_are_bounded_and_who_leaves_makes_room(known: Runs) -> None:
    run = known.start(TOPIC, Settings(batch_size=LONG), "ada")

    async def conversation(address: str) -> None:
        async with viewing(address, run, "ada") as one:
            await one.recv()
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(f"{address}/{run.job.number}/en")
        while run.job.viewers:
            await asyncio.sleep(0.02)
        async with viewing(address, run, "ada") as another:
            await another.recv()

    talk(known, conversation, most=1)


def test_a_viewer_sees_the_run_grow_to_its_end(known: Runs) -> None:
    run = known.start(TOPIC, Settings(batch_size=48, seed=1), "ada")
    seen: list[int] = []

    async def conversation(address: str) -> None:
        async with viewing(address, run, "ada") as one:
            async for text in one:
                message = json.loads(text)
                seen.extend(chart["live"]["update"] for chart in message["charts"][:1])
                if message["status"]["state"] != "done":
                    await one.send("seen")
        assert message["status"]["progress"] == 1
        assert one.close_code == broadcast.DONE

    talk(known, conversation)
    assert len(seen) > 6
    assert seen == sorted(set(seen))


def update_of(message: Any) -> int:
    """Which update of the run it shows."""
    return int(message["charts"][0]["live"]["update"])


def test_who_is_slow_gets_the_newest_and_no_queue(known: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "SEEN_WITHIN_SECONDS", 60)
    run = known.start(TOPIC, Settings(batch_size=LONG, seed=2), "ada")
    wait(lambda: run.job.updates > 0)

    async def conversation(address: str) -> None:
        async with viewing(address, run, "ada") as one:
            first = json.loads(await one.recv())
            await asyncio.to_thread(wait, lambda: run.job.updates - update_of(first) > 20)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.recv(), 0.2)
            await one.send("seen")
            second = json.loads(await one.recv())
        assert update_of(second) - update_of(first) > 5

    talk(known, conversation)


def test_orders_come_back_over_the_socket(known: Runs) -> None:
    run = known.start(TOPIC, Settings(batch_size=LONG, seed=3), "ada")

    async def conversation(address: str) -> None:
        async with viewing(address, run, "ada") as one:

            async def until(state: str) -> dict[str, Any]:
                while True:
                    message: dict[str, Any] = json.loads(await one.recv())
                    if message["status"]["state"] == state or message["own"]["left"]:
                        return message
                    await one.send("seen")

            await until("running")
            await one.send("nonsense" * 1000)
            await one.send("pause")
            await one.send("seen")
            paused = await until("paused")
            assert paused["own"] == {"held": True, "left": False}
            assert paused["charts"] == []
            await one.send("resume")
            await one.send("seen")
            await until("running")
            await one.send("stop")
            await one.send("seen")
            assert (await until("left"))["own"]["left"]
            with pytest.raises(websockets.ConnectionClosedOK):
                await one.recv()

    talk(known, conversation)
    assert run.job.state == "stopped"


def test_the_run_pauses_when_the_last_viewer_is_gone(known: Runs) -> None:
    run = known.start(TOPIC, Settings(batch_size=LONG, seed=4), "ada")
    known.join(run, "bob")

    async def conversation(address: str) -> None:
        async with viewing(address, run, "ada") as one:
            await one.recv()
            async with viewing(address, run, "bob", "zh") as other:
                await other.recv()
            await asyncio.sleep(0.5)
            assert run.job.state == "running"
        while run.job.state != "paused":
            await asyncio.sleep(0.02)

    talk(known, conversation)
    assert run.job.listeners == []
    assert [thread.name for thread in threading.enumerate()].count("bnviz-jobs") == 1


def test_viewers_who_come_and_go_leave_nothing_behind(known: Runs) -> None:
    run = known.start(TOPIC, Settings(batch_size=LONG, seed=5), "ada")

    async def visit(address: str) -> None:
        async with viewing(address, run, "ada") as one:
            await one.recv()
            await one.send("seen")

    async def conversation(address: str) -> None:
        async with viewing(address, run, "ada") as staying:
            await staying.recv()
            for _ in range(40):
                await visit(address)
            tasks = len(asyncio.all_tasks())
            for _ in range(40):
                await visit(address)
            await asyncio.sleep(0.5)
            assert len(asyncio.all_tasks()) <= tasks
            assert run.job.viewers == {"ada": 1}

    talk(known, conversation)


# --- the page ----------------------------------------------------------------------------------------------------


def open_page(**query: str) -> AppTest:
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    for key, value in {"predict": "0", "lang": "en", **query}.items():
        page.query_params[key] = value
    return page.run()


def words(page: AppTest) -> str:
    return "\n".join(
        str(element.value) for kind in (page.markdown, page.caption, page.info, page.error) for element in kind
    )


def test_an_unknown_result_is_offered_with_its_cost(known: Runs) -> None:
    page = open_page(batch_size="64")
    assert not page.exception
    assert page.button(key=f"{TOPIC.id}:run").label == "Run"
    assert "A run takes about 4 s on one core of this server." in words(page)
    assert not page.get("bidi_component")[1:]


def test_the_button_starts_the_run_and_the_end_brings_every_view(known: Runs) -> None:
    page = open_page(batch_size="4", seed="77")
    page.button(key=f"{TOPIC.id}:run").click().run()
    assert not page.exception
    run = known.latest(TOPIC, Settings(batch_size=4, seed=77))
    assert run is not None
    wait(lambda: run.job.over)
    page.run()
    assert not page.exception
    assert "slow:view:en" in [control.key for control in page.get("button_group")]
    assert f"{TOPIC.id}:run" not in [button.key for button in page.button]


def test_a_shipped_result_is_shown_with_its_origin(known: Runs, shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.jobs.slow_topic.LAB", replace(LAB, topics=(shipping,)))
    page = open_page()
    assert not page.exception
    assert "Computed beforehand." in words(page)
    button = page.button(key=f"{TOPIC.id}:run")
    assert button.label == "Run it now"
    assert "`scripts/make_shipped.py`" in button.help
    assert "slow:view:en" in [control.key for control in page.get("button_group")]


def test_too_much_is_refused(known: Runs) -> None:
    page = open_page(batch_size="1024")
    assert not page.exception
    assert "batch\\_size must be below 1024" in words(page)
    assert f"{TOPIC.id}:run" not in [button.key for button in page.button]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (7.1, "8 s"), (12, "15 s"), (89, "90 s"), (91, "2 min"), (300, "5 min")],
)
def test_costs_are_round(seconds: float, words: str) -> None:
    assert live.time(seconds, str) == words
