"""The best possible boundary and accuracy in the plane, against sampling, kernels and limits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from bnviz.theory.plane import NODES, best_accuracy, curves, posterior

NAMES = ("moons", "circles", "spirals")


@pytest.mark.parametrize(("name", "noise"), [("moons", 0.3), ("circles", 0.5), ("spirals", 0.15)])
def test_the_best_rule_is_right_as_often_as_predicted(name: Any, noise: float) -> None:
    """Points drawn here from the curves; four standard errors of 5000 draws."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 5_000)
    centres = curves(name)[labels, generator.integers(0, NODES, len(labels))]
    drawn = centres + noise * generator.standard_normal(centres.shape)
    share = np.concatenate([posterior(name, part, noise) for part in np.array_split(drawn, 5)])
    hits = ((share > 0.5) == (labels == 1)).mean()
    expected = best_accuracy(name, noise)
    assert hits == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / len(labels)))
    # The rule knows how often it is right: the same number a second time, with less scatter.
    assert np.maximum(share, 1 - share).mean() == pytest.approx(expected, abs=4 * 0.2 / math.sqrt(len(labels)))


def test_the_posterior_is_bayes_rule_on_the_averaged_densities() -> None:
    place = np.array([0.3, -0.2])
    first, second = (
        np.mean([multivariate_normal(centre, 0.04 * np.eye(2)).pdf(place) for centre in curve])
        for curve in curves("moons")
    )
    assert float(posterior("moons", place, 0.2)) == pytest.approx(second / (first + second), rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_limits(name: Any) -> None:
    """Without noise nobody errs and each curve belongs to its class, far out as well; noise only makes it worse."""
    assert best_accuracy(name, 0.0) == 1.0
    assert best_accuracy(name, 0.02) == pytest.approx(1, abs=1e-6)
    rising = [best_accuracy(name, noise) for noise in (0.05, 0.1, 0.2, 0.3, 0.5)]
    assert rising == sorted(rising, reverse=True)
    assert 0.5 < rising[-1] < 0.9
    for label, curve in enumerate(curves(name)):
        assert ((posterior(name, curve, 0.0) > 0.5) == (label == 1)).all()
    assert np.isfinite(posterior(name, np.array([[50.0, -80.0], [0.0, 0.0]]), 0.0)).all()


def test_what_is_symmetric_is_undecided_in_the_middle() -> None:
    for name in ("moons", "spirals"):
        assert float(posterior(name, np.zeros(2), 0.3)) == pytest.approx(0.5, abs=1e-9)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="unknown set of points"):
        curves("squares")  # type: ignore[arg-type]
    for use in (lambda: best_accuracy("moons", -0.1), lambda: posterior("moons", np.zeros(2), -0.1)):
        with pytest.raises(ValueError, match="noise"):
            use()
