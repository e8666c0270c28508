"""The lesson `training`: its parts belong together, and its words follow the run."""

from __future__ import annotations

import dataclasses
import math
import string
from typing import Any

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.training.boundaries import lesson as training_boundaries
from bnviz.labs.training.lab import LESSON
from bnviz.labs.training.landscape import lesson as training_landscape
from bnviz.labs.training.race import lesson as training_race
from bnviz.labs.training.shared.settings import Settings, opening
from bnviz.labs.training.sweep import lesson as training_sweep
from bnviz.study.verdict import judge

TINY: dict[str, Any] = {"width": 16, "depth": 2, "epochs": 2, "seeds": 3, "learning_rates": (0.1, 1.0)}
MODULES: dict[str, Any] = {
    "race": training_race, "sweep": training_sweep, "boundaries": training_boundaries, "landscape": training_landscape,
}  # fmt: skip
EVERY = pytest.mark.parametrize("topic", MODULES)


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return {topic: part.run(part.settings(**part.opening | TINY)) for topic, part in LESSON.topics.items()}


@EVERY
def test_the_part_is_whole(topic: str) -> None:
    part = LESSON.topics[topic]
    assert part.live
    assert part.upload == "classes"
    assert len(part.pictures) <= 3
    assert 1 <= len(part.theory) <= 3
    assert 3 <= len(part.presets) <= 6
    assert part.cost is not None
    for number in range(len(part.presets)):
        assert part.cost(part.preset(number)) < 20
    assert part.beginning == Settings(topic=topic, **opening(topic))  # type: ignore[arg-type]


def test_controls_without_an_effect_are_not_shown() -> None:
    for part in LESSON.parts:
        assert not part.applies(Settings(), "noise")
        assert part.applies(Settings(source="moons"), "noise")
        assert part.applies(Settings(), "epochs")


def test_adam_does_without_a_normalizer_what_sgd_does_not() -> None:
    """What the preset says, on two of its seeds; and PyTorch's own weights keep the network without at chance."""
    race = LESSON.topics["race"]
    adam = race.run(race.preset(1).replace(seeds=2, normalizers=("none",)))
    assert adam.error[0, -1] < 0.06
    stuck = race.run(race.preset(2).replace(seeds=2, normalizers=("none",)))
    assert stuck.error[0, -1] > 0.85


def test_too_fast_diverges_and_is_dated() -> None:
    race = LESSON.topics["race"]
    result = race.run(race.preset(4).replace(normalizers=("none", "batch")))
    assert (result.diverged_at[0] > 0).any()
    assert (result.diverged_at[1] == -1).all()
    assert result.error[1, -1] < 0.4


FACTORS = {
    "race": ("speed_findings", ((1.4, 1.5, 1.45), 0), ((0.3, 0.35, 0.32), 1), ((0.4, -0.4, 0.1), 2)),
    "sweep": ("tolerance_findings", ((0.9, 0.9, 0.9), 0), ((0.2, 0.25, 0.3), 1), ((0.4, -0.4, 0.1), 2)),
    "boundaries": ("findings", ((0.1, 0.12, 0.11), 0), ((-0.1, -0.12, -0.11), 1), ((0.1, -0.1, 0.0), 2)),
    "landscape": ("range_findings", ((-0.5, -0.6, -0.5), 0), ((0.5, 0.6, 0.5), 1), ((0.4, -0.4, 0.1), 2)),
}


@EVERY
def test_the_right_answer_is_the_verdict(topic: str, results: dict[str, Any]) -> None:
    name, *cases = FACTORS[topic]
    for differences, right in cases:
        findings = (judge(differences, 0.01), *getattr(results[topic], name)[1:])
        assert LESSON.topics[topic].prediction.correct(dataclasses.replace(results[topic], **{name: findings})) == right
    alone = dataclasses.replace(results[topic], pairs=(), **{name: ()})
    assert LESSON.topics[topic].prediction.correct(alone) == 2


@EVERY
@pytest.mark.parametrize("language", LANGUAGES)
def test_formula_carries_the_numbers(topic: str, language: Any, results: dict[str, Any]) -> None:
    result = results[topic]
    text = LESSON.topics[topic].formula(result, 0, language)
    assert text.count("$$") % 2 == 0
    assert text.count("{") == text.count("}")
    expected = {
        "race": lambda: [f"{result.drift[1, 0]:.3g}", f"{result.shift[1, 0, -1]:.3g}"],
        "sweep": lambda: [f"{result.end_square[1, -1, 0]:.3g}", f"{result.predicted_square[1, -1, 0]:.3g}"],
        "boundaries": lambda: [f"{result.best_accuracy:.3g}", f"{100 * result.findings[0].mean:.2f}"],
        "landscape": lambda: [f"{result.curvature[1, 0, -1]:.3g}", f"{result.start_loss[1, 0, -1]:.3g}"],
    }[topic]()
    for number in expected:
        assert number in text.replace(r"\cdot10^{", "e").replace("}", "") or number in text


@EVERY
@pytest.mark.parametrize(
    "changes", [{"seeds": 1, "normalizers": ("none",)}, {"learning_rate": 30.0, "activation": "identity"}]
)
def test_words_stand_where_numbers_are_missing(topic: str, changes: dict[str, Any]) -> None:
    part = LESSON.topics[topic]
    result = part.run(part.settings(**part.opening | TINY | {"epochs": 1, "depth": 3} | changes))
    for language in LANGUAGES:
        assert "nan" not in part.formula(result, 0, language).replace("NaN", "")
    assert part.headline(result)
    part.comparisons(result)


@EVERY
def test_theory_is_met_where_it_is_exact(topic: str, results: dict[str, Any]) -> None:
    rows = LESSON.topics[topic].comparisons(results[topic])
    assert rows
    exact = {"race": rows[:2], "sweep": rows, "boundaries": rows[:1], "landscape": rows}[topic]
    for row in exact:
        assert row.explained, row.quantity
        assert math.isfinite(row.measured)


def test_mean_field_theory_predicts_the_fresh_network() -> None:
    """Twenty networks of 100 units; the prediction is for infinitely many."""
    race = LESSON.topics["race"]
    for init in ("normal", "he", "torch"):
        changes = {"init": init, "seeds": 12, "epochs": 1, "batch_size": 1024, "normalizers": ("none",), "depth": 4}
        (row,) = race.comparisons(race.run(Settings(**changes)))
        assert row.explained
        assert row.measured == pytest.approx(row.predicted, rel=0.15)


def test_there_is_no_law_of_lengths_for_adam() -> None:
    sweep = LESSON.topics["sweep"]
    result = sweep.run(
        sweep.settings(**sweep.opening | TINY | {"optimizer": "adam", "epochs": 1, "learning_rates": (0.01,)})
    )
    assert sweep.comparisons(result) == []


@EVERY
def test_table_holds_every_number_once(topic: str, results: dict[str, Any]) -> None:
    result = results[topic]
    columns = LESSON.topics[topic].table(result)
    size = result.loss.size if topic == "landscape" else result.accuracy.size
    assert {len(values) for values in columns.values()} == {size}
    row = (columns["normalizer"] == "batch") & (columns["seed"] == 2)
    if topic == "landscape":
        np.testing.assert_array_equal(columns["loss"][row], result.loss[1, 2].ravel())
    elif topic == "sweep":
        np.testing.assert_array_equal(
            columns["accuracy"][row & (columns["learning_rate"] == 1.0)], result.accuracy[1, 1, 2]
        )
    else:
        np.testing.assert_array_equal(columns["accuracy"][row], result.accuracy[1, 2])


def test_words_have_no_open_places() -> None:
    for part in LESSON.parts:
        for text in (part.question, part.answer, part.prediction.question, part.prediction.explanation,
                     *(preset.look_for for preset in part.presets), *part.prediction.options):  # fmt: skip
            assert not [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        assert all(source.url.startswith("https://") for source in part.sources)
