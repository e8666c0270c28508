"""The home page: the course at a glance, one card per lab."""

from __future__ import annotations

import streamlit as st

from bnviz.i18n import translator
from bnviz.lessons.course import COURSE
from bnviz.ui import navigation, share, visit


def show() -> None:
    """The course, chapter by chapter."""
    language = visit.current().language
    _ = translator(language)
    with st.container(key="head", horizontal=True, vertical_alignment="center"):
        st.markdown(
            "### "
            + _("Batch normalization, seen")
            + "\n"
            + _(
                "What is measured here comes from real PyTorch layers, by default on real data, and is held against theory."
            )
        )
        with st.container(width=110):
            share.draw(_("The course"), visit.page_link(full=False), visit.page_link(full=True), language)
    for chapter in COURSE:
        st.markdown("#### " + _(chapter.title))
        for column, lesson in zip(st.columns(3), chapter.lessons, strict=False):
            with column.container(border=True):
                st.page_link(
                    navigation.lab_page(lesson, _), label="**" + _(lesson.title) + "**", icon=":material/arrow_forward:"
                )
                st.markdown(_(lesson.question))
