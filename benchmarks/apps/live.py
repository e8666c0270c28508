"""Our server with one more page, `busy`, whose run takes as long as a benchmark needs."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import streamlit as st

from benchmarks.apps.busy import TOPIC
from bnviz.labs.course import TOPICS
from bnviz.ui.server.application import surroundings

app = st.App(Path(__file__).with_name("live_frame.py"), **surroundings(lambda: (*TOPICS, TOPIC)))
