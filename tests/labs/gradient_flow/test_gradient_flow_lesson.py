"""The lesson `gradient_flow`: its parts belong together, and its words follow the run."""

from __future__ import annotations

import dataclasses
import string
from functools import partial
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.gradient_flow.experiment import run
from bnviz.labs.gradient_flow.lesson import (
    ALIKE,
    LARGER,
    MUCH_LARGER,
    SMALLER,
    TOPIC,
    outcome,
    ratio_error,
    skips_double_without_normalizer,
    skips_tame_the_explosion,
)
from bnviz.labs.gradient_flow.settings import Settings
from bnviz.plot.numbers import latex
from bnviz.teaching.lab import Preset

plain = partial(Settings, init="torch", weight_gain=1.0, bias_std=0.0)  # the weights of nn.Linear by default

SMALL: dict[str, Any] = {"depth": 4, "width": 16, "batch_size": 12, "steps": 3}


def test_controls_are_the_settings() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert len(TOPIC.controls) <= 6
    assert 3 <= len(TOPIC.presets) <= 8
    assert len(TOPIC.pictures) <= 3
    assert len(TOPIC.theory) <= 3


@pytest.mark.claim
def test_presets_show_what_they_promise() -> None:
    """Each line says what to look for; here it is looked for."""
    by_name = {preset.name: run(TOPIC.preset(preset.name)) for preset in TOPIC.presets}
    sigmoid, relu, tiny, huge, tanh, layer, skips, doubling = by_name.values()
    assert sigmoid.growth[0] == pytest.approx(1 / 7, rel=0.03)
    assert sigmoid.gradient_rms[0, 0, 0] / sigmoid.gradient_rms[0, 0, -1] == pytest.approx(2e-8, rel=0.3)
    assert sigmoid.saturated[0].max() == 0
    assert relu.growth[1] == pytest.approx(1.21, abs=0.01)
    assert relu.gradient_rms[1, 0, 0] / relu.gradient_rms[1, 0, -1] > 1e4
    assert relu.growth_by_step[1, -1] < relu.growth[1] - 0.05
    assert tiny.gradient_rms[0, 0, 4] / tiny.gradient_rms[0, 0, -1] < 1e-4
    assert huge.saturated[0, 0].mean() == pytest.approx(1 / 3, abs=0.03)
    assert huge.growth[0] > 1.3
    # The same line and histograms but for ε: σ_w² = 0.01 leaves variances of 0.0007 and more, against 1e-5.
    np.testing.assert_allclose(tiny.gradient_rms[1, 0], huge.gradient_rms[1, 0], rtol=0.02)
    np.testing.assert_allclose(tiny.preactivation_rms[1, 0], huge.preactivation_rms[1, 0], rtol=0.01)
    assert tanh.gradient_rms[0, 0, 0] / tanh.gradient_rms[0, 0, -1] > 0.3
    assert 1 < tanh.growth[1] < 1.15
    assert sigmoid.growth[0] < layer.growth[1] < 0.5
    assert skips_tame_the_explosion(skips)
    assert not skips_tame_the_explosion(relu)
    assert skips_double_without_normalizer(doubling)
    assert not skips_double_without_normalizer(run(TOPIC.preset("skips_without_normalizer").replace(skip=False)))


@pytest.mark.claim
def test_what_the_text_says_of_skips() -> None:
    skips, still = (run(TOPIC.preset("skip_connections").replace(gamma=gamma)) for gamma in (1.0, 0.0))
    assert skips.loss[1, 1] > 1.5 * skips.loss[1, 0]
    assert (np.diff(still.loss[1]) < 0).all()
    assert still.growth[1] == pytest.approx(1.0, abs=5e-3)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({"steps": 0}, MUCH_LARGER),
        ({"normalizer": "none"}, ALIKE),
        ({"position": "none"}, ALIKE),
        ({"activation": "tanh", "init": "scaled"}, ALIKE),
        ({"activation": "tanh", "init": "scaled", "weight_gain": 3.0, "depth": 20}, SMALLER),
        ({"activation": "relu", "depth": 6}, LARGER),
    ],
)
def test_the_right_answer_is_found_in_the_run(changes: dict[str, Any], right: int) -> None:
    assert TOPIC.prediction.correct(run(plain(**({"steps": 0} | changes)))) == right


@pytest.mark.parametrize(
    ("power", "right"),
    [(-1.3, SMALLER), (-1.0, None), (0.0, ALIKE), (0.95, None), (1.3, LARGER), (3.0, None), (3.3, MUCH_LARGER)],
)
def test_there_is_no_right_answer_near_a_border(power: float, right: int | None) -> None:
    result = run(Settings(steps=0))
    gradient = result.gradient_rms.copy()
    gradient[1, 0, 0] = 10**power * gradient[0, 0, 0]
    assert outcome(dataclasses.replace(result, gradient_rms=gradient)) == right


@pytest.mark.parametrize("changes", [{}, {"activation": "relu", "init": "torch", "depth": 6}])
def test_the_error_of_the_ratio_is_its_scatter_over_networks(changes: dict[str, Any]) -> None:
    """By the units of one network; here over 16 networks, whose s.d. is itself uncertain by two fifths at 95 %."""
    results = [run(Settings(**{"steps": 0, "seed": 500 * number, **changes})) for number in range(16)]
    scatter = float(
        np.std([np.log10(each.gradient_rms[1, 0, 0] / each.gradient_rms[0, 0, 0]) for each in results], ddof=1)
    )
    assert scatter / 2 < np.mean([ratio_error(each) for each in results]) < 2 * scatter


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"normalizer": "none"},
        {"normalizer": "layer"},
        {"position": "after"},
        {"gamma": 0.0},
        {"depth": 1},
        {"normalizer": "group", "position": "after"},
        {"activation": "gelu", "gamma": -2.0},
        {"skip": True},
        {"skip": True, "position": "after"},
        {"skip": True, "normalizer": "layer", "depth": 1},
    ],
)
def test_formula_carries_the_numbers(changes: dict[str, Any], language: Any) -> None:
    result = run(plain(**(SMALL | changes)))
    text = TOPIC.formula(result, 2, language)
    for index in range(len(result.variants)):
        for value in (result.growth[index], result.growth_theory[index], result.growth_by_step[index, 2]):
            assert latex(float(value)) in text
    assert text.count("$$") % 2 == 0
    assert text.count("{") == text.count("}")
    assert TOPIC.formula(result, 99, language) == TOPIC.formula(result, 3, language)
    assert r"\operatorname{Var}" in text or changes.get("normalizer") in ("none", "layer")


def test_formula_of_relu_states_the_numbers_of_the_textbook() -> None:
    text = TOPIC.formula(run(plain(activation="relu", depth=50, steps=0)), 0, "en")
    for number in ("1.21", "0.341", "0.167", "0.408"):
        assert number in text
    assert latex(float(1.2112**49))[:3] in text


def test_table_holds_every_number_once() -> None:
    result = run(plain(**SMALL))
    columns = TOPIC.table(result)
    assert {len(values) for values in columns.values()} == {2 * 4 * 4}
    row = (columns["variant"] == "batch") & (columns["step"] == 2) & (columns["layer"] == 3)
    assert columns["gradient_rms"][row] == [result.gradient_rms[1, 2, 2]]
    assert columns["loss"][row] == [result.loss[1, 2]]
    assert np.isnan(columns["gradient_rms_theory"][row]).all()
    fresh = columns["step"] == 0
    np.testing.assert_array_equal(columns["gradient_rms_theory"][fresh], result.gradient_rms_theory.ravel())


def test_words_of_the_lesson_have_no_open_places() -> None:
    presets: tuple[Preset, ...] = TOPIC.presets
    for text in (
        TOPIC.question,
        TOPIC.answer,
        *(preset.look_for for preset in presets),
        TOPIC.prediction.explanation,
    ):
        assert not [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    assert all(source.url.startswith("https://") for source in TOPIC.sources)


@pytest.mark.parametrize("seed", [0, 1000, 2000, 3000, 4000, 5000])
def test_it_opens_where_saturation_is_seen(seed: int) -> None:
    result = run(Settings(seed=seed, steps=0))
    assert 0.1 < result.saturated[0, 0].mean() < 0.25
    assert result.saturated[0, 0, [0, 5, 9]].min() > 0.08  # the three layers whose histograms are shown
    assert result.saturated[1, 0].max() < 0.01
    assert result.growth[0] < 0.65
    assert TOPIC.prediction.correct(result) == LARGER


def test_the_table_tells_sampling_error_from_the_finite_size_allowance() -> None:
    rows = {row.quantity.text(): row for row in TOPIC.comparisons(run(plain(steps=0)))}
    without, normalized = (rows[f"growth per layer, {name}"] for name in ("no normalizer", "batch norm"))
    assert without.allowance == 0
    difference = abs(normalized.measured - normalized.predicted)
    assert 4 * normalized.standard_error < difference <= normalized.allowance
