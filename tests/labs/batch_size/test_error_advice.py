"""The rule of the lab `batch_size` on made-up findings: what it advises follows from the intervals alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.batch_size.error.advice import Advice, Match, advise
from bnviz.study.verdict import judge

WORSE = (0.20, 0.22, 0.21)
BETTER = (-0.03, -0.032, -0.031)
ALIKE = (0.001, -0.001, 0.0)
NOISY = (0.06, -0.05, 0.02)
NOT_WORSE = (-0.04, -0.005, -0.02, -0.001, 0.0)  # the interval holds 0 and ends below one point
ONE_ALONE = (-0.30, 0.001, -0.002, 0.0, 0.002, -0.001, 0.001, -0.003)  # one seed, without which there is no difference
EQUAL = (0.002,) * 4
GONE = (math.nan, math.nan, math.nan)


def match(size: int, differences: Sequence[float], **changes: Any) -> Match:
    given: dict[str, Any] = {"alternative": "layer", "error": 0.05, "finding": judge(differences, 0.01)}
    return Match(batch_size=size, **(given | changes))


def text(advice: Advice) -> str:
    return " ".join(sentence.text() for sentence in advice.sentences)


@pytest.mark.parametrize(
    ("differences", "standing"),
    [
        (WORSE, "worse"),
        (BETTER, "better"),
        (ALIKE, "alike"),
        (NOISY, "unknown"),
        (NOT_WORSE, "not_worse"),
        (ONE_ALONE, "no_verdict"),
        (EQUAL, "no_verdict"),
        (WORSE[:2], "no_verdict"),
        (GONE, "diverged"),
        ((), "missing"),
    ],
)
def test_a_match_stands_as_its_interval_says(differences: Sequence[float], standing: str) -> None:
    assert match(4, differences).standing == standing


def test_refused_and_without_an_opponent() -> None:
    assert match(1, (), refused=True).standing == "refused"
    assert match(8, WORSE, alternative="").standing == "missing"


@pytest.mark.parametrize(
    ("rows", "outcome", "least"),
    [
        ([(2, WORSE), (4, NOISY), (8, NOT_WORSE), (16, BETTER), (32, ALIKE)], "from", 8),
        ([(2, WORSE), (4, BETTER), (8, NOISY), (16, BETTER)], "from", 16),  # one that cannot tell breaks the chain
        ([(2, BETTER), (4, WORSE), (8, ALIKE)], "from", 8),
        ([(2, ALIKE), (64, BETTER)], "everywhere", 2),
        ([(2, WORSE), (4, WORSE)], "nowhere", 0),
        ([(2, WORSE), (4, NOISY)], "unknown", 0),
        ([(2, ALIKE), (4, ONE_ALONE), (8, EQUAL)], "unknown", 0),  # nor is what is refused a reason to use it
        ([(2, NOISY)], "unknown", 0),
        ([(2, GONE)], "unknown", 0),
        ([], "nothing", 0),
        ([(2, ())], "nothing", 0),
    ],
)
def test_from_where_on_batch_norm_may_be_used(rows: Any, outcome: str, least: int) -> None:
    for order in (rows, rows[::-1]):
        advice = advise(match(size, differences) for size, differences in order)
        assert (advice.outcome, advice.least) == (outcome, least)
    assert (f"from batch {least} on" in text(advice)) == (outcome == "from")


def test_words_carry_effect_interval_and_every_batch_size() -> None:
    advice = advise(
        [
            match(1, (), refused=True),
            match(2, WORSE),
            match(3, NOISY),
            match(8, NOT_WORSE),
            match(16, BETTER),
            match(32, ALIKE),
        ]
    )
    finding = judge(WORSE, 0.01)
    assert text(advice) == (
        "Use batch norm from batch 8 on. At batch 1 PyTorch refuses batch norm; layer norm has 5 % error. "
        f"At batch 2, layer norm is better by 21.0 points ({100 * finding.low:.1f} … {100 * finding.high:.1f}). "
        "Batch norm is better than the best of the others at 16. No difference that matters at 32. "
        "Not worse by a point or more at 8. Too noisy to tell at 3."
    )


def test_where_a_verdict_is_refused_the_words_say_why() -> None:
    rows = [match(2, ONE_ALONE), match(4, EQUAL), match(8, WORSE[:1]), match(16, BETTER[:2]), match(32, ALIKE)]
    assert text(advise(rows)).endswith(
        "No verdict at 2: one seed alone decides. "
        "No verdict at 4: all seeds give the same difference, so that their scatter is unknown. "
        "No verdict at 8, 16: fewer than three seeds."
    )


def test_no_more_than_two_losses_are_told_with_numbers() -> None:
    words = text(advise([match(size, WORSE) for size in (8, 2, 4, 16)]))
    assert words.count("is better by") == 2
    assert "At batch 4, layer norm" in words
    assert "Batch norm is worse at 8, 16 too." in words


def test_refused_everywhere_is_nowhere() -> None:
    advice = advise([match(1, (), refused=True, alternative="")])
    assert advice.outcome == "nowhere"
    assert "At batch 1 PyTorch refuses batch norm." in text(advice)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_whole_in_both_languages(language: Any) -> None:
    rows = [
        match(size, values)
        for size, values in enumerate((WORSE, BETTER, ALIKE, NOISY, NOT_WORSE, GONE, EQUAL), start=2)
    ]
    for some in (rows, rows[1:3], rows[:1], rows[3:4], [match(1, (), refused=True, alternative="none")]):
        for sentence in advise(some).sentences:
            words = sentence.text(language)
            assert "{" not in words
            assert "nan" not in words
            assert language == "en" or "batch" not in words
