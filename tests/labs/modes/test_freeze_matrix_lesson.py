"""The lesson `freeze_matrix` of the lab `modes`: what its fixed words claim holds in the runs that they speak of."""

from __future__ import annotations

from functools import cache

import pytest

from bnviz.labs.modes.freeze_matrix import lesson
from bnviz.labs.modes.freeze_matrix.experiment import run
from bnviz.labs.modes.freeze_matrix.lesson import TOPIC
from bnviz.labs.modes.freeze_matrix.result import Result, Way


@cache
def opened(preset: str = "") -> Result:
    """The run of the topic as it opens, or of one of its presets."""
    return run(TOPIC.preset(preset) if preset else TOPIC.opening)


def test_what_the_texts_claim_holds() -> None:
    result = opened()
    assert TOPIC.prediction.correct(result) == lesson.STATISTICS
    third = Way(requires_grad=False, eval_mode=False, track_running_stats=True)
    assert result.ways[2] == third
    assert result.error_old[2] > result.error_before
    assert opened("batch_norms_only").moved[:, -1].all()
    assert opened("one_step").drift[-1] == pytest.approx(0.1, abs=0.02)
    assert opened("hundred_steps").drift[-1] == pytest.approx(1, abs=0.05)
