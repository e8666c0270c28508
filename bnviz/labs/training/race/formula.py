"""The formulas of the topic `race` of the lab `training` with the numbers of a run."""

from __future__ import annotations

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.training.race.result import Result
from bnviz.plot.numbers import latex
from bnviz.settings import NORMALIZERS
from bnviz.study.verdict import words
from bnviz.teaching.paired import NO_INTERVAL


def formula(result: Result, step: int, language: Language = "en") -> str:
    """Steps to 90 %, the drift of a unit, and what γ and β make of it, with the numbers of the first seed."""
    _ = translator(language)
    parts = ["**1. " + _("How much faster?") + "**", _sooner(result, _)]
    parts += ["**2. " + _("How far the unit's input moves") + "**", _drift(result, _)]
    if "batch" in result.variants:
        parts += ["**3. " + _("What γ and β make of it") + "**", _learned(result, _)]
    return "\n\n".join(parts)


def _sooner(result: Result, _: Translate) -> str:
    if not result.pairs:
        return _("Choose two variants or more: there is nothing to compare.")
    lines = []
    for (first, second), factors, finding in zip(
        result.pairs, result.speed_factors, result.speed_findings, strict=True
    ):
        known = factors[np.isfinite(factors)]
        names = f"\\text{{{_(NORMALIZERS[first])}}}", f"\\text{{{_(NORMALIZERS[second])}}}"
        if not len(known) or not finding.has_interval:
            continue
        lines.append(
            f"$$\n\\log_{{10}}\\frac{{T_{names[0]}}}{{T_{names[1]}}}:\\quad \\bar d = {latex(finding.mean)}"
            f"\\ [{latex(finding.low)},\\,{latex(finding.high)}]\\quad\\Rightarrow\\quad \\times {latex(10**finding.mean)}\n$$\n\n"
            + _("Verdict: **{verdict}**.").format(verdict=words(finding, _))
        )
    told = _(
        "T is the number of steps to a test accuracy of 90 %. The ratio is taken seed by seed, as a logarithm, so "
        "that twice as fast and half as fast weigh the same; a run that does not get there counts with its whole "
        "length."
    )
    return told + "\n\n" + "\n\n".join(lines or [_(NO_INTERVAL)])


def _drift(result: Result, _: Translate) -> str:
    lines = []
    for number, name in enumerate(result.variants):
        low, _median, high = result.percentiles[number, 0, -1]
        width, share = float(high - low), float(result.drift[number, 0])
        lines.append(
            f"$$\n\\text{{{_(NORMALIZERS[name])}}}:\\quad \\frac{{\\max_t q_{{50}}(t) - \\min_t q_{{50}}(t)}}"
            f"{{q_{{85}}(T) - q_{{15}}(T)}} = \\frac{{{latex(share * width)}}}{{{latex(width)}}} = {latex(share)}\n$$"
        )
    told = _(
        "Median and percentiles of unit {unit} of the last hidden layer over the test set, seed {seed}; t runs over the "
        "recorded steps from 50 on, or from half of a short run on."
    )
    return told.format(unit=result.settings.unit, seed=result.settings.seed) + "\n\n" + "\n\n".join(lines)


def _learned(result: Result, _: Translate) -> str:
    index = result.variants.index("batch")
    moments = result.moments[index]
    gamma, beta = float(result.scale[index, 0, -1]), float(result.shift[index, 0, -1])
    return (
        _(
            "After batch norm a batch has mean β and standard deviation |γ|·√(v/(v + ε)), whatever the layers before do: the "
            "drift that is left is what γ and β learn. Over one training batch, seed {seed}:"
        ).format(seed=result.settings.seed)
        + f"\n\n$$\n\\beta = {latex(beta)},\\ \\gamma = {latex(gamma)};\\qquad \\text{{{_('measured')}}}:\\ "
        f"{latex(float(moments.mean[0]))},\\ {latex(float(moments.deviation[0]))}\n$$"
    )
