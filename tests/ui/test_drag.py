"""Sliders that are dragged: what a held one says, and how visitors who drag together take turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from bnviz.ui.drag import FRESH_S, LET_GO_S, TIRED, Held, Pace

STOPS = [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("held", "committed", "said"),
    [
        (Held("layer-batch_size", 3, 1), 2, 8),  # under the finger
        (Held("layer-batch_size", 3, 1), 4, 4),  # Streamlit knows newer
        (Held("layer-momentum", 3, 1), 2, 2),  # another slider
        (Held("layer-batch_size", 9, 1), 2, 2),  # no such stop
    ],
)
def test_a_held_slider_says_the_stop_under_the_finger_until_it_is_let_go(held: Held, committed: int, said: int) -> None:
    assert held.value("layer:batch_size", STOPS, committed) == said


def test_who_drags_alone_never_waits() -> None:
    pace = Pace()
    assert [pace.pause("one", 0.02, now) for now in (0.0, 0.1, 0.2)] == [0.0] * 3


def test_who_drags_with_others_lets_each_of_them_have_a_turn() -> None:
    pace = Pace()
    longest = max(pace.pause(str(visitor), 0.01, 5.0) for visitor in range(29))
    assert pace.pause("the thirtieth", 0.01, 5.1) == pytest.approx(29 * 0.01)
    assert pace.pause("the thirtieth", 0.01, 5.1 + longest + LET_GO_S) == 0.0  # the others have let go


def shares(pace: Pace, visitors: Mapping[str, str], start: float, seconds: float) -> Counter[str]:
    """How much of the processor each of `visitors` gets, who come from these addresses and ask whenever they may."""
    due, got = dict.fromkeys(visitors, start), Counter[str]()
    while (next_one := min(due, key=due.__getitem__)) and due[next_one] < start + seconds:
        due[next_one] += 0.01 + pace.pause(next_one, 0.015, due[next_one], visitors[next_one])
        got[next_one] += 0.01 / seconds
    return got


@pytest.mark.parametrize("count", [10, 200])
def test_many_from_one_address_take_no_more_than_one_from_another(count: int) -> None:
    got = shares(Pace(), {"one": "192.0.2.1"} | {str(number): "198.51.100.9" for number in range(count)}, 5.0, 60.0)
    one = got.pop("one")
    assert one > 0.25
    assert sum(got.values()) < 0.45


def test_hands_that_never_rest_count_for_less_than_a_fresh_one_at_the_same_address() -> None:
    pace, crowd = Pace(), {str(number): "192.0.2.1" for number in range(10)}
    shares(pace, crowd, 0.0, FRESH_S / TIRED)
    together = shares(pace, crowd | {"one": "192.0.2.1"}, FRESH_S / TIRED, FRESH_S)
    assert together["one"] > 0.25
    assert sum(together.values()) - together["one"] < 0.15


def test_who_never_rests_leaves_time_to_pages_and_who_is_alone_need_not() -> None:
    pace, crowd = Pace(), {str(number): "192.0.2.1" for number in range(10)}
    shares(pace, crowd, 0.0, FRESH_S / TIRED)
    assert sum(shares(pace, crowd, FRESH_S / TIRED, 60.0).values()) < 0.2
    alone = Pace()
    assert {alone.pause("one", 0.02, 0.5 * step) for step in range(1000)} == {0.0}


def test_a_class_that_drags_together_shares_alike_and_fits_into_the_process() -> None:
    got = shares(Pace(), {str(number): "192.0.2.1" for number in range(30)}, 0.0, FRESH_S)
    assert sum(got.values()) < 0.75
    assert max(got.values()) < 1.5 * min(got.values())
