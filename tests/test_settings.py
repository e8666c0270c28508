"""The parameter table: bounds, defaults, links, and errors that name what is wrong."""

from __future__ import annotations

import gc
import re
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz.errors import BnvizError, SettingError, UnknownSettingError
from bnviz.labs.course import TOPICS
from bnviz.settings import (
    Affine,
    BatchSize,
    Eps,
    LabSettings,
    Mode,
    Momentum,
    Momentums,
    Seed,
    fields,
    from_query,
    reader,
    to_query,
)

LAYER = next(topic for topic in TOPICS if topic.id == "layer")


class Sample(LabSettings):
    """One setting of every kind."""

    batch_size: BatchSize = 32
    momentum: Momentum = 0.1
    momentums: Momentums = (0.01, 0.1, "cumulative")
    mode: Mode = "train"
    affine: Affine = True
    eps: Eps = 1e-5
    seed: Seed = 0


def test_a_link_of_the_issue_is_understood() -> None:
    settings, problems = from_query(Sample, {"momentums": "0.01,0.1,cumulative", "batch_size": "16"})
    assert not problems
    assert settings == Sample(momentums=(0.01, 0.1, "cumulative"), batch_size=16)


def test_a_bad_value_is_reported_by_name_with_its_bounds_and_the_rest_is_kept() -> None:
    settings, problems = from_query(Sample, {"momentum": "3", "batch_size": "16", "colour": "red"})
    assert settings == Sample(batch_size=16)
    assert str(problems[0]) == (
        "momentum must be a number above 0 and at most 1, or cumulative; got 3, so 0.1 is used."
    )
    assert isinstance(problems[1], UnknownSettingError)
    assert problems[0].text("zh") == "momentum 须为大于 0 且不超过 1 的数，或 cumulative；收到的是 3，现改用 0.1。"


def test_an_empty_value_has_a_name() -> None:
    (problem,) = from_query(Sample, {"momentum": " "})[1]
    assert "; got an empty value, so" in str(problem)
    assert "收到的是空值，现改用 0.1。" in problem.text("zh")


def test_a_value_that_does_not_go_with_a_default_gives_way_alone_and_is_named() -> None:
    maps = next(topic for topic in TOPICS if topic.id == "convolution.maps")
    query = {"normalizer": "group", "batch_size": "3", "channels": "3"}
    read, (problem,) = from_query(maps.settings, query)
    assert to_query(read) == {"normalizer": "group", "batch_size": "3"}
    assert str(problem) == (
        "channels cannot be 3 here, so 4 is used: groups must be a divisor of the 3 channels; got 2."
    )


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_every_refusal_names_the_value_and_what_is_used_and_is_chinese_without_gaps(topic: Any) -> None:
    for name in topic.settings.names():
        for wrong_value in ("", "no such value", "-1e9"):
            for problem in from_query(topic.settings, {name: wrong_value})[1]:
                used = to_query(topic.opening, full=True)[name] or "an empty value"
                assert f"got {wrong_value or 'an empty value'}, so {used} is used." in str(problem)
                told = problem.text("zh")
                assert told.startswith(f"{name} 须为")
                assert told.count("须为") == 1
                assert not re.search("[一-鿿，。；：] [一-鿿]|[一-鿿][0-9A-Za-z]|[0-9A-Za-z][一-鿿]|在.*内", told), told


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"momentum": 0.0}, "momentum"),
        ({"momentum": 1.01}, "momentum"),
        ({"momentum": float("nan")}, "momentum"),
        ({"momentum": "average"}, "momentum"),
        ({"momentums": ()}, "momentums"),
        ({"momentums": (0.1,) * 7}, "momentums"),
        ({"momentums": (0.1, 2)}, "momentums"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 1025}, "batch_size"),
        ({"batch_size": 1.5}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"eps": 0}, "eps"),
        ({"eps": 1.5}, "eps"),
        ({"eps": float("inf")}, "eps"),
        ({"mode": "test"}, "mode"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31}, "seed"),
    ],
)
def test_out_of_bounds_is_refused_by_name(values: dict[str, Any], name: str) -> None:
    with pytest.raises(SettingError) as caught:
        Sample(**values)
    assert caught.value.name == name
    assert str(caught.value).startswith(f"{name} must be ")


def test_unknown_fields_and_assignment_are_refused() -> None:
    with pytest.raises(UnknownSettingError, match="learning_speed"):
        Sample(learning_speed=1)
    with pytest.raises(ValueError, match="frozen"):
        Sample().seed = 3  # type: ignore[misc]


def test_a_short_link_holds_what_differs_and_a_full_one_everything() -> None:
    settings = Sample(momentum="cumulative", eps=0.03)
    assert to_query(settings) == {"momentum": "cumulative", "eps": "0.03"}
    assert set(to_query(settings, full=True)) == set(Sample.names())


def values_of(settings: type[LabSettings]) -> st.SearchStrategy[dict[str, Any]]:
    """Valid values for some of the fields, drawn from the parameter table itself."""
    strategies: dict[str, st.SearchStrategy[Any]] = {}
    momentum = st.one_of(st.floats(1e-6, 1), st.just("cumulative"))
    for name, field in fields(settings).items():
        if field.kind == "bool":
            strategies[name] = st.booleans()
        elif field.kind == "choice":
            strategies[name] = st.sampled_from(field.choices)
        elif field.kind == "values":
            each = momentum if "cumulative" in field.parameter.stops else st.sampled_from(field.parameter.stops)
            strategies[name] = st.lists(each, min_size=1, max_size=6).map(tuple)
        elif field.integer:
            strategies[name] = st.integers(int(field.low), int(field.high))
        elif "cumulative" in field.parameter.stops:
            strategies[name] = momentum
        else:
            strategies[name] = st.floats(field.low, field.high)
    return st.fixed_dictionaries({}, optional=strategies)


def without_what_does_not_go_together(settings: type[LabSettings], values: dict[str, Any]) -> LabSettings:
    """Settings of `values` but for one that others forbid (channel 9 of 8); the defaults where they forbid a default."""
    while values:
        try:
            return settings(**values)
        except SettingError as error:
            values = {name: value for name, value in values.items() if name != error.name and error.name in values}
    return settings()


@pytest.mark.parametrize("settings", [Sample, *(topic.settings for topic in TOPICS)])
@given(data=st.data())
def test_every_reachable_state_comes_back_from_its_link(settings: type[LabSettings], data: st.DataObject) -> None:
    values = data.draw(values_of(settings))
    chosen = without_what_does_not_go_together(settings, values)
    for full in (False, True):
        assert from_query(settings, to_query(chosen, full=full)) == (chosen, [])


@pytest.mark.parametrize("refused", [{"channel": 63}, {"batch_size": -1}, {"colour": "red"}])
def test_a_refusal_holds_nothing_of_where_it_came_through(refused: dict[str, Any]) -> None:
    class Large:
        pass

    def draw_a_slider() -> weakref.ref[Large]:
        page = Large()
        with pytest.raises(BnvizError):
            LAYER.settings(**refused)
        return weakref.ref(page)

    page = draw_a_slider()
    gc.collect()
    assert page() is None


def test_a_problem_that_is_kept_holds_none_of_the_frames_that_it_came_through() -> None:
    layer = next(topic for topic in TOPICS if topic.id == "layer")
    _, (problem,) = from_query(
        layer.settings, {"channel": "63"}
    )  # what the other settings do not allow, so it was raised
    assert isinstance(problem, SettingError)
    assert problem.__traceback__ is problem.__context__ is problem.__cause__ is None


@pytest.mark.parametrize("settings", [Sample, *(topic.settings for topic in TOPICS)])
@given(data=st.data())
def test_no_query_string_breaks_the_settings(settings: type[LabSettings], data: st.DataObject) -> None:
    names = st.one_of(st.sampled_from(settings.names()), st.text(max_size=20))
    hostile = st.one_of(st.text(max_size=60), st.floats().map(str), st.integers().map(str), st.just("1e999"))
    query = data.draw(st.dictionaries(names, hostile, max_size=8))
    chosen, problems = from_query(settings, query)
    assert isinstance(chosen, settings)
    for problem in problems:
        assert 0 < len(problem.text("zh")) < 1500
    refused = {problem.name for problem in problems if isinstance(problem, SettingError)}
    for name in set(settings.names()):
        is_read = name in query and name not in refused
        assert getattr(chosen, name) == (
            reader(settings, name)(query[name]) if is_read else fields(settings)[name].default
        )


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_every_field_has_words_and_stops_within_its_bounds(topic: Any) -> None:
    for field in fields(topic.settings).values():
        assert field.parameter.label
        assert field.parameter.help
        for stop in field.parameter.stops:
            value = (stop,) if field.kind == "values" else stop
            assert reader(topic.settings, field.name)(str(stop)) == value
