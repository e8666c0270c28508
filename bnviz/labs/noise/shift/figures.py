"""Pictures of the topic `shift` of the lab `noise`."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnviz.i18n import Language, translator
from bnviz.labs.noise.shared.shift_figures import MARGIN, MEAN_ROLES, PHONE, ratio_chart, unit_chart
from bnviz.labs.noise.shift.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, largest, line, note, phone, points, steps
from bnviz.plot.theme import Role, axis, color, layout


def ratios(result: Result, language: Language = "en") -> Chart:
    """Variance of each batch norm's output in eval mode, layer by layer, over its prediction from training mode."""
    _ = translator(language)
    return ratio_chart(
        "ratios", result.shift, _("dots: measured in fresh networks · dashed: predicted from training mode"), _
    )


def outputs(result: Result, language: Language = "en") -> Chart:
    """What the last Linear makes of the last batch norm's output, in training and in eval mode."""
    _ = translator(language)
    shift = result.shift
    edges = shift.training.edges
    training, evaluation = shift.training.density(), shift.evaluation.density()
    top = 1.1 * largest(training, evaluation)
    before, after = (short(float(value)) for value in shift.logit_variance)
    corner = {"xref": "paper", "x": 0.98, "yref": "paper", "xanchor": "right", "yanchor": "top"}
    notes = [
        key(_("the same images, the same weights · a logit minus its mean over the images")),
        note("<b>" + _("training: variance {value}").format(value=before) + "</b>", "after", y=0.97, **corner),
        note("<b>" + _("eval: variance {value}").format(value=after) + "</b>", "running", y=0.87, **corner),
    ]
    traces = [
        steps(edges, training, "after", _("training"), fill=True),
        steps(edges, evaluation, "running", _("eval"), fill=True),
    ]
    x = axis(
        _("Logit, which nn.Linear makes of the last batch norm's output"),
        range=[float(edges[0]), float(edges[-1])],
        dtick=1,
    )
    return Chart(
        "outputs",
        traces,
        layout(x, axis(_("Probability density"), range=[0, top]), annotations=notes, margin={**MARGIN, "r": 24}),
        _("Histograms of the logits. Their variance is {before} in training mode and {after} in eval mode.").format(
            before=before, after=after
        ),
        height=360,
        phone_layout=phone(notes, **{**PHONE, "r": 14, "t": 60}),
    )


def pure(result: Result, language: Language = "en") -> Chart:
    """Dropout → BN and nothing else: variance in eval mode against the Dropout rate, for three means of the feature."""
    _ = translator(language)
    shown = result.pure
    traces: list[dict[str, Any]] = []
    labels: list[tuple[str, Role, float]] = []
    for index, role in enumerate(MEAN_ROLES):
        name = f"μ/σ = {short(float(shown.means[index]))}"
        traces += [
            line(shown.rates, shown.variance_theory[index], "theory", _("theory"), width=2, dash="dash"),
            points(shown.rates, shown.variance[index], role, name, size=11),
        ]
        labels.append((name, role, float(shown.variance[index, -1])))
    rate = result.settings.dropout
    mark = {
        "type": "line",
        "x0": rate,
        "x1": rate,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": color("context"), "width": 1.5, "dash": "dot"},
    }
    notes = [
        key(_("dots: nn.Dropout → nn.BatchNorm1d on normal features · dashed: σ²/V")),
        note(f"p = {short(rate)}", "context", x=rate, yref="paper", y=0.99, xanchor="left", xshift=6, yanchor="top"),
        *end_labels(labels, 0.0, 1.1),
    ]
    place = int(np.argmin(np.abs(shown.rates - 0.5)))
    told = _(", ").join(
        f"μ/σ = {short(float(mean))}: {short(float(value))}"
        for mean, value in zip(shown.means, shown.variance[:, place], strict=True)
    )
    x = axis(_("Dropout rate p"), range=[-0.02, 0.97], dtick=0.1)
    y = axis(_("Variance of the output in eval mode"), range=[0, 1.1])
    return Chart(
        "pure",
        traces,
        layout(x, y, annotations=notes, shapes=[mark], margin={**MARGIN, "r": 110}),
        _("Variance of the eval output of Dropout followed by batch norm. At p = 0.5: {told}.").format(told=told),
        height=380,
        phone_layout=phone(notes, **{**PHONE, "t": 64}),
    )


def units(result: Result, language: Language = "en") -> Chart:
    """Every unit's variance in eval mode against its prediction, first, second and last layer."""
    _ = translator(language)
    return unit_chart(result.shift, _)
