"""Pictures of the topic `error` of the lab `recurrence`; each takes its `Result`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from bnviz.i18n import Language, translator
from bnviz.labs.recurrence.error.result import Result
from bnviz.labs.recurrence.shared.figures import SHORT_NAMES, VARIANT_NAMES, VARIANT_ROLES
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, line, log_axis, log_range, note, points, power_ticks, small
from bnviz.plot.theme import Role, axis, layout
from bnviz.study.figures import seeds
from bnviz.study.figures.seeds import Course, Pair, error_curves
from bnviz.theory.running import initial_weight

PANELS: Final = 3
PER_STEP: Final = "batch_per_step"
FLOOR: Final = -12.0  # what is left over of the start is drawn down to 10 to this


def curves(result: Result, language: Language = "en") -> Chart:
    """Test error by epoch on a log axis, one line per variant: the mean over seeds, a band from the best to the worst seed."""
    _ = translator(language)
    courses = [
        Course(_(VARIANT_NAMES[variant]), _(SHORT_NAMES[variant]), VARIANT_ROLES[variant], error, diverged)
        for variant, error, diverged in zip(result.variants, result.errors, result.diverged_at, strict=True)
    ]
    per_epoch = result.total_steps / result.settings.epochs
    return error_curves("curves", courses, result.epochs, result.settings.epochs, per_epoch, _)


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
    place = int(np.flatnonzero(result.steps == result.batch_error_step)[0])
    running = np.array([100 * error.mean[place] for error in result.errors])
    own = np.array([100 * float(np.mean(row)) for row in result.batch_error])
    kept = [index for index, count in enumerate(result.updates) if count]
    names = [f"<b>{_(VARIANT_NAMES[result.variants[index]])}</b>" for index in kept]
    traces: list[dict[str, Any]] = [
        line([own[index], running[index]], [name] * 2, "context", "", width=3)
        for index, name in zip(kept, names, strict=True)
    ]
    traces += [
        points(running[kept], names, "running", _("running statistics"), size=16, hovertemplate="%{x:.3g} %"),
        points(
            own[kept],
            names,
            "before",
            _("the test images' own statistics"),
            size=16,
            symbol="diamond",
            hovertemplate="%{x:.3g} %",
        ),
    ]
    ends: tuple[tuple[Any, Role, int], ...] = ((running, "running", 20), (own, "before", -20))
    words = [
        note(f"{short(value)} %", role, x=math.log10(max(value, 1e-3)), y=name, yshift=shift)
        for values, role, shift in ends
        for value, name in ((values[index], name) for index, name in zip(kept, names, strict=True))
        if math.isfinite(value)
    ]
    low, high = log_range(np.concatenate((running[kept], own[kept])))
    how = key(_("circle: eval mode, running statistics · diamond: same weights, the test images' own statistics"))
    parts = "; ".join(
        _("{variant} {running} % and {own} %").format(
            variant=_(VARIANT_NAMES[result.variants[index]]), running=short(running[index]), own=short(own[index])
        )
        for index in kept
    )
    return Chart(
        "statistics",
        traces,
        layout(
            log_axis(_("Test error in %"), low - 0.1, high + 0.1),
            axis("", autorange="reversed"),
            annotations=[how, *words],
            margin={"l": 170, "r": 24, "t": 44, "b": 52},
        ),
        _("Test error with running statistics and with those of the test images themselves: {parts}.").format(
            parts=parts
        ),
        height=360,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 110, "r": 12, "t": 64, "b": 44},
            "annotations": small([{**how, "xshift": -98}, *words]),  # the key begins over the names, not over the plot
        },
    )


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
    words: list[dict[str, Any]] = []
    for variant, values in theory.items():
        shown = np.where(values > 10**FLOOR, values, np.nan)
        places = np.flatnonzero(np.isfinite(shown))
        middle = int(places[len(places) // 2])
        words.append(
            note(
                f"<b>{_(SHORT_NAMES[variant])}</b>",
                VARIANT_ROLES[variant],
                x=middle,
                y=math.log10(shown[middle]),
                xanchor="left",
                xshift=10,
                yanchor="bottom",
            )
        )
        name = f"{_(SHORT_NAMES[variant])}, " + _("theory")
        traces.append(line(steps, shown, "theory", name, width=2, dash="dash"))
    measured = np.where(result.left_over > 10**FLOOR, result.left_over, np.nan)
    traces.append(points(result.steps, measured, VARIANT_ROLES["batch_per_step"], _(SHORT_NAMES[PER_STEP]), size=10))
    how = key(_("dots: measured per step, where all values are equal · dashed: (1 − α)ⁿ, n updates"))
    last = {variant: float(values[-1]) for variant, values in theory.items()}
    y = axis(_("Weight of the initial value"), type="log", range=[FLOOR, 0.3], **power_ticks(FLOOR, 0))
    return Chart(
        "left_over",
        traces,
        layout(
            axis(_("Training steps"), range=[-0.02 * result.total_steps, 1.02 * result.total_steps]),
            y,
            annotations=[how, *words],
            margin={"l": 78, "r": 24, "t": 44, "b": 52},
        ),
        _(
            "Weight of the initial value in the running statistics after {steps} training steps: {per_step} with one module per "
            "step, {shared} with a shared one, which is updated {count} times per step."
        ).format(
            steps=result.total_steps,
            per_step=short(last["batch_per_step"]),
            shared=short(last["batch_shared"]),
            count=count,
        ),
        height=360,
        phone_layout={
            "font": {"size": 12},
            "margin": {"l": 60, "r": 12, "t": 80, "b": 44},
            "annotations": small([how, *words]),
        },
    )
