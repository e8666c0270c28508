"""The lesson `convolution`: its parts belong together, and its words follow the run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.labs.convolution.effective.lesson import ALL, BETWEEN, MORE, PER_IMAGE
from bnviz.labs.convolution.lab import LAB
from bnviz.labs.convolution.maps.lesson import ALIKE, OTHER, SAME
from bnviz.labs.convolution.sharing.lesson import CHANNEL, GROUP, IMAGE, MAP, count_table
from bnviz.plot.numbers import latex
from bnviz.teaching.lab import AnyTopic

SHARING, MAPS, EFFECTIVE = LAB.topics


def run(topic: AnyTopic, **changes: Any) -> Any:
    return topic.compute(topic.settings(**changes))


@pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)
def test_presets_run_differ_and_agree_with_theory(topic: AnyTopic) -> None:
    for preset in topic.presets:
        settings = topic.preset(preset.name)
        assert settings != topic.opening
        assert all(topic.applies(settings, name) for name in preset.changes)
        result = topic.compute(settings)
        assert all(row.explained for row in topic.comparisons(result)), preset.title
        columns = topic.table(result)
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
    chosen = LAB.topic(topic)
    assert chosen.prediction.correct(run(chosen, **changes)) == right


def test_presets_keep_what_they_promise() -> None:
    one, group_one, every, pixel, three = (
        SHARING.compute(SHARING.preset(name))
        for name in ("batch_of_1", "with_1_group", "with_8_groups", "with_1_pixel", "with_3_groups")
    )
    np.testing.assert_array_equal(one.sharing["batch"].membership, one.sharing["instance"].membership)
    np.testing.assert_array_equal(group_one.sharing["group"].membership, group_one.sharing["layer"].membership)
    np.testing.assert_array_equal(every.sharing["group"].membership, every.sharing["instance"].membership)
    assert pixel.sharing["batch"].elements_per_statistic == pixel.settings.batch_size
    assert pixel.sharing["instance"].refusal
    assert set(three.sharing) == {"batch", "layer", "instance"}
    usual, edges, finer, more, digits = (
        EFFECTIVE.compute(settings).effective_samples_theory
        for settings in (
            EFFECTIVE.opening,
            *(EFFECTIVE.preset(name) for name in ("an_edge_detector", "finer_maps", "batch_of_16", "digits")),
        )
    )
    assert edges[1] > 3 * usual[0]
    assert finer[0] < 1.05 * usual[0]
    np.testing.assert_allclose(more, 4 * usual, rtol=1e-9)
    assert digits[0] > 64
    weak = MAPS.compute(MAPS.preset("eps_1")).maps
    assert weak.after_std.max() < 0.5
    instance, batch = MAPS.compute(MAPS.preset("instance_norm")).maps, run(MAPS).maps
    np.testing.assert_allclose(instance.moments["after"][..., 1], 1, atol=2e-3)
    assert np.ptp(batch.moments["after"][:, 0, 1]) > 0.01


@pytest.mark.parametrize("language", ["en", "zh"])
def test_formulas_carry_the_numbers(language: Any) -> None:
    result = run(SHARING, normalizer="layer")
    for step in (0, 300):
        text = SHARING.formula(result, step, language)
        n, c, h, w = np.unravel_index(step, result.x.shape)
        mean, variance = result.statistics[result.membership[n, c, h, w]]
        for value in (result.x[n, c, h, w], mean, variance, result.sharing["layer"].output[n, c, h, w]):
            assert latex(float(value)) in text
        assert f"n = {n}, c = {c}, h = {h}, w = {w}" in text
        assert count_table(result, language) in text
    assert SHARING.formula(result, 9999, language) == SHARING.formula(result, 511, language)
    shown = run(MAPS, gamma=2.0, beta=-1.0, channel=1)
    for step in (0, 1, 9):
        n = min(step, 1)
        text = MAPS.formula(shown, step, language)
        for value in (shown.maps.before[n, 1, 52, 80], shown.maps.mean[n, 1], shown.maps.after[n, 1, 52, 80]):
            assert latex(float(value)) in text
    worth = run(EFFECTIVE, channel=1)
    text = EFFECTIVE.formula(worth, 0, language)
    for value in (
        worth.effective_samples[1],
        worth.effective_samples_theory[1],
        worth.effective.correlation[worth.effective.here, 1],
    ):
        assert latex(float(value)) in text


def test_the_table_counts_what_was_measured() -> None:
    table = count_table(run(SHARING))
    assert "| batch norm | C = 8 | N·H·W = 64 | 512 |" in table
    assert "| group norm | N·G = 16 | C/G·H·W = 32 | 512 |" in table
    assert len(count_table(run(SHARING, groups=3)).splitlines()) == 5


def test_headline_is_in_the_table() -> None:
    result = run(EFFECTIVE, channel=2)
    columns = EFFECTIVE.table(result)
    row = (columns["height"] == 4) & (columns["channel"] == 2)
    for name in ("effective_samples", "effective_samples_theory", "mean_correlation"):
        assert columns[name][row][0] == EFFECTIVE.headline(result)[name]
    tensor = run(SHARING)
    assert SHARING.table(tensor)["normalized"][0] == SHARING.headline(tensor)["normalized"]


def test_layer_norm_keeps_proportions_within_an_image_and_not_over_the_batch() -> None:
    """At seed 2000 another channel comes out first over the batch, which the explanation has to allow for."""
    result = run(MAPS, normalizer="layer", seed=2000)
    assert MAPS.prediction.correct(result) == OTHER
    before, after = (result.maps.moments[name][..., 1] for name in ("before", "after"))
    np.testing.assert_allclose(after / after[:, :1], before / before[:, :1], rtol=1e-4)
    assert "over the whole batch another channel may come out first" in MAPS.prediction.explanation
