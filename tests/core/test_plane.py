"""The points in the plane: on their curves, scattered as said, the same for the same seed."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import pytest
import torch

from bnviz.core.datasets import PlaneName, plane
from bnviz.theory.plane import curves

NAMES = get_args(PlaneName)


def points(name: Any, count: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    features, labels = plane(name, count, noise, torch.Generator().manual_seed(seed))
    return features.double().numpy(), labels.numpy()


@pytest.mark.parametrize("name", NAMES)
def test_shapes_types_and_classes(name: Any) -> None:
    features, labels = plane(name, 101, 0.1, torch.Generator().manual_seed(0))
    assert features.shape == (101, 2)
    assert features.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert labels.bincount().tolist() == [51, 50]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_points_and_another_others(name: Any) -> None:
    np.testing.assert_array_equal(points(name, 50, 0.2)[0], points(name, 50, 0.2)[0])
    assert not np.array_equal(points(name, 50, 0.2)[0], points(name, 50, 0.2, seed=1)[0])


def test_without_noise_the_points_lie_on_their_curves() -> None:
    """Each equation is written out here once more; float32 keeps seven digits."""
    (x, y), label = points("circles", 200, 0.0)[0].T, points("circles", 200, 0.0)[1]
    np.testing.assert_allclose(np.hypot(x, y), np.where(label == 0, 1, 0.5), atol=1e-6)
    (x, y), label = points("moons", 200, 0.0)[0].T, points("moons", 200, 0.0)[1]
    side = np.where(label == 0, 1, -1)
    np.testing.assert_allclose(np.hypot(x + 0.5 * side, y + 0.25 * side), 1, atol=1e-6)
    assert (side * (y + 0.25 * side) >= -1e-6).all()
    (x, y), label = points("spirals", 200, 0.0)[0].T, points("spirals", 200, 0.0)[1]
    radius = np.hypot(x, y)
    turned = 3 * math.pi * (radius - 0.15) / 1.35 + math.pi * label
    np.testing.assert_allclose(np.stack([x, y]), radius * np.stack([np.cos(turned), np.sin(turned)]), atol=2e-5)
    assert radius.min() >= 0.15 - 1e-6
    assert radius.max() <= 1.5 + 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_normal_scatter_of_that_size_in_both_directions(name: Any) -> None:
    """4000 points: the variance of each direction scatters by √(2/4000) = 2.2 %; four times that is allowed."""
    scatter = points(name, 4000, 0.3)[0] - points(name, 4000, 0.0)[0]
    np.testing.assert_allclose(scatter.var(axis=0), 0.09, rtol=0.09)
    assert abs(np.corrcoef(scatter.T)[0, 1]) < 4 / math.sqrt(4000)


@pytest.mark.parametrize("name", NAMES)
def test_places_are_spread_evenly_along_the_theorys_curves(name: Any) -> None:
    """Mean and second moments of 20 000 points against the curve's own; standard errors are below 0.01."""
    features, labels = points(name, 20_000, 0.0)
    for label, curve in enumerate(curves(name)):
        mine = features[labels == label]
        np.testing.assert_allclose(mine.mean(0), curve.mean(0), atol=0.04)
        np.testing.assert_allclose(mine.T @ mine / len(mine), curve.T @ curve / len(curve), atol=0.04)
