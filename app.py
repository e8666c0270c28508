"""The server. `streamlit run app.py` starts it, and so do `uvicorn app:app` and the command `bnviz`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import streamlit as st

from bnviz.ui.server.application import FRAME, surroundings

app = st.App(FRAME, **surroundings())
