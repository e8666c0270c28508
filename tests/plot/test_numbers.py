"""Numbers in words."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from bnviz.plot.numbers import (
    alike,
    between,
    latex,
    latex_signed,
    points,
    points_alike,
    short,
    with_spread,
    with_spreads,
)

TABLE = json.loads((Path(__file__).parent / "numbers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("value", "text"), TABLE.items())
def test_three_digits_and_powers_where_nothing_else_reads(value: str, text: str) -> None:
    assert short(float(value)) == text


def test_what_is_not_a_number_is_a_dash() -> None:
    assert short(math.nan) == "–"


@pytest.mark.parametrize(("value", "text"), [(-2e-8, "0"), (2e-8, "0"), (1e-6, "10⁻⁶"), (math.nan, "–")])
def test_what_rounding_leaves_is_0_where_asked_for(value: float, text: str) -> None:
    assert short(value, 5e-7) == text


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (5.86, 1.126, "5.9 ± 1.1"), (3.967, 0.908, "3.97 ± 0.91"), (9.0, 2.01, "9.0 ± 2.0"), (23.4, 10.24, "23 ± 10"),
        (0.216, 0.0306, "0.216 ± 0.031"), (86.42, 0.82, "86.4 ± 0.8"), (-1.5, 0.25, "−1.50 ± 0.25"), (9.996, 0.996, "10.0 ± 1.0"),
        (2e-5, 1e-6, "2×10⁻⁵ ± 10⁻⁶"), (4.0, 0.0, "4"), (4.0, math.nan, "4"), (math.nan, 1.0, "–"), (3200.0, 1500.0, "3200 ± 1500"),
    ],
)  # fmt: skip
def test_value_and_spread_end_at_the_same_place(value: float, deviation: float, text: str) -> None:
    assert with_spread(value, deviation) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((0.5, 0.4873), ("0.500", "0.487")),
        ((11.3, 6.333), ("11.3", "6.3")),
        ((1.38, 0.416, 0.0198), ("1.38", "0.42", "0.02")),
        ((0.798, 0.0), ("0.798", "0")),
        ((42.0, 1.73), ("42.0", "1.7")),
        ((0.0783, 0.0727), ("0.0783", "0.0727")),
        ((-0.765, 0.569), ("−0.765", "0.569")),
        ((13700.0, 4.2), ("13700", "4")),
        ((0.5, 2e-5), ("0.5", "2×10⁻⁵")),
        ((3.0, math.nan), ("3.00", "–")),
        ((math.nan,), ("–",)),
        ((0.0, 0.0), ("0", "0")),
        ((1e-9, 2.5e-9), ("10⁻⁹", "2.5×10⁻⁹")),
    ],
)
def test_what_is_compared_ends_at_the_same_place(values: tuple[float, ...], texts: tuple[str, ...]) -> None:
    assert alike(*values) == texts


def test_no_more_digits_than_hold_are_told_of_what_is_compared() -> None:
    assert alike(0.4123, 0.1198, digits=1) == ("0.4", "0.1")


def test_one_number_stands_for_an_interval_whose_ends_read_the_same() -> None:
    assert between(0.986, 1.0) == "0.99 … 1.00"
    assert between(1.0, 1.0001) == "1.00"
    assert between(-1e-9, 1e-9, 1e-3) == "0"


def test_spreads_that_are_compared_end_at_the_coarsest_place_that_shows_each() -> None:
    assert with_spreads([4.0, 5.13, 4.9], [0.88, 1.5, 1.1]) == ("4.0 ± 0.9", "5.1 ± 1.5", "4.9 ± 1.1")
    assert with_spreads([42.0, 1.73], [25.0, 0.4]) == ("42.0 ± 25.0", "1.7 ± 0.4")
    assert with_spreads([4.0, math.nan, 2.0], [0.88, 1.0, 0.0]) == ("4.00 ± 0.88", "–", "2.00")


def test_points_that_are_compared_end_at_the_same_place() -> None:
    assert points_alike(0.193, 0.0842, 0.302) == ("+19.3", "+8.4", "+30.2")
    assert points_alike(0.0133, math.nan, signed=False) == ("1.33", "–")


@pytest.mark.parametrize(
    ("share", "text"), [(0.00493, "+0.49"), (-0.5, "−50.0"), (0.0999, "+9.99"), (0.1, "+10.0"), (math.nan, "–")]
)
def test_points(share: float, text: str) -> None:
    assert points(share) == text
    assert points(abs(share), signed=False) == text.lstrip("+−")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (2.39e-8, r"2.39\cdot10^{-8}"), (-0.0, "0"), (math.nan, r"\text{NaN}"), (math.inf, r"\infty")],
)
def test_latex(value: float, text: str) -> None:
    assert latex(value) == text


def test_negative_numbers_behind_an_operator_stand_in_brackets() -> None:
    assert (latex_signed(-1.5), latex_signed(1.5)) == ("(-1.5)", "1.5")
