"""The replicas' running means in the lab `running_stats`, batch by batch."""

from __future__ import annotations

import math

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.running_stats.figures.momentums import momentum_name, momentum_role
from bnviz.labs.running_stats.result import Result
from bnviz.plot.numbers import short
from bnviz.plot.scene import Axis, Layer, Marker, Panel, Readout, Row, Scene


def spread(result: Result, language: Language = "en") -> Scene:
    """The replicas' running means at each batch, one histogram per momentum, over the closed form's normal law."""
    _ = translator(language)
    panels = _panels(result, _)
    across = _across(len(panels))
    rows = tuple(Row(tuple(panels[start : start + across])) for start in range(0, len(panels), across))
    captions = [_("fresh layer: every running mean is 0")]
    captions += [_("after {count} batches").format(count=count) for count in range(1, result.settings.steps + 1)]
    return Scene(
        "spread",
        result.settings.steps + 1,
        _("batch"),
        rows,
        captions,
        _spread_alt(result, _),
        height=300 if len(rows) == 1 else 460,
        fps=max(8.0, result.settings.steps / 15),
        first=0,
    )


def _across(count: int) -> int:
    """Panels side by side."""
    return count if count <= 3 else math.ceil(count / 2)


def _panels(result: Result, _: Translate) -> list[Panel]:
    momentums, edges = result.settings.compared, result.spread.edges
    settled = result.spread_share[:, result.settings.steps // 2 :]
    high = float(min(1.0, max(settled.max(), 1.2 * result.spread_theory[:, -1].max(), 0.1) * 1.1))
    x = Axis(_("Running mean"), float(edges[0]), float(edges[-1]))
    across = _across(len(momentums))
    return [
        Panel(
            name=f"momentum_{index}",
            title=momentum_name(momentum, _),
            kind="histogram",
            x=x,
            y=Axis(_("Share of replicas") if index % across == 0 else "", 0.0, high),
            edges=edges,
            layers=(
                Layer(momentum_role(momentum), np.minimum(result.spread_share[index], high)),
                Layer("theory", np.minimum(result.spread_theory[index], high), "dash"),
            ),
            markers=(Marker("ink", result.truth_mean, _("truth") if index == 0 else ""),),
            readouts=(
                Readout(_("average"), result.mean_spread.average[index]),
                Readout(_("s.d."), result.replica_std[index]),
            ),
        )
        for index, momentum in enumerate(momentums)
    ]


def _spread_alt(result: Result, _: Translate) -> str:
    ends = _("; ").join(
        _("{momentum}: average {average}, s.d. {std}").format(
            momentum=momentum_name(momentum, _),
            average=short(result.mean_spread.average[index, -1]),
            std=short(result.noise[index]),
        )
        for index, momentum in enumerate(result.settings.compared)
    )
    return _("Histograms of the running means of {replicas} replicas. After the last batch: {ends}.").format(
        replicas=result.settings.replicas, ends=ends
    )
