"""Pictures of the topic `mates` of the lab `noise`; each takes the lab's `MatesResult`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bnviz.i18n import N_, Language, translator
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import band, key, largest, line, log_axis, note, points, small, steps
from bnviz.plot.theme import Role, axis, color, layout

if TYPE_CHECKING:
    from bnviz.labs.noise.mates.experiment import Mates
    from bnviz.labs.noise.shared.dispatch import MatesResult

MARGIN: Final = {"l": 72, "r": 28, "t": 44, "b": 52}
PHONE: Final = {"l": 54, "r": 14, "t": 74, "b": 46}
SMALLEST_RATE: Final = 5e-4
BROAD: Final = 5  # from this batch size on the law is smooth
LAWS: Final = {
    "gaussian": N_("dashed: the exact law"),
    "digits": N_("dashed: the law for normal batch-mates, here an approximation"),
    "digits_relu": N_("dashed: the law for normal batch-mates, here an approximation"),
}


def law(result: MatesResult, language: Language = "en") -> Chart:
    """Histogram of one fixed sample's output over random batch-mates, with its law, and the value that it really has."""
    _ = translator(language)
    settings, mates = result.settings, _mates(result)
    density = mates.counts.density()
    top = 1.4 * largest(density, mates.law_pdf)
    reach = float(mates.counts.edges[-1])
    if settings.batch_size >= BROAD:
        theory = line(mates.law_x, mates.law_pdf, "theory", _("law"), width=2.5, dash="dash")
    else:
        theory = steps(mates.counts.edges, mates.law_pdf, "theory", _("law"), fill=False)
    traces = [steps(mates.counts.edges, density, "after", _("measured"), fill=True), theory]
    bound = math.sqrt(settings.batch_size - 1)
    marks: list[tuple[float, str, Role]] = [
        (settings.sample_value, _("its true value z = {value}").format(value=short(settings.sample_value)), "before")
    ]
    if bound < reach:
        marks += [(side * bound, "±√(m − 1)" if side > 0 else "", "context") for side in (-1, 1)]
    shapes = [
        {
            "type": "line", "x0": place, "x1": place, "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": color(role), "width": 2, "dash": "solid" if role == "before" else "dot"},
        }
        for place, _text, role in marks
    ]  # fmt: skip
    notes = [
        key(_("filled: the same sample in {draws} batches of {size} · {law}").format(
            draws=settings.draws, size=settings.batch_size, law=_(LAWS[settings.source]))),
        note("<b>" + marks[0][1] + "</b>", "before", x=settings.sample_value, yref="paper", y=0.99, yanchor="top",
             **_beside(settings.sample_value)),
        note("<b>" + _("mean {mean}, s.d. {std}").format(mean=short(mates.mean), std=short(mates.std)) + "</b>", "after",
             x=settings.sample_value, yref="paper", y=0.91, yanchor="top", **_beside(settings.sample_value)),
        note(_("law: {mean}, {std}").format(mean=short(mates.mean_theory), std=short(mates.std_theory)), "theory",
             x=settings.sample_value, yref="paper", y=0.83, yanchor="top", **_beside(settings.sample_value)),
    ]  # fmt: skip
    notes += [
        note(text, "context", x=place, yref="paper", y=0.5, xanchor="left", xshift=4)
        for place, text, _role in marks[1:]
        if text
    ]
    x = axis(_("Output x̂ of the one sample, before γ and β"), range=[-reach, reach], dtick=1)
    y = axis(_("Probability density"), range=[0, top])
    return Chart(
        "law",
        traces,
        layout(x, y, annotations=notes, shapes=shapes, margin=MARGIN),
        _("Outputs of one fixed sample, z = {value}, over {draws} random batches of {size}: mean {mean}, s.d. {std}; the law "
          "says {law_mean} and {law_std}.").format(
            value=short(settings.sample_value), draws=settings.draws, size=settings.batch_size, mean=short(mates.mean),
            std=short(mates.std), law_mean=short(mates.mean_theory), law_std=short(mates.std_theory),
        ),
        height=400,
        phone_layout={"font": {"size": 12}, "margin": PHONE, "annotations": small(notes)},
    )  # fmt: skip


def rates(result: MatesResult, language: Language = "en") -> Chart:
    """The Dropout rate whose noise has the energy of the batch's, against batch size, both on log axes."""
    _ = translator(language)
    settings, mates = result.settings, _mates(result)
    place = list(mates.sizes).index(settings.batch_size)
    now = float(mates.rate[place])
    traces = [
        line(mates.sizes, mates.rate_theory, "theory", _("1 − R²(m)"), width=2, dash="dash"),
        points(mates.sizes, np.maximum(mates.rate, SMALLEST_RATE), "after", _("measured"), size=10),
        points([settings.batch_size], [max(now, SMALLEST_RATE)], "before", _("this batch size"), size=17),
    ]
    left = settings.batch_size <= 64
    notes = [
        key(_("dots: measured with nn.BatchNorm1d · dashed: closed form for normal values")),
        note("<b>" + _("m = {size}: like Dropout with p = {rate}").format(size=settings.batch_size, rate=short(now)) + "</b>",
             "before", x=float(np.log10(settings.batch_size)), y=float(np.log10(max(now, SMALLEST_RATE))),
             xanchor="left" if left else "right", xshift=14 if left else -14, yshift=14 if left else -16),
    ]  # fmt: skip
    phone_notes = [notes[0], {**notes[1], "text": f"<b>p = {short(now)}</b>"}]
    ends = float(np.log10(1.6)), float(np.log10(1300))
    ticks = [2**exponent for exponent in range(1, 11)]
    x = axis(_("Batch size m"), type="log", range=list(ends), tickvals=ticks, ticktext=[str(tick) for tick in ticks])
    y = log_axis(_("Dropout rate of equal noise energy"), float(np.log10(SMALLEST_RATE)), 0.0)
    return Chart(
        "rates",
        traces,
        layout(x, y, annotations=notes, margin=MARGIN),
        _("Dropout rate with the noise energy of batch norm against batch size, falling from {first} at 2 to {last} at {most}. At "
          "{size} samples: {rate}, closed form {theory}.").format(
            first=short(float(mates.rate[0])), last=short(float(mates.rate[-1])), most=int(mates.sizes[-1]),
            size=settings.batch_size, rate=short(now), theory=short(float(mates.rate_theory[place])),
        ),
        height=400,
        phone_layout={"font": {"size": 12}, "margin": PHONE, "annotations": small(phone_notes)},
    )  # fmt: skip


def values(result: MatesResult, language: Language = "en") -> Chart:
    """Mean ± s.d. of the output against the value that the fixed sample really has."""
    _ = translator(language)
    mates = _mates(result)
    low, high = mates.value_mean_theory - mates.value_std_theory, mates.value_mean_theory + mates.value_std_theory
    reach = 4.0
    true: tuple[str, Role, float] = (_("x̂ = z"), "context", float(mates.values[-1]))
    seen: tuple[str, Role, float] = (_("mean ± s.d."), "after", float(mates.value_mean[-1]))
    bars = {"type": "data", "array": mates.value_std, "thickness": 2.5, "width": 5}
    traces = [
        line(mates.values, mates.values, "context", _("x̂ = z"), width=2),
        band(mates.values, low, high, "theory", 0.12),
        line(mates.values, mates.value_mean_theory, "theory", _("law"), width=2, dash="dash"),
        points(mates.values, mates.value_mean, "after", _("measured"), size=10, error_y=bars),
    ]
    notes = [
        key(_("dots and bars: measured · dashed and grey: the law, mean ± s.d. · line: with the true μ and σ")),
        *end_labels([true, seen], -reach, reach),
    ]
    x = axis(_("True value z of the sample, in σ"), range=[-3.2, 3.2], dtick=1)
    y = axis(_("Output x̂"), range=[-reach, reach], dtick=1)
    return Chart(
        "values",
        traces,
        layout(x, y, annotations=notes, margin={**MARGIN, "r": 116}),
        _("Output against true value in batches of {size}. A sample at 3 σ comes out at {mean} ± {std}, one at 0 at {middle} ± "
          "{middle_std}.").format(
            size=result.settings.batch_size, mean=short(float(mates.value_mean[-1])), std=short(float(mates.value_std[-1])),
            middle=short(float(mates.value_mean[len(mates.values) // 2]), 5e-3),
            middle_std=short(float(mates.value_std[len(mates.values) // 2])),
        ),
        height=400,
        phone_layout={"font": {"size": 12}, "margin": {**PHONE, "r": 84, "t": 84}, "annotations": small(notes)},
    )  # fmt: skip


def distribution(result: MatesResult, language: Language = "en") -> Chart:
    """The samples' distribution function over the law's, and where they are farthest apart."""
    _ = translator(language)
    mates, settings = _mates(result), result.settings
    reach = float(mates.counts.edges[-1])
    traces = [
        line(mates.ordered, mates.share, "after", _("measured"), width=5, opacity=0.6),
        line(mates.ordered, mates.law_cdf, "theory", _("law"), width=2, dash="dash"),
    ]
    told = _("largest distance {distance}; chance alone: up to {chance}").format(
        distance=short(mates.distance), chance=short(chance_distance(settings.draws))
    )
    notes = [
        key(_("line: share of the {draws} outputs below x̂ · {law}").format(draws=settings.draws, law=_(LAWS[settings.source]))),
        note("<b>" + told + "</b>", "after", xref="paper", x=0.02, yref="paper", y=0.97, xanchor="left", yanchor="top"),
    ]  # fmt: skip
    x = axis(_("Output x̂ of the one sample, before γ and β"), range=[-reach, reach], dtick=1)
    return Chart(
        "distribution",
        traces,
        layout(x, axis(_("Share of outputs below"), range=[0, 1.12]), annotations=notes, margin=MARGIN),
        _("Distribution functions of the outputs and of the law: {told}.").format(told=told),
        height=360,
        phone_layout={"font": {"size": 12}, "margin": PHONE, "annotations": small(notes)},
    )


def fidelity(result: MatesResult, language: Language = "en") -> Chart:
    """R² against batch size: measured, closed form, and its approximation 1 − 1.5/m."""
    _ = translator(language)
    mates = _mates(result)
    ticks = [2**exponent for exponent in range(1, 11)]
    fine = np.geomspace(2, 1024, 80)
    bars = {"type": "data", "array": 2 * mates.fidelity_error, "thickness": 1.5, "width": 4}
    traces = [
        line(fine, 1 - 1.5 / fine, "context", "1 − 1.5/m", width=2, dash="dot"),
        line(mates.sizes, mates.fidelity_theory, "theory", _("closed form"), width=2, dash="dash"),
        points(mates.sizes, mates.fidelity, "after", _("measured"), size=10, error_y=bars),
    ]
    notes = [
        key(_("dots: measured ± 2 standard errors · dashed: closed form · dotted: 1 − 1.5/m")),
        note(
            "1/π",
            "theory",
            x=float(np.log10(2)),
            y=float(mates.fidelity_theory[0]),
            xanchor="left",
            xshift=12,
            yshift=-8,
        ),
    ]
    x = axis(_("Batch size m"), type="log", range=[float(np.log10(1.7)), float(np.log10(1300))], tickvals=ticks,
             ticktext=[str(tick) for tick in ticks])  # fmt: skip
    return Chart(
        "fidelity",
        traces,
        layout(x, axis(_("R² of output and true value"), range=[0, 1.05]), annotations=notes, margin=MARGIN),
        _("Squared correlation of the output with the true value: {first} at a batch of 2, {last} at {most}.").format(
            first=short(float(mates.fidelity[0])), last=short(float(mates.fidelity[-1])), most=int(mates.sizes[-1])
        ),
        height=360,
        phone_layout={"font": {"size": 12}, "margin": PHONE, "annotations": small(notes)},
    )


def chance_distance(draws: int) -> float:
    """The distance of the distribution functions that `draws` samples of the law itself exceed once in a hundred times."""
    return 1.63 / math.sqrt(draws)


def _beside(value: float) -> dict[str, Any]:
    """Words beside the mark at `value`, on the side where there is more room."""
    return {"xanchor": "left", "xshift": 10} if value < 0 else {"xanchor": "right", "xshift": -10}


def _mates(result: MatesResult) -> Mates:
    if result.mates is None:
        raise ValueError("the topic `shift` does not measure batch-mates")
    return result.mates
