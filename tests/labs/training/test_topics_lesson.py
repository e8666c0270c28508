"""The lessons of the lab `training`: their parts belong together, and its words follow the run."""

from __future__ import annotations

import dataclasses
import math
import string
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.training.lab import LAB
from bnviz.study.verdict import judge
from bnviz.teaching.lab import AnyTopic, LiveTopic

TINY: dict[str, Any] = {"width": 16, "depth": 2, "epochs": 2, "seeds": 3, "learning_rates": (0.1, 1.0)}
EVERY = pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)


def settings_of(topic: AnyTopic, **changes: Any) -> Any:
    """The topic's opening with those of `changes` that it has."""
    return topic.opening.replace(
        **{name: value for name, value in changes.items() if name in topic.settings.model_fields}
    )


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return {topic.name: topic.compute(settings_of(topic, **TINY)) for topic in LAB.topics}


@EVERY
def test_the_topic_is_whole(topic: AnyTopic) -> None:
    assert isinstance(topic, LiveTopic)
    assert topic.upload == "classes"
    assert sorted(topic.controls + topic.more) == sorted(topic.settings.names())
    assert len(topic.pictures) <= 3
    assert 1 <= len(topic.theory) <= 3
    assert 3 <= len(topic.presets) <= 6
    for preset in topic.presets:
        assert topic.seconds(topic.preset(preset.name)) < 20


@EVERY
def test_controls_without_an_effect_are_not_shown(topic: AnyTopic) -> None:
    digits = topic.opening.replace(source="digits")
    assert not topic.applies(digits, "noise")
    assert topic.applies(digits.replace(source="moons"), "noise")
    assert topic.applies(digits, "epochs")


@pytest.mark.claim
def test_adam_does_without_a_normalizer_what_sgd_does_not() -> None:
    """What the preset says, on two of its seeds; and PyTorch's own weights keep the network without at chance."""
    race = LAB.topic("race")
    adam = race.compute(race.preset("adam").replace(seeds=2, normalizers=("none",)))
    assert adam.error.mean[0, -1] < 0.06
    stuck = race.compute(race.preset("pytorch_s_initialization").replace(seeds=2, normalizers=("none",)))
    assert stuck.error.mean[0, -1] > 0.85


@pytest.mark.claim
def test_too_fast_diverges_and_is_dated() -> None:
    race = LAB.topic("race")
    result = race.compute(race.preset("too_fast").replace(normalizers=("none", "batch")))
    assert (result.diverged_at[0] > 0).any()
    assert (result.diverged_at[1] == -1).all()
    assert result.error.mean[1, -1] < 0.4


FACTORS = {
    "race": ("speed_findings", ((1.4, 1.5, 1.45), 0), ((0.3, 0.35, 0.32), 1), ((0.4, -0.4, 0.1), 2)),
    "sweep": ("tolerance_findings", ((0.9, 0.91, 0.89), 0), ((0.2, 0.25, 0.3), 1), ((0.4, -0.4, 0.1), 2)),
    "boundaries": ("findings", ((0.1, 0.12, 0.11), 0), ((-0.1, -0.12, -0.11), 1), ((0.1, -0.1, 0.0), 2)),
    "landscape": ("range_findings", ((-0.5, -0.6, -0.5), 0), ((0.5, 0.6, 0.5), 1), ((0.4, -0.4, 0.1), 2)),
}


@EVERY
def test_the_right_answer_is_the_verdict(topic: AnyTopic, results: dict[str, Any]) -> None:
    name, *cases = FACTORS[topic.name]
    for differences, right in cases:
        findings = (judge(differences, 0.01), *getattr(results[topic.name], name)[1:])
        assert topic.prediction.correct(dataclasses.replace(results[topic.name], **{name: findings})) == right
    alone = dataclasses.replace(results[topic.name], pairs=(), **{name: ()})
    assert topic.prediction.correct(alone) is None


@EVERY
def test_nothing_is_asked_of_what_is_not_compared(topic: AnyTopic, results: dict[str, Any]) -> None:
    """The question speaks of batch norm and of no normalizer, and of no other setting."""
    asked = topic.prediction.asked
    assert asked is not None
    assert asked(topic.opening)
    assert asked(topic.opening.replace(normalizers=("none", "layer", "batch")))
    for others in (("none",), ("none", "layer"), ("layer", "batch"), ("batch", "none")):
        assert not asked(topic.opening.replace(normalizers=others))
    result = results[topic.name]
    name = FACTORS[topic.name][0]
    pairs = tuple(("layer", second) for _, second in result.pairs)
    assert topic.prediction.correct(dataclasses.replace(result, pairs=pairs)) is None
    assert len(pairs) == len(getattr(result, name))
    settings_named = ("ReLU", "igmoid", "SGD", "Adam", "epochs", "four", "three", "Three")
    assert not [word for word in settings_named if word in topic.prediction.question]


@EVERY
@pytest.mark.parametrize("language", LANGUAGES)
def test_formula_carries_the_numbers(topic: AnyTopic, language: Any, results: dict[str, Any]) -> None:
    result = results[topic.name]
    text = topic.formula(result, 0, language)
    assert text.count("$$") % 2 == 0
    assert text.count("{") == text.count("}")
    expected = {
        "race": lambda: [f"{result.drift[1, 0]:.3g}", f"{result.shift[1, 0, -1]:.3g}"],
        "sweep": lambda: [f"{result.end_square[1, -1, 0]:.3g}", f"{result.predicted_square[1, -1, 0]:.3g}"],
        "boundaries": lambda: [f"{result.best_accuracy:.3g}", f"{100 * result.findings[0].mean:.2f}"],
        "landscape": lambda: [f"{result.curvature[1, 0, -1]:.3g}", f"{result.start_loss[1, 0, -1]:.3g}"],
    }[topic.name]()
    for number in expected:
        assert number in text.replace(r"\cdot10^{", "e").replace("}", "") or number in text


@EVERY
@pytest.mark.parametrize(
    "changes", [{"seeds": 1, "normalizers": ("none",)}, {"learning_rate": 30.0, "activation": "identity"}]
)
def test_words_stand_where_numbers_are_missing(topic: AnyTopic, changes: dict[str, Any]) -> None:
    result = topic.compute(settings_of(topic, **TINY | {"epochs": 1, "depth": 3} | changes))
    for language in LANGUAGES:
        assert "nan" not in topic.formula(result, 0, language).replace("NaN", "")
    assert topic.headline(result)
    topic.comparisons(result)


@EVERY
def test_theory_is_met_where_it_is_exact(topic: AnyTopic, results: dict[str, Any]) -> None:
    rows = topic.comparisons(results[topic.name])
    assert rows
    exact = {"race": rows[:2], "sweep": rows, "boundaries": rows[:1], "landscape": rows}[topic.name]
    for row in exact:
        assert row.explained, row.quantity
        assert math.isfinite(row.measured)


def test_mean_field_theory_predicts_the_fresh_network() -> None:
    """Twenty networks of 100 units; the prediction is for infinitely many."""
    race = LAB.topic("race")
    for init in ("normal", "he", "torch"):
        changes = {"init": init, "seeds": 12, "epochs": 1, "batch_size": 1024, "normalizers": ("none",), "depth": 4}
        (row,) = race.comparisons(race.compute(race.settings(**changes)))
        assert row.explained
        assert row.measured == pytest.approx(row.predicted, rel=0.15)


def test_there_is_no_law_of_lengths_for_adam() -> None:
    sweep = LAB.topic("sweep")
    result = sweep.compute(settings_of(sweep, **TINY | {"optimizer": "adam", "epochs": 1, "learning_rates": (0.01,)}))
    assert sweep.comparisons(result) == []


@EVERY
def test_table_holds_every_number_once(topic: AnyTopic, results: dict[str, Any]) -> None:
    result = results[topic.name]
    columns = topic.table(result)
    size = result.loss.size if topic.name == "landscape" else result.accuracy.size
    assert {len(values) for values in columns.values()} == {size}
    row = (columns["normalizer"] == "batch") & (columns["seed"] == 2)
    if topic.name == "landscape":
        np.testing.assert_array_equal(columns["loss"][row], result.loss[1, 2].ravel())
    elif topic.name == "sweep":
        np.testing.assert_array_equal(
            columns["accuracy"][row & (columns["learning_rate"] == 1.0)], result.accuracy[1, 1, 2]
        )
    else:
        np.testing.assert_array_equal(columns["accuracy"][row], result.accuracy[1, 2])


def test_words_have_no_open_places() -> None:
    for topic in LAB.topics:
        for text in (
            topic.question,
            topic.answer,
            topic.prediction.question,
            topic.prediction.explanation,
            *(preset.look_for for preset in topic.presets),
            *topic.prediction.options,
        ):
            assert not [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        assert all(source.url.startswith("https://") for source in topic.sources)
