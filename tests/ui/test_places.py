"""Places that are shared among addresses."""

from __future__ import annotations

import pytest

from bnviz.jobs.shares import fits
from bnviz.ui.places import Places


def taken(places: Places, address: str, wanted: int) -> int:
    """How many of `wanted` places `address` gets."""
    return sum(places.take(address) for _ in range(wanted))


def test_of_500_that_one_address_asks_for_others_keep_theirs() -> None:
    places = Places(500)
    assert taken(places, "203.0.113.7", 500) == 400
    assert taken(places, "198.51.100.1", 60) == 60  # a class behind one address
    assert all(places.take(f"192.0.2.{number}") for number in range(20))


def test_who_takes_many_leaves_something_however_many_they_are() -> None:
    places = Places(500)
    got = [taken(places, f"198.51.100.{number}", 500) for number in range(3)]
    assert sum(got) < 500
    assert places.take("203.0.113.7")


def test_the_last_of_few_places_is_for_whoever_comes() -> None:
    assert [taken(Places(most), "203.0.113.7", 9) for most in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_a_place_that_is_given_back_is_there_again_and_nobody_is_remembered() -> None:
    places = Places(10)
    for _ in range(3):
        count = taken(places, "203.0.113.7", 10)
        assert count == 8
        for _ in range(count):
            places.leave("203.0.113.7")
    assert places.taken == 0
    assert not places._of


def test_the_addresses_of_one_ipv6_connection_are_one() -> None:
    places = Places(10)
    assert sum(places.take(f"2001:db8::{number}") for number in range(1, 11)) == 8
    places.leave("2001:db8::77")
    assert places.taken == 7


@pytest.mark.parametrize(
    ("own", "others", "allowed"),
    [(0, 0, 100), (30, 0, 70), (70, 0, 30), (80, 0, 0), (0, 90, 10), (30, 50, 20), (60, 30, 0)],
)
def test_parts_of_any_size(own: int, others: int, allowed: int) -> None:
    sizes = [more for more in range(1, 101) if fits(more, own, own + others, 100)]
    assert len(sizes) == allowed
