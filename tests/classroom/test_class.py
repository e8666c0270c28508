"""A class as its screens see it: who is there, where it is, what a lost connection finds when it comes back, and when it ends."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bnviz.classroom import codes
from bnviz.classroom.limits import HOUR
from bnviz.classroom.protocol import VERSION, Pong, Refused
from tests.classroom.screens import School, Screen

AT = {"page": "layer", "query": {"batch_size": "8", "momentum": "0.3"}}


@pytest.fixture
def school() -> School:
    return School()


def test_a_teacher_gets_a_code_and_a_secret_and_students_the_code_alone(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    assert teacher.welcome.role == "teacher"
    assert teacher.welcome.secret is not None
    assert codes.normalized(teacher.welcome.code) == teacher.welcome.code == student.welcome.code
    assert student.welcome.role == "student"
    assert student.welcome.secret is None
    assert student.welcome.token is not None
    assert student.state.shared.poll is None


def test_neither_secrets_nor_tokens_are_kept(school: School) -> None:
    """What a memory dump, or an error that shows the class, could give away."""
    teacher = school.teacher()
    student = school.student(teacher)
    room = teacher.connection.room
    assert room is not None
    kept = repr(room)
    assert teacher.welcome.secret is not None
    assert teacher.welcome.secret not in kept
    assert student.welcome.token is not None
    assert student.welcome.token not in kept


def test_another_browser_with_the_secret_is_a_teacher_too(school: School) -> None:
    teacher = school.teacher()
    other = school.screen()
    other.say("teach", version=VERSION, code=teacher.welcome.code, secret=teacher.welcome.secret)
    assert other.welcome.role == "teacher"
    other.does("lead", at=AT)
    assert teacher.shared.at is not None
    assert teacher.shared.at.query == AT["query"]


def test_who_is_there_is_a_count(school: School) -> None:
    teacher = school.teacher()
    ada, _ = school.student(teacher), school.student(teacher)
    assert teacher.shared.students == 2
    ada.connection.leave()
    assert teacher.shared.students == 1
    assert ada.welcome.token is not None
    school.student(teacher, token=ada.welcome.token)
    school.student(teacher, token=ada.welcome.token)  # a second window of the same browser
    assert teacher.shared.students == 2


def test_students_do_not_see_the_count_nor_the_teachers_step(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    teacher.does("step", plan="from_zero", step=3)
    assert (student.shared.students, student.shared.step) == (None, None)
    assert teacher.shared.step is not None
    assert (teacher.shared.step.plan, teacher.shared.step.step) == ("from_zero", 3)
    teacher.does("step", plan=None)
    assert teacher.shared.step is None


def test_the_teachers_page_and_settings_go_to_everybody_and_to_those_who_come_later(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    assert student.shared.at is None
    teacher.does("lead", at=AT)
    late = school.student(teacher)
    for screen in (student, late):
        assert screen.shared.at is not None
        assert screen.shared.at.model_dump() == AT


def test_the_timer_tells_its_end_on_the_clock_that_every_state_tells(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    school.clock.now += 100
    teacher.does("timer", seconds=120)
    school.clock.now += 30
    late = school.student(teacher)
    for screen, left in ((late, 90), (student, 90)):
        assert screen.shared.timer is not None
        assert screen.shared.timer.ends - screen.state.now == pytest.approx(left, abs=0.01)
        assert screen.shared.timer.seconds == 120
    teacher.does("timer", seconds=None)
    assert student.shared.timer is None


@pytest.mark.parametrize("seconds", [0, -1, 10**6, 1.5, True, "60"])
def test_a_timer_has_bounds(school: School, seconds: Any) -> None:
    teacher = school.teacher()
    assert teacher.refused("timer", seconds=seconds).reason == "invalid"
    assert teacher.shared.timer is None


# --- states, and coming back ---------------------------------------------------------------------------------------


def test_a_state_is_sent_once_and_then_only_what_is_newer(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    first = student.look()
    assert first is not None
    assert student.look() is None
    teacher.ask()
    teacher.does("lead", at=AT)
    second = student.look()
    assert second is not None
    assert second.version > first.version
    assert second.shared.poll is not None
    assert second.shared.at is not None
    assert student.look() is None


def test_what_others_do_does_not_reach_a_student(school: School) -> None:
    """Sixty votes would be 3600 messages."""
    teacher = school.teacher()
    ada, bob = school.student(teacher), school.student(teacher)
    poll = teacher.ask()
    for screen in (teacher, ada, bob):
        screen.look()
    woken = bob.woken
    ada.does("answer", poll=poll, round=1, value=1)
    school.student(teacher)
    assert bob.woken == woken
    assert bob.look() is None
    assert ada.look() is not None
    assert teacher.look() is not None


def test_a_phone_that_comes_back_finds_its_class_vote_and_page(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    ada.does("answer", poll=poll, round=1, value=2)
    ada.connection.leave()
    teacher.does("lead", at=AT)
    back = school.student(teacher, token=ada.welcome.token)
    assert back.welcome.token == ada.welcome.token
    assert back.own.answers == (2, None)
    assert back.own.last == 1
    assert back.shared.at is not None
    back.count = back.own.last
    back.does("answer", poll=poll, round=1, value=3)
    assert teacher.poll.voted == (1,)


def test_a_phone_that_has_missed_nothing_is_told_nothing(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    seen = ada.state.version
    ada.connection.leave()
    back = school.student(teacher, token=ada.welcome.token, since=seen)
    assert back.look() is None
    teacher.ask()
    assert back.look() is not None


def test_a_seat_that_the_server_does_not_know_begins_anew(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher, token="chosen-by-the-browser", since=1)
    assert student.welcome.token != "chosen-by-the-browser"
    assert student.look() is not None  # whatever it says that it has seen


def test_an_answer_that_is_sent_again_after_a_lost_connection_counts_once(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    ada.does("answer", poll=poll, round=1, value=2)
    ada.connection.leave()
    back = school.student(teacher, token=ada.welcome.token)
    refused = back.say("answer", id=1, poll=poll, round=1, value=2)
    assert isinstance(refused, Refused)
    assert refused.reason == "repeated"
    assert back.own.answers == (2, None)
    assert teacher.poll.voted == (1,)


def test_a_ping_is_answered(school: School) -> None:
    assert school.teacher().say("ping") == Pong()


def test_votes_from_many_threads_are_all_counted() -> None:
    """Streamlit's threads and the server's loop share the classes."""
    school = School()
    teacher = school.teacher()
    poll = teacher.ask()
    students = [school.student(teacher) for _ in range(40)]

    def vote(student: Screen, option: int) -> None:
        for value in (3, option):
            student.does("answer", poll=poll, round=1, value=value)

    threads = [threading.Thread(target=vote, args=(student, at % 3)) for at, student in enumerate(students)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    teacher.does("show", poll=poll, round=1)
    assert teacher.poll.bars == ((14, 13, 13, 0),)


# --- the end, and how much there is room for -----------------------------------------------------------------------


def test_the_teacher_ends_the_class_everywhere(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    teacher.does("end")
    assert student.ended
    assert student.connection.closed == 1000
    assert teacher.ended
    assert len(school.classes) == 0
    assert isinstance(school.student(teacher).heard[-1], Refused)


def test_a_class_ends_three_hours_after_its_teacher_has_left(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    school.clock.now += 5 * HOUR  # a long lesson: the teacher is still there
    student.say("ping")
    teacher.connection.leave()
    school.clock.now += 3 * HOUR - 1
    student.say("ping")
    assert not student.ended
    school.clock.now += 1
    student.say("ping")
    assert student.ended
    assert len(school.classes) == 0


def test_a_teacher_who_comes_back_keeps_the_class(school: School) -> None:
    teacher = school.teacher()
    teacher.connection.leave()
    school.clock.now += 2 * HOUR
    back = school.screen()
    back.say("teach", version=VERSION, code=teacher.welcome.code, secret=teacher.welcome.secret)
    school.clock.now += 2 * HOUR
    assert len(school.classes) == 1


def test_a_full_server_says_so() -> None:
    school = School(classes=2)
    teachers = [school.teacher() for _ in range(2)]
    refused = school.screen().say("start", version=VERSION)
    assert isinstance(refused, Refused)
    assert refused.reason == "server_full"
    assert "2" in refused.sentence.en
    assert all(not teacher.ended for teacher in teachers)


def test_on_a_full_server_a_class_that_nobody_came_to_gives_way() -> None:
    school = School(classes=2)
    left, visited = school.teacher(), school.teacher()
    student = school.student(visited)
    for teacher in (left, visited):
        teacher.connection.leave()
    student.connection.leave()
    assert isinstance(school.screen().say("start", version=VERSION), Refused)  # it may still be needed
    school.clock.now += school.classes.limits.unused
    assert school.teacher().welcome.role == "teacher"
    assert isinstance(school.student(left).heard[-1], Refused)
    assert school.student(visited).welcome.role == "student"


def test_a_full_class_says_so() -> None:
    school = School(students=2)
    teacher = school.teacher()
    for _ in range(2):
        school.student(teacher)
    late = school.student(teacher)
    assert isinstance(late.heard[-1], Refused)
    assert late.heard[-1].reason == "class_full"
    assert late.connection.closed is not None
    assert teacher.shared.students == 2


def test_in_a_full_class_whoever_has_been_gone_gives_way_with_their_vote() -> None:
    school = School(students=2)
    teacher = school.teacher()
    gone, there = school.student(teacher), school.student(teacher)
    poll = teacher.ask()
    for student in (gone, there):
        student.does("answer", poll=poll, round=1, value=1)
    gone.connection.leave()
    assert isinstance(school.student(teacher).heard[-1], Refused)  # a phone may be back in a minute
    school.clock.now += school.classes.limits.away
    assert school.student(teacher).welcome.role == "student"
    assert teacher.poll.voted == (1,)
    assert there.own.answers == (1, None)


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_screens_of_one_person_are_bounded(role: str) -> None:
    school = School(screens=2, teachers=2)
    teacher = school.teacher()
    first = school.student(teacher)
    second = school.screen()

    def more() -> Screen:
        screen = school.screen()
        if role == "student":
            screen.say("join", version=VERSION, code=teacher.welcome.code, token=first.welcome.token)
        else:
            screen.say("teach", version=VERSION, code=teacher.welcome.code, secret=teacher.welcome.secret)
        return screen

    second = more()
    refused = more().heard[-1]
    assert isinstance(refused, Refused)
    assert refused.reason == "too_many_screens"
    second.connection.leave()
    assert not isinstance(more().heard[-1], Refused)


def test_what_has_left_is_not_told_any_more(school: School) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    student.connection.leave()
    student.connection.leave()
    woken = student.woken
    teacher.ask()
    assert student.woken == woken
    assert student.look() is None
    assert teacher.shared.students == 0
