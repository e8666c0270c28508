"""The page `builder`: its parts belong together, and its words follow the run."""

from __future__ import annotations

from typing import Any

import pytest

from bnviz.i18n import LANGUAGES
from bnviz.labs.builder.comparisons import comparisons
from bnviz.labs.builder.experiment import run
from bnviz.labs.builder.lesson import NOTHING, ONLY_AFFINE, TOPIC, applies, table
from bnviz.labs.builder.plan import stages_of
from bnviz.labs.builder.settings import Settings
from bnviz.settings import fields


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, ONLY_AFFINE),
        ({"affine": False}, NOTHING),
        ({"normalizer": "none"}, None),
        ({"normalizer": "group", "groups": 6}, None),
        ({"layer": "linear", "batch_size": 1}, None),
        ({"normalizer": "layer", "mode": "eval"}, ONLY_AFFINE),
        ({"normalizer": "instance"}, ONLY_AFFINE),
    ],
)
def test_the_right_answer_is_found_in_the_run(changes: dict[str, Any], right: int | None) -> None:
    assert TOPIC.prediction.correct(run(Settings(**changes))) == right


@pytest.mark.parametrize(
    ("name", "speaks"),
    [
        ("linear_block", None),
        ("a_useless_bias", "bias"),
        ("batch_of_1", "batch_of_one"),
        ("from_keras", "keras_momentum"),
        ("with_6_groups", "groups"),
        ("dropout_in_front", "dropout"),
    ],
)
def test_presets_show_what_they_say(name: str, speaks: str | None) -> None:
    result = run(TOPIC.preset(name))
    assert next((entry.name for entry in result.advice), None) == speaks
    assert all(row.explained for row in comparisons(result))


def test_the_cure_that_a_preset_names_works() -> None:
    one = TOPIC.preset("batch_of_1")
    assert run(one).refusal
    assert not run(one.replace(normalizer="layer")).refusal


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layer": "linear", "normalizer": "group"},
        {"layer": "conv1d", "momentum": "cumulative"},
        {"normalizer": "none"},
    ],
)
def test_the_formula_carries_the_blocks_numbers(changes: dict[str, Any], language: Any) -> None:
    result = run(Settings(**changes))
    text = TOPIC.formula(result, 0, language)
    assert f"= {result.trained}" in text
    assert (f"= {result.values_per_statistic}" in text) == bool(result.values_per_statistic)
    assert text.count("$$") % 2 == 0


def test_a_control_that_does_not_apply_changes_nothing() -> None:
    """Over many blocks: every hidden control, moved, leaves code and numbers as they are."""
    bases = [
        Settings(layer="linear"),
        Settings(normalizer="none"),
        Settings(normalizer="layer"),
        Settings(position="none"),
        Settings(layer="conv1d", track_running_stats=False),
    ]
    for base in bases:
        for name, field in fields(Settings).items():
            if applies(base, name):
                continue
            options: tuple[Any, ...] = field.choices or field.parameter.stops or (True, False)
            other = next(value for value in options if value != getattr(base, name))
            moved = base.replace(**{name: other})
            assert stages_of(moved) == stages_of(base), name
            one, two = run(base), run(moved)
            assert (one.output_std, one.shapes, one.advice) == (two.output_std, two.shapes, two.advice), name


def test_the_table_has_a_row_per_tensor() -> None:
    columns = table(run(Settings()))
    assert {len(column) for column in columns.values()} == {6}
