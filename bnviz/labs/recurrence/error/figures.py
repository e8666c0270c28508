"""Pictures of the topic `error` of the lab `recurrence`; each takes its `Result`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import Language, clauses, translator
from bnviz.labs.recurrence.error.result import Result
from bnviz.labs.recurrence.shared.figures import SHORT_NAMES, VARIANT_NAMES, VARIANT_ROLES
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import alike, short
from bnviz.plot.primitives import key, line, log_axis, log_range, note, phone, points, power_ticks
from bnviz.plot.theme import Role, axis, layout
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import ErrorCurve, Pair, error_curves
from bnviz.theory.running import initial_weight

Floats = NDArray[np.float64]

PANELS: Final = 3
PER_STEP: Final = "batch_per_step"
FLOOR: Final = -12.0  # what is left over of the start is drawn down to 10 to this


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per variant: the mean over seeds, a band from the best to the worst seed."""
    _ = translator(language)
    variants = [
        ErrorCurve(_(VARIANT_NAMES[variant]), _(SHORT_NAMES[variant]), VARIANT_ROLES[variant], error, diverged)
        for variant, error, diverged in zip(result.variants, result.errors, result.diverged_at, strict=True)
    ]
    per_epoch = result.total_steps / result.settings.epochs
    return error_curves("curves", variants, result.epochs, result.settings.epochs, per_epoch, _)


def differences(result: Result, language: Language = "en") -> Chart:
    """Differences of test accuracy between two variants, seed by seed, with their mean, its 95 % interval and the verdict."""
    _ = translator(language)
    pairs = [
        Pair(
            _("{second} − {first}").format(first=_(SHORT_NAMES[first]), second=_(SHORT_NAMES[second])), values, finding
        )
        for (first, second), values, finding in zip(result.pairs, result.differences, result.findings, strict=True)
    ]
    return seeds.differences("differences", pairs[:PANELS], result.settings.seed, _)


def statistics(result: Result, language: Language = "en") -> Chart:
    """Test error of the same networks with running statistics and with those of the test images themselves."""
    _ = translator(language)
    at = int(np.flatnonzero(result.steps == result.batch_error_step)[0])
    kept = [index for index, count in enumerate(result.updates) if count]
    running = np.array([100 * result.errors[index].mean[at] for index in kept])
    own = np.array([100 * float(np.mean(result.batch_error[index])) for index in kept])
    variants = [_(VARIANT_NAMES[result.variants[index]]) for index in kept]
    names = [f"<b>{variant}</b>" for variant in variants]
    hover: dict[str, Any] = {"size": 16, "hovertemplate": "%{x:.3g} %"}
    traces = [
        *(
            line([left, right], [name] * 2, "context", "")
            for left, right, name in zip(own, running, names, strict=True)
        ),
        points(running, names, "running", _("running statistics"), **hover),
        points(own, names, "before", _("the test images' own statistics"), symbol="diamond", **hover),
    ]
    notes = [*_percents(running, names, "running", 20), *_percents(own, names, "before", -20)]
    low, high = log_range(np.concatenate((running, own)))
    how = key(_("circle: eval mode, running statistics · diamond: same weights, the test images' own statistics"))
    parts = _("; ").join(
        _("{variant} {running} % and {own} %").format(
            variant=variant, **dict(zip(("running", "own"), alike(right, left), strict=True))
        )
        for variant, right, left in zip(variants, running, own, strict=True)
    )
    margin = {"l": 170, "r": 24, "t": 44, "b": 52}
    x, y = log_axis(_("Test error in %"), low - 0.1, high + 0.1), axis("", autorange="reversed")
    return Chart(
        "statistics",
        traces,
        layout(x, y, annotations=[how, *notes], margin=margin),
        _("Test error with running statistics and with those of the test images themselves: {parts}.").format(
            parts=parts
        ),
        height=360,
        # The key begins over the names, not over the plot.
        phone_layout=phone([{**how, "xshift": -98}, *notes], l=110, r=12, t=64, b=44),
    )


def _percents(values: Floats, names: Sequence[str], role: Role, shift: int) -> list[dict[str, Any]]:
    """The errors (V,) in words over or under their dots."""
    return [
        note(f"{short(value)} %", role, x=math.log10(max(value, 1e-3)), y=name, yshift=shift)
        for value, name in zip(values, names, strict=True)
        if math.isfinite(value)
    ]


def left_over(result: Result, language: Language = "en") -> Chart:
    """How much of their initial value the running statistics still hold, one module per step and one for all steps."""
    _ = translator(language)
    momentum, count = result.settings.momentum, result.settings.steps
    steps = np.arange(result.total_steps + 1)
    theory = {
        "batch_per_step": initial_weight(momentum, steps),
        "batch_shared": initial_weight(momentum, steps * count),
    }
    traces: list[dict[str, Any]] = []
    notes = [key(_("dots: measured per step, where all values are equal · dashed: (1 − α)ⁿ, n updates"))]
    for variant, values in theory.items():
        shown, name = _above_floor(values), _(SHORT_NAMES[variant])
        traces.append(line(steps, shown, "theory", clauses(name, _("theory"), _), width=2, dash="dash"))
        places = np.flatnonzero(np.isfinite(shown))
        middle = int(places[len(places) // 2])
        corner: dict[str, Any] = {"xanchor": "left", "xshift": 10, "yanchor": "bottom"}
        where = {"x": middle, "y": math.log10(shown[middle])}
        notes.append(note(f"<b>{name}</b>", VARIANT_ROLES[variant], **where, **corner))
    measured, role = _above_floor(result.left_over), VARIANT_ROLES["batch_per_step"]
    traces.append(points(result.steps, measured, role, _(SHORT_NAMES[PER_STEP]), size=10))
    x = axis(_("Training steps"), range=[-0.02 * result.total_steps, 1.02 * result.total_steps])
    y = axis(_("Weight of the initial value"), type="log", range=[FLOOR, 0.3], **power_ticks(FLOOR, 0))
    margin = {"l": 78, "r": 24, "t": 44, "b": 52}
    return Chart(
        "left_over",
        traces,
        layout(x, y, annotations=notes, margin=margin),
        _(
            "Weight of the initial value in the running statistics after {steps} training steps: {per_step} with one module per "
            "step, {shared} with a shared one, which is updated {count} times per step."
        ).format(
            steps=result.total_steps,
            per_step=short(float(theory["batch_per_step"][-1])),
            shared=short(float(theory["batch_shared"][-1])),
            count=count,
        ),
        height=360,
        phone_layout=phone(notes, l=60, r=12, t=80, b=44),
    )


def _above_floor(weights: Floats) -> Floats:
    """What is drawn of `weights`; NaN below 10^FLOOR."""
    return np.where(weights > 10**FLOOR, weights, np.nan)
