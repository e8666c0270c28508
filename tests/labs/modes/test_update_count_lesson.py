"""The lesson `update_count` of the lab `modes`: what its fixed words claim holds in the runs that they speak of."""

from __future__ import annotations

from functools import cache

import pytest

from bnviz.labs.modes.update_count.experiment import run
from bnviz.labs.modes.update_count.lesson import TOPIC
from bnviz.labs.modes.update_count.result import Result


@cache
def opened(preset: str = "") -> Result:
    """The run of the topic as it opens, or of one of its presets."""
    return run(TOPIC.preset(preset) if preset else TOPIC.opening)


def test_what_the_texts_claim_holds() -> None:
    assert TOPIC.prediction.options[TOPIC.prediction.correct(opened())] == "twice"
    assert opened("accumulate_16").momentum[1] == pytest.approx(0.815, abs=5e-4)
    assert opened("momentum_0_01").momentum[1] == pytest.approx(0.0394, abs=5e-5)
