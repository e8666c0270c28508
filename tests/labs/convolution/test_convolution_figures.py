"""Pictures of the lab `convolution` as data: the result's own numbers, labelled, and every control seen in them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from bnviz.labs.convolution.effective import figures as convolution_effective
from bnviz.labs.convolution.lab import LAB
from bnviz.labs.convolution.maps import figures as convolution_maps
from bnviz.labs.convolution.shared import kernels
from bnviz.labs.convolution.sharing import figures
from bnviz.plot.scene import Cube, Map, Scene
from bnviz.teaching.lab import Picture
from bnviz.ui.chart import payload
from bnviz.ui.player import ready

SHARING, MAPS, EFFECTIVE = LAB.topics


def content(picture: Picture) -> str | bytes:
    """Everything that is sent to draw it."""
    if isinstance(picture, Scene):
        return ready(picture, "g", "en").content(0)
    return json.dumps(payload(picture, "g", "", "en"))


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return {topic.name: topic.compute(topic.opening) for topic in LAB.topics}


CASES: list[tuple[str, dict[str, Any]]] = [
    ("sharing", {}),
    ("sharing", {"height": 1, "width": 1}),
    ("sharing", {"groups": 3, "channels": 1, "batch_size": 1}),
    ("maps", {}),
    ("maps", {"channels": 1, "groups": 1, "normalizer": "group"}),
    ("maps", {"channels": 7, "channel": 6, "gamma": -2.0, "source": "digits"}),
    ("effective", {}),
    ("effective", {"source": "digits", "kernels": "edge", "channel": 2}),
    ("effective", {"batch_size": 1, "height": 1, "width": 1, "channels": 1}),
    ("effective", {"height": 1, "width": 8}),
]


@pytest.mark.parametrize(("topic", "changes"), CASES, ids=str)
def test_every_picture_is_told_in_words_and_can_be_sent(topic: str, changes: dict[str, Any]) -> None:
    chosen = LAB.topic(topic)
    result = chosen.compute(chosen.settings(**changes))
    for draw in (*chosen.pictures, *chosen.theory):
        for language in ("en", "zh"):
            picture = draw(result, language)
            assert picture.alt
            assert "{" not in picture.alt
            assert picture.height <= 430
            if isinstance(picture, Scene):
                assert len(picture.captions) == 1
                assert "{" not in picture.captions[0]
            else:
                json.loads(content(picture), parse_constant=pytest.fail)
                picture.to_plotly()
                axes = [picture.layout[name] for name in picture.layout if name.startswith(("xaxis", "yaxis"))]
                assert len(axes) >= 2


def test_cubes_carry_every_normalizers_own_membership_and_numbers(results: dict[str, Any]) -> None:
    result = results["sharing"]
    scene = figures.cubes(result)
    assert scene.frames == result.x.size
    panels = scene.rows[0].panels
    assert [panel.name for panel in panels] == ["batch", "layer", "instance", "group"]
    for panel in panels:
        assert isinstance(panel, Cube)
        sharing = result.sharing[panel.name]
        assert panel.membership is sharing.membership
        assert panel.shape == (4, 8, 4, 4)
        assert panel.chosen == (panel.name == "batch")
        mean, std = (readout.values for readout in panel.readouts)
        for frame in (0, 77, 511):
            lit = result.x.ravel()[sharing.membership.ravel() == sharing.membership.ravel()[frame]]
            assert (mean[frame], std[frame]) == pytest.approx((lit.mean(), lit.std()))
        assert f"{len(sharing.statistics)} means × {sharing.elements_per_statistic}" in panel.subtitle


def test_what_pytorch_refuses_is_said_in_the_caption() -> None:
    assert "refuses 3 groups of 8 channels" in figures.cubes(SHARING.compute(SHARING.settings(groups=3))).captions[0]
    assert "train instance norm here" in figures.cubes(SHARING.compute(SHARING.settings(height=1, width=1))).captions[0]


def test_counts_lie_on_the_line_of_their_product(results: dict[str, Any]) -> None:
    chart = figures.counts(results["sharing"])
    line, *dots = chart.data
    assert (line["x"], line["y"]) == ([1, 512], [512, 1])
    assert [dot["x"][0] * dot["y"][0] for dot in dots] == [512] * 4


def test_maps_stand_in_pairs_on_one_scale(results: dict[str, Any]) -> None:
    result = results["maps"]
    panels = [panel for row in convolution_maps.feature_maps(result).rows for panel in row.panels]
    assert len(panels) == 8
    assert {(panel.low, panel.high) for panel in panels if isinstance(panel, Map)} == {
        (-result.maps.reach, result.maps.reach)
    }
    for place, panel in enumerate(panels):
        assert isinstance(panel, Map)
        channel, after = divmod(place, 2)
        values = (result.maps.after if after else result.maps.before)[:, channel]
        np.testing.assert_array_equal(panel.values, values)
        assert (
            abs(
                panel.levels().astype(float) / 255 * 2 * result.maps.reach
                - result.maps.reach
                - np.clip(values, -result.maps.reach, result.maps.reach)
            ).max()
            <= result.maps.reach / 254
        )
        np.testing.assert_allclose(panel.readouts[0].values, values.mean(axis=(1, 2)), atol=1e-6)
    assert [panel.bar for panel in panels if isinstance(panel, Map)].count(True) == 1


def test_the_block_of_the_chosen_channel_is_shown() -> None:
    result = MAPS.compute(MAPS.settings(channels=8, channel=5))
    assert convolution_maps.shown(result) == [4, 5, 6, 7]


def test_kinds_name_the_kernels() -> None:
    from bnviz.core.feature_maps import MIXTURE

    assert tuple(kind for kind, _ in MIXTURE) == kernels.MIXED


def test_resolution_draws_measured_and_closed_form(results: dict[str, Any]) -> None:
    result = results["effective"]
    chart = convolution_effective.resolution(result)
    dots = [trace for trace in chart.data if trace["mode"] == "markers"]
    dashed = [trace for trace in chart.data if trace.get("line", {}).get("dash") == "dash"]
    assert len(dots) == len(dashed) == 4
    for channel in range(4):
        np.testing.assert_array_equal(dots[channel]["y"], result.effective.samples[:, channel])
        np.testing.assert_array_equal(dashed[channel]["y"], result.effective.theory[:, channel])


CONTROLS = [
    ("sharing", {"normalizer": "layer"}, "cubes"),
    ("sharing", {"batch_size": 2}, "cubes"),
    ("sharing", {"channels": 4}, "cubes"),
    ("sharing", {"height": 2}, "cubes"),
    ("sharing", {"width": 2}, "cubes"),
    ("sharing", {"groups": 2}, "cubes"),
    ("sharing", {"source": "digits"}, "values"),
    ("sharing", {"kernels": "blur"}, "values"),
    ("sharing", {"seed": 1}, "values"),
    ("maps", {"source": "digits"}, "feature_maps"),
    ("maps", {"kernels": "edge"}, "feature_maps"),
    ("maps", {"normalizer": "layer"}, "feature_maps"),
    ("maps", {"gamma": 2.0}, "feature_maps"),
    ("maps", {"beta": -1.0}, "histograms"),
    ("maps", {"channel": 1, "gamma": 2.0}, "moments"),
    ("maps", {"eps": 1.0}, "feature_maps"),
    ("maps", {"channels": 3, "groups": 1}, "feature_maps"),
    ("maps", {"seed": 1}, "feature_maps"),
    ("effective", {"source": "digits"}, "resolution"),
    ("effective", {"kernels": "blur"}, "resolution"),
    ("effective", {"batch_size": 8}, "resolution"),
    ("effective", {"channel": 1}, "batch_means"),
    ("effective", {"height": 8}, "correlation"),
    ("effective", {"width": 2}, "channels"),
    ("effective", {"channels": 4}, "channels"),
    ("effective", {"seed": 1}, "batch_means"),
]


@pytest.mark.parametrize(("topic", "changes", "name"), CONTROLS, ids=str)
def test_every_control_changes_its_picture(
    topic: str, changes: dict[str, Any], name: str, results: dict[str, Any]
) -> None:
    chosen = LAB.topic(topic)
    draw = next(draw for draw in (*chosen.pictures, *chosen.theory) if getattr(draw, "__name__", "") == name)
    settings = chosen.settings(**changes)
    assert chosen.applies(settings, next(iter(changes)))
    assert content(draw(chosen.compute(settings), "en")) != content(draw(results[topic], "en"))


def test_an_unused_control_changes_nothing_that_is_drawn(results: dict[str, Any]) -> None:
    other = MAPS.compute(MAPS.settings(groups=4, batch_size=8))
    assert not MAPS.applies(MAPS.opening, "groups")
    assert not MAPS.applies(MAPS.opening, "batch_size")
    assert content(convolution_maps.feature_maps(other)) == content(convolution_maps.feature_maps(results["maps"]))


def test_a_scene_of_cubes_or_maps_has_a_still_for_notebooks(results: dict[str, Any]) -> None:
    for scene, panels in ((figures.cubes(results["sharing"]), 4), (convolution_maps.feature_maps(results["maps"]), 8)):
        still = scene.still(0)
        assert len(still.data) == panels
        still.to_plotly()
