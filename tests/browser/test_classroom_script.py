"""`classroom.js` in a real Chromium, on a plain page beside a server that has classes and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bnviz.classroom.classes import Classes
from bnviz.ui import assets, classroom_route
from tests.classroom.screens import OPTIONS, QUESTION, settings_of

SHELL = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>class</title><link rel="icon" href="data:,"></head><body>
<script type="module">
const sockets = [];
window.WebSocket = class extends WebSocket { constructor(...all) { super(...all); sockets.push(this); } };
import { Classroom, linkOf, secretOf, teacherLink } from "/assets/classroom.js";
Object.assign(window, { sockets, linkOf, secretOf, teacherLink, events: [] });
window.enter = (beginning) => {
  window.room = new Classroom("/class", beginning);
  for (const type of ["change", "lead", "refused"]) room.addEventListener(type, () => events.push(type));
};
window.led = () => events.filter((type) => type === "lead").length;
window.ready = true;
</script></body></html>"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    app = Starlette(
        routes=[
            Route("/", lambda request: HTMLResponse(SHELL)),
            classroom_route.route("", Classes(settings_of)),
            Mount("/assets", StaticFiles(directory=assets.FOLDER)),
        ]
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield "http://{}:{}".format(*listener.getsockname())
        server.should_exit = True
        thread.join()


class Screen:
    """A page with a `Classroom`."""

    def __init__(self, page: Page, address: str, beginning: dict[str, Any]) -> None:
        self.page = page
        self.address = address
        self.beginning = beginning
        self.enter()

    def enter(self) -> None:
        """Load the page and enter."""
        self.page.goto(self.address)
        self.page.wait_for_function("window.ready")
        self.page.evaluate("beginning => enter(beginning)", self.beginning)

    def wait(self, condition: str) -> None:
        """Wait until the store meets a condition."""
        self.page.wait_for_function(condition)

    def get(self, expression: str) -> Any:
        """A value in the page."""
        return self.page.evaluate(expression)


class School:
    """A server, and browsers that come to it; each has a storage of its own."""

    def __init__(self, visitor: Callable[..., Page], address: str) -> None:
        self.visitor = visitor
        self.address = address

    def screen(self, **beginning: Any) -> Screen:
        """Another browser."""
        return Screen(self.visitor(self.address), self.address, beginning)

    def teacher(self) -> Screen:
        """A browser that starts a class."""
        screen = self.screen()
        screen.wait("room.status === 'here' && room.shared")
        return screen

    def student(self, teacher: Screen) -> Screen:
        """A browser that joins."""
        screen = self.screen(code=teacher.get("room.code"))
        screen.wait("room.status === 'here' && room.shared")
        return screen


@pytest.fixture
def school(visitor: Callable[..., Page], address: str) -> School:
    return School(visitor, address)


def ask(teacher: Screen) -> None:
    teacher.page.evaluate("values => room.order('ask', values)", {"question": QUESTION, "options": OPTIONS})


def test_a_vote_in_two_rounds_and_the_answer_everywhere(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    teacher.wait("room.shared.students === 1")
    ask(teacher)
    ada.wait("room.shared.poll?.open")
    ada.get("room.answer(2)")
    teacher.wait("room.shared.poll?.voted[0] === 1")
    assert teacher.get("room.shared.poll.bars") == [None]
    teacher.get("room.onRound('again')")
    ada.wait("room.shared.poll.round === 2")
    ada.get("room.answer(1)")
    teacher.wait("room.shared.poll.voted[1] === 1")
    teacher.get("room.onRound('show')")
    ada.wait("room.shared.poll.moved?.[2][1] === 1")
    teacher.get("room.onRound('reveal', { correct: 1, at: { page: 'layer', query: { batch_size: '8' } } })")
    ada.wait("room.shared.poll.correct === 1 && led() === 1")
    assert ada.get("linkOf(room.shared.at)") == "/layer?batch_size=8"
    assert ada.get("linkOf(room.shared.at, '/r1/')") == "/r1/layer?batch_size=8"
    teacher.get("room.onRound('clear')")
    ada.wait("room.shared.poll === null")


def test_a_vote_survives_a_reload(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    ask(teacher)
    ada.wait("room.shared.poll")
    ada.get("room.answer(3)")
    ada.enter()
    ada.wait("room.own?.answers[0] === 3")
    ada.get("room.answer(0)")
    ada.wait("room.own.answers[0] === 0")
    teacher.wait("room.shared.students === 1")
    assert teacher.get("room.shared.poll.voted") == [1]


def test_a_lost_connection_comes_back_by_itself_with_what_was_on_its_way(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    ask(teacher)
    ada.wait("room.shared.poll")
    ada.get("sockets.at(-1).close(4000)")
    ada.wait("room.status === 'lost'")
    ada.get("room.answer(1)")  # kept when the server has it
    assert ada.get("room.status") == "here"
    assert ada.get("sockets.length") == 2
    ada.wait("room.own.answers[0] === 1")
    teacher.wait("room.shared.poll.voted[0] === 1 && room.shared.students === 1")


def test_a_teacher_who_loses_the_connection_keeps_the_class(school: School) -> None:
    teacher = school.teacher()
    code = teacher.get("room.code")
    teacher.get("sockets.at(-1).close(4000)")
    teacher.wait("room.status === 'lost'")
    teacher.wait("room.status === 'here'")
    assert teacher.get("room.code") == code
    ask(teacher)
    teacher.wait("room.shared.poll")


def test_the_teachers_link_makes_another_browser_a_teacher_and_its_secret_stays_in_the_browser(school: School) -> None:
    teacher = school.teacher()
    link = teacher.get("teacherLink('/layer?batch_size=8', room)")
    before, after = link.split("#")
    assert before == f"{school.address}/layer?batch_size=8&class={teacher.get('room.code')}"
    secret = teacher.get(f"secretOf('#{after}')")
    assert secret == teacher.get("room.secret")
    laptop = school.screen(code=teacher.get("room.code"), secret=secret)
    laptop.wait("room.role === 'teacher' && room.shared")
    laptop.get("room.order('timer', { seconds: 60 })")
    teacher.wait("room.secondsLeft() > 50 && room.secondsLeft() <= 60")
    assert teacher.get("secretOf('')") is None
    assert teacher.get("secretOf('#teacher=<b>')") is None


def test_a_student_follows_until_they_go_their_own_way_and_comes_back_with_one_touch(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    lead = "size => room.order('lead', { at: { page: 'layer', query: { batch_size: size } } })"
    teacher.page.evaluate(lead, "8")
    ada.wait("led() === 1")
    ada.get("room.wander()")
    teacher.page.evaluate(lead, "16")
    ada.wait("room.shared.at.query.batch_size === '16'")
    assert (ada.get("led()"), ada.get("room.following")) == (1, False)
    ask(teacher)
    ada.wait("room.shared.poll")
    ada.get("room.follow()")
    assert (ada.get("led()"), ada.get("room.following")) == (2, True)


def test_a_wrong_code_is_told_and_not_tried_again(school: School) -> None:
    ada = school.screen(code="zebra 1")
    ada.wait("room.status === 'refused'")
    assert ada.get("room.refusal.reason") == "unknown_class"
    assert "课堂" in ada.get("room.refusal.sentence.zh")
    assert "refused" in ada.get("events")
    ada.page.wait_for_timeout(1000)  # longer than the first wait before another try
    assert ada.get("sockets.length") == 1


def test_a_refusal_breaks_the_promise(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    ask(teacher)
    ada.wait("room.shared.poll")
    assert ada.get("room.answer(9).then(() => 'done', (refusal) => refusal.reason)") == "invalid"
    assert ada.get("room.order('end').then(() => 'done', (refusal) => refusal.reason)") == "not_teacher"
    assert ada.get("room.answer(1).then(() => 'done')") == "done"


def test_the_end_of_the_class_is_the_end_for_everybody(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    assert ada.get("localStorage.getItem('bnviz:class')") is not None
    teacher.get("room.order('end')")
    for screen in (ada, teacher):
        screen.wait("room.status === 'over'")
    assert ada.get("localStorage.getItem('bnviz:class')") is None
    ada.enter()
    ada.wait("room.status === 'refused'")


def test_a_class_that_ended_while_a_phone_was_away_is_over_for_it(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    ada.get("sockets.at(-1).close(4000)")
    ada.wait("room.status === 'lost'")
    teacher.get("room.order('end')")
    ada.wait("room.status === 'over'")
