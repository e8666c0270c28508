"""The topic `boundaries` of the lab `training` against plain PyTorch, theory and the recipes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from bnviz.core.replica_networks import plain_network
from bnviz.errors import SettingError, UploadError
from bnviz.labs.training.boundaries.experiment import estimated_seconds, run
from bnviz.labs.training.boundaries.lesson import TOPIC
from bnviz.labs.training.boundaries.result import Result
from bnviz.labs.training.boundaries.settings import Settings
from bnviz.labs.training.shared.networks import network_plan, training_data
from bnviz.study import shipped
from bnviz.study.verdict import SHOWS, SHOWS_NOT
from bnviz.theory.plane import posterior

TINY: dict[str, Any] = {"width": 16, "depth": 2, "seeds": 3, "normalizers": ("none", "batch")}


def settings(**changes: Any) -> Settings:
    return Settings(**TINY | changes)


@pytest.fixture(scope="module")
def boundaries() -> Result:
    return run(settings(epochs=20))


def test_maps_are_what_a_plain_network_decides(boundaries: Result) -> None:
    result, looked = boundaries, boundaries.look_steps
    assert result.latest.shape == (2, 49, 49)
    assert result.looks.shape == (2, len(looked), 49, 49)
    assert (looked[0], looked[-1]) == (0, result.total_steps)
    np.testing.assert_array_equal(result.looks[:, -1], result.latest)
    data = training_data(result.settings, (0,))
    x, y = np.meshgrid(result.axis, result.axis)
    places = torch.from_numpy(np.stack([x, y], axis=-1)).float().view(-1, 2)
    for index, name in enumerate(result.variants):
        fresh = plain_network(network_plan(result.settings, data, name), 0).eval()
        with torch.no_grad():
            share = fresh(places).softmax(1)[:, 1].view(49, 49).numpy()
        np.testing.assert_allclose(result.looks[index, 0], share, atol=6e-4)  # kept to three decimals
    assert not np.array_equal(result.latest[0], result.latest[1])
    np.testing.assert_array_equal(result.points, data.features[data.train[0]].numpy())


def test_the_best_boundary_is_theorys(boundaries: Result) -> None:
    x, y = np.meshgrid(boundaries.axis, boundaries.axis)
    np.testing.assert_allclose(boundaries.best, posterior("spirals", np.stack([x, y], -1), 0.1))
    expected = boundaries.best_accuracy
    error = math.sqrt(expected * (1 - expected) / 3000)
    assert boundaries.best_hits.mean() == pytest.approx(expected, abs=4 * error)
    # Nobody beats it on its own points by more than sampling allows.
    assert (boundaries.accuracy[..., -1] <= boundaries.best_hits + 0.02).all()


def test_what_lies_in_no_plane_is_refused() -> None:
    for use in (estimated_seconds, run):
        with pytest.raises(SettingError, match="source must be one of moons, circles, spirals, upload; got digits"):
            use(settings(source="digits"))
    rows = np.column_stack([np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2]).astype(np.float32)
    with pytest.raises(UploadError, match="it has 3 and 2"):
        run(settings(source="upload"), data=rows)
    result = run(settings(source="upload", epochs=1, batch_size=8), data=rows[:, 1:])
    assert math.isnan(result.best_accuracy)
    assert np.isfinite(result.latest).all()


def test_the_shipped_boundaries_are_of_this_code_and_show_what_the_page_says() -> None:
    result = shipped.load(Result, TOPIC.shipped)
    assert result.settings == TOPIC.opening
    assert result.findings[0].verdict == SHOWS
    assert result.findings[0].low > 0.05
    few = run(result.settings.replace(seeds=2))
    np.testing.assert_allclose(few.accuracy[1, :, -1], result.accuracy[1, :2, -1], rtol=0, atol=0.015)
    np.testing.assert_allclose(few.accuracy[0, :, -1], result.accuracy[0, :2, -1], rtol=0, atol=0.05)
    np.testing.assert_array_equal(few.points, result.points)


@pytest.mark.claim
def test_presets_of_the_boundaries() -> None:
    """Moons: no difference that matters in the end. Adam: none gets there too. Fifty points: batch norm is better."""
    assert run(TOPIC.preset("moons").replace(seeds=4)).findings[0].verdict == SHOWS_NOT
    adam = run(TOPIC.preset("adam").replace(seeds=2, normalizers=("none",)))
    assert adam.error.mean[0, -1] < 0.12
    few = run(TOPIC.preset("with_50_points").replace(seeds=4))
    assert few.findings[0].verdict == SHOWS
