"""The lesson `convolution`: its parts belong together, and its words follow the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.labs.convolution.effective.lesson import ALL, BETWEEN, MORE, PER_IMAGE
from bnviz.labs.convolution.lab import LESSON
from bnviz.labs.convolution.maps.lesson import ALIKE, OTHER, SAME
from bnviz.labs.convolution.shared.dispatch import Settings, run
from bnviz.labs.convolution.sharing.lesson import CHANNEL, GROUP, IMAGE, MAP, count_table
from bnviz.plot.numbers import latex

SHARING, MAPS, EFFECTIVE = LESSON.parts


@pytest.mark.parametrize("part", LESSON.parts, ids=lambda part: part.topic)
def test_presets_run_differ_and_agree_with_theory(part: Any) -> None:
    assert 3 <= len(part.presets) <= 6
    for number, preset in enumerate(part.presets):
        settings = part.preset(number)
        assert settings != part.beginning
        assert all(part.applies(settings, name) for name in preset.changes)
        result = run(settings)
        assert all(row.explained for row in part.comparisons(result)), preset.title
        columns = part.table(result)
        assert len({len(column) for column in columns.values()}) == 1


@pytest.mark.parametrize(
    ("topic", "changes", "right"),
    [
        ("sharing", {}, CHANNEL),
        ("sharing", {"normalizer": "layer"}, IMAGE),
        ("sharing", {"normalizer": "instance"}, MAP),
        ("sharing", {"normalizer": "group"}, GROUP),
        ("sharing", {"normalizer": "group", "groups": 1}, IMAGE),
        ("sharing", {"normalizer": "group", "groups": 8}, MAP),
        ("maps", {}, ALIKE),
        ("maps", {"gamma": 2.0}, OTHER),
        ("maps", {"normalizer": "layer"}, SAME),
        ("effective", {}, PER_IMAGE),
        ("effective", {"channel": 1}, BETWEEN),
        ("effective", {"height": 1, "width": 1}, ALL),
        ("effective", {"source": "digits"}, MORE),
    ],
    ids=str,
)
def test_the_right_answer_is_found_in_the_run(topic: str, changes: dict[str, Any], right: int) -> None:
    part = LESSON.topics[topic]
    assert part.prediction.correct(run(part.beginning.replace(**changes))) == right


def test_presets_keep_what_they_promise() -> None:
    one, group_one, every, pixel, three = (run(SHARING.preset(number)) for number in range(5))
    np.testing.assert_array_equal(one.sharing["batch"].membership, one.sharing["instance"].membership)
    np.testing.assert_array_equal(group_one.sharing["group"].membership, group_one.sharing["layer"].membership)
    np.testing.assert_array_equal(every.sharing["group"].membership, every.sharing["instance"].membership)
    assert pixel.sharing["batch"].elements_per_statistic == pixel.settings.batch_size
    assert pixel.sharing["instance"].refusal
    assert set(three.sharing) == {"batch", "layer", "instance"}
    usual, edges, finer, more, digits = (
        run(settings).effective_samples_theory
        for settings in (EFFECTIVE.beginning, *(EFFECTIVE.preset(number) for number in range(4)))
    )
    assert edges[1] > 3 * usual[0]
    assert finer[0] < 1.05 * usual[0]
    np.testing.assert_allclose(more, 4 * usual, rtol=1e-9)
    assert digits[0] > 64
    weak = run(MAPS.preset(3)).maps
    assert weak is not None
    assert weak.after_std.max() < 0.5
    instance, batch = run(MAPS.preset(2)).maps, run(MAPS.beginning).maps
    assert instance is not None
    assert batch is not None
    np.testing.assert_allclose(instance.moments["after"][..., 1], 1, atol=2e-3)
    assert np.ptp(batch.moments["after"][:, 0, 1]) > 0.01


@pytest.mark.parametrize("language", ["en", "zh"])
def test_formulas_carry_the_numbers(language: Any) -> None:
    result = run(SHARING.beginning.replace(normalizer="layer"))
    for step in (0, 300):
        text = SHARING.formula(result, step, language)
        n, c, h, w = np.unravel_index(step, result.x.shape)
        mean, variance = result.statistics[result.membership[n, c, h, w]]
        for value in (result.x[n, c, h, w], mean, variance, result.sharing["layer"].output[n, c, h, w]):
            assert latex(float(value)) in text
        assert f"n = {n}, c = {c}, h = {h}, w = {w}" in text
        assert count_table(result, language) in text
    assert SHARING.formula(result, 9999, language) == SHARING.formula(result, 511, language)
    shown = run(MAPS.beginning.replace(gamma=2.0, beta=-1.0, channel=1))
    assert shown.maps is not None
    for step in (0, 1, 9):
        n = min(step, 1)
        text = MAPS.formula(shown, step, language)
        for value in (shown.maps.before[n, 1, 52, 80], shown.maps.mean[n, 1], shown.maps.after[n, 1, 52, 80]):
            assert latex(float(value)) in text
    worth = run(EFFECTIVE.beginning.replace(channel=1))
    text = EFFECTIVE.formula(worth, 0, language)
    for value in (
        worth.effective_samples[1],
        worth.effective_samples_theory[1],
        worth.effective.correlation[worth.effective.here, 1],
    ):
        assert latex(float(value)) in text


def test_the_table_counts_what_was_measured() -> None:
    table = count_table(run(Settings()))
    assert "| batch norm | C = 8 | N·H·W = 64 | 512 |" in table
    assert "| group norm | N·G = 16 | C/G·H·W = 32 | 512 |" in table
    assert len(count_table(run(Settings(groups=3))).splitlines()) == 5


def test_headline_is_in_the_table() -> None:
    result = run(EFFECTIVE.beginning.replace(channel=2))
    columns = EFFECTIVE.table(result)
    row = (columns["height"] == 4) & (columns["channel"] == 2)
    for name in ("effective_samples", "effective_samples_theory", "mean_correlation"):
        assert columns[name][row][0] == EFFECTIVE.headline(result)[name]
    tensor = run(Settings())
    assert SHARING.table(tensor)["normalized"][0] == SHARING.headline(tensor)["normalized"]
