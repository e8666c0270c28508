"""Pictures of the topic `steps` of the lab `recurrence`; each takes its `Result`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.recurrence.shared.figures import SHORT_NAMES, VARIANT_ROLES, Floats, dot, span, time_axis, two_panels
from bnviz.labs.recurrence.steps.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, line, note, points, small
from bnviz.plot.theme import axis, color, layout


def drift(result: Result, language: Language = "en") -> Chart:
    """Mean and s.d. of one unit at each step: every batch, what one module per step keeps, and what a shared one keeps."""
    _ = translator(language)
    steps = np.arange(1, result.settings.steps + 1)
    deviations = np.sqrt(result.batch_var)
    kept, theory = float(np.sqrt(result.shared_var)), float(np.sqrt(result.shared_var_theory))
    shared = (result.shared_mean, result.shared_mean_theory), (kept, theory)
    panels = [
        _drift_panel(steps, values, running, level, _)
        for values, running, level in (
            (result.batch_mean, result.running_mean, shared[0]),
            (deviations, np.sqrt(result.running_var), shared[1]),
        )
    ]
    how = _(
        "dots: {passes} batches of {size} · rings: running statistics, one module per step · line: one shared module · "
        "dashed: closed form"
    ).format(passes=result.passes, size=result.settings.batch_size)
    return two_panels(
        "drift",
        panels[0],
        panels[1],
        (_("mean"), _("standard deviation")),
        (span(result.batch_mean, result.running_mean), span(deviations, np.sqrt(result.running_var), lowest=0.0)),
        time_axis(result.settings.steps, _("Time step")),
        how,
        _(
            "One unit's {term} at each time step. Its mean over all images goes from {low} to {high} between steps; a module "
            "shared by all steps keeps {shared}. Its standard deviation goes from {least} to {most}; the shared module keeps "
            "{kept}."
        ).format(
            term="W_h h" if result.settings.term == "hidden" else "W_x x",
            low=short(float(result.mean.min())),
            high=short(float(result.mean.max())),
            shared=short(result.shared_mean),
            least=short(float(np.sqrt(result.var.min())), 1e-6),
            most=short(float(np.sqrt(result.var.max()))),
            kept=short(kept),
        ),
        _names(result, shared, _),
    )


def _names(result: Result, shared: tuple[Sequence[float], Sequence[float]], _: Translate) -> list[dict[str, Any]]:
    """The name of the shared module's line in both panels; `shared`: what it keeps and the closed form, of each."""
    return [
        note(
            f"<b>{_('shared')}</b>",
            "running",
            xref=xref,
            yref=yref,
            y=max(level),
            yanchor="bottom",
            **_clear(running, level),
        )
        for xref, yref, running, level in (
            ("x", "y", result.running_mean, shared[0]),
            ("x2", "y2", np.sqrt(result.running_var), shared[1]),
        )
    ]


def _clear(running: Floats, level: Sequence[float]) -> dict[str, Any]:
    """Where the name of the shared module's line stands clear of what is drawn at the steps: at the one that is farthest from it."""
    index = int(np.argmax(np.abs(running - np.mean(level))))
    side = "left" if index == 0 else "right" if index == len(running) - 1 else "center"
    return {"x": index + 1, "xanchor": side}


def weights(result: Result, language: Language = "en") -> Chart:
    """How much each step weighs in the running mean of one shared module."""
    _ = translator(language)
    count = result.settings.steps
    steps = np.arange(1, count + 1)
    share = 100 * result.weights
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": steps,
            "y": share,
            "name": _("measured"),
            "marker": {"color": color("running", 0.55)},
            "hovertemplate": _("step %{x}: %{y:.3g} %"),
        },
        line(steps, 100 * result.weights_theory, "theory", _("theory"), width=1.8, dash="dash", marker={"size": 6}),
        line([0.4, count + 0.6], [100 / count] * 2, "context", "", width=2),
    ]
    top = 1.12 * float(max(share.max(), 100 * result.weights_theory.max(), 100 / count))
    how = key(
        _("bars: measured, by raising one step's numbers by 1 · dashed: α(1 − α)ᵀ⁻ᵗ, scaled · grey: all steps alike")
    )
    return Chart(
        "weights",
        traces,
        layout(
            time_axis(count, _("Time step")),
            axis(_("Weight in the shared mean, in %"), range=[0, top]),
            annotations=[how],
            margin={"l": 64, "r": 24, "t": 44, "b": 52},
        ),
        _(
            "Weights of the time steps in the running mean of one shared module: {first} % for the first, {last} % for the last; "
            "equal shares would be {equal} %."
        ).format(first=short(float(share[0])), last=short(float(share[-1])), equal=short(100 / count)),
        height=360,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 52, "r": 12, "t": 76, "b": 44},
            "annotations": small([how]),
        },
    )


def padding(result: Result, language: Language = "en") -> Chart:
    """Mean and s.d. of W_x x at each step as a module keeps them that is given the padding too, and one that is not."""
    _ = translator(language)
    padded = result.padded
    steps = np.arange(1, result.settings.steps + 1)
    panels = []
    for naive, real, theory in (
        (padded.mean, padded.real_mean, padded.mean_theory),
        (np.sqrt(padded.var), np.sqrt(padded.real_var), np.sqrt(padded.var_theory)),
    ):
        panels.append(
            [
                line(steps, real, "running", _("real steps only"), marker=dot(result.settings.steps)),
                line(steps, naive, "before", _("padding included"), marker=dot(result.settings.steps)),
                line(steps, theory, "theory", _("theory"), width=1.8, dash="dash"),
            ]
        )
    how = _("green: real steps only (masked) · orange: padding included · dashed: what the share of padding predicts")
    every = max(1, result.settings.steps // 8)
    shown = [int(step) for step in steps if (step - 1) % every == 0 or step == steps[-1]]
    ticks = [f"{step}<br>{100 * padded.share[step - 1]:.0f} %" for step in shown]
    x = {
        **time_axis(result.settings.steps, _("Time step, share of padding")),
        "tickmode": "array",
        "tickvals": shown,
        "ticktext": ticks,
    }
    last = int(np.flatnonzero(np.isfinite(padded.var))[-1])
    return two_panels(
        "padding",
        panels[0],
        panels[1],
        (_("mean of W_x x"), _("standard deviation of W_x x")),
        (
            span(padded.mean, padded.real_mean),
            span(np.sqrt(padded.var), np.sqrt(padded.real_var), lowest=0.0),
        ),
        x,
        how,
        _(
            "At step {step} {share} % of the samples are padding. Standard deviation of one unit's W_x x there: {real} on the "
            "real samples, {naive} with the padding."
        ).format(
            step=last + 1,
            share=short(100 * float(padded.share[last])),
            real=short(float(np.sqrt(padded.real_var[last]))),
            naive=short(float(np.sqrt(padded.var[last]))),
        ),
    )


def fluctuation(result: Result, language: Language = "en") -> Chart:
    """How far a batch's mean lies from the mean over all images, at each step, in standard deviations."""
    _ = translator(language)
    count = result.settings.steps
    steps = np.arange(1, count + 1)
    values = result.fluctuation
    top = 1.4 * float(np.nanmax(np.append(values, result.fluctuation_theory)))
    how = key(
        _("dots: all units, {passes} batches · dashed: 1/√m, corrected for drawing without replacement").format(
            passes=result.passes
        )
    )
    return Chart(
        "fluctuation",
        [
            points(steps, values, "before", _("measured"), size=11),
            line([0.4, count + 0.6], [result.fluctuation_theory] * 2, "theory", _("theory"), width=1.8, dash="dash"),
        ],
        layout(
            time_axis(count, _("Time step")),
            axis(_("S.d. of the batch mean, in σ"), range=[0, top]),
            annotations=[how],
            margin={"l": 72, "r": 24, "t": 44, "b": 52},
        ),
        _(
            "Standard deviation of the batch mean at each time step, in standard deviations of the numbers: {low} to {high}; "
            "predicted {theory}."
        ).format(
            low=short(float(np.nanmin(values))),
            high=short(float(np.nanmax(values))),
            theory=short(result.fluctuation_theory),
        ),
        height=340,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 56, "r": 12, "t": 64, "b": 44},
            "annotations": small([how]),
        },
    )


def handed_on(result: Result, language: Language = "en") -> Chart:
    """What eval mode makes of the training images at each step, with statistics per step and with shared ones."""
    _ = translator(language)
    steps = np.arange(1, result.settings.steps + 1)
    variants = ("batch_per_step", "batch_shared")
    panels = [
        [
            *(
                line(steps, row, VARIANT_ROLES[variant], _(SHORT_NAMES[variant]), marker=dot(result.settings.steps))
                for variant, row in zip(variants, values, strict=True)
            ),
            line([0.4, steps[-1] + 0.6], [level] * 2, "theory", _("theory"), width=1.8, dash="dash"),
        ]
        for values, level in ((result.handed_mean, 0.0), (result.handed_deviation, 1.0))
    ]
    ends = [
        note(
            f"<b>{_(SHORT_NAMES[variant])}</b>",
            VARIANT_ROLES[variant],
            xref="x2",
            yref="y2",
            x=steps[-1] + 0.5,
            xanchor="right",
            y=float(result.handed_deviation[place, -1]),
            yanchor=anchor,
            yshift=4 if place else -4,
        )
        for place, (variant, anchor) in enumerate(zip(variants, ("top", "bottom"), strict=True))
    ]
    first, last = (result.handed_deviation[1, place] for place in (0, -1))
    return two_panels(
        "handed_on",
        panels[0],
        panels[1],
        (_("mean (RMS over units)"), _("standard deviation")),
        (span(result.handed_mean, np.zeros(1)), span(result.handed_deviation, np.ones(1), lowest=0.0)),
        time_axis(result.settings.steps, _("Time step")),
        _("what eval mode passes on · dashed: mean 0 and standard deviation 1, what training mode gives"),
        _(
            "Standard deviation of what eval mode passes on: with shared statistics {first} at the first step and {last} at the "
            "last; with statistics per step {per_step} at the last."
        ).format(
            first=short(float(first), 1e-3),
            last=short(float(last)),
            per_step=short(float(result.handed_deviation[0, -1])),
        ),
        ends,
        height=400,
    )


def _drift_panel(
    steps: Any, values: Floats, kept: Floats, level: tuple[float, float], _: Translate
) -> list[dict[str, Any]]:
    passes = len(values)
    ends = [0.4, steps[-1] + 0.6]
    return [
        points(
            np.tile(steps, passes),
            values.ravel(),
            "before",
            _("one batch"),
            size=7,
            opacity=0.5,
            hovertemplate="%{x}: %{y:.3g}",
        ),
        line(ends, [level[0]] * 2, "running", _("one shared module"), width=3),
        line(ends, [level[1]] * 2, "theory", _("theory"), width=1.8, dash="dash"),
        points(
            steps,
            kept,
            "running",
            _("one module per step"),
            marker={"color": color("running"), "size": 13, "symbol": "circle-open", "line": {"width": 2.5}},
        ),
    ]
