"""The verdict rule on synthetic differences: how often it is wrong, and how often it sees what is there."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from bnviz.study.verdict import NOISY, SHOWS, SHOWS_NOT, judge

DRAWS = 4000
DELTA = 0.5


def shares(mean: float, deviation: float, seeds: int) -> dict[str, float]:
    """How often each verdict comes for normal differences. Standard error of a share p: √(p(1 − p)/4000), at most 0.8 %."""
    rng = np.random.default_rng(20)
    counts = Counter(judge(row, DELTA).verdict for row in rng.normal(mean, deviation, (DRAWS, seeds)))
    return {verdict: counts[verdict] / DRAWS for verdict in (SHOWS, SHOWS_NOT, NOISY)}


@pytest.mark.parametrize("seeds", [3, 5, 10, 20])
@pytest.mark.parametrize("deviation", [0.1, 0.5, 2.0])
def test_no_effect_shows_in_at_most_five_percent(seeds: int, deviation: float) -> None:
    """5 % and four standard errors, √(0.05·0.95/4000) = 0.34 % each."""
    assert shares(0.0, deviation, seeds)[SHOWS] <= 0.05 + 4 * 0.0034


def test_with_much_noise_the_false_positive_rate_is_five_percent_and_not_less() -> None:
    """No interval of this width lies within ±δ, so that the rule is Student's two-sided test: 5 ± 1.4 %."""
    found = shares(0.0, 20.0, 10)
    assert found[SHOWS_NOT] == 0
    assert found[SHOWS] == pytest.approx(0.05, abs=4 * 0.0034)


@pytest.mark.parametrize("sign", [-1, 1])
def test_power_is_that_of_students_test(sign: int) -> None:
    """Mean 1, s.d. 1, n = 10: noncentral t with √10, two-sided 5 %. No interval around it hides within ±0.5 but by chance."""
    t = stats.t.ppf(0.975, 9)
    power = stats.nct.sf(t, 9, math.sqrt(10)) + stats.nct.cdf(-t, 9, math.sqrt(10))
    found = shares(sign * 1.0, 1.0, 10)
    # P(interval within ±δ) is below 1 % here, and what it takes it mostly takes from "too noisy".
    assert found[SHOWS] == pytest.approx(power, abs=4 * math.sqrt(power * (1 - power) / DRAWS))
    assert found[SHOWS_NOT] < 0.01


def test_a_large_effect_is_always_seen_and_no_effect_measured_well_is_always_denied() -> None:
    assert shares(2.0, 0.5, 10)[SHOWS] > 0.999
    assert shares(0.0, 0.2, 10)[SHOWS_NOT] > 0.99


@pytest.mark.parametrize("seeds", [3, 10])
@pytest.mark.parametrize("deviation", [0.05, 0.3, 1.0])
def test_an_effect_that_matters_is_denied_in_at_most_two_and_a_half_percent(seeds: int, deviation: float) -> None:
    assert shares(DELTA, deviation, seeds)[SHOWS_NOT] <= 0.025 + 4 * math.sqrt(0.025 * 0.975 / DRAWS)


def test_an_effect_too_small_to_matter_is_denied_though_it_is_no_chance() -> None:
    finding = judge([0.1, 0.12, 0.09, 0.11], DELTA)
    assert finding.low > 0
    assert finding.verdict == SHOWS_NOT


def test_the_interval_is_students() -> None:
    values = np.random.default_rng(3).normal(0.3, 1.0, 8)
    finding = judge(values, DELTA)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (finding.low, finding.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert finding.mean == pytest.approx(values.mean())
    assert finding.deviation == pytest.approx(values.std(ddof=1))
    assert (finding.pairs, finding.lost, finding.smallest_effect) == (8, 0, DELTA)


def test_the_interval_covers_the_truth_in_95_percent() -> None:
    rng = np.random.default_rng(4)
    findings = [judge(row, DELTA) for row in rng.normal(0.7, 1.3, (DRAWS, 6))]
    assert np.mean([f.low <= 0.7 <= f.high for f in findings]) == pytest.approx(0.95, abs=4 * 0.0034)


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 1.0), (1.0, 1.0, math.nan)])
def test_fewer_than_three_pairs_say_nothing(values: tuple[float, ...]) -> None:
    finding = judge(values, DELTA)
    assert finding.verdict == NOISY
    assert math.isnan(finding.low)
    assert math.isnan(finding.high)


def test_what_is_no_number_is_left_out_and_counted() -> None:
    finding = judge([1.0, math.nan, 1.2, 0.9, math.inf], DELTA)
    assert (finding.pairs, finding.lost) == (3, 2)
    assert finding.mean == pytest.approx(3.1 / 3)
    assert finding.verdict == SHOWS


def test_the_rule_is_even_handed() -> None:
    values = np.random.default_rng(5).normal(0.4, 0.6, 9)
    there, back = judge(values, DELTA), judge(-values, DELTA)
    assert there.verdict == back.verdict
    assert (there.low, there.high) == (-back.high, -back.low)


@pytest.mark.parametrize("effect", [0.0, -1.0, math.nan])
def test_the_smallest_effect_must_be_positive(effect: float) -> None:
    with pytest.raises(ValueError, match="smallest_effect"):
        judge([1.0, 2.0, 3.0], effect)
