"""The server of the slow lesson: everything of the dashboard but its labs."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[3]))

import streamlit as st

from bnviz.jobs.pool import JobPool
from bnviz.jobs.processes import Processes
from bnviz.ui.runs import RUNS
from bnviz.ui.server.application import surroundings
from tests.jobs.slow_topic import TOPIC

RUNS.make_pool = lambda: JobPool(Processes(2, ("tests.jobs.slow",)))

app = st.App(Path(__file__).parent / "frame.py", **surroundings(lambda: (TOPIC,)))
