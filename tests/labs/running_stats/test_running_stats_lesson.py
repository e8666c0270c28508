"""The lesson `running_stats`: its parts belong together, and its words follow the run."""

from __future__ import annotations

import re
import string

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES, translator
from bnviz.labs.running_stats.experiment import run
from bnviz.labs.running_stats.formula import momentum_table
from bnviz.labs.running_stats.lab import LAB
from bnviz.labs.running_stats.lesson import BETWEEN, CUMULATIVE, LARGEST, SMALLEST, TOPIC
from bnviz.labs.running_stats.settings import Settings


def test_controls_are_the_settings() -> None:
    assert sorted(TOPIC.controls + TOPIC.more) == sorted(Settings.names())
    assert len(TOPIC.controls) <= 6
    assert 3 <= len(TOPIC.presets) <= 6
    assert len(TOPIC.pictures) <= 3
    assert len(TOPIC.theory) <= 3


@pytest.mark.parametrize("preset", TOPIC.presets, ids=lambda preset: preset.name)
def test_presets_run(preset: object) -> None:
    result = run(Settings(**preset.changes))
    assert all(row.explained for row in TOPIC.comparisons(result))
    assert TOPIC.prediction.correct(result) in (None, *range(len(TOPIC.prediction.options)))


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        *(({"seed": seed}, LARGEST) for seed in (0, 1000, 2000, 3000, 4000, 5000)),
        ({"compare": "cumulative"}, CUMULATIVE),
        ({"momentums": (0.01, 0.5), "disturbance": "jump", "disturbance_at": 190, "disturbance_size": 5.0}, LARGEST),
        ({"disturbance": "ramp", "momentums": (0.01, 0.1, 0.9), "batch_size": 4}, BETWEEN),
        ({"momentums": (0.1, 0.9), "batch_size": 4}, SMALLEST),
    ],
)
def test_the_right_answer_is_found_in_the_run(changes: dict[str, object], right: int) -> None:
    assert TOPIC.prediction.correct(run(Settings(**changes))) == right


def test_two_momentums_alike_have_no_right_answer() -> None:
    """Of 0.1 and 0.101 nobody can say which comes nearer."""
    assert TOPIC.prediction.correct(run(Settings(momentums=(0.1, 0.101)))) is None


@pytest.mark.parametrize("momentum", [0.01, 0.37, "cumulative"])
@pytest.mark.parametrize("step", [1, 17, 30])
def test_formula_carries_the_numbers_of_the_step(momentum: float | str, step: int) -> None:
    result = run(Settings(momentums=(momentum, 0.5), steps=30, source="gaussian"))
    text = TOPIC.formula(result, step, "en")
    for value in (
        result.running_mean[0, step, 0],
        result.batch_mean[step - 1, 0],
        result.running_var[0, step, 0],
        result.batch_var[step - 1, 0],
        result.batch_var[step - 1, 0] * 32 / 31,
    ):
        assert f"{value:.3g}" in text
    assert "unbiased" in text


def test_formula_stands_at_every_step() -> None:
    result = run(Settings(steps=3))
    assert TOPIC.formula(result, 99, "en") == TOPIC.formula(result, 3, "en")
    assert "fresh layer" in TOPIC.formula(result, 0, "en")


def test_momentum_table_converts() -> None:
    lines = momentum_table((0.1, 1.0, "cumulative"), translator("en")).splitlines()
    assert lines[2] == "| 0.1 | 0.9 | 6.58 | 9.49 | 29 | 44 |"
    assert lines[3] == "| 1 | 0 | 0 | 0 | 1 | 1 |"
    assert lines[4].startswith("| `None` (cumulative) | not offered |")


def test_table_columns_are_of_one_length() -> None:
    columns = TOPIC.table(run(Settings(steps=9)))
    assert {len(values) for values in columns.values()} == {10}
    assert len(columns) == 2 + 2 * 11
    assert all(np.isfinite(values).all() for values in columns.values())


def test_controls_without_effect_are_known() -> None:
    still = Settings()
    assert not TOPIC.applies(still, "mean")
    assert TOPIC.applies(still.replace(source="gaussian"), "std")
    assert not TOPIC.applies(still, "disturbance_size")
    assert TOPIC.applies(still.replace(disturbance="ramp"), "disturbance_at")
    assert TOPIC.applies(still, "seed")
    assert TOPIC.applies(still, "compare")
    assert not TOPIC.applies(still.replace(momentums=(0.1,)), "compare")


def test_words_are_there_in_every_language() -> None:
    for language in LANGUAGES:
        text = TOPIC.text(language)
        assert len(re.findall("^## ", text, re.MULTILINE)) == 5
    assert "unbiased" in TOPIC.text("en")
    assert "无偏" in TOPIC.text("zh")
    _ = translator("zh")
    for preset in TOPIC.presets:
        assert _(preset.title) != preset.title
        assert _(preset.look_for) != preset.look_for
        fields = [
            {name for _text, name, *_rest in string.Formatter().parse(words)}
            for words in (preset.look_for, _(preset.look_for))
        ]
        assert fields[0] == fields[1]


def test_an_old_link_keeps_its_meaning() -> None:
    _topic, settings, problems = LAB.from_query({"momentums": "0.5,cumulative"})
    assert (settings.compared, problems) == ((0.5, "cumulative"), [])
    for kept in (settings, Settings(), Settings(momentum=0.5, compare="none")):
        assert LAB.from_query(LAB.to_query(TOPIC, kept, full=True))[1:] == (kept, [])


@pytest.mark.parametrize(
    ("settings", "compared"),
    [
        (Settings(), (0.1, 0.01)),
        (Settings(compare="none"), (0.1,)),
        (Settings(momentum=0.5, compare=0.5), (0.5,)),
        (Settings(momentums=(0.2, "cumulative")), (0.2, "cumulative")),
    ],
)
def test_what_is_compared(settings: Settings, compared: tuple[float | str, ...]) -> None:
    assert settings.compared == compared


@pytest.mark.parametrize("seed", [0, 1000, 2000, 3000, 4000, 5000])
def test_after_a_jump_the_cumulative_average_lags_by_a_third(seed: int) -> None:
    result = run(TOPIC.preset("a_jump").replace(seed=seed))
    jump = result.truth_mean[-1] - result.truth_mean[0]
    assert (result.truth_mean[-1] - result.mean_spread.average[2, -1]) / jump == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("name", ["a_jump", "a_drift"])
def test_where_the_truth_moves_the_line_says_who_is_behind_at_the_end(name: str) -> None:
    """That the plain average was near the truth before it jumped says nothing of where it is now."""
    result = TOPIC.compute(TOPIC.preset(name))
    off = abs(result.mean_spread.average[:, -1] - result.truth_mean[-1])
    said = TOPIC.finding(result, "en")  # type: ignore[misc]
    assert "within 5 %" not in said
    told = [float(part.split(": ")[1]) for part in said.split("momentum: ")[1].rstrip(".").split("; ")]
    assert told == pytest.approx(off.tolist(), rel=0.06)
