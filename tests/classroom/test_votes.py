"""Votes in two rounds: who sees what when, what counts, who moved."""

from __future__ import annotations

import pytest

from tests.classroom.screens import OPTIONS, QUESTION, School, Screen


@pytest.fixture
def school() -> School:
    return School()


def vote(student: Screen, option: int) -> None:
    student.does("answer", poll=student.poll.id, round=student.poll.round, value=option)


def test_the_teacher_sees_how_many_have_voted_and_not_what(school: School) -> None:
    teacher = school.teacher()
    ada, bob = school.student(teacher), school.student(teacher)
    teacher.ask()
    vote(ada, 2)
    vote(bob, 0)
    assert teacher.poll.voted == (2,)
    assert teacher.poll.bars == (None,)
    assert ada.poll.voted == ()
    assert [option.en for option in ada.poll.options] == ["A", "B", "C", "D"]


def test_votes_are_shown_when_the_teacher_says_so_and_can_no_longer_be_changed(school: School) -> None:
    teacher = school.teacher()
    ada, bob = school.student(teacher), school.student(teacher)
    poll = teacher.ask()
    vote(ada, 2)
    vote(bob, 0)
    teacher.does("show", poll=poll, round=1)
    assert teacher.poll.bars == ada.poll.bars == ((1, 0, 1, 0),)
    assert not ada.poll.open
    assert ada.refused("answer", poll=poll, round=1, value=1).reason == "closed"
    assert teacher.poll.bars == ((1, 0, 1, 0),)


def test_a_vote_can_be_changed_until_it_is_closed(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    vote(ada, 2)
    vote(ada, 3)
    assert ada.own.answers == (3, None)
    assert teacher.poll.voted == (1,)
    teacher.does("close", poll=poll, round=1)
    assert ada.refused("answer", poll=poll, round=1, value=1).reason == "closed"
    assert ada.own.answers == (3, None)
    assert teacher.poll.bars == (None,)  # closed is not shown


def test_the_second_round_stands_beside_the_first_with_who_moved_where(school: School) -> None:
    teacher = school.teacher()
    students = [school.student(teacher) for _ in range(5)]
    poll = teacher.ask()
    for student, option in zip(students[:4], (0, 0, 1, 3), strict=True):
        vote(student, option)
    teacher.does("again", poll=poll, round=1)
    assert students[0].poll.round == 2
    assert students[0].own.answers == (0, None)
    for student, option in zip(students, (1, 0, 1, 2, 2), strict=True):
        vote(student, option)
    assert teacher.poll.voted == (4, 5)
    assert teacher.poll.moved is None
    assert teacher.poll.bars == (None, None)
    teacher.does("show", poll=poll, round=2)
    assert teacher.poll.bars == ((2, 1, 0, 1), (1, 2, 2, 0))
    assert teacher.poll.moved == (
        (1, 1, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 0, 0),
        (0, 0, 1, 0),
    )  # the fifth student had not answered before


def test_a_first_round_that_was_shown_stays_in_sight_during_the_second(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    vote(ada, 1)
    teacher.does("show", poll=poll, round=1)
    teacher.does("again", poll=poll, round=1)
    vote(ada, 2)
    assert teacher.poll.bars == ((0, 1, 0, 0), None)
    assert teacher.poll.moved is None


def test_the_answer_goes_to_every_screen_with_the_picture(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    at = {"page": "layer", "query": {"batch_size": "8"}}
    assert ada.poll.correct is None
    teacher.does("reveal", poll=poll, round=1, correct=2, explanation=QUESTION, at=at)
    assert ada.poll.revealed
    assert ada.poll.correct == 2
    assert ada.shared.at is not None
    assert ada.shared.at.query == {"batch_size": "8"}
    assert ada.poll.explanation is not None
    assert ada.refused("answer", poll=poll, round=1, value=2).reason == "closed"
    assert teacher.refused("again", poll=poll, round=1).reason == "closed"


def test_there_is_no_third_round(school: School) -> None:
    teacher = school.teacher()
    poll = teacher.ask()
    teacher.does("again", poll=poll, round=1)
    assert teacher.refused("again", poll=poll, round=2).reason == "closed"


def test_a_new_question_replaces_the_old_one(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    first = teacher.ask()
    vote(ada, 2)
    second = teacher.ask()
    assert second > first
    assert ada.own.answers == (None, None)
    assert ada.refused("answer", poll=first, round=1, value=2).reason == "closed"
    assert teacher.poll.voted == (0,)
    teacher.does("clear", poll=second)
    assert ada.shared.poll is None


@pytest.mark.parametrize("value", [4, -1, 1.0, "A", 10**8])
def test_only_options_can_be_chosen(school: School, value: object) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = teacher.ask()
    assert ada.refused("answer", poll=poll, round=1, value=value).reason == "invalid"
    assert teacher.poll.voted == (0,)


# --- everybody's number --------------------------------------------------------------------------------------------


def ask_number(teacher: Screen, setting: str, page: str = "layer") -> int:
    teacher.does("ask_number", question=QUESTION, page=page, setting=setting)
    return teacher.poll.id


def test_everybodys_number_is_a_histogram_over_the_stops(school: School) -> None:
    teacher = school.teacher()
    students = [school.student(teacher) for _ in range(4)]
    poll = ask_number(teacher, "batch_size")
    setting = teacher.poll.setting
    assert setting is not None
    assert setting.stops[:4] == (1, 2, 3, 4)
    assert (setting.label.en, setting.label.zh) == ("Batch size", "批大小")
    for student, value in zip(students, (8, 8, 9, 11), strict=True):
        vote(student, value)
    teacher.does("show", poll=poll, round=1)
    (bars,) = teacher.poll.bars
    assert bars is not None
    assert {stop: count for stop, count in zip(setting.stops, bars, strict=True) if count} == {8: 3, 12: 1}
    assert teacher.poll.moved is None


def test_a_word_of_the_setting_has_its_own_bar(school: School) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = ask_number(teacher, "momentum")
    vote(ada, "cumulative")
    teacher.does("show", poll=poll, round=1)
    assert teacher.poll.setting is not None
    assert teacher.poll.setting.words["cumulative"].zh != "cumulative"
    assert teacher.poll.bars[0] is not None
    assert teacher.poll.bars[0][-1] == 1


@pytest.mark.parametrize("value", [0, 1025, 2.5, "many", "8; DROP TABLE"])
def test_a_number_outside_the_bounds_is_refused_with_them(school: School, value: object) -> None:
    teacher = school.teacher()
    ada = school.student(teacher)
    poll = ask_number(teacher, "batch_size")
    refused = ada.refused("answer", poll=poll, round=1, value=value)
    assert "from 1 to 1024" in refused.sentence.en
    assert "1 到 1024 之间" in refused.sentence.zh
    assert teacher.poll.voted == (0,)


@pytest.mark.parametrize(
    ("page", "setting"), [("layer", "mode"), ("layer", "seed"), ("layer", "colour"), ("cellar", "mode")]
)
def test_only_settings_with_a_scale_can_be_asked_for(school: School, page: str, setting: str) -> None:
    teacher = school.teacher()
    assert teacher.refused("ask_number", question=QUESTION, page=page, setting=setting).reason == "invalid"
    assert teacher.shared.poll is None


def test_two_numbers_between_two_stops_go_to_the_nearer(school: School) -> None:
    teacher = school.teacher()
    ada, bob = school.student(teacher), school.student(teacher)
    poll = ask_number(teacher, "batch_size")
    vote(ada, 1000)
    vote(bob, 800)
    teacher.does("show", poll=poll, round=1)
    assert teacher.poll.bars[0] is not None
    assert teacher.poll.bars[0][-2:] == (1, 1)  # 768 and 1024


def test_the_right_number_is_one_that_the_setting_may_have(school: School) -> None:
    teacher = school.teacher()
    poll = ask_number(teacher, "batch_size")
    assert teacher.refused("reveal", poll=poll, round=1, correct=0).reason == "invalid"
    assert not teacher.poll.revealed
    teacher.does("reveal", poll=poll, round=1, correct=8)
    assert teacher.poll.correct == 8


def test_a_question_has_two_to_six_options(school: School) -> None:
    teacher = school.teacher()
    for options in (OPTIONS[:1], OPTIONS * 2):
        assert teacher.refused("ask", question=QUESTION, options=options).reason in {"invalid", "too_long"}
    assert teacher.shared.poll is None
