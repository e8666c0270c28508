"""The page `busy` beside the lab `layer`."""

import streamlit as st

from benchmarks.apps.busy import LAB
from bnviz.ui import lab, navigation, visit


def busy() -> None:
    """The busy lab."""
    lab.show(LAB)


st.set_page_config(layout="wide")
visit.read_link()
st.navigation(
    [
        st.Page(navigation.PAGES / "layer.py", url_path="layer", default=True),
        st.Page(busy, url_path="busy"),
    ]
).run()
