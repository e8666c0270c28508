"""The pictures of the lab `layer` the usual way: the same cached experiment, then `st.plotly_chart` for each picture.

Every figure's title ends with the batch size, so that the benchmark sees when the new pictures stand.
"""

import plotly.graph_objects as go
import streamlit as st

from bnviz.labs.layer.lesson import TOPIC
from bnviz.labs.layer.result import Result
from bnviz.labs.layer.settings import Settings
from bnviz.plot.chart import Chart
from bnviz.plot.scene import Panel, Scene
from bnviz.plot.theme import color
from bnviz.settings import fields


@st.cache_data(max_entries=32, show_spinner=False)
def kept(key: str, _settings: Settings) -> Result:
    """The experiment's result, cached as our page caches it."""
    return TOPIC.compute(_settings)


def heat(panel: Panel, frames: int) -> go.Figure:
    """A heat map panel with its lines."""
    strength = panel.layers[0].values
    centres = (panel.edges[1:] + panel.edges[:-1]) / 2
    time = [1 + frame for frame in range(frames)]
    lines = [
        go.Scatter(x=time, y=band.values, name=band.label, mode="lines", line={"color": color(band.role)})
        for band in panel.bands
    ]
    figure = go.Figure([go.Heatmap(x=time, y=centres, z=strength.T, showscale=False), *lines])
    return figure.update_layout(xaxis_title=panel.x.label, yaxis_title=panel.y.label, showlegend=False, height=260)


def figures(picture: Chart | Scene) -> list[go.Figure]:
    """The picture's panels as Plotly figures: the histograms of one frame side by side, each heat map by itself."""
    if isinstance(picture, Chart):
        return [picture.to_plotly()]
    panels = [panel for row in picture.rows for panel in row.panels if panel.kind == "heat"]
    return [picture.still().to_plotly(), *(heat(panel, picture.frames) for panel in panels)]


st.set_page_config(layout="wide")
stops = fields(Settings)["batch_size"].parameter.stops
size = st.select_slider("Batch size", stops, value=int(st.query_params.get("batch_size", 32)))
settings = Settings(batch_size=size, seed=int(st.query_params.get("seed", 0)))
result = kept(settings.model_dump_json(), settings)
drawn = [figure for draw in TOPIC.pictures for figure in figures(draw(result, "en"))]
for number, figure in enumerate(drawn):
    st.plotly_chart(figure.update_layout(title=f"{number} at {size}"))
