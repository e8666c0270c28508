"""The pictures of the topic `backward` of the lab `modes` as data: what is drawn is what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.labs.modes.backward import figures
from bnviz.labs.modes.backward.experiment import run
from bnviz.labs.modes.backward.settings import Settings
from tests.pictures import trace_of

SMALL: dict[str, Any] = {"depth": 2, "width": 16, "batch_size": 8, "steps": 6}


def test_what_is_drawn_is_what_was_measured() -> None:
    result = run(Settings(**SMALL))
    cosines = figures.backward_cosine(result)
    np.testing.assert_array_equal(trace_of(cosines, "statistics of this batch")["y"], result.cosine_same)
    np.testing.assert_array_equal(trace_of(cosines, "running statistics")["y"], result.cosine_running)
    for draw, values in ((figures.backward_loss, result.loss), (figures.backward_weights, result.weight_norm)):
        for way, name in enumerate(("gradient of train mode", "gradient of eval mode")):
            np.testing.assert_array_equal(trace_of(draw(result), name)["y"], values[way])
    kept = figures.backward_kept(result)
    np.testing.assert_array_equal(trace_of(kept, "passes")["y"], result.kept)
    np.testing.assert_array_equal(trace_of(kept, "theory")["y"], result.kept_theory)
    assert trace_of(kept, "1 − 2/m")["y"] == [0.75, 0.75]
