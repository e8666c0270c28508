"""What people try: to vote for others, to guess, to replay, to flood, to send pages of text, to steer without the secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnviz.classroom.connection import REFUSED, TOO_FAST
from bnviz.classroom.limits import LONGEST_FRAME, Rate
from bnviz.classroom.protocol import VERSION, Done, Pong, Refused
from tests.classroom.screens import OPTIONS, QUESTION, School, Screen

AT = {"page": "layer", "query": {}}
STEERING: dict[str, dict[str, Any]] = {
    "ask": {"question": QUESTION, "options": OPTIONS},
    "ask_number": {"question": QUESTION, "page": "layer", "setting": "batch_size"},
    "close": {"poll": 1, "round": 1},
    "show": {"poll": 1, "round": 1},
    "again": {"poll": 1, "round": 1},
    "reveal": {"poll": 1, "round": 1, "correct": 1},
    "clear": {"poll": 1},
    "lead": {"at": AT},
    "timer": {"seconds": 60},
    "step": {"plan": "from_zero", "step": 1},
    "end": {},
}


@pytest.fixture
def school() -> School:
    return School()


def told(screen: Screen) -> Refused:
    """The refusal that a screen heard last."""
    last = screen.heard[-1]
    assert isinstance(last, Refused)
    assert last.sentence.zh != last.sentence.en
    return last


# --- votes for others ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{"student": "ada"}, {"seat": 1}, {"token": "x"}, {"as": "ada"}, {"values": [1, 2]}])
def test_nobody_votes_for_others(school: School, more: dict[str, Any]) -> None:
    """The connection says whose vote it is; a message that names somebody is not understood."""
    teacher = school.teacher()
    ada, bob = school.student(teacher), school.student(teacher)
    poll = teacher.ask()
    ada.does("answer", poll=poll, round=1, value=1)
    assert bob.refused("answer", poll=poll, round=1, value=3, **more).reason == "invalid"
    assert teacher.poll.voted == (1,)
    assert ada.own.answers == (1, None)


def test_a_seat_is_not_opened_by_what_the_server_keeps(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    room = teacher.connection.room
    assert room is not None
    (kept,) = room.seats
    thief = school.student(teacher, token=kept)
    assert thief.welcome.token not in {kept, ada.welcome.token}
    assert len(room.seats) == 2


def test_one_who_takes_many_seats_at_once_fills_only_what_there_is() -> None:
    school = School(students=5)
    teacher = school.teacher()
    for _ in range(20):
        school.student(teacher)
    assert teacher.shared.students == 5


def test_one_who_takes_seat_after_seat_keeps_nobody_out() -> None:
    school = School(students=5)
    teacher = school.teacher()
    poll = teacher.ask()
    ada = school.student(teacher)
    ada.does("answer", poll=poll, round=1, value=1)
    ada.connection.leave()  # a phone without a net for a moment
    for _ in range(20):
        school.student(teacher).connection.leave()
    assert [school.student(teacher).welcome.role for _ in range(4)] == ["student"] * 4
    assert teacher.poll.voted == (1,)
    assert school.student(teacher, token=ada.welcome.token).own.answers == (1, None)


# --- guessing ------------------------------------------------------------------------------------------------------


def guess(school: School, code: str, address: str, **more: Any) -> Screen:
    screen = school.screen(address)
    screen.say("join", version=VERSION, code=code, **more)
    return screen


def test_codes_are_guessed_slowly(school: School) -> None:
    teacher = school.teacher(address="192.0.2.1")
    reasons = [told(guess(school, "otter-100", "198.51.100.9")).reason for _ in range(30)]
    burst = int(school.classes.limits.guesses.burst)
    assert reasons == ["unknown_class"] * burst + ["too_fast"] * (30 - burst)
    # Now not even a right guess is told.
    refused = told(guess(school, teacher.welcome.code, "198.51.100.9"))
    assert refused.reason == "too_fast"
    assert 0 < refused.seconds <= 10
    assert f"{refused.seconds:.0f} s" in refused.sentence.en
    assert f"{refused.seconds:.0f}" in refused.sentence.zh
    school.clock.now += 10
    assert guess(school, teacher.welcome.code, "198.51.100.9").welcome.role == "student"


def test_a_guesser_disturbs_neither_other_addresses_nor_those_who_are_in(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    for _ in range(30):
        guess(school, "zebra-1", "192.0.2.1")
    assert guess(school, teacher.welcome.code, "203.0.113.5").welcome.role == "student"
    # The same school, one address: a phone and the teacher's laptop come back all the same.
    assert guess(school, teacher.welcome.code, "192.0.2.1", token=ada.welcome.token).welcome.role == "student"
    laptop = school.screen("192.0.2.1")
    laptop.say("teach", version=VERSION, code=teacher.welcome.code, secret=teacher.welcome.secret)
    assert laptop.welcome.role == "teacher"


def test_right_codes_are_never_too_many(school: School) -> None:
    """A whole school has one address."""
    teacher = school.teacher()
    assert {school.student(teacher).welcome.role for _ in range(100)} == {"student"}


def test_a_refused_guess_ends_the_connection(school: School) -> None:
    screen = guess(school, "zebra-1", "192.0.2.1")
    assert screen.connection.closed == REFUSED
    assert screen.say("join", version=VERSION, code="zebra-2") is None


def test_classes_are_started_slowly() -> None:
    school = School(starts=Rate(3, 1 / 60), classes=100)
    for _ in range(3):
        school.teacher()
    screen = school.screen()
    screen.say("start", version=VERSION)
    assert told(screen).reason == "too_fast"
    assert school.teacher(address="203.0.113.5").welcome.role == "teacher"
    assert len(school.classes) == 4


# --- the teacher's route -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["", "otter-7", "0" * 32, "é" * 10])
def test_without_the_secret_nobody_is_a_teacher(school: School, secret: str) -> None:
    teacher = school.teacher()
    screen = school.screen()
    screen.say("teach", version=VERSION, code=teacher.welcome.code, secret=secret)
    assert told(screen).reason == "not_teacher"
    assert screen.connection.closed == REFUSED


def test_the_code_the_digest_and_another_classs_secret_are_no_secret(school: School) -> None:
    teacher, other = school.teacher(), school.teacher()
    room = teacher.connection.room
    assert room is not None
    sentences = set()
    for secret in (teacher.welcome.code, room.secret, other.welcome.secret):
        screen = school.screen()
        screen.say("teach", version=VERSION, code=teacher.welcome.code, secret=secret)
        sentences.add(told(screen).sentence.en)
    screen = school.screen()
    screen.say("teach", version=VERSION, code="zebra-1", secret="x")
    sentences.add(told(screen).sentence.en)
    assert len(sentences) == 1  # nor does the refusal say which of the two was wrong


def test_secrets_are_guessed_slowly(school: School) -> None:
    teacher = school.teacher()
    reasons = []
    for attempt in range(25):
        screen = school.screen()
        screen.say("teach", version=VERSION, code=teacher.welcome.code, secret=str(attempt))
        reasons.append(told(screen).reason)
    assert reasons.count("not_teacher") == school.classes.limits.guesses.burst
    assert reasons[-1] == "too_fast"


@pytest.mark.parametrize("kind", STEERING)
def test_a_student_does_not_steer(school: School, kind: str) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    if kind in {"close", "show", "again", "reveal", "clear"}:
        teacher.ask()
    before = teacher.state
    assert student.refused(kind, **STEERING[kind]).reason == "not_teacher"
    assert teacher.look() is None
    assert teacher.state == before
    assert not teacher.ended


@pytest.mark.parametrize("kind", STEERING)
def test_a_stranger_does_not_steer(school: School, kind: str) -> None:
    school.teacher()
    stranger = school.screen()
    assert stranger.refused(kind, **STEERING[kind]).reason == "invalid"
    assert stranger.connection.closed == REFUSED


@pytest.mark.parametrize("kind", STEERING)
def test_a_teacher_does(school: School, kind: str) -> None:
    """Otherwise the two tests above would hold for messages that nobody could send."""
    teacher = school.teacher()
    if kind in {"close", "show", "again", "reveal", "clear"}:
        teacher.ask()
    teacher.does(kind, **STEERING[kind])


@pytest.mark.parametrize("kind", ["start", "teach"])
def test_a_student_does_not_become_a_teacher(school: School, kind: str) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    more = {"code": teacher.welcome.code, "secret": teacher.welcome.secret} if kind == "teach" else {}
    student.say(kind, version=VERSION, **more)
    assert told(student).reason == "invalid"
    assert student.refused("end").reason == "not_teacher"
    assert len(school.classes) == 1


def test_a_teacher_has_no_vote(school: School) -> None:
    teacher = school.teacher()
    poll = teacher.ask()
    assert teacher.refused("answer", poll=poll, round=1, value=1).reason == "invalid"
    assert teacher.poll.voted == (0,)


# --- replays -------------------------------------------------------------------------------------------------------


def test_a_recorded_vote_does_not_undo_a_later_one(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    recorded = {"id": 1, "poll": poll, "round": 1, "value": 2}
    assert ada.say("answer", **recorded) == Done(id=1)
    assert ada.say("answer", **{**recorded, "id": 2, "value": 3}) == Done(id=2)
    ada.say("answer", **recorded)
    assert told(ada).reason == "repeated"
    assert ada.own.answers == (3, None)


def test_a_vote_of_the_first_round_does_not_count_in_the_second_nor_for_another_question(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    ada.does("answer", poll=poll, round=1, value=2)
    teacher.does("again", poll=poll, round=1)
    assert ada.refused("answer", poll=poll, round=1, value=0).reason == "closed"
    assert ada.own.answers == (2, None)
    assert ada.refused("answer", poll=poll + 1, round=1, value=0).reason == "closed"
    teacher.ask()
    assert ada.refused("answer", poll=poll, round=1, value=0).reason == "closed"
    assert teacher.poll.voted == (0,)


def test_a_command_that_comes_twice_does_nothing_twice(school: School) -> None:
    teacher = school.teacher()
    poll = teacher.ask()
    teacher.does("again", poll=poll, round=1)
    assert teacher.refused("again", poll=poll, round=1).reason == "closed"
    assert teacher.refused("show", poll=poll, round=1).reason == "closed"
    assert (teacher.poll.round, teacher.poll.open) == (2, True)


# --- floods --------------------------------------------------------------------------------------------------------


def test_a_student_who_floods_is_slowed_down_and_then_cut_off(school: School) -> None:
    teacher = school.teacher()
    ada, bob = school.student(teacher), school.student(teacher)
    poll = teacher.ask()
    answers = [ada.say("answer", id=at, poll=poll, round=1, value=at % 4) for at in range(1, 200)]
    counted = sum(isinstance(answer, Done) for answer in answers)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert counted == school.classes.limits.student.burst
    assert {answer.reason for answer in refused} == {"too_fast"}
    assert len(refused) == school.classes.limits.flood
    assert ada.connection.closed == TOO_FAST
    bob.does("answer", poll=poll, round=1, value=1)
    assert teacher.poll.voted == (2,)


def test_a_second_window_does_not_make_a_student_faster(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    while isinstance(ada.say("ping"), Pong):
        pass
    assert isinstance(school.student(teacher, token=ada.welcome.token).say("ping"), Refused)
    school.clock.now += 1
    assert isinstance(ada.say("ping"), Pong)


def test_a_flood_of_a_teachers_link_is_slowed_down_too(school: School) -> None:
    teacher = school.teacher()
    for _ in range(200):
        teacher.say("timer", id=1, seconds=60)
    assert teacher.connection.closed == TOO_FAST


# --- pages of text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [41, 5000, LONGEST_FRAME + 1, 10**6])
def test_an_answer_is_not_a_page_of_text(school: School, length: int) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    refused = ada.order("answer", poll=poll, round=1, value="x" * length)
    assert isinstance(refused, Refused)
    assert "xx" not in refused.model_dump_json()
    assert len(refused.model_dump_json()) < 1000
    assert teacher.poll.voted == (0,)
    ada.does("answer", poll=poll, round=1, value=1)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("ask", {"question": {"en": "x" * 401, "zh": "x"}, "options": OPTIONS}),
        ("ask", {"question": QUESTION, "options": [{"en": "x" * 401, "zh": "x"}] * 2}),
        ("ask", {"question": QUESTION, "options": OPTIONS * 3}),
        ("ask", {"question": {"en": "a\u0000b", "zh": "x"}, "options": OPTIONS}),
        ("ask", {"question": {"en": "a\u202eb", "zh": "x"}, "options": OPTIONS}),
        ("ask", {"question": {"en": "x"}, "options": OPTIONS}),
        ("ask", {"question": QUESTION}),
        ("lead", {"at": {"page": "x" * 41, "query": {}}}),
        ("lead", {"at": {"page": "../../etc", "query": {}}}),
        ("lead", {"at": {"page": "https://elsewhere.example", "query": {}}}),
        ("lead", {"at": {"page": "layer", "query": {"a": "x" * 201}}}),
        ("lead", {"at": {"page": "layer", "query": {"x" * 41: "a"}}}),
        ("lead", {"at": {"page": "layer", "query": {str(at): "a" for at in range(61)}}}),
        ("lead", {"at": {"page": "layer", "query": {str(at): "x" * 200 for at in range(40)}}}),
        ("lead", {"at": {"page": "layer", "query": {"a": 1}}}),
        ("step", {"plan": "a plan", "step": 0}),
        ("step", {"plan": "x" * 41, "step": 0}),
        ("step", {"plan": "x", "step": 10**30}),
    ],
)
def test_what_a_teacher_sends_has_bounds_too(school: School, kind: str, values: dict[str, Any]) -> None:
    teacher = school.teacher()
    before = teacher.state
    assert teacher.refused(kind, **values).reason in {"invalid", "too_long"}
    assert teacher.state == before


def test_nor_does_a_message_bring_a_page_of_nothing(school: School) -> None:
    student = school.student(school.teacher())
    frame = json.dumps({"type": "ping"})
    assert student.send(frame + " " * (LONGEST_FRAME - len(frame))) == Pong()
    refused = student.send(frame + " " * LONGEST_FRAME)
    assert isinstance(refused, Refused)
    assert refused.reason == "too_long"
    assert str(LONGEST_FRAME) in refused.sentence.en


@pytest.mark.parametrize("code", ["x" * 41, "x" * 10**5])
def test_a_code_is_not_a_page_of_text(school: School, code: str) -> None:
    refused = told(guess(school, code, "192.0.2.1"))
    assert refused.reason == "too_long"
    assert "xx" not in refused.model_dump_json()


def test_a_code_comes_back_as_words_and_numbers_only(school: School) -> None:
    refused = told(guess(school, "<b>otter</b>-7", "192.0.2.1"))
    assert "<" not in refused.sentence.en
    assert "otter-7" in refused.sentence.en  # the example


# --- what is no message --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        '{"type":"nothing"}',
        '{"type":"join"}',
        '{"type":["join"]}',
        '{"type":"ping","more":1}',
        '{"type":"answer","id":1,"poll":1,"round":3,"value":1}',
        '{"type":"answer","id":1,"poll":1,"round":1,"value":NaN}',
        '{"type":"answer","id":1,"poll":1,"round":1,"value":1e999}',
        '{"type":"answer","id":1,"poll":1,"round":1,"value":true}',
        '{"type":"answer","id":1,"poll":1,"round":1,"value":{"a":1}}',
        '{"type":"answer","id":0,"poll":1,"round":1,"value":1}',
        '{"type":"answer","id":' + "9" * 4000 + ',"poll":1,"round":1,"value":1}',
        "[" * 10_000,
        '{"a":' * 2000,
        "\ud800",
        b"\x00\xff",
        b'{"type":"ping"}',
    ],
)
def test_what_is_no_message_is_refused_in_words(school: School, frame: str | bytes) -> None:
    teacher = school.teacher()
    student = school.student(teacher)
    teacher.ask()
    refused = student.send(frame)
    assert isinstance(refused, Refused)
    assert refused.reason == "invalid"
    assert student.say("ping") == Pong()


def test_a_page_of_another_version_is_told_to_reload(school: School) -> None:
    screen = school.screen()
    screen.say("start", version=VERSION + 1)
    assert told(screen).reason == "outdated"
    assert screen.connection.closed == REFUSED


KINDS = st.sampled_from([*STEERING, "answer", "ping", "join", "teach", "start"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["id", "poll", "round", "value", "question", "options", "at", "seconds", "plan", "step", "code", "version", "token"]
)


@settings(max_examples=100)
@given(
    role=st.sampled_from(["teacher", "student"]),
    frames=st.lists(
        st.text(max_size=60)
        | st.binary(max_size=60)
        | st.builds(
            lambda kind, values, more: json.dumps({"type": kind, "id": 1, **values, **more}),
            KINDS,
            st.sampled_from([*STEERING.values(), {"poll": 1, "round": 1, "value": 1}]),
            st.dictionaries(FIELDS, JSON, max_size=2),
        ),
        max_size=8,
    ),
)
def test_whatever_is_sent_gets_an_answer_and_leaves_a_class_that_works(role: str, frames: list[str | bytes]) -> None:
    school = School()
    teacher = school.teacher()
    teacher.ask()
    student = school.student(teacher)
    sender = teacher if role == "teacher" else student
    for frame in frames:
        ended = teacher.connection.room is None or teacher.connection.room.over
        assert sender.send(frame) is not None or ended
        for screen in (teacher, student):
            screen.look()
    if not teacher.ended:
        school.clock.now += 100
        teacher.count = 10**6
        poll = teacher.ask()
        student.look()
        student.count = 10**8
        student.does("answer", poll=poll, round=1, value=0)
        assert teacher.poll.voted == (1,)
