"""A long lab as long labs are: a network that trains on one core, and three charts of six variants that grow meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.i18n import Language
from bnviz.labs.layer import lesson as layer
from bnviz.plot import theme
from bnviz.plot.chart import Chart
from bnviz.settings import BatchSize, LabSettings
from bnviz.study.updates import Updates
from bnviz.teaching.lab import Lab, LiveTopic, Prediction

VARIANTS: Final = 6
POINTS: Final = 150


class Settings(LabSettings):
    """`batch_size`: seconds that the run takes."""

    batch_size: BatchSize = 256


@dataclass(frozen=True, slots=True)
class Result:
    """`curves` (V, T): average; `spread` (V, T): half the width of its band."""

    settings: Settings
    curves: NDArray[np.float64]
    spread: NDArray[np.float64]
    progress: float


def run(settings: Settings, on_update: Callable[[Result], None] | None = None) -> Result:
    """Train on one core until the time is over."""
    updates, rng = Updates(on_update), np.random.default_rng(0)
    curves = rng.normal(size=(VARIANTS, POINTS)).cumsum(axis=1)
    spread = np.abs(rng.normal(size=(VARIANTS, POINTS)))
    layers = [part for _ in range(3) for part in (nn.Linear(100, 100), nn.BatchNorm1d(100), nn.Sigmoid())]
    network = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    batch = torch.randn(64, 100)
    start = time.monotonic()

    def partial() -> Result:
        share = min(1.0, (time.monotonic() - start) / settings.batch_size)
        # From the first moment as many points as a run at its end: that is the dearest picture.
        shift = share * np.ones((VARIANTS, 1))
        return Result(settings, curves + shift, spread, share)

    while time.monotonic() - start < settings.batch_size:
        optimizer.zero_grad()
        network(batch).square().mean().backward()
        optimizer.step()
        updates(partial)
    return partial()


def picture(name: str) -> Callable[[Result, Language], Chart]:
    """Six curves, each with its band."""

    def draw(result: Result, language: Language) -> Chart:
        traces: list[dict[str, Any]] = []
        for index, role in enumerate(theme.SERIES):
            middle, half = result.curves[index], result.spread[index]
            band = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
            traces += [
                {**band, "y": middle - half},
                {**band, "y": middle + half, "fill": "tonexty", "fillcolor": theme.color(role, 0.2)},
                {"type": "scatter", "mode": "lines", "y": middle, "line": {"color": theme.color(role)}, "name": role},
            ]
        return Chart(name, traces, theme.layout(theme.axis("step"), theme.axis(name)), f"{name} of six variants.")

    return draw


TOPIC: Final = LiveTopic(
    lab="busy",
    name="busy",
    folder=layer.TOPIC.folder,  # whose long text is borrowed
    title="Busy",
    question="How busy is the server?",
    answer="Not very.",
    settings=Settings,
    run=run,
    result=Result,
    controls=("batch_size",),
    more=(),
    pictures=(picture("accuracy"), picture("loss"), picture("percentiles")),
    theory=(),
    comparisons=lambda result: (),
    presets=(),
    prediction=Prediction("How?", ("So", "Otherwise"), lambda result: 0, "So."),
    formula=lambda result, step, language: "",
    script=lambda settings: "",
    headline=lambda result: {},
    table=lambda result: {},
    sources=(),
    cost=lambda settings: float(settings.batch_size),
)
LAB: Final = Lab(name="busy", title=TOPIC.title, question=TOPIC.question, topics=(TOPIC,))
