"""Widgets from the parameter table: one kind of widget for each kind of setting."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import streamlit as st

from bnviz.errors import BnvizError
from bnviz.i18n import Translate
from bnviz.settings import LabSettings, SettingField, fields
from bnviz.teaching.lab import Lesson
from bnviz.ui import visit
from bnviz.ui.visit import LabState

R = TypeVar("R")
ROW_PIXELS: Final = 198  # of the column of controls on a projector; see `_fit_a_row`
BUTTON_PIXELS: Final = 32
LETTER_PIXELS: Final = 6.2


def draw(lesson: Lesson[Any, Any], state: LabState, _: Translate) -> None:
    """Draw the lab's controls and put what they say into `state.settings`."""
    _draw_some(lesson, state, lesson.controls, _)
    if lesson.more and st.toggle(_("More"), key=f"{lesson.name}:more"):
        _draw_some(lesson, state, lesson.more, _)


def topics(lesson: Lesson[Any, Any], state: LabState, _: Translate) -> None:
    """Where a lab has several topics, let the visitor choose; what they share keeps its value."""
    if not lesson.topics:
        return
    key = _key(lesson, "topic")
    now = visit.shown(key, lesson.on(state.settings).topic)
    chosen = st.segmented_control(
        _("Topic"), list(lesson.topics), default=now, key=key, format_func=lambda topic: _(lesson.topics[topic].title),
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    part = lesson.topics[chosen or lesson.topic]
    if part is lesson.on(state.settings):
        return
    try:
        settings = state.settings.replace(**part.opening)
    except BnvizError:
        settings = part.beginning
    apply(lesson, state, settings)


def apply(lesson: Lesson[Any, Any], state: LabState, settings: LabSettings, preset: int | None = None) -> None:
    """Replace the settings, and let every widget show them."""
    state.settings = settings
    state.preset, state.problems = preset, []
    for name in lesson.settings.names():
        if name != "topic":
            st.session_state.pop(_key(lesson, name), None)


def _key(lesson: Lesson[Any, Any], name: str) -> str:
    return f"{lesson.name}:{name}"


def _draw_some(lesson: Lesson[Any, Any], state: LabState, names: tuple[str, ...], _: Translate) -> None:
    described = fields(lesson.settings)
    for name in names:
        if not lesson.applies(state.settings, name):
            continue
        old = getattr(state.settings, name)
        new = _widget(described[name], _key(lesson, name), old, _)
        if new != old:
            _change(state, name, new)


def _change(state: LabState, name: str, value: Any) -> None:
    state.problems, state.preset = [], None
    try:
        state.settings = state.settings.replace(**{name: value})
    except BnvizError as error:
        state.problems = [error]
        default: LabSettings = type(state.settings)()
        culprit = getattr(error, "name", name)
        state.settings = state.settings.replace(**{name: value, culprit: getattr(default, culprit)})


def _widget(field: SettingField, key: str, value: Any, _: Translate) -> Any:
    label, help_text = _(field.parameter.label), _(field.parameter.help)

    def named(choice: Any) -> str:
        return _(field.parameter.names.get(choice, choice)) if isinstance(choice, str) else _shown(choice)

    now = visit.shown(key, list(value) if field.kind == "values" else value)
    if field.kind == "bool":
        return st.toggle(label, now, key=key, help=help_text)
    if field.kind == "choice" and _fit_a_row([named(choice) for choice in field.choices]):
        return st.segmented_control(
            label, field.choices, default=now, key=key, help=help_text, required=True, format_func=named
        )
    if field.kind == "choice":
        return st.selectbox(label, field.choices, field.choices.index(now), key=key, help=help_text, format_func=named)
    if field.kind == "values":
        options = _with(field.parameter.stops, [*value, *now])
        chosen = st.pills(
            label, options, default=now, key=key, help=help_text, selection_mode="multi", format_func=named
        )
        same = not chosen or set(chosen) == set(value)
        return value if same else tuple(option for option in options if option in chosen)
    if not field.parameter.stops:
        return st.number_input(label, int(field.low), int(field.high), now, key=key, help=help_text)
    options = _with(field.parameter.stops, now)
    return st.select_slider(label, options, now, key=key, help=help_text, format_func=named)


def _fit_a_row(labels: Sequence[str]) -> bool:
    """Whether buttons with these labels stand side by side; a Chinese character is as wide as two letters."""
    letters = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for label in labels for letter in label)
    return len(labels) * BUTTON_PIXELS + letters * LETTER_PIXELS <= ROW_PIXELS


def _with(stops: tuple[Any, ...], value: Any) -> list[Any]:
    """The slider's stops, and `value` in its place among them if a link brought one between two stops."""
    wanted = [*stops, *(value if isinstance(value, tuple | list) else [value])]
    numbers = sorted({stop for stop in wanted if not isinstance(stop, str)})
    return [*numbers, *dict.fromkeys(stop for stop in wanted if isinstance(stop, str))]


def _shown(value: Any) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text.replace("e-0", "e-").replace("-", "−", 1 if value < 0 else 0)
