"""Whether a training that was run again is the one that was kept, on whatever processor.

Processors round differently, and training amplifies the difference: after hundreds of steps a network is another sample of
what its seed may become. So a kept run is the same as today's if both start alike, and end alike within sampling error.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
IMAGE = 1.001 / 450  # of the test images
DEVIATIONS = 4.0


def assert_same_beginning(now: Floats, kept: Floats, calm: list[int] | slice = slice(None), points: int = 2) -> None:
    """The accuracies (V, S, E) of some of the seeds `kept` (V, S' ≥ S, E): alike within an image before the first step, and for
    the `calm` variants, which amplify rounding slowly, over the first `points` recorded points."""
    some = kept[:, : now.shape[1]]
    np.testing.assert_allclose(now[:, :, 0], some[:, :, 0], rtol=0, atol=IMAGE)
    np.testing.assert_allclose(now[calm, :, :points], some[calm, :, :points], rtol=0, atol=IMAGE)


def assert_same_outcome(now: Floats, kept: Floats) -> None:
    """The figures (V, S) of some of the seeds `kept` (V, S' ≥ S): their means differ by no more than two samples of that size may.

    The deviation between seeds is the kept one; there are at least six.
    """
    seeds = now.shape[1]
    assert kept.shape[1] >= 6
    allowed = DEVIATIONS * kept.std(axis=1, ddof=1) * np.sqrt(2 / seeds) + IMAGE
    difference = np.abs(now.mean(axis=1) - kept[:, :seeds].mean(axis=1))
    assert (difference <= allowed).all(), f"differences {difference}, allowed {allowed}"
