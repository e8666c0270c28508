"""One computation for everybody with the same settings, none shared that stands on a visitor's own data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from bnviz.lessons.course import LESSONS
from bnviz.ui import cache

LAYER = next(lesson for lesson in LESSONS if lesson.name == "layer")


def counted() -> tuple[Any, list[Any]]:
    calls: list[Any] = []

    def run(settings: Any, data: Any) -> Any:
        calls.append(settings)
        return LAYER.run(settings, data)

    return dataclasses.replace(LAYER, run=run), calls


def test_the_same_settings_are_computed_once() -> None:
    lesson, calls = counted()
    settings = lesson.settings(seed=4711, steps=2)
    first, second = (cache.result(lesson, settings, None) for _ in range(2))
    assert len(calls) == 1
    np.testing.assert_array_equal(first.batch_mean, second.batch_mean)
    cache.result(lesson, settings.replace(seed=4712), None)
    assert len(calls) == 2


def test_what_one_session_does_to_its_result_no_other_sees() -> None:
    lesson, _ = counted()
    settings = lesson.settings(seed=4713, steps=2)
    cache.result(lesson, settings, None).batch_mean[:] = 99
    assert not (cache.result(lesson, settings, None).batch_mean == 99).any()


def test_a_visitors_own_data_are_never_kept() -> None:
    lesson, calls = counted()
    settings = lesson.settings(source="upload", steps=2)
    for seed in range(2):
        table = np.random.default_rng(seed).normal(size=(200, 5)).astype(np.float32)
        cache.result(lesson, settings, table)
    assert len(calls) == 2
