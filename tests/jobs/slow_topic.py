"""The lesson of the slow experiment: two growing charts and a scene."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import SettingError
from bnviz.i18n import Language
from bnviz.labs.layer import lesson as layer
from bnviz.plot import theme
from bnviz.plot.chart import Chart
from bnviz.plot.scene import Axis, Layer, Panel, Row, Scene
from bnviz.teaching.lab import Lab, LiveTopic, Prediction, Preset, Source
from tests.jobs.slow import Result, Settings, run

TOO_LONG: Final = 1024


def cost(settings: Settings) -> float:
    """Seconds; the longest run is refused."""
    if settings.batch_size == TOO_LONG:
        raise SettingError("batch_size", "below 1024", settings.batch_size)
    return settings.batch_size / 20


def walk(result: Result, language: Language) -> Chart:
    """The walk so far."""
    curve = {"type": "scatter", "y": result.values, "line": {"color": theme.color("after")}}
    axes = theme.layout(theme.axis("tick", range=[0, result.settings.batch_size]), theme.axis("value", range=[-20, 20]))
    return Chart("walk", [curve], axes, f"{language}: {len(result.values)} ticks by {result.worker}")


def steps(result: Result, language: Language) -> Chart:
    """Its steps."""
    bars = {"type": "bar", "y": np.diff(result.values, prepend=0.0), "marker": {"color": theme.color("before")}}
    return Chart("steps", [bars], theme.layout(theme.axis("tick"), theme.axis("step")), f"{len(result.values)} steps")


def values(result: Result, language: Language) -> Scene:
    """Where the walk has been, tick by tick."""
    edges = np.linspace(-20.0, 20.0, 9)
    counts = (np.digitize(result.values, edges[1:-1])[:, None] == np.arange(8)).cumsum(axis=0)
    where, often = Axis("value", -20, 20), Axis("ticks", 0, len(result.values))
    panel = Panel("values", "Values", "histogram", where, often, edges, (Layer("after", counts),))
    ticks = len(result.values)
    return Scene("values", ticks, "tick", (Row((panel,)),), [f"Tick {tick}" for tick in range(ticks)], "Values.")


def table(result: Result) -> dict[str, NDArray[Any]]:
    """The walk."""
    return {"value": result.values}


TOPIC: Final = LiveTopic(
    lab="slow",
    name="slow",
    folder=layer.TOPIC.folder,  # whose long text is borrowed
    title="Slow",
    question="How long does it take?",
    answer="Twenty ticks a second.",
    settings=Settings,
    run=run,
    result=Result,
    controls=("batch_size", "seed"),
    more=(),
    pictures=(walk, values, steps),
    theory=(),
    comparisons=lambda result: (),
    presets=(Preset("short", "Short", "Short.", {"batch_size": 16}),),
    prediction=Prediction("How?", ("So", "Otherwise"), lambda result: 0, "So."),
    formula=lambda result, step, language: f"${len(result.values)}$",
    script=lambda settings: "print(1)",
    headline=lambda result: {"last": float(result.values[-1])},
    table=table,
    sources=(Source("It is slow.", "Nothing", "https://example.org"),),
    cost=cost,
)
LAB: Final = Lab(name="slow", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
