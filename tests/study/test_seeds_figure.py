"""The panels of paired differences: what is small beside another panel is still seen in its own."""

from __future__ import annotations

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES, Language, translator
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import NOT_A_NUMBER, points
from bnviz.study.figures.forest import Claim, Effect, forest
from bnviz.study.figures.seeds import Pair, differences
from bnviz.study.verdict import ALSO_ONE_SEED, judge
from bnviz.teaching.paired import better_or_alike, mean_and_verdict


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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("values", [(0.25,), (0.25, 0.26), (0.25, 0.25, 0.25, 0.25), (0.0, 0.0, 0.0)])
def test_where_there_is_no_interval_nothing_looks_like_one(values: tuple[float, ...], language: Language) -> None:
    """Fewer than three seeds have none, and that of differences which are all the same says nothing of their scatter."""
    _ = translator(language)
    shares, finding = np.array(values), judge(values, 0.01)
    charts = [
        differences("differences", [Pair("b − a", shares, finding)], 0, _),
        forest("claims", [Claim("b", "points", [Effect("b", "after", shares, finding)], points)], _),
    ]
    told = [better_or_alike("a", "b", finding, _), mean_and_verdict(finding, _)]
    for chart in charts:
        assert not [trace for trace in chart.data if trace.get("name") == _("95 % confidence interval of the mean")]
        told += [chart.alt, *(entry["text"] for entry in chart.layout["annotations"])]
    for text in told:
        assert " … " not in text
        assert NOT_A_NUMBER not in text
        assert "NaN" not in text
        assert "pm" not in text
    assert points(finding.mean) in told[2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_seed_far_from_the_others_is_named_beside_the_difference(language: Language) -> None:
    _ = translator(language)
    differences_of = (0.30, 0.301, 0.299, 0.302, 0.3, 0.298, 0.3, 0.301, 0.2985)
    assert _(ALSO_ONE_SEED) in better_or_alike("a", "b", judge((*differences_of, 0.45), 0.01), _)
    assert _(ALSO_ONE_SEED) not in better_or_alike("a", "b", judge(differences_of, 0.01), _)
