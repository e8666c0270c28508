"""The lesson `recurrence`: its parts belong together, and its words follow the run."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES, long_text
from bnviz.labs.recurrence.error import lesson as recurrence_error
from bnviz.labs.recurrence.lab import LESSON, PARTS
from bnviz.labs.recurrence.shared.dispatch import ErrorResult, Settings, StepsResult, ThroughTimeResult, run
from bnviz.labs.recurrence.steps import lesson as recurrence_steps
from bnviz.labs.recurrence.through_time import lesson as recurrence_through_time
from bnviz.settings import fields
from bnviz.study import shipped
from bnviz.study.verdict import judge


def of(topic: str, number: int, **changes: Any) -> Any:
    """The run of a preset."""
    return run(LESSON.topics[topic].preset(number).replace(**changes))


@pytest.fixture(scope="module")
def steps() -> StepsResult:
    return of("steps", 0)


@pytest.fixture(scope="module")
def default() -> ErrorResult:
    return shipped.load(ErrorResult, shipped.FOLDER / LESSON.topics["error"].shipped)


@pytest.fixture(scope="module")
def back() -> ThroughTimeResult:
    return of("through_time", 0)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.text)
def test_every_part_is_whole(part: Any) -> None:
    assert 3 <= len(part.presets) <= 6
    assert len(part.controls) <= 6
    assert len(part.pictures) <= 3
    assert part.live == (part.topic == "error")
    for language in LANGUAGES:
        assert long_text(part.text, language)
    described = fields(Settings)
    assert {*part.controls, *part.more} <= described.keys() - {"topic"}
    for number in range(len(part.presets)):
        if part.cost is not None:
            assert part.cost(part.preset(number)) < 45


def test_the_answer_of_steps_holds(steps: StepsResult) -> None:
    """Three times: between 2.5 and 3.5."""
    assert 2.5 < steps.drift / steps.fluctuation_theory < 3.5
    assert np.argmax(steps.weights) == 7
    spreads = np.sqrt(steps.batch_var)
    off = np.abs(steps.mean - steps.shared_mean) > 2 * np.maximum(steps.batch_mean.std(0), 1e-6)
    off |= np.abs(np.sqrt(steps.var) - math.sqrt(steps.shared_var)) > 2 * np.maximum(spreads.std(0), 1e-6)
    assert off.sum() >= 6
    assert steps.var[0] < 1e-10
    assert np.argmax(steps.var) == 7


def test_presets_of_steps_show_what_they_promise(steps: StepsResult) -> None:
    fresh = of("steps", 1)
    assert np.sqrt(fresh.var[1:]).mean() == pytest.approx(0.01, abs=0.005)
    assert fresh.drift > steps.drift
    half = of("steps", 2)
    assert half.weights[-1] == pytest.approx(0.5, abs=0.01)
    assert half.weights[:4].sum() == pytest.approx(1 / 16, abs=0.005)
    four = of("steps", 3)
    assert np.nanmean(four.fluctuation) / np.nanmean(steps.fluctuation) == pytest.approx(4, abs=0.4)
    padded = of("steps", 4).padded
    late = np.flatnonzero(np.isfinite(padded.var))[-1]
    assert padded.share[late] > 0.9
    assert math.sqrt(padded.var[late] / padded.real_var[late]) < 0.5
    pixels = of("steps", 5)
    assert pixels.var[0] < 1e-10
    assert pixels.weights[-20:].sum() == pytest.approx(0.88, abs=0.02)


def test_the_heaviest_step_is_found_in_the_run(steps: StepsResult) -> None:
    assert recurrence_steps.heaviest(steps) == recurrence_steps.LAST
    even = run(Settings(momentum="cumulative", warmup=0, width=8))
    assert isinstance(even, StepsResult)
    assert recurrence_steps.heaviest(even) == recurrence_steps.ALIKE


def test_what_has_no_effect_is_hidden() -> None:
    applies = recurrence_steps.applies
    assert not applies(Settings(), "gamma")
    assert applies(Settings(normalizer="layer"), "gamma")
    assert not applies(Settings(warmup=0), "learning_rate")


def test_the_outcome_follows_the_verdict(default: ErrorResult) -> None:
    assert recurrence_error.outcome(default) == recurrence_error.WORSE
    for values, expected in (
        (np.full(8, 0.03) + np.linspace(0, 0.01, 8), recurrence_error.BETTER),
        (np.linspace(-0.001, 0.001, 8), recurrence_error.ALIKE),
        (np.linspace(-0.1, 0.1, 8), recurrence_error.UNKNOWN),
    ):
        other = dataclasses.replace(default, findings=(judge(values, 0.01), *default.findings[1:]))
        assert recurrence_error.outcome(other) == expected


def test_cheap_presets_of_error_show_what_they_promise() -> None:
    """The slow one with fewer seeds than on the page; "Twenty seeds" and γ = 0.1 are too dear for a test (figures: see the commit)."""
    names = ("none", "batch_per_step", "batch_shared", "batch_input_only", "layer")
    four = of("error", 3)
    errors = dict(zip(names, (error.mean[-1] for error in four.errors), strict=True))
    assert min(errors["batch_shared"], errors["batch_per_step"]) > max(errors["none"], errors["layer"]) + 0.03
    assert errors["batch_input_only"] < errors["batch_per_step"] - 0.1
    slow = of("error", 4, seeds=2, epochs=4)
    assert slow.findings[0].mean > 0.05


def test_the_answer_and_presets_of_through_time_hold(back: ThroughTimeResult) -> None:
    left = dict(zip(back.variants, back.relative.mean[:, 0], strict=True))
    assert left["batch_per_step"] == pytest.approx(0.5, abs=0.1)
    assert left["none"] == pytest.approx(0.02, abs=0.003)
    assert left["batch_input_only"] < left["none"]
    growth = dict(zip(back.variants, back.growth_over_seeds.mean, strict=True))
    np.testing.assert_allclose(growth["none"], 0.57, atol=0.01)
    assert 0.84 < growth["batch_per_step"][1:].mean() < 0.92
    assert recurrence_through_time.more_kept(back) == recurrence_through_time.ONE
    small, large, lstm, four = (of("through_time", number, seeds=3) for number in (1, 2, 3, 5))
    assert small.relative.mean[1, 0] < left["batch_per_step"]
    assert large.relative.mean[1, 0] > 1
    assert np.argmin(lstm.growth_over_seeds.mean[0]) == 6
    per_step, layer = four.growth_over_seeds.mean[1], four.growth_over_seeds.mean[3]
    assert per_step.mean() > 1.2 * four.growth_theory[1].mean()
    np.testing.assert_allclose(layer, four.growth_theory[3], rtol=0.1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_formulas_carry_the_runs_numbers(
    steps: StepsResult, default: ErrorResult, back: ThroughTimeResult, language: Any
) -> None:
    text = recurrence_steps.formula(steps, 0, language)
    assert f"{steps.shared_mean_theory:.3g}" in text
    assert f"{float(steps.padded.share[-1]):.3g}" in text
    text = recurrence_error.formula(default, 0, language)
    assert f"{100 * default.findings[0].mean:.2f}" in text
    assert "= 1680" in text
    text = recurrence_through_time.formula(back, 0, language)
    assert "0.82" in text
    assert f"{back.relative_theory[1, 0]:.3g}" in text
    for part in (steps, default, back):
        assert "nan" not in LESSON.on(part.settings).formula(part, 0, language).lower()


def test_tables_have_columns_of_one_length(steps: StepsResult, default: ErrorResult, back: ThroughTimeResult) -> None:
    for result, rows in ((steps, 8), (default, 5 * 8 * len(default.steps)), (back, 4 * 6 * 8)):
        columns = LESSON.on(result.settings).table(result)  # type: ignore[attr-defined]
        assert {len(values) for values in columns.values()} == {rows}
