"""Class codes: words that can be called across a room, typed as people type, too many to be guessed."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from bnviz.classroom import codes
from bnviz.classroom.limits import HOUR, Limits


def one_slip_apart(one: str, other: str) -> bool:
    """Whether a letter changed, dropped, or swapped with its neighbour makes one word of the other."""
    if len(one) < len(other):
        one, other = other, one
    if len(one) > len(other):
        return any(one[:at] + one[at + 1 :] == other for at in range(len(one)))
    differ = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    swapped = len(differ) == 2 and one[differ[0]] == other[differ[1]] and one[differ[1]] == other[differ[0]]
    return len(differ) <= 1 or (swapped and differ[1] == differ[0] + 1)


def test_one_slip() -> None:
    assert one_slip_apart("beach", "peach")
    assert one_slip_apart("park", "spark")
    assert one_slip_apart("form", "from")
    assert not one_slip_apart("otter", "tiger")


def test_words_are_short_lower_case_and_in_order() -> None:
    assert list(codes.words()) == sorted(set(codes.words()))
    assert all(re.fullmatch("[a-z]{3,9}", word) for word in codes.words())
    assert "otter" in codes.words()


def test_no_word_is_a_slip_away_from_another() -> None:
    assert [pair for pair in combinations(codes.words(), 2) if one_slip_apart(*pair)] == []


def test_no_word_is_another_one_by_sound() -> None:
    alike = """bare bear beat beet berry boulder bury board cell cellar cent cereal dear deer flour flower hair hare lynx mail maize
        mussel pair peal pear plain plane quartz rain reign sail sale sea sole steal steel tail tale thyme"""
    assert set(codes.words()).isdisjoint(alike.split())


def test_no_word_is_what_people_call_each_other() -> None:
    """In English or, translated, in Chinese."""
    names = """ape ass banana bat beaver bitch booty chicken cock coconut cow crow cuckoo dog donkey duck egg gorilla hippo hog hound
        monkey mule pig rat shrew sloth snake toad tortoise turtle vulture weasel whale worm"""
    assert set(codes.words()).isdisjoint(names.split())


def test_three_hours_of_guessing_hardly_ever_find_a_class() -> None:
    limits = Limits()
    guesses = limits.guesses.burst + limits.guesses.per_second * 3 * HOUR
    assert guesses / (len(codes.words()) * len(codes.NUMBERS)) < 0.02


def test_a_new_code_is_none_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "words", lambda: ("otter",))
    taken = {f"otter-{number}" for number in codes.NUMBERS if number != 7}
    assert codes.new_code(taken) == "otter-7"


def test_every_code_is_understood_as_it_stands() -> None:
    assert [word for word in codes.words() if codes.normalized(f"{word}-42") != f"{word}-42"] == []


@pytest.mark.parametrize(
    "typed",
    ["otter-7", " Otter 7 ", "OTTER7", "otter_7", "ｏｔｔｅｒ－７", "otter–7", "otter−7", "otter - 7", "otter.7"],
)
def test_codes_are_understood_as_people_type(typed: str) -> None:
    assert codes.normalized(typed) == "otter-7"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "otter",
        "7",
        "otter-",
        "otter-0",
        "otter-07",
        "otter-100",
        "ot-7",
        "otter-7-8",
        "otter-7; drop",
        "水獭-7",
        "a" * 5000 + "-7",
    ],
)
def test_what_is_no_code(typed: str) -> None:
    assert codes.normalized(typed) == ""
