"""What holds a flood back."""

from __future__ import annotations

import pytest

from bnviz.classroom.limits import Bucket, Buckets, Rate, network


def test_a_bucket_gives_a_burst_and_then_what_flows_in() -> None:
    bucket = Bucket(Rate(burst=3, per_second=2), 10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.take(10.5) == 0
    assert bucket.take(10.5) == 0.5


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(Rate(burst=2, per_second=1), 0.0)
    assert [bucket.take(1e6) == 0 for _ in range(4)] == [True, True, False, False]


def test_to_ask_how_long_takes_nothing() -> None:
    bucket = Bucket(Rate(burst=1, per_second=1), 0.0)
    assert [bucket.wait(0.0) for _ in range(5)] == [0] * 5


def test_each_address_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(Rate(1, 0.1), most=10)
    assert buckets.take("192.0.2.1", 0.0) == 0
    assert buckets.take("192.0.2.1", 0.0) > 0
    assert buckets.wait("192.0.2.1", 0.0) > 0
    assert buckets.take("192.0.2.2", 0.0) == 0


def test_no_more_addresses_are_remembered_than_there_is_room_for() -> None:
    buckets = Buckets(Rate(1, 0.1), most=3)
    for last in range(5):
        buckets.take(f"192.0.2.{last}", 0.0)
    assert len(buckets) == 3
    assert buckets.wait("192.0.2.4", 0.0) > 0
    assert buckets.wait("192.0.2.0", 0.0) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::4", True),  # a phone changes the second half by itself
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("testclient", "testclient", True),
    ],
)
def test_networks(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same
