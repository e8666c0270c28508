"""Widgets from the parameter table: one kind of widget for each kind of setting."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import streamlit as st

from bnviz.errors import BnvizError, SettingError
from bnviz.i18n import LANGUAGES, Language, closed_up, translator
from bnviz.plot.numbers import short
from bnviz.settings import LabSettings, SettingField, fields
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab
from bnviz.ui import drag, visit
from bnviz.ui.drag import Held
from bnviz.ui.visit import LabState

R = TypeVar("R")
ROW_PIXELS: Final = 198  # of the column of controls on a projector; see `_fit_a_row`
BUTTON_PIXELS: Final = 32
LETTER_PIXELS: Final = 6.2


def draw(state: LabState, language: Language) -> bool:
    """Draw the controls of the topic and put what they say into `state.settings`; whether a slider is being dragged."""
    _ = translator(language)
    topic = state.topic
    held = drag.held() if isinstance(topic, InstantTopic) else None
    if state.shown:
        _draw_some(state, visible(state), held, language)
        return held is not None
    _draw_some(state, topic.controls, held, language)
    if topic.more and st.toggle(_("More"), key=f"{topic.id}:more"):
        _draw_some(state, topic.more, held, language)
    return held is not None


def visible(state: LabState) -> tuple[str, ...]:
    """The settings of the topic that the visitor may see and, where they are not locked, change."""
    topic = state.topic
    return tuple(name for name in (*topic.controls, *topic.more) if not state.shown or name in state.shown)


def resting(state: LabState) -> tuple[str, ...]:
    """The settings of the topic on which nothing depends at the others."""
    return tuple(name for name in visible(state) if not state.topic.applies(state.settings, name))


def free(state: LabState, changes: Iterable[str]) -> bool:
    """Whether the visitor may make these changes of settings."""
    return all(name in visible(state) and name not in state.locked for name in changes)


def kept(state: LabState) -> dict[str, Any]:
    """The settings that the visitor may not change, as they are."""
    return {name: getattr(state.settings, name) for name in state.settings.names() if not free(state, (name,))}


def described(topic: AnyTopic, settings: LabSettings, language: Language) -> str:
    """In words, what differs from the topic's opening: `Batch size 2 · Mode eval`."""
    _ = translator(language)
    described = fields(topic.settings)
    changed = [name for name in settings.names() if getattr(settings, name) != getattr(topic.opening, name)]
    return " · ".join(
        f"{_(described[name].parameter.label)} {_value(described[name], getattr(settings, name), language)}"
        for name in changed
    )


def _value(field: SettingField, value: Any, language: Language) -> str:
    _ = translator(language)
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, tuple):
        return _(", ").join(_value(field, one, language) for one in value)
    if isinstance(value, str):
        return _(field.parameter.names.get(value, value))
    return str(value) if isinstance(value, int) else short(value)


def topics(lab: Lab, state: LabState, language: Language) -> None:
    """Where a lab has several topics, let the visitor choose."""
    if len(lab.topics) == 1:
        return
    _ = translator(language)
    key = visit.topic_key(lab.name, language)
    names = [topic.name for topic in lab.topics]
    now = visit.shown(key, state.topic.name, names)
    chosen = st.segmented_control(
        _("Topic"),
        names,
        default=now,
        key=key,
        format_func=lambda name: _(lab.topic(name).title),
        required=True,
        label_visibility="collapsed",
    )
    topic = lab.topic(chosen or state.topic.name)
    if topic is not state.topic:
        settings = lab.carried_over(state.topic, state.settings, topic)
        state.topic = topic
        apply(state, settings)


def apply(state: LabState, settings: LabSettings, preset: str | None = None) -> None:
    """Replace the settings, and let every widget show them."""
    state.settings = settings
    state.preset, state.problems = preset, []
    visit.show_topic(state.topic)
    for language in LANGUAGES:
        for name in settings.names():
            st.session_state.pop(_key(state.topic, name, language), None)


def _key(topic: AnyTopic, name: str, language: Language) -> str:
    """Of the widget of a setting. Streamlit keeps a choice by what it was called, so each language has widgets of its own."""
    return f"{topic.id}:{name}:{language}"


def _draw_some(state: LabState, names: tuple[str, ...], held: Held | None, language: Language) -> None:
    topic = state.topic
    described = fields(topic.settings)
    for name in names:
        idle = not topic.applies(state.settings, name)
        if idle and not topic.applies(topic.opening, name):
            continue  # what the topic opens with does not vanish, it rests
        old = getattr(state.settings, name)
        locked = name in state.locked
        key = _key(topic, name, language)
        new = _widget(described[name], key, state.settings, held, language, idle=idle, locked=locked)
        if new != old and not (idle or locked):
            _change(state, name, new)


def moved(topic: AnyTopic, settings: LabSettings, slider: str, index: int, language: Language) -> LabSettings | None:
    """The settings with the slider of the CSS name `slider` on its stop `index`; None where there is none. Raises: SettingError."""
    described = fields(topic.settings)
    for name in (*topic.controls, *topic.more):
        stops = described[name].parameter.stops
        if stops and described[name].kind != "values" and drag.css_name(_key(topic, name, language)) == slider:
            options = slider_stops(described[name], settings)
            return settings.replace(**{name: options[index]}) if 0 <= index < len(options) else None
    return None


def _change(state: LabState, name: str, value: Any) -> None:
    state.problems, state.preset = [], None
    try:
        state.settings = state.settings.replace(**{name: value})
    except BnvizError as error:
        state.problems = [error.without_frames()]
        culprit = getattr(error, "name", name)
        state.settings = _with_another(state.settings, name, value, culprit)
        if isinstance(error, SettingError):
            used = getattr(state.settings, culprit)
            state.problems = [
                error.replaced(_value(fields(state.topic.settings)[culprit], used, visit.current().language))
            ]


def _with_another(settings: LabSettings, name: str, value: Any, culprit: str) -> LabSettings:
    """`settings` with `value` for `name`, and for the `culprit` its default or else its first stop that goes with it.

    As they are where none does.
    """
    default = getattr(type(settings)(), culprit)
    for other in (default, *fields(type(settings))[culprit].parameter.stops):
        with suppress(BnvizError):
            return settings.replace(**{name: value, culprit: other})
    return settings


def _widget(
    field: SettingField,
    key: str,
    settings: LabSettings,
    held: Held | None,
    language: Language,
    *,
    idle: bool = False,
    locked: bool = False,
) -> Any:
    """What the widget of `field` says; `idle`: it is shown, but nothing depends on it at the other settings; `locked`: it stands still."""
    _ = translator(language)
    value = getattr(settings, field.name)
    label, help_text = _(field.parameter.label), _(field.parameter.help)
    if idle:
        help_text = closed_up(_("Without effect at the other settings.") + " " + help_text)
    if locked:
        help_text = closed_up(_("Locked by the link.") + " " + help_text)
        idle = True

    def named(choice: Any) -> str:
        return _value(field, choice, language)

    shared: dict[str, Any] = {"key": key, "help": help_text, "disabled": idle}
    if field.kind == "bool":
        return st.toggle(label, visit.shown(key, value, (False, True)), **shared)
    if field.kind == "choice":
        now = visit.shown(key, value, field.choices)
        if _fit_a_row([named(choice) for choice in field.choices]):
            choices = {"default": now, "required": True, "format_func": named}
            return st.segmented_control(label, field.choices, **choices, **shared)
        return st.selectbox(label, field.choices, field.choices.index(now), format_func=named, **shared)
    if field.kind == "values":
        options = _with(field.parameter.stops, value)
        now = visit.shown(key, list(value), options)
        chosen = st.pills(label, options, default=now, selection_mode="multi", format_func=named, **shared)
        same = set(chosen) == set(value) or len(chosen) < field.low
        return value if same else tuple(option for option in options if option in chosen)
    if not field.parameter.stops:
        return st.number_input(label, int(field.low), int(field.high), visit.shown(key, value), **shared)
    options = slider_stops(field, settings)
    now = visit.shown(key, value, options)
    committed = st.select_slider(label, options, now, format_func=named, **shared)
    return committed if held is None else held.value(key, options, committed)


def _fit_a_row(labels: Sequence[str]) -> bool:
    """Whether buttons with these labels stand side by side; a Chinese character is as wide as two letters."""
    letters = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for label in labels for letter in label)
    return len(labels) * BUTTON_PIXELS + letters * LETTER_PIXELS <= ROW_PIXELS


def slider_stops(field: SettingField, settings: LabSettings) -> list[Any]:
    """The stops of the slider of `field`, beside `settings`: of those that it has, the ones that may be."""

    def may_be(stop: Any) -> bool:
        try:
            settings.replace(**{field.name: stop})
        except BnvizError:
            return False
        return True

    stops = field.parameter.stops
    if not may_be(stops[-1]):  # where a bound hangs on another setting it cuts off the end
        stops = tuple(stop for stop in stops if may_be(stop))
    return _with(stops, getattr(settings, field.name))


def _with(stops: tuple[Any, ...], value: Any) -> list[Any]:
    """The slider's stops, and `value` in its place among them if a link brought one between two stops."""
    wanted = [*stops, *(value if isinstance(value, tuple | list) else [value])]
    numbers = sorted({stop for stop in wanted if not isinstance(stop, str)})
    return [*numbers, *dict.fromkeys(stop for stop in wanted if isinstance(stop, str))]
