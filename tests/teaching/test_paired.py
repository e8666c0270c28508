"""Which option of a question a number makes right."""

from __future__ import annotations

import math

import pytest

from bnviz.teaching.paired import between


@pytest.mark.parametrize(
    ("value", "error", "option"),
    [
        (0.0, 0.5, 0),
        (1.6, 0.5, 1),
        (4.0, 0.5, 2),
        (math.inf, 0.5, 2),
        (-math.inf, 0.0, 0),
        (0.6, 0.5, None),
        (1.4, 0.5, None),
        (3.0, 0.0, None),
        (math.nan, 0.5, None),
        (1.6, math.nan, None),
    ],
)
def test_a_number_is_between_two_borders_only_if_neither_is_within_its_error(
    value: float, error: float, option: int | None
) -> None:
    assert between(value, (1.0, 3.0), error) == option
