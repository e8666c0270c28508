"""The topic `landscape` of the lab `training`: how far one may trust the gradient, with and without batch norm."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, clauses, translator
from bnviz.labs.training.landscape import figures
from bnviz.labs.training.landscape.experiment import estimated_seconds, run
from bnviz.labs.training.landscape.formula import formula
from bnviz.labs.training.landscape.result import Result
from bnviz.labs.training.landscape.script import script
from bnviz.labs.training.landscape.settings import Settings
from bnviz.labs.training.shared.outcomes import compares_batch_norm, of_batch_norm
from bnviz.labs.training.shared.settings import applies
from bnviz.labs.training.shared.sources import BATCH_NORM, SANTURKAR
from bnviz.plot.variants import normalizer_name
from bnviz.study.comparison import Comparison
from bnviz.study.figures.forest import times_within
from bnviz.study.verdict import NOISY, SHOWS, words
from bnviz.teaching.lab import LiveTopic, Prediction, Preset
from bnviz.teaching.sources import DIGITS

SMALLER, NO_SMALLER, UNKNOWN = range(3)
ROWS: Final = {
    "none": (
        N_("slope of the loss along the gradient, no normalizer: −‖g‖²"),
        N_("change of the gradient per step, no normalizer: ‖Hg‖"),
    ),
    "batch": (
        N_("slope of the loss along the gradient, batch norm: −‖g‖²"),
        N_("change of the gradient per step, batch norm: ‖Hg‖"),
    ),
    "layer": (
        N_("slope of the loss along the gradient, layer norm: −‖g‖²"),
        N_("change of the gradient per step, layer norm: ‖Hg‖"),
    ),
    "group": (
        N_("slope of the loss along the gradient, group norm: −‖g‖²"),
        N_("change of the gradient per step, group norm: ‖Hg‖"),
    ),
}


def comparisons(result: Result) -> list[Comparison]:
    """Slope and bend at a tiny step against −‖g‖² and ‖Hg‖, first seed, last look at which it is alive."""
    rows = []
    for number, name in enumerate(result.variants):
        alive = np.flatnonzero(np.isfinite(result.slope[number, 0]))
        if not len(alive):
            continue
        place = alive[-1]
        slope, bend = ROWS[name]
        # Differences of numbers around 1 over a step of a millionth of the rate: float64 leaves about 1e-8 of the slope.
        for text, measured, expected in (
            (slope, result.slope, result.slope_expected),
            (bend, result.bend, result.bend_expected),
        ):
            predicted = float(expected[number, 0, place])
            rows.append(
                Comparison(Phrase(text), float(measured[number, 0, place]), predicted, allowance=abs(predicted) * 4e-5)
            )
    return rows


def headline(result: Result) -> dict[str, float]:
    """Geometric means over seeds and looks of range and relative change, by the names the script prints."""
    numbers: dict[str, float] = {}
    for number, name in enumerate(result.variants):
        for key, values in (("range", result.range), ("change", result.change), ("relative", result.relative_change)):
            known = values[number][np.isfinite(values[number]) & (values[number] > 0)]
            numbers[f"{key}_{name}"] = float(np.exp(np.log(known).mean())) if known.size else math.nan
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, seed, look and step size."""
    shape = result.loss.shape
    columns = {
        "normalizer": np.array(result.variants)[:, None, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None, None],
        "step": result.look_steps[:, None],
        "step_size": result.sizes,
        "loss_at_start": result.start_loss[..., None],
        "gradient_norm": result.gradient_norm[..., None],
        "loss": result.loss,
        "gradient_change": result.gradient_change,
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def finding(result: Result, language: Language = "en") -> str:
    """How much less the loss varies and the gradient changes along the gradient, for the run that is shown."""
    _ = translator(language)
    if not result.pairs:
        return _("Choose two variants or more: there is nothing to compare.")
    shown = next((index for index, (__, second) in enumerate(result.pairs) if second == "batch"), len(result.pairs) - 1)
    first, second = (normalizer_name(name, _) for name in result.pairs[shown])
    parts = []
    for name, found in (
        (_("range of the loss"), result.range_findings[shown]),
        (_("relative change of the gradient"), result.relative_findings[shown]),
    ):
        numbers = times_within(found, _)
        parts.append(name + " " + (clauses(numbers, words(found, _), _) if found.has_interval else words(found, _)))
    return _("Along the gradient, {second} against {first}: {parts}.").format(
        first=first, second=second, parts=_("; ").join(parts)
    )


def outcome(result: Result) -> int | None:
    """The option that the verdict on the range of the loss, batch norm against none, makes right; None without that comparison."""
    finding = of_batch_norm(result.pairs, result.range_findings)
    if finding is None:
        return None
    if finding.verdict == NOISY:
        return UNKNOWN
    return SMALLER if finding.verdict == SHOWS and finding.mean < 0 else NO_SMALLER


TOPIC: Final = LiveTopic(
    lab="training",
    name="landscape",
    folder=Path(__file__).parent,
    title=N_("Loss along the gradient"),
    question=N_("How far may one trust the gradient, and how much further with batch norm?"),
    answer=N_(
        "As far as the loss does what the gradient says. How far that is changes during training, and with the size of the step."
    ),
    finding=finding,
    findings=lambda result: (*result.range_findings, *result.change_findings, *result.relative_findings),
    settings=Settings,
    run=run,
    controls=("normalizers", "learning_rate", "reach", "activation", "depth", "epochs"),
    more=("source", "samples", "noise", "optimizer", "init", "width", "batch_size", "seeds", "seed"),
    applies=applies,
    pictures=(figures.ranges, figures.changes, figures.claims),
    theory=(figures.along,),
    comparisons=comparisons,
    presets=(
        Preset(
            "as_in_the_paper",
            N_("As in the paper"),
            N_(
                "A line near the bottom means: little happens that the gradient did not say. Which is lower at "
                "first, and which later?"
            ),
            {},
        ),
        Preset(
            "sigmoid",
            N_("Sigmoid"),
            N_("The network of the topic Race. Does the loss vary less with batch norm here too?"),
            {"activation": "sigmoid", "init": "normal", "learning_rate": 0.5, "batch_size": 60, "epochs": 40},
        ),
        Preset(
            "look_farther",
            N_("Look farther"),
            N_("Steps up to 16 times the learning rate: whose loss explodes out there?"),
            {"reach": 16.0},
        ),
        Preset(
            "all_four",
            N_("All four"),
            N_(
                "Are layer and group norm closer to batch norm or to no normalizer? The third picture has the verdicts."
            ),
            {"normalizers": ("none", "batch", "layer", "group")},
        ),
        Preset(
            "a_small_rate",
            N_("A small rate"),
            N_(
                "At a tenth of the rate: is the loss still smoother with batch norm? And the gradient, relative to its own length?"
            ),
            {"learning_rate": 0.01},
        ),
    ),
    prediction=Prediction(
        N_(
            "One network without a normalizer, and the same with batch norm before every activation. Step along the gradient. "
            "Averaged over training, how much does the loss vary on the way? With batch norm …"
        ),
        (N_("less"), N_("as much, or more"), N_("too noisy to tell from these seeds")),
        outcome,
        N_("Range of the loss, as a factor, seed by seed; the third picture has the interval and the verdict."),
        compares_batch_norm,
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(SANTURKAR, BATCH_NORM, DIGITS),
    result=Result,
    cost=estimated_seconds,
    upload="classes",
)
