"""The lesson `noise`: its topics belong together, and its words follow the run."""

from __future__ import annotations

import dataclasses
import string
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bnviz.i18n import LANGUAGES
from bnviz.labs.noise.dropout import lesson as dropout_lesson
from bnviz.labs.noise.dropout.result import Result as DropoutResult
from bnviz.labs.noise.ghost import lesson as ghost_lesson
from bnviz.labs.noise.ghost.result import Result as GhostResult
from bnviz.labs.noise.lab import LAB
from bnviz.study import shipped
from bnviz.study.verdict import ONE_SEED, SHOWS, SHOWS_NOT, judge
from bnviz.teaching.lab import AnyTopic

MATES, SHIFT, DROPOUT, GHOST = LAB.topics
TINY: dict[str, Any] = {"batch_size": 64, "depth": 2, "width": 16, "epochs": 2, "seeds": 3, "train_size": 200}


@pytest.fixture(scope="module")
def default_dropout() -> DropoutResult:
    return shipped.load(DropoutResult, DROPOUT.shipped)


@pytest.fixture(scope="module")
def default_ghost() -> GhostResult:
    return shipped.load(GhostResult, GHOST.shipped)


def own(topic: AnyTopic, **values: Any) -> Any:
    """The topic's settings, of `values` those that it has."""
    return topic.settings(**{name: value for name, value in values.items() if name in topic.settings.model_fields})


def test_a_topic_is_entered_with_its_opening_whatever_another_opened_with() -> None:
    """Coming from the ghosts, Dropout must open with the settings of its shipped result, and so the other way round."""
    for start in LAB.topics:
        for topic in LAB.topics[2:]:
            assert LAB.carried_over(start, start.opening, topic) == topic.opening
    assert [hasattr(topic, "cost") for topic in LAB.topics] == [False, False, True, True]


def test_a_topic_has_no_setting_without_a_control() -> None:
    for topic in LAB.topics:
        assert sorted((*topic.controls, *topic.more)) == sorted(topic.settings.model_fields)


def test_long_runs_are_within_a_visitors_patience() -> None:
    for topic in (DROPOUT, GHOST):
        assert topic.seconds(topic.opening) < 10
        for preset in topic.presets:
            assert topic.seconds(topic.preset(preset.name)) < 15


@pytest.mark.parametrize(
    ("preset", "option"),
    [
        ("batch_of_32", 2),
        ("batch_of_4", 3),
        ("batch_of_2", 3),
        ("batch_of_512", 1),
        ("an_outlier", 2),
        ("real_features", 2),
    ],
)  # s.d. of 0.2, above 0.4 twice, below 0.1, 0.4 and 0.3
def test_presets_of_mates_show_what_they_promise(preset: str, option: int) -> None:
    mates = MATES.compute(MATES.preset(preset))
    assert MATES.prediction.correct(mates) == option
    if preset == "batch_of_4":
        assert mates.counts.density()[-1] == 0
        assert 0.3 < mates.rate[list(mates.sizes).index(4)] < 0.4
    if preset == "batch_of_2":
        assert set(np.sign(mates.samples)) == {-1.0, 1.0}
    if preset == "an_outlier":
        assert mates.mean < 2.6
    if preset == "real_features":
        assert mates.std > 1.2 * mates.std_theory


def test_presets_of_shift_show_what_they_promise() -> None:
    half, fifth, behind, ten, most = (SHIFT.compute(SHIFT.preset(preset.name)) for preset in SHIFT.presets)
    assert half.shift.ratio[2] < 0.1
    assert (np.diff(fifth.shift.ratio) < 0).all()
    np.testing.assert_allclose(behind.shift.ratio, 1, atol=0.01)
    assert 0.1 < ten.shift.ratio[-1] < 0.15
    assert ten.shift.ratio[-1] > 0.8 * ten.shift.ratio[-3]
    assert ten.shift.ratio[2] < 0.6 * ten.shift.ratio[0]
    assert most.shift.ratio[-1] < 0.02
    assert [SHIFT.prediction.correct(result) for result in (half, fifth, behind, most)] == [3, 1, 0, 3]


@pytest.mark.claim
def test_cheap_presets_of_dropout_and_ghosts_show_what_they_promise() -> None:
    few_images, few_seeds = (DROPOUT.compute(DROPOUT.preset(name)) for name in ("with_100_images", "too_few_seeds"))
    assert few_images.findings[0].verdict == SHOWS
    assert few_images.findings[0].mean > 0.02
    assert few_seeds.findings[0].verdict != SHOWS
    fewer, few = (GHOST.compute(GHOST.preset(name)) for name in ("with_100_images", "too_few_seeds"))
    assert [finding.verdict for finding in fewer.findings] == [SHOWS] * 3
    assert min(finding.mean for finding in fewer.findings[:2]) > 0.015
    assert few.findings[0].verdict != SHOWS
    assert few.findings[2].verdict == SHOWS
    assert few.findings[2].high < -0.2


@pytest.mark.parametrize(
    ("gap", "recovered", "option"),
    [(-0.02, 0.019, 0), (-0.02, 0.013, 1), (-0.02, 0.005, 2), (0.0, 0.0, 3), (0.02, 0.01, None), (-0.02, 0.01, 4)],
)
def test_the_share_recovered_decides_the_answer(
    default_dropout: DropoutResult, gap: float, recovered: float, option: int | None
) -> None:
    spread = np.array([-1e-4, 0.0, 1e-4])
    differences = np.zeros((5, 3))
    differences[1], differences[2] = gap + spread, recovered + spread
    findings = list(default_dropout.findings)
    findings[1], findings[2] = judge(differences[1], 0.01), judge(differences[2], 0.01)
    result = dataclasses.replace(default_dropout, differences=differences, findings=tuple(findings))
    assert DROPOUT.prediction.correct(result) == option
    share = dropout_lesson.share_recovered(result)
    assert np.isnan(share) if option in (3, None) else share == pytest.approx(-recovered / gap)


def test_what_one_seed_gives_back_is_no_share_of_the_gap(default_dropout: DropoutResult) -> None:
    """Nine seeds of whose gap recalibration closes nothing, and one that breaks down and is restored."""
    spread = 1e-3 * np.array([-1.0, 0.5, 0.0, 1.0, -0.5, 0.2, -0.2, 0.7, -0.7, 0.0])
    differences = np.zeros((5, 10))
    differences[1], differences[2] = -0.05 + spread, spread[::-1]
    differences[2, 3] = 0.4
    findings = list(default_dropout.findings)
    findings[1], findings[2] = judge(differences[1], 0.01), judge(differences[2], 0.01)
    made = dataclasses.replace(default_dropout, differences=differences, findings=tuple(findings))
    assert findings[2].reason == ONE_SEED
    assert np.isnan(dropout_lesson.share_interval(made)).all()
    assert DROPOUT.prediction.correct(made) == dropout_lesson.UNKNOWN
    assert "Recalibration closes" not in dropout_lesson.finding(made)
    assert "Recalibration closes" in dropout_lesson.finding(default_dropout)


def test_the_interval_of_the_share_is_fiellers(default_dropout: DropoutResult) -> None:
    """It holds exactly the shares p for which recovered + p·gap, seed by seed, may have mean 0 by Student's test."""
    gap, recovered = default_dropout.differences[1], default_dropout.differences[2]
    for end in dropout_lesson.share_interval(default_dropout):
        assert stats.ttest_1samp(recovered + end * gap, 0).pvalue == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize(
    ("means", "option"),
    [
        ((0.03, 0.01, -0.3), 1),
        ((0.0, 0.015, -0.3), 2),
        ((0.0, 0.0, 0.02), 3),
        ((-0.02, 0.0, -0.3), 0),
        ((0.03, 0.029, -0.3), 4),  # both gain, and neither more than the other
    ],
)
def test_the_gain_that_shows_decides_the_answer(
    default_ghost: GhostResult, means: tuple[float, ...], option: int
) -> None:
    spread = np.array([[-1e-4, 0.0, 1e-4], [1e-4, 0.0, -2e-4], [0.0, -1e-4, 2e-4]])
    differences = np.array(means)[:, None] + spread
    findings = tuple(judge(row, 0.01) for row in differences)
    made = dataclasses.replace(default_ghost, findings=findings, differences=differences)
    assert ghost_lesson.outcome(made) == option


def test_where_no_gain_shows_but_one_may_be_there_nobody_knows(default_ghost: GhostResult) -> None:
    differences = np.array([[-0.03, 0.05, 0.02], [-0.001, 0.0, 0.001], [-0.3, -0.31, -0.32]])
    findings = tuple(judge(row, 0.01) for row in differences)
    made = dataclasses.replace(default_ghost, findings=findings, differences=differences)
    assert ghost_lesson.outcome(made) == ghost_lesson.UNKNOWN


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("changes", [{}, {"batch_size": 2}, {"sample_value": 0.0}, {"order": "none"}, {"dropout": 0.0}])
def test_instant_formulas_carry_the_numbers(changes: dict[str, Any], language: Any) -> None:
    mates, result = (topic.compute(own(topic, draws=300, depth=2, width=24, **changes)) for topic in (MATES, SHIFT))
    index = list(mates.sizes).index(mates.settings.batch_size)
    for topic, measured, numbers in (
        (MATES, mates, (mates.samples[0], mates.std, mates.fidelity[index])),
        (SHIFT, result, (result.shift.ratio[-1], result.shift.local[0])),
    ):
        text = topic.formula(measured, 0, language)
        assert text.count("$$") % 2 == 0
        assert text.count("{") == text.count("}")
        assert "nan" not in text.lower()
        for number in numbers:
            assert f"{number:.3g}" in text.replace("−", "-")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("changes", [{}, {"seeds": 1}, {"learning_rate": 10.0, "epochs": 12, "dropout": 0.05}])
def test_trained_formulas_stand_where_numbers_are_missing(changes: dict[str, Any], language: Any) -> None:
    for topic in (DROPOUT, GHOST):
        text = topic.formula(topic.compute(own(topic, **(TINY | changes))), 0, language)
        assert text.count("$$") % 2 == 0
        assert "nan" not in text.lower()


def test_formula_of_dropout_works_out_the_share(default_dropout: DropoutResult) -> None:
    text = DROPOUT.formula(default_dropout, 0, "en")
    costs, recovered = (100 * finding.mean for finding in default_dropout.findings[1:3])
    assert f"\\frac{{{recovered:.2f}}}{{{-costs:.2f}}} = {-100 * recovered / costs:.0f}" in text
    assert "n = 10" in text
    assert SHOWS_NOT in text


def test_comparisons_are_explained_where_theory_is_exact(default_ghost: GhostResult) -> None:
    assert all(row.explained for row in MATES.comparisons(MATES.compute(MATES.opening)))
    first, *_, alone = SHIFT.comparisons(SHIFT.compute(SHIFT.opening))
    assert first.explained
    assert alone.explained
    assert all(row.explained for row in GHOST.comparisons(default_ghost))
    relu = MATES.compute(MATES.settings(source="digits_relu"))
    rows = MATES.comparisons(relu)
    assert not all(row.explained for row in rows)
    assert all(row.note is not None for row in rows)


def test_tables_hold_every_number_once(default_dropout: DropoutResult, default_ghost: GhostResult) -> None:
    for topic, result in ((DROPOUT, default_dropout), (GHOST, default_ghost)):
        columns = topic.table(result)
        assert {len(values) for values in columns.values()} == {result.courses.accuracy.size}
    columns = DROPOUT.table(default_dropout)
    row = (columns["variant"] == "dropout_before_norm") & (columns["seed"] == 2) & (columns["step"] == 270)
    assert columns["accuracy"][row] == [default_dropout.courses.accuracy[2, 2, -1]]
    assert columns["recalibrated_accuracy"][row] == [default_dropout.recalibrated[2, -1]]


def test_words_have_no_open_places() -> None:
    for topic in LAB.topics:
        assert len(topic.pictures) <= 3
        assert len(topic.theory) <= 3
        assert 3 <= len(topic.presets) <= 6
        for text in (
            topic.question,
            topic.answer,
            *(preset.look_for for preset in topic.presets),
            topic.prediction.explanation,
        ):
            assert not [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        assert all(source.url.startswith("https://") for source in topic.sources)
