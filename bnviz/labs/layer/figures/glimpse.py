"""The small picture of the home page: what batch norm does, in a run of the lab `layer` that plays by itself."""

from __future__ import annotations

from typing import Final

import numpy as np

from bnviz.i18n import Language, translator
from bnviz.labs.layer.figures import ceiling
from bnviz.labs.layer.result import Result
from bnviz.plot.scene import Axis, Layer, Marker, Panel, Row, Scene
from bnviz.plot.theme import Role

HEIGHT: Final = 205
SECONDS: Final = 7.0


def glimpse(result: Result, language: Language = "en") -> Scene:
    """One channel before and after batch norm on one axis, batch by batch."""
    _ = translator(language)
    reach = max(float(np.abs(result.stages[stage].edges).max()) for stage in ("input", "normalized"))
    top = max(ceiling(float(np.quantile(_density(result, stage), 0.999))) for stage in ("input", "normalized"))
    axes = Axis("", -reach, reach), Axis("", 0.0, top)
    before, after = result.stage_mean["input"][:, 0], result.stage_mean["normalized"][:, 0]
    alt = _(
        "Histograms over {count} batches: before batch norm the mean goes from {first} to {last}, after it, it stays at {after}."
    )
    return Scene(
        "glimpse",
        result.settings.steps,
        _("batch"),
        (
            Row(
                (
                    _panel(result, "input", _("Before batch norm"), "before", axes),
                    _panel(result, "normalized", _("After batch norm"), "after", axes),
                )
            ),
        ),
        [""],
        alt.format(
            count=result.settings.steps,
            first=f"{before[0]:.1f}",
            last=f"{before[-1]:.1f}",
            after=f"{abs(after).max():.1f}",
        ),
        height=HEIGHT,
        fps=result.settings.steps / SECONDS,
        ambient=True,
    )


def _density(result: Result, stage: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(result.stages[stage].density()[:, 0], dtype=np.float64)


def _panel(result: Result, stage: str, title: str, role: Role, axes: tuple[Axis, Axis]) -> Panel:
    mean = Marker(role, result.stage_mean[stage][:, 0], "")
    return Panel(
        stage,
        title,
        "histogram",
        *axes,
        result.stages[stage].edges,
        (Layer(role, _density(result, stage)),),
        markers=(mean,),
    )
