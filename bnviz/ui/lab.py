"""The scaffold of every lab: question, controls, prediction, picture, and the views behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bnviz.errors import BnvizError, UploadError
from bnviz.i18n import N_, Language, Translate, closed_up, translator
from bnviz.labs.cases.catalogue import QUESTION as CASES_QUESTION
from bnviz.plot.numbers import glued
from bnviz.settings import LabSettings, fields
from bnviz.study.verdict import caution
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab, LiveTopic
from bnviz.ui import (
    assets,
    cache,
    classroom,
    comparing,
    controls,
    drag,
    live,
    navigation,
    pictures_route,
    share,
    uploads,
    views,
    visit,
)
from bnviz.ui.cache import Ready
from bnviz.ui.compute_queue import processor_seconds
from bnviz.ui.player import ReadyScene
from bnviz.ui.problems import tell
from bnviz.ui.turns import TURNS
from bnviz.ui.visit import LabState

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


NUDGE: Final = 1e-7
"""Relative change of the learning rate: about one rounding of float32."""
VIEW_TITLES = {
    "picture": N_("Picture"),
    "theory": N_("Against theory"),
    "formula": N_("Formula"),
    "code": N_("Code"),
    "data": N_("Data"),
    "sources": N_("Sources"),
}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where on the page what follows the settings stands; None where there is no such place."""

    picture: DeltaGenerator
    controls: DeltaGenerator
    below: DeltaGenerator
    line: DeltaGenerator | None
    """Under the title; not before the question is answered."""
    row: tuple[DeltaGenerator, DeltaGenerator] | None
    """Of Back and Reset, and of Share; not on an embedded page."""


def show(lab: Lab) -> None:
    """The page of `lab`: what stays while its settings change, around what follows them."""
    state = visit.lab_state(lab)
    language = visit.current().language
    _ = translator(language)
    share.follow_browser(lab, state)
    before = state.topic, state.settings
    head = st.container(key="head")
    controls.topics(lab, state, language)
    visit.remember(state, before)
    embedded = bool(st.context.is_embedded)  # in a frame of somebody else's page: one picture with its controls
    drawn, state.drawn = state.drawn, (state.topic.name, _asks(state))
    row = None if embedded else _presets(state, language)
    picture, control = st.columns([3.6, 1], gap="medium")
    parent: Any = st
    if drawn != state.drawn:
        # What belongs to another question goes before this one is put, however long its own picture takes.
        picture, parent = picture.empty(), st.empty()
    below = parent.container(key="below")
    line = None
    if not embedded:
        head.markdown("# " + _(state.topic.question))
        line = None if _asks(state) else head.empty()
    _body(lab, state, _around(state), _Places(picture, control, below, line, row), language)
    if embedded:
        return
    if state.view == "picture" and not _asks(state):
        below.markdown(state.topic.text(language, own_data=state.upload is not None))
    _onward(lab, _)


def _asks(state: LabState) -> bool:
    """Whether the question stands before the picture."""
    if not visit.current().predict or state.topic.name in state.guesses or st.context.is_embedded:
        return False
    asked = state.topic.prediction.asked
    return asked is None or asked(state.settings)


def _around(state: LabState) -> tuple[Any, ...]:
    """What decides the part of the page that stays; which controls rest, too: one may stand above what lets it rest."""
    return state.topic, state.preset, state.view, _asks(state), controls.resting(state), state.upload is None


@st.fragment
def _body(lab: Lab, state: LabState, around: tuple[Any, ...], places: _Places, language: Language) -> None:
    """What follows the settings. A movement of a slider runs this alone, and no browser draws again what stays.

    `around`: what decided the rest of the page, which is drawn again where that has changed.
    """
    with TURNS.take(whole=False):
        _follow(lab, state, around, places, language)


def _follow(lab: Lab, state: LabState, around: tuple[Any, ...], places: _Places, language: Language) -> None:
    start, _ = processor_seconds(), translator(language)
    _stay(state, around)
    topic, before = state.topic, (state.topic, state.settings)
    with places.controls, st.container(key="controls"):
        above = st.container()
        dragging = controls.draw(state, language)
        state.upload = upload = uploads.draw(topic, state, language, above)
        data = None if upload is None else upload.values
        aside = st.container(key="aside")
    with places.below:  # always written to: Streamlit gives a fragment its place there in a whole run only
        below = st.container(key="pictures")
    visit.remember(state, before, dragging=dragging)
    _stay(state, around)
    if topic.finding is None:
        _say(places.line, state, None, language)
    result = None
    with places.picture, st.container(key="picture"):
        _problems(state.problems, language)
        try:
            result = _picture(state, data, places, below, aside, language)
        except BnvizError as error:
            # No run speaks; and a fragment may write only where the whole run did.
            if topic.finding is not None:
                _say(places.line, state, None, language)
            _explain(error, state, language)
    _stay(state, around)
    if places.row is not None:
        with places.row[0]:
            _history(state, _)
        with places.row[1]:
            share.draw(_(lab.title), visit.link(lab, state), language, _about(lab, state, result, language))
    if isinstance(topic, InstantTopic):
        with places.controls:
            drag.listen(processor_seconds() - start, _ahead(lab, state, language))


def _ahead(lab: Lab, state: LabState, language: Language) -> drag.Ahead | None:
    """Where the next pictures come from before the script runs; None where only that can draw them."""
    if _asks(state) or state.upload is not None or state.view not in pictures_route.VIEWS:
        return None
    url = assets.url(f"{pictures_route.PATH}/{lab.name}/{language}")
    return drag.Ahead(
        url, urlencode(lab.to_query(state.topic, state.settings)), state.view, visit.pin_query(lab, state)
    )


def _stay(state: LabState, around: tuple[Any, ...]) -> None:
    """Run the whole page where the part of it that stays has to change."""
    if _around(state) != around:
        st.rerun()


def _picture(
    state: LabState,
    data: NDArray[np.float32] | None,
    places: _Places,
    below: DeltaGenerator,
    aside: DeltaGenerator,
    language: Language,
) -> Any:
    """The question before the picture, or what the settings lead to, as the visitor wants to see it; returns that, if it is known."""
    topic, asking = state.topic, _asks(state)
    if not isinstance(topic, LiveTopic):
        result = cache.result(topic, state.settings, data)
        if asking and topic.prediction.correct(result) is None:
            state.guesses[topic.name] = visit.NOT_ASKED  # the part of the page that stays is drawn again for that
            return result
    else:
        result = None if asking else live.result(topic, state, data, language, below, aside)
    if topic.finding is not None:
        _say(places.line, state, result, language)
    if asking:
        views.ask(topic, state, language)
    elif result is not None:
        show = _views if places.row is not None else _hero
        show(state, result, language, below, kept=data is None)
    return result


def _about(lab: Lab, state: LabState, result: Any, language: Language) -> share.About:
    """What Share, a download's foot and a class's teacher are told of the page."""
    _ = translator(language)
    topic = state.topic
    names = [name for name in (*topic.controls, *topic.more) if name in topic.settings.model_fields]
    described = fields(topic.settings)
    return share.About(
        headline=_(topic.question),
        settings=controls.described(topic, state.settings, language),
        controls=tuple((name, _(described[name].parameter.label)) for name in names),
        asked=classroom.askable(lab, state, result),
    )


def _presets(state: LabState, language: Language) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The one-click settings; returns the places of Back and Reset and of Share, at the row's end."""
    _ = translator(language)
    with st.container(key="presets", horizontal=True, gap="small"):
        with st.container(key="tries", horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown("**" + _("Try this") + "**", width="content")
            for preset in state.topic.presets:
                if not controls.free(state, preset.changes):
                    continue
                st.button(
                    _(preset.title),
                    key=f"{state.topic.id}:preset:{preset.name}",
                    type="primary" if state.preset == preset.name else "secondary",
                    on_click=_apply_preset,
                    args=(state, preset.name),
                )
        with st.container(key="tools", horizontal=True, gap="small", width="content"):
            history = st.container(key="history", horizontal=True, gap="small", width="content")
            return history, st.container(key="link", width=82)


def _history(state: LabState, _: Translate) -> None:
    """One change back, and everything back."""
    st.button(
        _("Pin") if state.pinned is None else _("Unpin"),
        key=f"{state.topic.lab}:pin",
        icon=":material/keep:" if state.pinned is None else ":material/keep_off:",
        help=_("Keep this picture, faint behind or beside what follows."),
        on_click=_pin,
        args=(state,),
        type="secondary" if state.pinned is None else "primary",
    )
    st.button(
        _("Back"),
        key=f"{state.topic.lab}:back",
        icon=":material/undo:",
        help=_("Undo the last change."),
        on_click=_go_back,
        args=(state,),
        disabled=not state.history,
    )
    st.button(
        _("Reset"),
        key=f"{state.topic.lab}:reset",
        icon=":material/restart_alt:",
        help=_("Put every setting back to where the page opened."),
        on_click=_reset,
        args=(state,),
        disabled=state.settings == _opening(state),
    )


def _pin(state: LabState) -> None:
    state.pinned = (state.topic, state.settings) if state.pinned is None else None


def _go_back(state: LabState) -> None:
    now = state.topic, state.settings
    while state.history and now == (state.topic, state.settings):  # the browser's own Back may have been there before
        state.topic, state.settings = state.history.pop()
    controls.apply(state, state.settings)


def _reset(state: LabState) -> None:
    before = state.topic, state.settings
    controls.apply(state, _opening(state))
    visit.remember(state, before)


def _opening(state: LabState) -> LabSettings:
    """What Reset sets: the topic's opening, but for what the visitor may not change."""
    opening: LabSettings = state.topic.opening
    return opening.replace(**controls.kept(state))


def _apply_preset(state: LabState, name: str) -> None:
    before = state.topic, state.settings
    controls.apply(state, state.topic.preset(name).replace(**controls.kept(state)), name)
    visit.remember(state, before)


def _onward(lab: Lab, _: Translate) -> None:
    """The question that the next lab answers; after the last, the problems that people reported."""
    following = navigation.lab_after(lab.name)
    question = following.question if following else CASES_QUESTION
    page = navigation.lab_page(following, _) if following else navigation.cases_page(_)
    with st.container(key="onward"):
        label = _("Next question: {question}").format(question=_(question))
        st.page_link(page, label=label, icon=":material/arrow_forward:")


def _say(line: DeltaGenerator | None, state: LabState, result: Any, language: Language) -> None:
    """On the `line` under the title: after a preset, what to look for; else what the run shows, or the answer where it cannot say."""
    if line is None:
        return
    _ = translator(language)
    topic = state.topic
    chosen = next((preset for preset in topic.presets if preset.name == state.preset), None)
    if chosen is not None:
        # A star in it is the name of a quantity, as in N*, and would end the bold type.
        line.markdown(":material/visibility: **" + glued(_(chosen.look_for)).replace("*", r"\*") + "**")
    elif topic.finding is None or result is None:
        line.markdown(glued(_(topic.answer)))
    else:
        line.markdown(glued(closed_up(topic.finding(result, language))))


def _problems(problems: list[BnvizError], language: Language) -> None:
    """What is wrong, except with a file, which its uploader says."""
    tell([problem for problem in problems if not isinstance(problem, UploadError)], language)


def _explain(error: BnvizError, state: LabState, language: Language) -> None:
    """Why there is no picture, and the way back to the last one."""
    _ = translator(language)
    if isinstance(error, UploadError):
        if _refused_file(state):  # "no file yet" would be no news
            st.info(_("There is no picture, since this file cannot be used: the reason stands beneath it."))
        else:
            views.explain_error(error, state.topic, language)
        if controls.free(state, ("source",)):
            label = _("Back to the built-in data")
            st.button(label, key=f"{state.topic.id}:built_in", on_click=_use_built_in, args=(state,))
        return
    views.explain_error(error, state.topic, language)
    if state.history:
        label = _("Back to what worked")
        st.button(label, key=f"{state.topic.id}:undo", on_click=_go_back, args=(state,))


def _use_built_in(state: LabState) -> None:
    """Take the data with which the topic opens."""
    before = state.topic, state.settings
    opening: Any = state.topic.opening
    controls.apply(state, state.settings.replace(source=opening.source))
    visit.remember(state, before)


def _refused_file(state: LabState) -> bool:
    return any(isinstance(problem, UploadError) for problem in state.problems)


def _views(state: LabState, result: Any, language: Language, below: DeltaGenerator, *, kept: bool) -> None:
    _ = translator(language)
    topic = state.topic
    views.tell(topic, state, result, language)
    key = f"{topic.lab}:view:{language}"
    now = visit.shown(key, state.view, visit.VIEWS)
    chosen = st.segmented_control(
        _("View"),
        visit.VIEWS,
        default=now,
        key=key,
        format_func=lambda view: _(VIEW_TITLES[view]),
        required=True,
        label_visibility="collapsed",
    )
    state.view = chosen or state.view
    if state.view == "picture":
        pinned = comparing.drawings(state, result, language) if kept else None
        if pinned is None:
            drawn = cache.drawings(topic.pictures, result, topic.lab, language, keep=kept)
            _stay_within(drawn, state, result, language)
            _pictures(drawn, state, below)
        else:
            _stay_within([now for now, _then in pinned.pictures], state, result, language)
            _compared(pinned, state, language, below)
        if topic.findings is not None:
            below.caption(caution(topic.findings(result), _, own_data=not kept))
    elif state.view == "theory":
        _pictures(cache.drawings(topic.theory, result, topic.lab, language, keep=kept), state, below)
        with below:
            views.comparisons(topic.comparisons(result), language)
    elif state.view == "code":
        views.code(topic, state, result, language, _nudged(topic, state))
    else:
        views.DRAW[state.view](topic, state, result, language)


def _nudged(topic: AnyTopic, state: LabState) -> Mapping[str, float]:
    """The headline of an instant topic trained with another learning rate by one rounding; empty where that is not to be had."""
    if not isinstance(topic, InstantTopic) or topic.upload is not None or "learning_rate" not in topic.settings.names():
        return {}
    rate = state.settings.model_dump()["learning_rate"]
    try:
        settings = state.settings.replace(learning_rate=rate * (1 - NUDGE))
        return topic.headline(cache.result(topic, settings, None))
    except BnvizError:  # the least rate that is allowed
        return {}


def _compared(pinned: comparing.Pinned, state: LabState, language: Language, below: DeltaGenerator) -> None:
    """Every picture with the pinned run behind or beside it, and both settings."""
    _ = translator(language)
    st.caption(views.escaped(pinned.caption))
    for number, (now, then) in enumerate(pinned.pictures):
        with below if number else nullcontext():
            if then is None:
                _pictures([now], state, below)
                continue
            for column, picture, title in zip(st.columns(2), (now, then), (_("Now"), _("Pinned")), strict=True):
                with column:
                    st.markdown("**" + title + "**")
                    _pictures([picture], state, below)


def _hero(state: LabState, result: Any, language: Language, below: DeltaGenerator, *, kept: bool) -> None:
    """The first picture; where it has no buttons that move its playhead, the first one below that has."""
    topic = state.topic
    drawn = cache.drawings(topic.pictures, result, topic.lab, language, keep=kept)
    _stay_within(drawn, state, result, language)
    first, *others = drawn
    scenes = [] if isinstance(first, ReadyScene) else [one for one in others if isinstance(one, ReadyScene)]
    _pictures([first, *scenes[:1]], state, below)


def _stay_within(pictures: Sequence[Ready], state: LabState, result: Any, language: Language) -> None:
    """Let the playhead stand on a frame of the `pictures`, and say so where the link named none of them."""
    if getattr(result, "progress", 1.0) >= 1:  # while a run goes on, its frames become more
        frames = max((picture.scene.frames for picture in pictures if isinstance(picture, ReadyScene)), default=1)
        tell(visit.stay_within(state, frames), language)


def _pictures(pictures: Sequence[Ready], state: LabState, below: DeltaGenerator) -> None:
    """The hero where we stand, beside the controls; the other pictures `below`."""
    for number, picture in enumerate(pictures):
        with below if number else nullcontext():
            if not isinstance(picture, ReadyScene):
                picture.show()
            else:
                stopped = picture.show(state.step)
                state.step = state.step if stopped is None else stopped
