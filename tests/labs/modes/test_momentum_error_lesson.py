"""The lesson `momentum_error` of the lab `modes`: what its fixed words claim holds in the runs that they speak of."""

from __future__ import annotations

from functools import cache

import pytest

from bnviz.labs.modes.momentum_error import lesson
from bnviz.labs.modes.momentum_error.experiment import run
from bnviz.labs.modes.momentum_error.lesson import TOPIC
from bnviz.labs.modes.momentum_error.result import Result
from bnviz.study.verdict import SHOWS


@cache
def opened(preset: str = "") -> Result:
    """The run of the topic as it opens, or of one of its presets."""
    return run(TOPIC.preset(preset) if preset else TOPIC.opening)


def test_what_the_texts_claim_holds() -> None:
    result = opened()
    assert TOPIC.prediction.correct(result) == lesson.HELPS
    assert result.left_over[0] == pytest.approx(0.92, abs=0.005)
    default = opened("pytorch_default")
    assert default.left_over[default.chosen] == pytest.approx(1e-4, abs=1e-4)
    assert default.findings[0].low < 0 < default.findings[0].high
    low = opened("momentum_0_001")
    assert 0.4 < low.over.mean[low.chosen] < 0.5
    assert low.recalibrated_over.mean < 0.1
    last = opened("only_the_last_batch")
    assert (last.findings[0].verdict, last.findings[0].mean > 0) == (SHOWS, True)
    longer = opened("four_epochs")
    assert longer.findings[0].verdict != SHOWS  # 0.01 has arrived
    assert longer.findings[1].verdict == SHOWS  # 0.001 has not
    one = opened("recalibrate_once")
    assert one.count_over.mean[0] > one.count_over.mean[-1] + 0.03
