"""The lesson `modes`: what its fixed words claim holds in the runs that they speak of."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from bnviz.labs.modes.freeze_matrix import lesson as modes_freeze_matrix
from bnviz.labs.modes.freeze_matrix.experiment import Way
from bnviz.labs.modes.gap import lesson as modes_gap
from bnviz.labs.modes.influence import lesson as modes_influence
from bnviz.labs.modes.lab import LESSON
from bnviz.labs.modes.momentum_error import lesson as modes_momentum_error
from bnviz.labs.modes.poison import lesson as modes_poison
from bnviz.labs.modes.shared.dispatch import Settings, run
from bnviz.study.verdict import SHOWS

EVERY_PART = pytest.mark.parametrize("part", LESSON.parts, ids=lambda part: part.topic)


@cache
def opened(topic: str, preset: str = "") -> Any:
    """The run of a topic as it opens, or of one of its presets."""
    part = LESSON.topics[topic]
    titles = [entry.title for entry in part.presets]
    return run(part.preset(titles.index(preset)) if preset else part.beginning)


@EVERY_PART
def test_parts_are_whole(part: Any) -> None:
    result = opened(part.topic)
    assert len(part.title) <= 12
    assert part.beginning.topic == part.topic
    assert len({len(values) for values in part.table(result).values()}) == 1
    assert part.headline(result)
    assert all(source.url.startswith("https://") for source in part.sources)
    for place in range(len(part.presets)):
        assert part.preset(place) != part.beginning


@EVERY_PART
def test_theory_explains_what_was_measured(part: Any) -> None:
    rows = part.comparisons(opened(part.topic))
    assert len(rows) >= 2
    assert [row.quantity.text() for row in rows if not row.explained] == []


def test_gap_claims() -> None:
    result = opened("gap")
    assert LESSON.topics["gap"].prediction.correct(result) == modes_gap.SMALL
    early = opened("gap", "10 steps in")
    assert early.left_over[-1] == pytest.approx(1 / 3, abs=0.02)
    assert early.recalibrated[-1, -1] == pytest.approx(early.gap[-1, -1] / 2, rel=0.1)
    assert opened("gap", "Momentum 0.01").left_over[-1] == pytest.approx(0.37, abs=0.005)
    four = opened("gap", "Batch of 4")
    assert four.recalibrated[-1, -1] > 0.85 * four.gap[-1, -1]
    assert four.error_eval[-1] < four.error_train[-1] - 0.04
    assert opened("gap", "Batch of 256").changed[-1] < 0.01
    assert (np.diff(opened("gap", "10 layers").gap[-1, :-1]) > 0).all()


def test_momentum_claims() -> None:
    result = opened("momentum_error")
    assert LESSON.topics["momentum_error"].prediction.correct(result) == modes_momentum_error.HELPS
    assert result.left_over[0] == pytest.approx(0.92, abs=0.005)
    default = opened("momentum_error", "PyTorch's 0.1")
    assert default.left_over[default.chosen] == pytest.approx(1e-4, abs=1e-4)
    assert default.findings[0].low < 0 < default.findings[0].high
    low = opened("momentum_error", "Momentum 0.001")
    assert 0.4 < low.over.mean[low.chosen] < 0.5
    assert low.recalibrated_over.mean < 0.1
    last = opened("momentum_error", "Only the last batch")
    assert (last.findings[0].verdict, last.findings[0].mean > 0) == (SHOWS, True)
    longer = opened("momentum_error", "4 epochs")
    assert longer.findings[0].verdict != SHOWS  # 0.01 has arrived
    assert longer.findings[1].verdict == SHOWS  # 0.001 has not
    one = opened("momentum_error", "Recalibrate once")
    assert one.count_over.mean[0] > one.count_over.mean[-1] + 0.03


def test_freeze_claims() -> None:
    result = opened("freeze_matrix")
    assert LESSON.topics["freeze_matrix"].prediction.correct(result) == modes_freeze_matrix.STATISTICS
    third = Way(requires_grad=False, eval_mode=False, track_running_stats=True)
    assert result.ways[2] == third
    assert result.error_old[2] > result.error_before
    assert opened("freeze_matrix", "Batch norms only").moved[:, -1].all()
    assert opened("freeze_matrix", "1 step").drift[-1] == pytest.approx(0.1, abs=0.02)
    assert opened("freeze_matrix", "100 steps").drift[-1] == pytest.approx(1, abs=0.05)


def test_update_claims() -> None:
    topic = LESSON.topics["update_count"]
    assert topic.prediction.options[topic.prediction.correct(opened("update_count"))] == "twice"
    assert opened("update_count", "Accumulate 16").momentum[1] == pytest.approx(0.815, abs=5e-4)
    assert opened("update_count", "Momentum 0.01").momentum[1] == pytest.approx(0.0394, abs=5e-5)


def test_influence_claims() -> None:
    topic = LESSON.topics["influence"]
    assert topic.prediction.correct(opened("influence")) == modes_influence.BATCH
    assert topic.prediction.correct(opened("influence", "eval()")) == modes_influence.OWN
    assert opened("influence", "Batch of 2").from_others[0] == pytest.approx(0.5, abs=0.01)
    assert opened("influence", "1 layer").others_that_move[0] == 7


def test_poison_claims() -> None:
    correct = LESSON.topics["poison"].prediction.correct
    assert correct(opened("poison")) == correct(opened("poison", "Infinity")) == modes_poison.LOST
    huge = opened("poison", "Infinite square")
    assert correct(huge) == modes_poison.USELESS
    assert np.isfinite(huge.losses).all()
    large = opened("poison", "Merely large")
    assert correct(large) == modes_poison.USELESS
    assert large.forgotten == pytest.approx(100, abs=10)
    assert large.cured_error[large.cures.index("more_batches")] < 0.05
    assert np.isnan(opened("poison", "Step not skipped").cured_error).all()
    assert correct(opened("poison", "Plain average")) == modes_poison.USELESS
    whole = run(Settings(topic="poison", steps=60, poison_at=1000))
    assert correct(whole) == modes_poison.WELL
