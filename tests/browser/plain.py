"""A plain Streamlit page with the widgets that ours uses: what axe finds here is Streamlit's, not ours."""

import streamlit as st

st.set_page_config(layout="wide")
st.navigation(
    {
        "": [st.Page(lambda: None, title="one", url_path="one", icon=":material/home:")],
        "chapter": [st.Page(lambda: None, title="two", url_path="two")],
    }
)
st.sidebar.toggle("toggle", help="help")
st.sidebar.segmented_control("language", ["a", "b"], default="a", required=True)
st.markdown("# title\ntext")
with st.container(horizontal=True):
    st.button("one", type="primary")
    st.button("two")
    st.button("three", type="tertiary")
left, right = st.columns([3, 1])
left.segmented_control("view", ["a", "b"], default="a", required=True, label_visibility="collapsed")
left.markdown("## text\n\n| a | b |\n|--|--|\n| 1 | 2 |")
left.info("info", icon=":material/visibility:")
left.warning("warning")
left.error("error")
left.code("print(1)", language="python")
left.dataframe({"a": [1, 2]})
left.download_button("download", "a")
right.select_slider("slider", [1, 2, 3], help="help")
right.selectbox("selectbox", ["a", "b"], help="help")
right.pills("pills", ["a", "b"], selection_mode="multi", help="help")
right.number_input("number", 0, 10, help="help")
right.toggle("more")
right.file_uploader("file", help="help")
