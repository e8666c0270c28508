"""The panels of paired differences: what is small beside another panel is still seen in its own."""

from __future__ import annotations

import numpy as np

from bnviz.i18n import translator
from bnviz.plot.chart import Chart
from bnviz.study.figures.seeds import Pair, differences
from bnviz.study.verdict import judge


def drawn(*scales: float) -> Chart:
    """One panel for each scale: eight differences of that size, as shares."""
    shape = np.linspace(0.8, 1.2, 8)
    pairs = [Pair(str(scale), scale * shape, judge(scale * shape, 0.01)) for scale in scales]
    return differences("differences", pairs, 0, translator("en"))


def limits(chart: Chart) -> list[float]:
    return [chart.layout[name]["range"][1] for name in sorted(chart.layout) if name.startswith("yaxis")]


def test_a_small_difference_keeps_an_axis_of_its_own_beside_a_large_one() -> None:
    large, small = limits(drawn(0.6, 0.05))
    assert large > 60
    assert small < 8
    assert small > 6


def test_differences_of_one_size_share_their_axis() -> None:
    first, second = limits(drawn(0.10, 0.08))
    assert first == second
