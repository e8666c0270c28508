"""One computation for everybody with the same settings, none shared that stands on a visitor's own data."""

from __future__ import annotations

import dataclasses
import gc
import json
import threading
import time
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from bnviz.labs.course import LABS
from bnviz.teaching.lab import LiveTopic
from bnviz.ui import cache
from bnviz.ui.player import ReadyScene
from bnviz.ui.runs import shipped_result

LAYER = next(lab for lab in LABS if lab.name == "layer").topics[0]


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


def test_no_session_can_change_what_another_sees() -> None:
    lesson, _ = counted()
    settings = lesson.settings(seed=4713, steps=2)
    result = cache.result(lesson, settings, None)
    for array in (result.batch_mean, result.stages["input"].counts):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 99


def test_a_visitors_own_data_are_never_kept() -> None:
    lesson, calls = counted()
    settings = lesson.settings(source="upload", steps=2)
    for seed in range(2):
        table = np.random.default_rng(seed).normal(size=(200, 5)).astype(np.float32)
        cache.result(lesson, settings, table)
    assert len(calls) == 2


def test_what_fails_is_asked_again_and_nobody_waits_for_ever() -> None:
    shared, asked = cache.Shared(2), []

    def refuse() -> None:
        asked.append(1)
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            shared.get("a", refuse)
    assert len(asked) == 2
    assert shared.get("a", lambda: 3) == 3


def test_the_oldest_goes_first_and_a_class_computes_once() -> None:
    shared, made = cache.Shared(2), []

    def make(key: str) -> str:
        time.sleep(0.01)
        made.append(key)
        return key

    for key in "abacaba":
        assert shared.get(key, lambda key=key: make(key)) == key
    assert made == ["a", "b", "c", "b"]
    with ThreadPoolExecutor(8) as everybody:
        assert set(everybody.map(lambda _: shared.get("d", lambda: make("d")), range(8))) == {"d"}
    assert made.count("d") == 1


def test_one_new_thing_after_another_does_not_push_out_what_is_asked_for_again() -> None:
    clock = [0.0]
    shared, made = cache.Shared(8, clock=lambda: clock[0]), Counter[str]()

    def ask(*keys: str) -> None:
        for key in keys:
            shared.get(key, lambda key=key: made.update([key]))

    ask(*"abcabc")
    ask(*(f"new {number}" for number in range(100)))
    ask(*"abc")
    assert [made[key] for key in "abc"] == [1, 1, 1]
    clock[0] += cache.LATELY_S  # what nobody has looked at since gives way to what is looked at now
    ask(*"defghijk" * 3)
    assert [made[key] for key in "defghijk"] == [1] * 8
    assert shared.taken == 8


class Key:
    """What something is asked for by, which is seen to be let go of."""


def test_large_values_push_out_more_and_what_fails_takes_room_too() -> None:
    shared, made = cache.Shared(10, lambda value: value or 1), []

    def make(value: int) -> int:
        made.append(value)
        return value

    for value in (4, 5, 4, 7, 5, 7):
        assert shared.get(value, lambda value=value: make(value)) == value
    assert made == [4, 5, 7, 5, 7]
    kept: weakref.WeakSet[Key] = weakref.WeakSet()
    for _ in range(100):
        kept.add(key := Key())
        with pytest.raises(ZeroDivisionError):
            shared.get(key, lambda: 1 // 0)
    del key
    gc.collect()
    assert 1 <= len(kept) <= 10


def test_who_leaves_does_not_wait_for_what_another_makes() -> None:
    shared, begun, done = cache.Shared(2), threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert done.wait(30)
        return 1

    def left(before: int) -> None:
        raise InterruptedError

    with ThreadPoolExecutor(1) as first:
        value = first.submit(shared.get, "a", slow)
        assert begun.wait(30)
        with pytest.raises(InterruptedError):
            shared.get("a", slow, left)
        done.set()
        assert value.result(30) == 1


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_pictures_are_drawn_once_for_each_language(lab: Any) -> None:
    drawn: list[str] = []

    def noted(draw: Any) -> Any:
        def note(result: Any, language: Any) -> Any:
            drawn.append(language)
            return draw(result, language)

        return note

    topic = lab.topics[0]
    draws = tuple(noted(draw) for draw in topic.pictures)
    result = shipped_result(topic) if isinstance(topic, LiveTopic) else topic.compute(topic.opening)
    for language in ("en", "zh", "en"):
        ready = cache.drawings(draws, result, topic.name, language, keep=True)
        assert len(ready) == len(draws)
    assert drawn == ["en"] * len(draws) + ["zh"] * len(draws)
    cache.drawings(draws, result, topic.name, "en", keep=False)
    assert len(drawn) == 3 * len(draws)


def test_large_results_are_not_kept_by_the_drawings_made_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = cache.Shared(cache.DRAWING_BYTES, cache._weigh_drawn)
    monkeypatch.setattr(cache, "_drawings", drawings)
    made: list[int] = []

    def draw(number: int) -> tuple[Any, ...]:
        made.append(number)
        return np.zeros(cache.DRAWING_BYTES // 4, np.uint8), None, ()

    for number in (0, 1, 2, 3, 0, 4, 0, 1):
        cache.drawn(number, lambda number=number: draw(number))
    assert made == [0, 1, 2, 3, 4, 1]


def test_drawings_are_a_few_however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_drawings", cache.Shared(cache.DRAWING_BYTES, cache._weigh_drawn))
    made: list[int] = []
    for number in (*range(65), 0, 64):
        cache.drawn(number, lambda number=number: made.append(number))
    assert made == [*range(65), 0]


def test_a_scene_is_the_same_wherever_its_playhead_starts() -> None:
    settings = LAYER.settings(seed=4711, steps=12)
    (scene,) = cache.drawings(LAYER.pictures[:1], cache.result(LAYER, settings, None), "layer", "en", keep=True)
    assert isinstance(scene, ReadyScene)
    headers = []
    for step in (0, 11):
        content = scene.content(step)
        length = int.from_bytes(content[:4], "little")
        assert (length + 4) % 8 == 0
        headers.append(json.loads(content[4 : 4 + length]))
        assert content[4 + length :] == scene.scene.block
    assert [header.pop("start") for header in headers] == [0, 11]
    assert headers[0] == headers[1]
