"""The page of the slow lesson."""

import streamlit as st

from bnviz.i18n import translator
from bnviz.ui import lab, style, visit
from tests.jobs.slow_topic import LAB

st.set_page_config(layout="wide")
visit.read_link()
style.apply()
with st.sidebar:
    visit.switches(translator(visit.current().language))
lab.show(LAB)
