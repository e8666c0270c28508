"""The lesson `influence` of the lab `modes`: what its fixed words claim holds in the runs that they speak of."""

from __future__ import annotations

from functools import cache

import pytest

from bnviz.labs.modes.influence import lesson
from bnviz.labs.modes.influence.experiment import run
from bnviz.labs.modes.influence.lesson import TOPIC
from bnviz.labs.modes.influence.result import Result


@cache
def opened(preset: str = "") -> Result:
    """The run of the topic as it opens, or of one of its presets."""
    return run(TOPIC.preset(preset) if preset else TOPIC.opening)


def test_what_the_texts_claim_holds() -> None:
    assert TOPIC.prediction.correct(opened()) == lesson.BATCH
    assert TOPIC.prediction.correct(opened("eval_mode")) == lesson.OWN
    assert opened("batch_of_2").from_others[0] == pytest.approx(0.5, abs=0.01)
    assert opened("one_layer").others_that_move[0] == 7
