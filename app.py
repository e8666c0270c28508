"""The server. `streamlit run app.py` starts it, and so does `uvicorn app:app`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import streamlit as st

from bnviz.ui import server

app = st.App(server.FRAME, lifespan=server.warm_up, routes=server.routes(), middleware=server.middleware())
