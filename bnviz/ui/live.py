"""A lab whose run takes long: what is known is shown at once, the rest is started by a button and grows before one's eyes."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bnviz.i18n import Language, Translate, closed_up, translator
from bnviz.jobs.errors import NoProcessError, QueueFullError
from bnviz.plot.chart import Chart
from bnviz.settings import LabSettings
from bnviz.teaching.lab import LiveTopic
from bnviz.ui import assets, chart, views, visit
from bnviz.ui.runs import RUNS, Run, shipped_result
from bnviz.ui.visit import LabState

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

Table = NDArray[np.float32]
S = TypeVar("S", bound=LabSettings)
R = TypeVar("R")


def result(
    topic: LiveTopic[S, R],
    state: LabState,
    data: Table | None,
    language: Language,
    below: DeltaGenerator,
    aside: DeltaGenerator,
) -> R | None:
    """The whole result, if it is known; else None, and the page shows the run, or the button that starts it.

    `data`: the visitor's own table, where they gave one and the topic takes it. Where a shipped result is shown, the button
    stands `aside`, among the controls.
    Raises what `topic.cost` raises for settings that ask for too much.
    """
    owner = visit.current().owner
    run = RUNS.latest(topic, state.settings, data)
    if run is not None and run.job.state == "done":
        whole: R = run.job.partial
        return whole
    if run is not None and not run.job.over and RUNS.join(run, owner):
        _watch(run, owner, language, below)
        return None
    _ = translator(language)
    shipped: R | None = shipped_result(topic) if state.settings == topic.opening else None
    mine = run if run is not None and run.job.over and owner in run.audience else None
    if mine is not None:
        _tell_the_end(mine, language)
    if visit.current().refused is not None:
        _tell_the_refusal(language)
    with nullcontext() if shipped is None else aside:
        _offer(topic, state, data, owner, shipped is not None, _)
    if shipped is None and mine is not None and mine.job.partial is not None:
        _draw_what_there_is(mine, language, below)
    return shipped


def _start(topic: LiveTopic[Any, Any], settings: LabSettings, owner: str, data: Table | None) -> None:
    try:
        RUNS.start(topic, settings, owner, data, st.context.ip_address or "")
    except (QueueFullError, NoProcessError) as error:
        visit.current().refused = error.without_frames()


def _offer(
    topic: LiveTopic[Any, Any], state: LabState, data: Table | None, owner: str, shipped: bool, _: Translate
) -> None:
    """The button that starts the run, and what it will cost; where a `shipped` result is shown, where that comes from."""
    seconds = topic.seconds(state.settings, data)
    notes = [_("Computed beforehand.")] if shipped else []
    cost = _("A run takes about {time}.") if shipped else _("A run takes about {time} on one core of this server.")
    notes.append(cost.format(time=time(seconds, _)))
    with st.container(key="offer", horizontal=not shipped, vertical_alignment="center", gap="small"):
        st.button(
            _("Run it now") if shipped else _("Run"),
            key=f"{topic.id}:run",
            type="secondary" if shipped else "primary",
            icon=":material/play_arrow:",
            on_click=_start,
            args=(topic, state.settings, owner, data),
            width="stretch" if shipped else "content",
            help=_("You see the stored result of exactly this run (made by `scripts/make_shipped.py`).")
            if shipped
            else None,
        )
        st.markdown(f":small[{closed_up(' '.join(notes))}]", width="stretch")


def _watch(run: Run, owner: str, language: Language, below: DeltaGenerator) -> None:
    """The progress bar with its buttons, and the charts; from here on the WebSocket keeps both up to date."""
    _ = translator(language)
    snapshot = run.snapshot(language, RUNS.pool.wait)
    assets.component("live")(
        key=f"{run.topic.id}.live",
        data={
            "job": run.job.number,
            "url": f"{assets.url('live')}/{run.job.number}/{language}",
            "owner": owner,
            "charts": len(snapshot.payloads),
            "words": {
                "queued": _("Waiting: {count} runs before yours"),
                "next": _("Waiting: one run before yours"),
                "wait": _("about {minutes} min until yours starts"),
                "running": _("Running"),
                "paused": _("Paused"),
                "done": _("Done"),
                "failed": _("The run failed."),
                "stopped": _("Stopped"),
                "lost": _("Connection lost, trying again"),
                "pause": _("Pause"),
                "resume": _("Resume"),
                "stop": _("Stop"),
                "progress": _("Progress of the run"),
                "seconds": _("about {seconds} s left"),
                "minutes": _("about {minutes} min left"),
            },
        },
        on_drawable_change=lambda: None,
        on_over_change=lambda: None,
    )
    for number, payload in enumerate(snapshot.payloads):
        with below if number else nullcontext():
            assets.component("chart")(key=payload["live"]["key"], data=payload)


def _tell_the_refusal(language: Language) -> None:
    """Why the run was not taken, once."""
    refused, visit.current().refused = visit.current().refused, None
    if refused is not None:
        st.warning(views.escaped(refused.text(language)))


def _tell_the_end(run: Run, language: Language) -> None:
    """Why the visitor's own run came to no end."""
    _ = translator(language)
    if run.job.state == "failed" and run.job.problem is not None:
        st.error(views.escaped(run.job.problem.text(language)))
        return
    notes = [] if run.job.problem is None else [views.escaped(run.job.problem.text(language))]
    if run.job.partial is None:
        notes.append(_("Stopped before there was anything to show."))
    elif run.job.progress:
        percent = round(100 * run.job.progress)
        notes.append(_("Stopped at {percent} %: this is how far the run got.").format(percent=percent))
    if notes:
        st.info(closed_up(" ".join(notes)))


def _draw_what_there_is(run: Run, language: Language, below: DeltaGenerator) -> None:
    pictures = [draw(run.job.partial, language) for draw in run.topic.pictures]
    for number, picture in enumerate(picture for picture in pictures if isinstance(picture, Chart)):
        with below if number else nullcontext():
            chart.ready(picture, run.topic.lab, "", language).show()


def time(seconds: float, _: Translate) -> str:
    """`seconds` in words, rounded up: 8 s, 40 s, 3 min."""
    if seconds < 90:
        step = 1 if seconds <= 10 else 5
        return _("{seconds} s").format(seconds=max(1, step * math.ceil(seconds / step)))
    return _("{minutes} min").format(minutes=math.ceil(seconds / 60))
