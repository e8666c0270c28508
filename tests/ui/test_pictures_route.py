"""The WebSocket route of pictures: what it answers is what the page would draw, and nothing else makes it answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bnviz.labs.course import LABS
from bnviz.settings import fields
from bnviz.teaching.lab import InstantTopic, Lab
from bnviz.ui import cache, comparing, drag, pictures_route
from bnviz.ui.chart import ReadyChart
from bnviz.ui.compute_queue import HEAVY_S
from bnviz.ui.drag import css_name
from bnviz.ui.player import ReadyScene
from tests.serving import served

FIRST = {"settings": "", "view": "picture", "slider": "layer-batch_size-en", "index": 3}
INSTANT = [(lab, topic) for lab in LABS for topic in lab.topics if isinstance(topic, InstantTopic)]
PATIENCE_S = 10
Enter = Callable[[str], ClientConnection]


@contextmanager
def serve(most: int = 500) -> Iterator[Enter]:
    """A server with nothing but this route; connects to the page of a lab in a language."""
    with served(Starlette(routes=[pictures_route.route("/b", most)])) as port:
        yield lambda page: connect(f"ws://127.0.0.1:{port}/b/pictures/{page}", max_size=None)


@pytest.fixture(scope="module")
def enter() -> Iterator[Enter]:
    with serve() as enter:
        yield enter


def header_of(answer: str | bytes) -> dict[str, Any]:
    assert isinstance(answer, bytes)
    header: dict[str, Any] = json.loads(answer[4 : 4 + int.from_bytes(answer[:4], "little")])
    return header


def ask(page: ClientConnection, **question: Any) -> tuple[dict[str, Any], bytes]:
    """The header of the answer, and what follows it."""
    page.send(json.dumps(question))
    answer = page.recv()
    assert isinstance(answer, bytes)
    start = 4 + int.from_bytes(answer[:4], "little")
    assert start % 8 == 0
    return header_of(answer), answer[start:]


def code_of_closing(page: ClientConnection) -> int | None:
    with pytest.raises(ConnectionClosed):
        page.recv()
    return page.close_code


@pytest.mark.parametrize(("lab", "topic"), INSTANT, ids=lambda one: getattr(one, "id", ""))
@pytest.mark.parametrize("view", pictures_route.VIEWS)
def test_the_pictures_are_those_of_the_page(enter: Enter, lab: Lab, topic: Any, view: str) -> None:
    name = next(name for name in topic.controls if fields(topic.settings)[name].parameter.stops)
    opening = topic.opening
    stops = sorted({*fields(topic.settings)[name].parameter.stops, getattr(opening, name)}, key=str)
    if all(not isinstance(stop, str) for stop in stops):
        stops.sort()
    index = (stops.index(getattr(opening, name)) + 1) % len(stops)
    query = f"topic={topic.name}" if len(lab.topics) > 1 else ""
    with enter(f"{lab.name}/zh") as page_:
        header, block = ask(page_, settings=query, view=view, slider=css_name(f"{topic.id}:{name}:zh"), index=index)
    moved = opening.replace(**{name: stops[index]})
    assert lab.from_query(dict(part.split("=") for part in header["settings"].split("&")))[1] == moved
    draws = topic.pictures if view == "picture" else topic.theory
    page = cache.drawings(draws, cache.result(topic, moved, None), lab.name, "zh", keep=True)
    charts = {css_name(one.key): one.content["digest"] for one in page if isinstance(one, ReadyChart)}
    scenes = {css_name(one.key): one.content(0) for one in page if isinstance(one, ReadyScene)}
    assert {key: content["digest"] for key, content in header["charts"].items()} == charts
    assert {key: block[at : at + length] for key, (at, length) in header["scenes"].items()} == scenes
    assert all(at % 8 == 0 for at, _ in header["scenes"].values())


@pytest.mark.parametrize(("lab", "topic"), INSTANT, ids=lambda one: getattr(one, "id", ""))
def test_what_is_pinned_stands_behind_or_beside(enter: Enter, lab: Lab, topic: Any) -> None:
    name = next(name for name in topic.controls if fields(topic.settings)[name].parameter.stops)
    settings = urlencode(lab.to_query(topic, topic.opening))
    pinned = topic.opening.replace(seed=5)
    slider = css_name(f"{topic.id}:{name}:en")
    with enter(f"{lab.name}/en") as page_:
        header, block = ask(
            page_,
            settings=settings,
            view="picture",
            slider=slider,
            index=1,
            pinned=urlencode(lab.to_query(topic, pinned)),
        )
    moved = lab.from_query(dict(parse_qsl(header["settings"])))[1]
    pairs = comparing.compared(topic, *(cache.result(topic, one, None) for one in (moved, pinned)), "en")
    page = [one for pair in pairs for one in pair if one is not None]
    charts = {css_name(one.key): one.content["digest"] for one in page if isinstance(one, ReadyChart)}
    scenes = {css_name(one.key): one.content(0) for one in page if isinstance(one, ReadyScene)}
    assert {key: content["digest"] for key, content in header["charts"].items()} == charts
    assert {key: block[at : at + length] for key, (at, length) in header["scenes"].items()} == scenes


def test_a_pin_of_another_topic_or_of_nothing_counts_for_nothing(enter: Enter) -> None:
    question = {**FIRST, "settings": "topic=gap", "slider": "modes-gap-batch_size-en"}
    with enter("modes/en") as page:
        plain = ask(page, **question)[0]["charts"]
        for pin in ("topic=poison&batch_size=8", ""):
            assert ask(page, **question, pinned=pin)[0]["charts"] == plain
        assert ask(page, **question, pinned="topic=gap&batch_size=8")[0]["charts"] != plain


@pytest.mark.parametrize(
    "wrong",
    [
        {**FIRST, "pinned": 3},
        {**FIRST, "pinned": "source=upload"},
        {**FIRST, "index": 999},
        {**FIRST, "index": -1},
        {**FIRST, "index": "3"},
        {**FIRST, "index": True},
        {**FIRST, "slider": "layer-eps"},
        {**FIRST, "slider": 3},
        {**FIRST, "view": "code"},
        {**FIRST, "settings": None},
        {**FIRST, "index": 10**3900},
        {**FIRST, "index": 3.0},
        {**FIRST, "index": float("nan")},
        {**FIRST, "slider": "\ud800"},
        {**FIRST, "read": "x"},
        {**FIRST, "more": 1},
        {"settings": "source=upload", "view": "picture", "slider": "layer-batch_size-en", "index": 3},
        [],
        "x",
        {},
    ],
)
def test_what_is_no_question_gets_no_pictures(enter: Enter, wrong: Any) -> None:
    with enter("layer/en") as page:
        page.send(json.dumps(wrong))
        assert header_of(page.recv())["settings"] is None
        assert ask(page, **FIRST)[0]["scenes"]  # and the next may be one


def test_a_wrong_setting_of_a_link_counts_as_its_default(enter: Enter) -> None:
    with enter("layer/en") as page:
        header, _ = ask(page, **FIRST | {"settings": "eps=<b>&nonsense=1&gamma=2"})
    assert "gamma=2" in header["settings"]
    assert "eps" not in header["settings"]
    assert "nonsense" not in header["settings"]


@pytest.mark.parametrize("path", ["nothing/en", "layer/fr", "training/xx"])
def test_where_there_is_no_page_the_browser_does_not_come_back(enter: Enter, path: str) -> None:
    with enter(path) as page:
        assert code_of_closing(page) == pictures_route.GONE


@pytest.mark.parametrize(
    "text",
    [
        "eps=\ud800&\ud800=1",
        "eps=%ED%A0%80&gamma=%00",
        "gamma=1e999&eps=nan",
        "batch_size=" + "9" * 1500,
        "topic=\x00&topic=2",
        "seed=1_0&seed=%D9%A3",
        "&" * 1500,
        "%" * 1500,
    ],
)
def test_odd_words_in_a_link_harm_nobody(enter: Enter, text: str) -> None:
    with enter("layer/en") as page:
        assert ask(page, **FIRST | {"settings": text, "pinned": text})[0]["scenes"]


@pytest.mark.parametrize("text", ["[" * 3999, '{"settings":' * 300, "NaN", "\0", '"\\ud800"', '{"index": Infinity}'])
def test_what_is_no_json_gets_no_pictures(enter: Enter, text: str) -> None:
    with enter("layer/en") as page:
        page.send(text)
        assert header_of(page.recv())["settings"] is None
        page.send(iter((json.dumps(FIRST)[:9], json.dumps(FIRST)[9:])))  # in two fragments
        assert header_of(page.recv())["settings"] is not None


def test_a_long_run_draws_nothing_here(enter: Enter) -> None:
    with enter("training/en") as page:
        header, _ = ask(page, settings="", view="picture", slider="training-race-depth-en", index=1)
    assert header["settings"] is None


def test_a_page_of_text_ends_the_connection(enter: Enter) -> None:
    with enter("layer/en") as page:
        page.send("x" * (pictures_route.LONGEST_QUESTION + 1))
        assert code_of_closing(page) == pictures_route.TOO_BIG


def test_bytes_end_the_connection_and_harm_nobody(enter: Enter) -> None:
    with enter("layer/en") as page:
        page.send(b"\0\1")
        code_of_closing(page)
    with enter("layer/en") as page:
        assert ask(page, **FIRST)[0]["settings"] is not None


def test_the_browsers_are_counted() -> None:
    with serve(most=1) as enter, enter("layer/en") as first:
        assert ask(first, **FIRST)[0]["settings"] is not None
        with enter("layer/en") as second:
            assert code_of_closing(second) == pictures_route.BUSY


def test_of_what_is_asked_meanwhile_the_newest_is_answered(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go, tried = threading.Event(), threading.Event(), []
    result = cache.result

    def slow(topic: Any, settings: Any, *rest: Any) -> Any:
        tried.append(settings.batch_size)
        begun.set()
        go.wait()
        return result(topic, settings, *rest)

    with enter("layer/en") as page, enter("modes/en") as other:
        monkeypatch.setattr(cache, "result", slow)
        for index in (4, 5, 6, 7):
            page.send(json.dumps(FIRST | {"index": index}))
            begun.wait()
        ask(other)  # is heard after the others
        go.set()
        answers = [header_of(page.recv()) for _ in range(2)]
    asked = list(dict.fromkeys(tried))  # each in one room after the other
    assert len(asked) == 2
    assert [answer["settings"] for answer in answers] == [f"batch_size={size}" for size in asked]
    assert asked == sorted(asked)


def test_many_who_wait_for_computations_do_not_keep_out_who_needs_none(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, go, known = threading.Semaphore(0), threading.Event(), set[str]()
    result = cache.result

    def queued(
        topic: Any, settings: Any, data: Any, visitor: str, while_waiting: Callable[[int], object], before: Any
    ) -> Any:
        if topic.lab == "modes":
            if visitor not in known:
                known.add(visitor)
                waiting.release()
            while not go.wait(0.01):
                while_waiting(1)
        return result(topic, settings, data, visitor, while_waiting, before)

    monkeypatch.setattr(cache, "result", queued)
    monkeypatch.setattr(cache, "is_heavy", lambda topic, visitor: topic.lab == "modes")
    with ExitStack() as stack, enter("layer/en") as page:
        crowd = [stack.enter_context(enter("modes/en")) for _ in range(pictures_route.AT_ONCE)]
        for one in crowd:
            one.send(json.dumps(FIRST | {"settings": "topic=gap", "slider": "modes-gap-batch_size-en"}))
        for _ in crowd:
            assert waiting.acquire(timeout=PATIENCE_S)
        page.send(json.dumps(FIRST))
        try:
            assert header_of(page.recv(PATIENCE_S))["settings"] is not None
        finally:
            go.set()
        for one in crowd:
            assert header_of(one.recv(PATIENCE_S))["settings"] is not None


def test_nobody_gets_out_of_a_pause_by_coming_anew(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    paused, waited = list[str](), list[str]()
    monkeypatch.setattr(drag, "pause", lambda visitor, *_: paused.append(visitor) or 0)
    monkeypatch.setattr(drag, "wait", lambda visitor: waited.append(visitor) or 0)
    for _ in range(20):
        with enter("layer/en") as page:
            ask(page, **FIRST)
    assert len(set(paused)) < 10  # the server may hear of a new one before it hears that the last has gone
    assert waited == paused
    with enter("layer/en") as page, enter("layer/en") as other:
        ask(page, **FIRST)
        ask(other, **FIRST)
    assert paused[-1] != paused[-2]


@pytest.mark.parametrize("light", [True, False])
def test_those_who_have_something_made_take_turns_unless_it_proves_heavy(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, light: bool
) -> None:
    computing, go, result = threading.Semaphore(0), threading.Event(), cache.result

    def made(topic: Any, settings: Any, data: Any, visitor: str, while_waiting: Any, before: Any) -> Any:
        if topic.lab == "modes":
            before()
            computing.release()
            go.wait(2 * PATIENCE_S)
        return result(topic, settings, data, visitor, while_waiting)

    question = FIRST | {"settings": "topic=gap", "slider": "modes-gap-batch_size-en"}
    monkeypatch.setattr(pictures_route, "HEAVY_S", 2 * PATIENCE_S if light else 0.0)
    with ExitStack() as stack, enter("layer/en") as page:
        assert ask(page, **FIRST)[0]["settings"] is not None  # is kept now
        monkeypatch.setattr(cache, "result", made)
        crowd = [stack.enter_context(enter("modes/en")) for _ in range(pictures_route.AT_ONCE // 2)]
        for one in crowd:
            one.send(json.dumps(question))
        try:
            for _ in crowd[: pictures_route.MADE_AT_ONCE] if light else crowd:
                assert computing.acquire(timeout=PATIENCE_S)
            page.send(json.dumps(FIRST))
            assert header_of(page.recv(PATIENCE_S))["settings"] is not None
            assert not computing.acquire(blocking=False)
        finally:
            go.set()
        for one in crowd:
            assert header_of(one.recv(PATIENCE_S))["settings"] is not None


def test_who_asks_for_nothing_slows_nobody_down(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drag, "_pace", drag.Pace())
    with ExitStack() as stack, enter("layer/en") as page:
        crowd = [stack.enter_context(enter("layer/en")) for _ in range(20)]
        for one in crowd:
            assert ask(one, **FIRST | {"slider": "x"})[0]["settings"] is None
        assert ask(page, **FIRST)[0]["pause"] == 0


def test_a_browser_that_does_not_keep_the_pause_is_kept_waiting(enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drag, "pause", lambda *_: 300)
    with enter("layer/en") as page:
        ask(page, **FIRST)
        start = time.monotonic()
        assert ask(page, **FIRST)[0]["pause"] == 300
    assert time.monotonic() - start >= 0.25  # counted from when the server had sent the first


def test_who_was_heavy_and_is_taken_for_light_does_not_keep_out_the_others(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    computing, go = threading.Semaphore(0), threading.Event()
    result, known = cache.result, set[str]()

    def misjudged(topic: Any, settings: Any, data: Any, visitor: str, while_waiting: Any, before: Any) -> Any:
        found = result(topic, settings, data, visitor, while_waiting, before)
        if topic.lab == "modes" and visitor not in known:
            known.add(visitor)
            start = time.thread_time()
            while time.thread_time() - start < HEAVY_S:
                sum(range(1000))
        elif topic.lab == "modes":
            computing.release()
            go.wait(2 * PATIENCE_S)
        return found

    monkeypatch.setattr(cache, "result", misjudged)
    monkeypatch.setattr(drag, "pause", lambda *_: 0)
    question = FIRST | {"settings": "topic=gap", "slider": "modes-gap-batch_size-en"}
    with ExitStack() as stack, enter("layer/en") as page:
        crowd = [stack.enter_context(enter("modes/en")) for _ in range(pictures_route.AT_ONCE)]
        for one in crowd:
            assert ask(one, **question)[0]["settings"] is not None
        for one in crowd:
            one.send(json.dumps(question))
        for _ in range(pictures_route.PATIENT_AT_ONCE):
            assert computing.acquire(timeout=PATIENCE_S)
        try:
            assert not computing.acquire(timeout=0.5)
            page.send(json.dumps(FIRST))
            assert header_of(page.recv(PATIENCE_S))["settings"] is not None
        finally:
            go.set()
        for one in crowd:
            assert header_of(one.recv(PATIENCE_S))["settings"] is not None
