"""Pictures of the topic `mates` of the lab `noise`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.noise.mates.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short, with_spreads
from bnviz.plot.primitives import band, key, largest, line, log_axis, note, phone, points, steps, vertical_line
from bnviz.plot.theme import Role, axis, layout

MARGIN: Final = {"l": 72, "r": 28, "t": 44, "b": 52}
PHONE: Final = {"l": 54, "r": 14, "t": 74, "b": 46}
SMALLEST_RATE: Final = 5e-4
BROAD: Final = 5  # from this batch size on the law is smooth
LAWS: Final = {
    "gaussian": N_("dashed: the exact law"),
    "digits": N_("dashed: the law for normal batch-mates, here an approximation"),
    "digits_relu": N_("dashed: the law for normal batch-mates, here an approximation"),
}


def law(result: Result, language: Language = "en") -> Chart:
    """Histogram of one fixed sample's output over random batch-mates, with its law, and the value that it really has."""
    _ = translator(language)
    settings = result.settings
    density = result.counts.density()
    top, reach = 1.4 * largest(density, result.law_pdf), float(result.counts.edges[-1])
    if settings.batch_size >= BROAD:
        theory = line(result.law_x, result.law_pdf, "theory", _("law"), width=2.5, dash="dash")
    else:
        theory = steps(result.counts.edges, result.law_pdf, "theory", _("law"), fill=False)
    bound = math.sqrt(settings.batch_size - 1)
    bounds = [-bound, bound] if bound < reach else []
    notes = _law_notes(result, _)
    notes += [note("±√(m − 1)", x=x, yref="paper", y=0.5, xanchor="left", xshift=4) for x in bounds[1:]]
    shapes = [
        vertical_line(settings.sample_value, "before", 2, "solid"),
        *(vertical_line(x, "context", 2) for x in bounds),
    ]
    x = axis(_("Output x̂ of the one sample, before γ and β"), range=[-reach, reach], dtick=1)
    y = axis(_("Probability density"), range=[0, top])
    return Chart(
        "law",
        [steps(result.counts.edges, density, "after", _("measured"), fill=True), theory],
        layout(x, y, annotations=notes, shapes=shapes, margin=MARGIN),
        _(
            "Outputs of one fixed sample, z = {value}, over {draws} random batches of {size}: mean {mean}, s.d. {std}; the law "
            "says {law_mean} and {law_std}."
        ).format(
            value=short(settings.sample_value),
            draws=settings.draws,
            size=settings.batch_size,
            mean=short(result.mean),
            std=short(result.std),
            law_mean=short(result.mean_theory),
            law_std=short(result.std_theory),
        ),
        height=400,
        phone_layout=phone(notes, **PHONE),
    )


def _law_notes(result: Result, _: Translate) -> list[dict[str, Any]]:
    """How to read the histogram; and beside the sample's true value: that value, what was measured, what the law says."""
    settings = result.settings
    value = settings.sample_value
    how = _("filled: the same sample in {draws} batches of {size} · {law}").format(
        draws=settings.draws, size=settings.batch_size, law=_(LAWS[settings.source])
    )
    true = _("its true value z = {value}").format(value=short(value))
    seen = _("mean {mean}, s.d. {std}").format(mean=short(result.mean), std=short(result.std))
    law = _("law: {mean}, {std}").format(mean=short(result.mean_theory), std=short(result.std_theory))
    rows: tuple[tuple[str, Role, float], ...] = (
        (f"<b>{true}</b>", "before", 0.99),
        (f"<b>{seen}</b>", "after", 0.91),
        (law, "theory", 0.83),
    )
    # On the side where there is more room.
    beside: dict[str, Any] = {"xanchor": "left", "xshift": 10} if value < 0 else {"xanchor": "right", "xshift": -10}
    place = {"x": value, "yref": "paper", "yanchor": "top", **beside}
    return [key(how), *(note(text, role, y=y, **place) for text, role, y in rows)]


def rates(result: Result, language: Language = "en") -> Chart:
    """The Dropout rate whose noise has the energy of the batch's, against batch size, both on log axes."""
    _ = translator(language)
    settings = result.settings
    index = list(result.sizes).index(settings.batch_size)
    now = float(result.rate[index])
    traces = [
        line(result.sizes, result.rate_theory, "theory", _("1 − R²(m)"), width=2, dash="dash"),
        points(result.sizes, np.maximum(result.rate, SMALLEST_RATE), "after", _("measured"), size=10),
        points([settings.batch_size], [max(now, SMALLEST_RATE)], "before", _("this batch size"), size=17),
    ]
    left = settings.batch_size <= 64
    notes = [
        key(_("dots: measured with nn.BatchNorm1d · dashed: closed form for normal values")),
        note(
            "<b>"
            + _("m = {size}: like Dropout with p = {rate}").format(size=settings.batch_size, rate=short(now))
            + "</b>",
            "before",
            x=float(np.log10(settings.batch_size)),
            y=float(np.log10(max(now, SMALLEST_RATE))),
            xanchor="left" if left else "right",
            xshift=14 if left else -14,
            yshift=14 if left else -16,
        ),
    ]
    phone_notes = [notes[0], {**notes[1], "text": f"<b>p = {short(now)}</b>"}]
    ends = float(np.log10(1.6)), float(np.log10(1300))
    ticks = [2**exponent for exponent in range(1, 11)]
    x = axis(_("Batch size m"), type="log", range=list(ends), tickvals=ticks, ticktext=[str(tick) for tick in ticks])
    y = log_axis(_("Dropout rate of equal noise energy"), float(np.log10(SMALLEST_RATE)), 0.0)
    return Chart(
        "rates",
        traces,
        layout(x, y, annotations=notes, margin=MARGIN),
        _(
            "Dropout rate with the noise energy of batch norm against batch size, falling from {first} at 2 to {last} at {most}. At "
            "{size} samples: {rate}, closed form {theory}."
        ).format(
            first=short(float(result.rate[0])),
            last=short(float(result.rate[-1])),
            most=int(result.sizes[-1]),
            size=settings.batch_size,
            rate=short(now),
            theory=short(float(result.rate_theory[index])),
        ),
        height=400,
        phone_layout=phone(phone_notes, **PHONE),
    )


def values(result: Result, language: Language = "en") -> Chart:
    """Mean ± s.d. of the output against the value that the fixed sample really has."""
    _ = translator(language)
    low, high = result.value_mean_theory - result.value_std_theory, result.value_mean_theory + result.value_std_theory
    reach = 4.0
    true: tuple[str, Role, float] = (_("x̂ = z"), "context", float(result.values[-1]))
    seen: tuple[str, Role, float] = (_("mean ± s.d."), "after", float(result.value_mean[-1]))
    bars = {"type": "data", "array": result.value_std, "thickness": 2.5, "width": 5}
    traces = [
        line(result.values, result.values, "context", _("x̂ = z"), width=2),
        band(result.values, low, high, "theory", 0.12),
        line(result.values, result.value_mean_theory, "theory", _("law"), width=2, dash="dash"),
        points(result.values, result.value_mean, "after", _("measured"), size=10, error_y=bars),
    ]
    notes = [
        key(_("dots and bars: measured · dashed and grey: the law, mean ± s.d. · line: with the true μ and σ")),
        *end_labels([true, seen], -reach, reach),
    ]
    told = [len(result.values) - 1, len(result.values) // 2]
    mean, middle = with_spreads(list(map(float, result.value_mean[told])), list(map(float, result.value_std[told])))
    x = axis(_("True value z of the sample, in σ"), range=[-3.2, 3.2], dtick=1)
    y = axis(_("Output x̂"), range=[-reach, reach], dtick=1)
    return Chart(
        "values",
        traces,
        layout(x, y, annotations=notes, margin={**MARGIN, "r": 116}),
        _(
            "Output against true value in batches of {size}. A sample at 3 σ comes out at {mean}, one at 0 at {middle}."
        ).format(
            size=result.settings.batch_size,
            mean=mean,
            middle=middle,
        ),
        height=400,
        phone_layout=phone(notes, **{**PHONE, "r": 84, "t": 84}),
    )


def distribution(result: Result, language: Language = "en") -> Chart:
    """The samples' distribution function over the law's, and where they are farthest apart."""
    _ = translator(language)
    settings = result.settings
    reach = float(result.counts.edges[-1])
    traces = [
        line(result.ordered, result.share, "after", _("measured"), width=5, opacity=0.6),
        line(result.ordered, result.law_cdf, "theory", _("law"), width=2, dash="dash"),
    ]
    told = _("largest distance {distance}; chance alone: up to {chance}").format(
        distance=short(result.distance), chance=short(chance_distance(settings.draws))
    )
    notes = [
        key(
            _("line: share of the {draws} outputs below x̂ · {law}").format(
                draws=settings.draws, law=_(LAWS[settings.source])
            )
        ),
        note("<b>" + told + "</b>", "after", xref="paper", x=0.02, yref="paper", y=0.97, xanchor="left", yanchor="top"),
    ]
    x = axis(_("Output x̂ of the one sample, before γ and β"), range=[-reach, reach], dtick=1)
    return Chart(
        "distribution",
        traces,
        layout(x, axis(_("Share of outputs below"), range=[0, 1.12]), annotations=notes, margin=MARGIN),
        _("Distribution functions of the outputs and of the law: {told}.").format(told=told),
        height=360,
        phone_layout=phone(notes, **PHONE),
    )


def fidelity(result: Result, language: Language = "en") -> Chart:
    """R² against batch size: measured, closed form, and its approximation 1 − 1.5/m."""
    _ = translator(language)
    ticks = [2**exponent for exponent in range(1, 11)]
    fine = np.geomspace(2, 1024, 80)
    bars = {"type": "data", "array": 2 * result.fidelity_error, "thickness": 1.5, "width": 4}
    traces = [
        line(fine, 1 - 1.5 / fine, "context", "1 − 1.5/m", width=2, dash="dot"),
        line(result.sizes, result.fidelity_theory, "theory", _("closed form"), width=2, dash="dash"),
        points(result.sizes, result.fidelity, "after", _("measured"), size=10, error_y=bars),
    ]
    notes = [
        key(_("dots: measured ± 2 standard errors · dashed: closed form · dotted: 1 − 1.5/m")),
        note(
            "1/π",
            "theory",
            x=float(np.log10(2)),
            y=float(result.fidelity_theory[0]),
            xanchor="left",
            xshift=12,
            yshift=-8,
        ),
    ]
    x = axis(
        _("Batch size m"),
        type="log",
        range=[float(np.log10(1.7)), float(np.log10(1300))],
        tickvals=ticks,
        ticktext=[str(tick) for tick in ticks],
    )
    return Chart(
        "fidelity",
        traces,
        layout(x, axis(_("R² of output and true value"), range=[0, 1.05]), annotations=notes, margin=MARGIN),
        _("Squared correlation of the output with the true value: {first} at a batch of 2, {last} at {most}.").format(
            first=short(float(result.fidelity[0])), last=short(float(result.fidelity[-1])), most=int(result.sizes[-1])
        ),
        height=360,
        phone_layout=phone(notes, **PHONE),
    )


def chance_distance(draws: int) -> float:
    """The distance of the distribution functions that `draws` samples of the law itself exceed once in a hundred times."""
    return 1.63 / math.sqrt(draws)
