"""The verdict rule on synthetic differences: how often it is wrong, and how often it sees what is there."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from bnviz.i18n import LANGUAGES, Language, translator
from bnviz.study.verdict import (
    ALL_THE_SAME,
    ALSO_ONE_SEED,
    FEW,
    NOISY,
    ONE_SEED,
    SHOWS,
    SHOWS_NOT,
    Finding,
    caution,
    holm,
    judge,
    words,
)

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
    assert (finding.verdict, finding.reason) == (NOISY, FEW)
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


@pytest.mark.parametrize("value", [0.0, 0.3, 7.0])
def test_differences_that_are_all_the_same_say_nothing(value: float) -> None:
    finding = judge(value + 1e-13 * np.arange(5), DELTA)
    assert (finding.verdict, finding.reason) == (NOISY, ALL_THE_SAME)
    assert finding.p_value == 1
    assert finding.refused
    assert not finding.has_interval


def test_on_a_grid_the_interval_is_never_narrower_than_a_step() -> None:
    """The opening of `training.sweep`: ×8 in all of five seeds, rates that double, which is no [×8, ×8]."""
    step = math.log10(2)
    finding = judge([3 * step] * 5, math.log10(1.5), step)
    assert (10**finding.low, 10**finding.high) == pytest.approx((4, 16))
    assert (finding.verdict, finding.reason) == (SHOWS, "")
    assert judge([step] * 5, math.log10(1.5), step).verdict == NOISY  # one step: the interval ends at ×1
    wide = np.array([-2, 0, 1, 5, 3]) * step
    assert judge(wide, 0.1, step) == judge(wide, 0.1), "where the scatter is larger, it decides"


def test_one_seed_that_decides_is_shown_and_the_verdict_refused() -> None:
    calm = [0.02, -0.05, 0.04, 0.0, -0.03, 0.01, 0.05, -0.02]
    broken = judge([*calm, 10.0], DELTA)
    assert judge(calm, DELTA).verdict == SHOWS_NOT
    assert (broken.verdict, broken.reason, broken.outlier) == (NOISY, ONE_SEED, 10.0)


def test_one_seed_is_not_hidden_behind_no_relevant_difference() -> None:
    """Twenty-nine seeds near 0 and one at four times what matters: the interval lies within ±δ, but that seed does differ."""
    values = [*np.random.default_rng(6).normal(0, 0.05, 29), 4 * DELTA]
    finding = judge(values, DELTA)
    assert -DELTA < finding.low < finding.high < DELTA
    assert (finding.verdict, finding.reason, finding.outlier) == (NOISY, ONE_SEED, 4 * DELTA)


def test_one_seed_that_changes_nothing_is_named_beside_the_verdict() -> None:
    finding = judge([*np.random.default_rng(7).normal(5, 0.1, 19), 8.0], DELTA)
    assert (finding.verdict, finding.reason, finding.outlier) == (SHOWS, ALSO_ONE_SEED, 8.0)


def test_an_outlier_nearer_than_what_matters_is_none() -> None:
    assert judge([0.0, 0.0, 0.0, 0.0, 0.0, 0.0022], DELTA).verdict == SHOWS_NOT


@pytest.mark.parametrize("seeds", [4, 6, 10, 20])
def test_few_normal_differences_are_refused(seeds: int) -> None:
    """Grubbs' test at 1 %: no more of them are called outliers, however many seeds there are; and of those with s = 5, no fewer."""
    rng = np.random.default_rng(8)
    found = np.mean([judge(row, DELTA).outlier is not None for row in rng.normal(0, 5.0, (DRAWS, seeds))])
    assert found == pytest.approx(0.01, abs=4 * math.sqrt(0.01 * 0.99 / DRAWS) + 0.002)


def breakdowns(seeds: int) -> tuple[list[Finding], np.ndarray]:
    """The audit's case: one variant breaks down by 10 points in 10 % of seeds, else nothing differs (s.d. 0.3 points, δ 1 point)."""
    rng = np.random.default_rng(9)
    broken = rng.random((DRAWS, seeds)) < 0.1
    values = rng.normal(0, 0.3, (DRAWS, seeds)) - 10 * broken
    return [judge(row, 1.0) for row in values], broken.sum(axis=1)


def test_where_a_tenth_of_the_seeds_breaks_down_nothing_is_denied_once_one_did() -> None:
    findings, count = breakdowns(6)
    verdicts = np.array([finding.verdict for finding in findings])
    assert (verdicts[count > 0] != SHOWS_NOT).all()
    assert np.mean(verdicts[count > 0] == SHOWS) < 0.01, "nor found from some seeds of six"
    alone = [finding for finding, number in zip(findings, count, strict=True) if number == 1]
    assert np.mean([finding.reason == ONE_SEED and finding.outlier < -5 for finding in alone]) > 0.95  # type: ignore[operator]
    # 53 % of runs of six meet no breakdown; no rule can see it, so the page says how rare a thing six seeds may miss.
    unseen = [finding for finding, number in zip(findings, count, strict=True) if number == 0]
    assert len(unseen) / DRAWS == pytest.approx(0.9**6, abs=4 * 0.008)
    assert all(finding.unseen > 0.1 for finding in unseen)
    assert "39 %" in caution(unseen[:1], translator("en"))


def test_the_interval_of_what_is_judged_covers_the_truth_also_where_seeds_break_down() -> None:
    """With thirty seeds nearly every run holds some; one that held none, or one, has no verdict or says what it may have missed."""
    findings, count = breakdowns(30)
    judged = [finding for finding, number in zip(findings, count, strict=True) if number > 1]
    assert np.mean([finding.low <= -1.0 <= finding.high for finding in judged]) > 0.9
    denied = [
        finding for finding, number in zip(findings, count, strict=True) if finding.verdict == SHOWS_NOT and number
    ]
    assert not denied


def test_what_may_be_missed_is_the_rule_of_three() -> None:
    assert judge([0.1] * 3, 1.0, 0.1).unseen == pytest.approx(1 - 0.05 ** (1 / 3))
    many = judge(np.random.default_rng(1).normal(size=100), 1.0)
    assert many.unseen == pytest.approx(0.03, rel=0.02)
    assert (1 - many.unseen) ** 100 == pytest.approx(0.05)


def test_p_values_are_students() -> None:
    values = np.random.default_rng(3).normal(0.3, 1.0, 8)
    assert judge(values, DELTA).p_value == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-9)


def test_holm_by_hand() -> None:
    """p = 0.01, 0.02, 0.03 and 0.04 of four: 0.01 ≤ 0.05/4 remains, 0.02 > 0.05/3 does not, nor does what follows."""

    def with_p(p: float) -> Finding:
        error = 10 / stats.t.isf(p / 2, 4)
        values = 10 + error * math.sqrt(5) * np.array([-1, -0.5, 0, 0.5, 1]) / np.std([-1, -0.5, 0, 0.5, 1], ddof=1)
        return judge(values, DELTA)

    findings = [with_p(p) for p in (0.03, 0.01, 0.04, 0.02)]
    assert [finding.p_value for finding in findings] == pytest.approx([0.03, 0.01, 0.04, 0.02])
    assert holm(findings) == (False, True, False, False)
    assert holm(findings[1:2]) == (True,)


def test_holm_keeps_the_family_wise_error() -> None:
    """Four comparisons without any effect: 18.5 % of pages would find one, with Holm at most 5 %."""
    rng = np.random.default_rng(11)
    pages = [[judge(row, 0.01) for row in page] for page in rng.normal(0, 5.0, (2000, 4, 8))]
    plain = np.mean([any(finding.verdict == SHOWS for finding in page) for page in pages])
    held = np.mean([any(holm(page)) for page in pages])
    assert plain == pytest.approx(1 - 0.95**4, abs=4 * 0.0087)
    assert held <= 0.05 + 4 * 0.0049


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_how_many_comparisons_and_of_which_data(language: Language) -> None:
    _ = translator(language)
    findings = [judge([0.1, 0.2, 0.15], DELTA), judge([5.0, 5.1, 4.9], DELTA), judge([], DELTA)]
    told = caution(findings, _)
    assert "10 %" in told  # 1 − 0.95² of two that have an interval
    assert "1797" in told
    assert "Nadeau" in told
    assert caution([judge([1.0], DELTA)], _) == ""


@pytest.mark.parametrize(
    ("clear", "faint", "alike", "en", "zh"),
    [
        (0, 0, 2, "No difference was found.", "没有报出任何差异"),
        (1, 0, 1, "The only difference found remains", "唯一一个差异仍然成立"),
        (0, 1, 1, "The only difference found does not remain", "唯一一个差异不再成立"),
        (2, 0, 1, "Both differences found remain", "两个差异都成立"),
        (3, 0, 1, "All 3 differences found remain", "3 个差异全部成立"),
        (0, 2, 2, "Neither of the two differences found remains", "两个差异都不再成立"),
        (0, 3, 2, "None of the 3 differences found remains", "3 个差异无一成立"),
        (1, 2, 1, "1 of the 3 differences found may be kept", "3 个差异中有 1 个仍然成立"),
    ],
)
def test_the_page_says_what_remains_in_words_for_its_numbers(
    clear: int, faint: int, alike: int, en: str, zh: str
) -> None:
    """A faint one has 0.025 < p < 0.05: found alone, but not beside a second comparison."""
    faintly = judge([1.5, 9.5, 5.5, 2.3, 11.1, -0.5, 16.9, -0.1], 1.0)
    assert faintly.verdict == SHOWS
    assert 0.025 < faintly.p_value < 0.05
    findings = [judge([5.0, 5.1, 4.9, 5.0], 1.0)] * clear + [faintly] * faint + [judge([0.1, 0.2, -0.1], 1.0)] * alike
    for language, words_of_it in zip(LANGUAGES, (en, zh), strict=True):
        assert words_of_it in caution(findings, translator(language))


def test_words_give_the_reason() -> None:
    _ = translator("en")
    assert words(judge([1.0], DELTA), _) == "no verdict: fewer than three seeds"
    assert words(judge([5.0, 5.1, 4.9], DELTA), _) == "difference found"
    assert words(judge([*np.random.default_rng(7).normal(5, 0.1, 19), 8.0], DELTA), _) == (
        "difference found (one seed is far from the others)"
    )


def test_a_grid_is_no_less_than_nothing() -> None:
    with pytest.raises(ValueError, match="grid"):
        judge([1.0, 2.0, 3.0], 1.0, -1.0)
