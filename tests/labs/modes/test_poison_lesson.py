"""The lesson `poison` of the lab `modes`: what its fixed words claim holds in the runs that they speak of."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bnviz.labs.modes.poison import lesson
from bnviz.labs.modes.poison.experiment import run
from bnviz.labs.modes.poison.lesson import TOPIC
from bnviz.labs.modes.poison.result import Result
from bnviz.labs.modes.poison.settings import Settings


@cache
def opened(preset: str = "") -> Result:
    """The run of the topic as it opens, or of one of its presets."""
    return run(TOPIC.preset(preset) if preset else TOPIC.opening)


def test_what_the_texts_claim_holds() -> None:
    correct = TOPIC.prediction.correct
    assert correct(opened()) == correct(opened("infinity")) == lesson.LOST
    huge = opened("infinite_square")
    assert correct(huge) == lesson.USELESS
    assert np.isfinite(huge.losses).all()
    large = opened("merely_large")
    assert correct(large) == lesson.USELESS
    assert large.forgotten == pytest.approx(100, abs=10)
    assert large.cured_error[large.cures.index("more_batches")] < 0.05
    assert np.isnan(opened("step_not_skipped").cured_error).all()
    assert correct(opened("plain_average")) == lesson.USELESS
    whole = run(Settings(steps=60, poison_at=1000))
    assert correct(whole) == lesson.WELL
