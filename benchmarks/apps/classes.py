"""Our server with the route of classes at `/class`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import streamlit as st

from bnviz.ui import classroom_route, server

app = st.App(
    server.FRAME,
    lifespan=server.warm_up,
    routes=[classroom_route.route(""), *server.routes()],
    middleware=server.middleware(),
)
