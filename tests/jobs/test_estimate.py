"""The share of a run between its partial results, by the work alone: no clock; and the time left, by seconds that the tests name."""

from __future__ import annotations

import itertools

import pytest

from bnviz.jobs.estimate import Estimate, Pace


def test_nothing_is_known_of_a_run_of_which_nothing_was_expected_and_that_has_told_nothing() -> None:
    estimate = Estimate()
    estimate.worked(3.0, None, None)
    assert estimate.share is None


def test_before_the_first_partial_result_it_is_the_work_over_what_was_expected() -> None:
    estimate = Estimate()
    shares = []
    for work in (0.5, 2.0, 5.0, 6.0):
        estimate.worked(work, None, 10.0)
        shares.append(estimate.share)
    assert shares == pytest.approx([0.05, 0.2, 0.5, 0.6])


def test_where_more_is_done_than_was_expected_it_slows_down_in_time() -> None:
    estimate = Estimate()
    for step in range(1, 301):
        estimate.worked(step / 10, None, 10.0)
        if step == 100:
            assert 0.8 < (estimate.share or 0.0) < 0.9
    assert (estimate.share or 0.0) < 0.99


@pytest.mark.parametrize("whole", [5.0, 10.0, 20.0, 34.0])
def test_it_never_falls_never_stands_and_never_ends_however_wrong_the_expectation(whole: float) -> None:
    estimate, shares = Estimate(), []
    for step in range(1, 201):
        work = whole * step / 200
        estimate.worked(work, None, 10.0)
        shares.append(estimate.share)
    assert all(first < second for first, second in itertools.pairwise(shares))
    assert shares[-1] < 1


@pytest.mark.parametrize("whole", [5.0, 10.0, 34.0])
def test_partial_results_correct_it_though_some_of_the_work_came_before_them(whole: float) -> None:
    """A fifth of the work is preparation; then each partial result tells the share of the steps."""
    estimate, shares = Estimate(), []
    for step in range(1, 401):
        work, done = whole * step / 400, max(0.0, (step / 400 - 0.2) / 0.8)
        estimate.worked(work, done if step > 80 and step % 20 == 0 else None, 10.0)
        shares.append((work / whole, estimate.share))
    # From the second result on the rest is known: what was wrong before is made up for evenly.
    (half, at_half), (late, at_late) = shares[240], shares[380]
    assert (1 - at_late) / (1 - at_half) == pytest.approx((1 - late) / (1 - half), rel=0.1)
    assert shares[-1][1] == 1


def test_a_result_that_tells_more_is_believed() -> None:
    estimate = Estimate()
    estimate.worked(1.0, None, 100.0)
    estimate.worked(1.1, 0.5, 100.0)
    assert estimate.share == 0.5


def paced(*speeds: tuple[float, float]) -> tuple[float, float, float]:
    """Seconds left, seconds and share of a run that goes for so many seconds at that share a second, one after the other."""
    pace, seconds, share = Pace(), 0.0, 0.0
    for duration, speed in speeds:
        for _ in range(round(10 * duration)):
            seconds, share = seconds + 0.1, share + speed / 10
            pace.at(seconds, share)
    return pace.left(seconds, share), seconds, share


def test_at_an_even_speed_the_time_left_is_the_rest() -> None:
    left, seconds, _ = paced((37, 0.01))
    assert left == pytest.approx(100 - seconds)


@pytest.mark.parametrize("slower", [0.2, 0.5, 3.0])
def test_the_time_left_follows_the_speed_of_late(slower: float) -> None:
    """Another program begins or ends beside it: fifteen seconds later the time left is what it takes now."""
    left, _, share = paced((30, 0.01), (15, 0.01 * slower))
    assert left == pytest.approx((1 - share) / (0.01 * slower), rel=0.02)


def test_one_swing_of_a_long_run_is_not_the_whole_speed() -> None:
    left, _, share = paced((400, 0.001), (10, 0.0002))
    assert left < 1.2 * (1 - share) / 0.001


def test_while_a_run_stands_its_time_left_grows() -> None:
    pace = Pace()
    for second in range(20):
        pace.at(second, second / 100)
    for second in range(20, 60):
        pace.at(second, 0.19)
    assert pace.left(60, 0.19) > 2 * pace.left(30, 0.19) > 100
