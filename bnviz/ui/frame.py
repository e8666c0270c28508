"""The frame script: page set-up, language, navigation. Streamlit runs it at every rerun; AppTest runs it as the app."""

from __future__ import annotations

import streamlit as st

from bnviz.i18n import translator
from bnviz.labs.course import find_lab
from bnviz.ui import assets, classroom, keys, native_words, navigation, share, style, visit
from bnviz.ui.problems import tell
from bnviz.ui.turns import TURNS

with TURNS.take(whole=True):
    st.set_page_config(
        page_title="bnviz", page_icon=str(assets.FOLDER / "icon.svg"), layout="wide", initial_sidebar_state=230
    )
    visit.read_link()
    share.follow_everywhere()
    translate = translator(visit.current().language)
    style.apply()
    assets.component("page")(
        key="page",
        data={
            "skip": translate("Skip to the controls"),
            "present": keys.data(translate),
            "native": native_words.data(translate),
            "lost": native_words.lost(translate),
        },
    )
    page = st.navigation(navigation.sections(translate), expanded=True)
    classroom.follow(visit.current().language)
    classroom.draw(visit.current().language)
    with st.sidebar:
        visit.switches(translate)
    if find_lab(page.url_path) is None:  # a lab tells it with the rest of what is wrong with the link
        tell(visit.current().problems, visit.current().language)
    page.run()
