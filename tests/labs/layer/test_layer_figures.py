"""Pictures of the lab `layer` as data: finished arrays, fixed axes, and every control seen in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bnviz.labs.layer import figures
from bnviz.labs.layer.experiment import run
from bnviz.labs.layer.figures import theory as layer_theory
from bnviz.labs.layer.lesson import TOPIC, applies, outcome
from bnviz.labs.layer.result import Result
from bnviz.labs.layer.settings import Settings
from bnviz.plot.scene import Panel, Scene

RESULT = run(Settings(steps=12))
CASES: list[dict[str, Any]] = [
    {},
    {"mode": "eval"},
    {"mode": "eval", "warmup": 10, "momentum": "cumulative"},
    {"track_running_stats": False, "mode": "eval"},
    {"layer": "conv", "activation": "sigmoid"},
    {"gamma": -2.0, "beta": 1.0, "activation": "identity"},
    {"gamma": 2.0, "activation": "gelu"},
    {"batch_size": 2, "source": "gaussian", "channel": 2},
    {"steps": 1},
    {"eps": 1.0, "affine": False, "activation": "tanh"},
]


def panels(scene: Scene) -> dict[str, Panel]:
    return {panel.name: panel for row in scene.rows for panel in row.panels}


def arrays(part: Any) -> Iterator[np.ndarray]:
    if isinstance(part, np.ndarray):
        yield part
    elif isinstance(part, dict | tuple | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from arrays(inner)
    elif hasattr(part, "__dataclass_fields__"):
        for name in part.__dataclass_fields__:
            yield from arrays(getattr(part, name))


@pytest.mark.parametrize("changes", CASES, ids=str)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_picture_is_finite_labelled_and_told_in_words(changes: dict[str, Any], language: Any) -> None:
    result = run(Settings(**{"steps": 12, **changes}))
    scene = figures.stages(result, language)
    assert scene.frames == result.settings.steps
    assert len(scene.rows[0].panels) in {2, 3}
    assert scene.height <= 430
    assert len(scene.captions) == 1
    assert scene.alt
    for panel in panels(scene).values():
        assert panel.title
        assert panel.x.low < panel.x.high
        assert panel.y.low < panel.y.high
    for draw in (layer_theory.law, layer_theory.means, layer_theory.variances):
        chart = draw(result, language)
        assert chart.alt
        assert "{" not in chart.alt
        chart.to_plotly()
    for picture in (scene, *(draw(result, language) for draw in TOPIC.theory)):
        for array in arrays(picture):
            assert np.isfinite(array).all()


def test_hero_shows_the_results_own_numbers() -> None:
    scene = panels(figures.stages(RESULT))
    for stage in ("input", "normalized", "output"):
        drawn = scene[stage].layers[1].values
        counts = RESULT.stages[stage].counts[:, 0]
        width = np.diff(RESULT.stages[stage].edges)
        of_four = (-1, 16, 4)  # 32 values fill bins that are four times as wide as those of all batches together
        np.testing.assert_allclose(
            (drawn * width * 32).reshape(of_four).sum(axis=-1), counts.reshape(of_four).sum(axis=-1), atol=1e-9
        )
        assert scene[stage].edges is RESULT.stages[stage].edges
        np.testing.assert_array_equal(scene[stage].readouts[1].values, RESULT.stage_std[stage][:, 0])
    batch, running = scene["input"].markers
    np.testing.assert_array_equal(batch.values, RESULT.batch_mean[:, 0])
    np.testing.assert_array_equal(running.values, RESULT.running_mean[1:, 0])
    heat = scene["input_over_time"]
    np.testing.assert_array_equal(heat.layers[0].values, RESULT.stages["input"].counts[:, 0])
    np.testing.assert_array_equal([band.values for band in heat.bands[:3]], RESULT.percentiles["input"][:, 0].T[::-1])


def test_before_and_after_share_one_axis_unless_each_is_to_have_its_own() -> None:
    for changes in ({}, {"input_scale": 20.0, "input_shift": 3.0}, {"gamma": 2.0, "activation": "identity"}):
        scene = panels(figures.stages(run(Settings(steps=4, **changes))))
        shown = [panel for panel in scene.values() if panel.kind == "histogram" and panel.layers]
        assert len({(panel.x.low, panel.x.high) for panel in shown}) == 1
        assert all(panel.x.low <= panel.edges[0] and panel.edges[-1] <= panel.x.high for panel in shown)
    own = panels(figures.stages(run(Settings(steps=4, shared_axis=False))))
    assert own["input"].x.high < own["normalized"].x.high
    needle = panels(figures.stages(run(Settings(steps=4, input_scale=100.0))))  # as numbers in thousands are
    assert needle["normalized"].x.high == own["normalized"].x.high < needle["input"].x.high / 10
    bounded = panels(figures.stages(run(Settings(steps=4, activation="sigmoid"))))
    assert (bounded["output"].x.low, bounded["output"].x.high) == (0.0, 1.0)


@pytest.mark.parametrize(("n", "bars"), [(2, 64), (8, 64), (16, 16), (32, 16), (96, 32), (768, 64)])
def test_few_values_get_wide_bins_and_very_few_a_bar_each(n: int, bars: int) -> None:
    scene = panels(figures.stages(run(Settings(steps=2, batch_size=n))))
    drawn = scene["normalized"].layers[1].values
    groups = drawn.reshape(len(drawn), bars, -1)
    assert (groups == groups[..., :1]).all()
    if bars < 64:
        halved = drawn.reshape(len(drawn), bars // 2, -1)
        assert not (halved == halved[..., :1]).all()  # no wider than that
    width = np.diff(scene["normalized"].edges)
    np.testing.assert_allclose((drawn * width).sum(axis=-1), 1.0)


def test_epsilon_and_momentum_are_seen_to_move_the_picture() -> None:
    small, large = (panels(figures.stages(run(Settings(eps=eps))))["root"] for eps in (1e-5, 1e-3))
    width = small.x.high - small.x.low
    assert (large.zones[0].high - small.zones[0].high) / width > 0.15  # the zone where ε wins
    assert np.abs(large.curves[0].y - small.curves[0].y).max() > 0.8  # and the curve with it
    assert small.readouts[0].values[-1] < 0.05  # per cent
    assert large.readouts[0].values[-1] > 1
    slow, fast = (
        panels(figures.stages(run(Settings(momentum=momentum))))["input_over_time"] for momentum in (0.1, 0.5)
    )
    height = slow.y.high - slow.y.low
    moved = np.abs(fast.bands[-1].values - slow.bands[-1].values) / height
    assert moved[:10].mean() > 0.1


def test_what_stands_under_the_root_is_what_was_measured() -> None:
    result = run(Settings(steps=6, eps=0.03))
    root = panels(figures.stages(result))["root"]
    share = np.interp(root.markers[0].values, root.curves[0].x, root.curves[0].y)
    np.testing.assert_allclose(share, result.stage_std["normalized"][:, 0] ** 2, rtol=2e-3)  # the variance of x̂
    np.testing.assert_allclose(root.readouts[0].values, 100 * (1 - share), rtol=2e-2)


def test_the_outline_of_the_input_coincides_where_nothing_is_normalized() -> None:
    fresh = panels(figures.stages(run(Settings(mode="eval", steps=5, input_scale=5.0, eps=1e-12))))["normalized"]
    after, before = fresh.layers[1].values, fresh.layers[2].values
    # Both are counts of 32 values over the same bins; rounding may move a value across an edge.
    assert np.abs(after - before).sum() <= 2 * after.sum() * 0.01
    trained = panels(figures.stages(run(Settings(steps=5))))["normalized"]
    assert np.abs(trained.layers[1].values - trained.layers[2].values).sum() > trained.layers[1].values.sum()


def test_what_lies_outside_is_not_piled_up_at_the_ends() -> None:
    far = run(Settings(steps=5, input_shift=10.0))
    assert panels(figures.stages(far))["normalized"].layers[2].values.max() == 0


@pytest.mark.parametrize(
    ("changes", "words", "chinese"),
    [
        ({}, "from this batch: 32 values", "这个批次"),
        ({"mode": "eval"}, "never updated: mean 0, variance 1", "从未更新"),
        ({"mode": "eval", "warmup": 37}, "running statistics after 37 batches", "37"),
        ({"mode": "eval", "track_running_stats": False}, "even in eval mode", "eval"),
        ({"layer": "conv"}, "2048 values", "2048"),
    ],
)
def test_caption_says_who_supplied_the_statistics(changes: dict[str, Any], words: str, chinese: str) -> None:
    result = run(Settings(steps=2, **changes))
    assert words in figures.stages(result).captions[0]
    assert chinese in figures.stages(result, "zh").captions[0]


def fingerprint(result: Result) -> str:
    scene = figures.stages(result)
    content = [array.round(6).tolist() for array in arrays(scene)]
    axes = [[panel.x.low, panel.x.high, panel.y.low, panel.y.high] for panel in panels(scene).values()]
    return json.dumps([content, axes, list(scene.captions), [panel.title for panel in panels(scene).values()]])


CHANGED: dict[str, Any] = {
    "source": "uniform",
    "layer": "conv",
    "channels": 16,
    "batch_size": 64,
    "momentum": 0.5,
    "eps": 0.1,
    "affine": False,
    "gamma": 2.0,
    "beta": 1.0,
    "track_running_stats": False,
    "mode": "eval",
    "activation": "tanh",
    "input_shift": 1.0,
    "input_scale": 2.0,
    "drift": 0.1,
    "warmup": 3,
    "steps": 13,
    "channel": 1,
    "shared_axis": False,
    "seed": 1,
}


@pytest.mark.parametrize("name", Settings.names())
def test_every_control_changes_the_picture_where_it_applies(name: str) -> None:
    settings = Settings(steps=12, gamma=1.5, beta=-0.5)
    assert applies(settings, name)
    assert fingerprint(run(settings)) != fingerprint(run(settings.replace(**{name: CHANGED[name]})))


def test_what_does_not_apply_changes_nothing() -> None:
    plain = Settings(steps=5, affine=False)
    untracked = Settings(steps=5, track_running_stats=False)
    fresh = Settings(steps=5, mode="eval")
    for settings, changes in (
        (plain, {"gamma": 2.0}),
        (plain, {"beta": 2.0}),
        (untracked, {"momentum": 0.5}),
        (fresh, {"momentum": 0.5}),
    ):
        assert not applies(settings, *changes)
        assert fingerprint(run(settings)) == fingerprint(run(settings.replace(**changes)))
    assert not applies(untracked, "warmup")


def test_theory_charts_lay_the_closed_form_over_the_measurement() -> None:
    law = layer_theory.law(RESULT)
    measured, theory = law.data
    np.testing.assert_array_equal(measured["y"][:-1], RESULT.pooled["normalized"])
    assert RESULT.predicted_density is not None
    np.testing.assert_array_equal(theory["y"][:-1], RESULT.predicted_density)
    assert theory["line"]["dash"] == "dash"
    means = layer_theory.means(RESULT)
    assert means.playhead_first == 1
    dots, _band, running, expected = means.data
    assert dots["x"][0] == means.playhead_first
    np.testing.assert_array_equal(dots["y"], RESULT.batch_mean[:, 0])
    np.testing.assert_array_equal(running["y"], RESULT.running_mean[:, 0])
    np.testing.assert_array_equal(expected["y"], RESULT.forecast.mean)
    assert len(layer_theory.law(run(Settings(eps=1.0, steps=3))).data) == 1
    assert len(layer_theory.means(run(Settings(track_running_stats=False, steps=3))).data) == 1


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.41, 0.5), (0.5, 0.5), (1.01, 1.5), (9.9, 10), (11, 15)])
def test_round_ceiling(value: float, top: float) -> None:
    assert figures.ceiling(value) == pytest.approx(top)


@pytest.mark.parametrize(
    ("changes", "right"),
    [({}, 0), ({"mode": "eval"}, 1), ({"mode": "eval", "warmup": 100}, 2), ({"eps": 0.04}, 3), ({"batch_size": 2}, 0)],
)
def test_prediction_is_judged_by_the_run(changes: dict[str, Any], right: int) -> None:
    assert outcome(run(Settings(**changes))) == right
