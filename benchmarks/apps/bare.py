"""The least that Streamlit can do: one slider, one text."""

import streamlit as st

st.text(f"Batch size {st.select_slider('Batch size', range(2, 60))}")
