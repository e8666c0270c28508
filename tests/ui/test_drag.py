"""Sliders that are dragged: what a held one says, and how visitors who drag together take turns."""

from __future__ import annotations

import pytest

from bnviz.ui.drag import LET_GO_S, Held, Pace

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
    for visitor in range(29):
        pace.pause(str(visitor), 0.01, 5.0)
    assert pace.pause("the thirtieth", 0.01, 5.1) == pytest.approx(29 * 0.01)
    assert pace.pause("the thirtieth", 0.01, 5.1 + LET_GO_S) == 0.0  # the others have let go
