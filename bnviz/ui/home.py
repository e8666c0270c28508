"""The home page: the course at a glance, where to start with a problem, and a small picture that already moves."""

from __future__ import annotations

from typing import Final

import streamlit as st

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.cases.search import LONGEST_QUERY
from bnviz.labs.course import COURSE, LABS
from bnviz.labs.layer import lesson as layer
from bnviz.labs.layer.figures import glimpse as figures
from bnviz.labs.layer.settings import Settings
from bnviz.ui import cache, navigation, player, share, visit
from bnviz.ui.your_model import QUESTION as MODEL_QUESTION

# One channel of a linear layer on digits, whose input walks from −2 to 2.
GLIMPSE: Final = Settings(batch_size=256, steps=48, input_scale=5.0, input_shift=-0.25, drift=0.085, channels=1, seed=0)
EXAMPLES: Final = (N_("eval"), "NaN", N_("batch of one"), N_("momentum"))


def show() -> None:
    """The course at a glance."""
    visit.enter("")
    share.followed()  # the switches, which every page has, are all that its address says
    language = visit.current().language
    _ = translator(language)
    _head(_, language)
    picture, start = st.columns([1.7, 1], gap="medium", vertical_alignment="center")
    with picture:
        scene = figures.glimpse(cache.result(layer.TOPIC, GLIMPSE, None), language)
        player.ready(scene, "home", language).show(0)
    with start, st.container(key="start"):
        _start(_)
    with st.container(key="course"):
        _course(_)


def _head(_: Translate, language: Language) -> None:
    with st.container(key="head", horizontal=True, vertical_alignment="center"):
        st.markdown(
            "# "
            + _("Batch normalization, seen")
            + "\n"
            + _(
                "What is measured here comes from real PyTorch layers, by default on real data, and is compared with theory."
            )
        )
        st.space("stretch")
        with st.container(width=112):
            share.draw(_("The course"), visit.page_link(), language)


def _start(_: Translate) -> None:
    """Three doors: the first lab, the visitor's own model, and the problem that brought them here."""
    first = LABS[0]
    with st.container(border=True):
        label = _("Start with lab 1: {title}").format(title=_(first.title))
        st.page_link(navigation.lab_page(first, _), icon=":material/play_circle:", label=label)
    with st.container(border=True):
        st.page_link(navigation.model_page(_), icon=":material/monitor_heart:", label=_(MODEL_QUESTION))
    st.page_link(navigation.class_page(_), icon=":material/groups:", label=_("Start or join a class"))
    page = navigation.cases_page(_)
    query = st.text_input(
        _("Or with a problem: search by symptom"),
        key="home:q",
        max_chars=LONGEST_QUERY,
        type="search",
        placeholder=_("eval, NaN, batch of one, momentum …"),
        icon=":material/search:",
    )
    if query:
        visit.search_for(query)
        st.switch_page(page)
    with st.container(key="examples", horizontal=True, gap="small"):
        for example in EXAMPLES:
            st.page_link(page, label=_(example), query_params={"q": _(example)})
        st.page_link(page, label=_("All problems"), icon=":material/arrow_forward:")


def _course(_: Translate) -> None:
    """Chapter by chapter, the labs in their order with the question that each answers."""
    number = 0
    for column, chapter in zip(st.columns(len(COURSE), gap="small"), COURSE, strict=True):
        with column:
            st.markdown("## " + _(chapter.title))
            for lab in chapter.labs:
                number += 1
                st.page_link(navigation.lab_page(lab, _), label=f"**{number} · {_(lab.title)}**")
                st.markdown(_(lab.question))
