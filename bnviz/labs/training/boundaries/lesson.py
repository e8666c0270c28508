"""The topic `boundaries` of the lab `training`: what small networks decide in the plane while they learn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.training.boundaries import figures
from bnviz.labs.training.boundaries.experiment import estimated_seconds, run
from bnviz.labs.training.boundaries.formula import formula
from bnviz.labs.training.boundaries.result import Result
from bnviz.labs.training.boundaries.script import script
from bnviz.labs.training.boundaries.settings import Settings
from bnviz.labs.training.shared.outcomes import compares_batch_norm, of_batch_norm
from bnviz.labs.training.shared.settings import applies
from bnviz.labs.training.shared.sources import BATCH_NORM, BATCH_NORM_PAPER
from bnviz.plot.variants import normalizer_name
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import NOISY, SHOWS
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.paired import better_or_alike

BETTER, NO_BETTER, UNKNOWN = range(3)
ACCURACIES: Final = {
    "none": N_("test accuracy without a normalizer"),
    "batch": N_("test accuracy with batch norm"),
    "layer": N_("test accuracy with layer norm"),
    "group": N_("test accuracy with group norm"),
}


def comparisons(result: Result) -> list[Comparison]:
    """The best possible rule on the test points against its expected accuracy; and the networks against the same."""
    if not math.isfinite(result.best_accuracy):
        return []
    expected, trials = result.best_accuracy, result.tested * len(result.best_hits)
    error = math.sqrt(max(expected * (1 - expected), 1 / trials) / trials)
    rows = [
        Comparison(
            Phrase(N_("accuracy of the best possible rule on the test points")),
            float(result.best_hits.mean()),
            expected,
            error,
        )
    ]
    for number, name in enumerate(result.variants):
        final = result.accuracy[number, :, -1]
        known = final[np.isfinite(final)]
        if len(known) > 1:
            scatter = math.hypot(error, float(known.std(ddof=1)) / math.sqrt(len(known)))
            note = Phrase(N_("the prediction is what no classifier can beat"))
            rows.append(Comparison(Phrase(ACCURACIES[name]), float(known.mean()), expected, scatter, note))
    return rows


def headline(result: Result) -> dict[str, float]:
    """Final test errors in %, means over seeds, by the names the script prints."""
    return {f"error_{name}": 100 * float(result.error.mean[number, -1]) for number, name in enumerate(result.variants)}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, seed and recorded point."""
    shape = result.accuracy.shape
    columns = {
        "normalizer": np.array(result.variants)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "step": result.steps,
        "epoch": result.epochs,
        "accuracy": result.accuracy,
        "best_possible_on_these_points": result.best_hits[:, None],
        "diverged_at_step": result.diverged_at[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def finding(result: Result, language: Language = "en") -> str:
    """Who ends with the better boundary, for the run that is shown."""
    _ = translator(language)
    parts = [
        better_or_alike(normalizer_name(first, _), normalizer_name(second, _), found, _)
        for (first, second), found in zip(result.pairs, result.findings, strict=True)
    ]
    return " ".join(parts) or _("Choose two variants or more: there is nothing to compare.")


def outcome(result: Result) -> int | None:
    """The option that the verdict on the final accuracy, batch norm against none, makes right; None without that comparison."""
    finding = of_batch_norm(result.pairs, result.findings)
    if finding is None:
        return None
    if finding.verdict == NOISY:
        return UNKNOWN
    return BETTER if finding.verdict == SHOWS and finding.mean > 0 else NO_BETTER


TOPIC: Final = LiveTopic(
    lab="training",
    name="boundaries",
    folder=Path(__file__).parent,
    title=N_("Decision boundaries"),
    question=N_("How does a network bend its boundary around the data, and does batch norm help it?"),
    answer=N_(
        "Step by step, as the maps show. Does batch norm help? The test errors say it for one task and one optimizer;"
        " try others."
    ),
    finding=finding,
    findings=lambda result: result.findings,
    settings=Settings,
    run=run,
    controls=("source", "noise", "samples", "normalizers", "learning_rate", "epochs"),
    more=("activation", "optimizer", "depth", "width", "init", "batch_size", "seeds", "seed"),
    applies=applies,
    pictures=(figures.maps, figures.curves, figures.growth),
    theory=(figures.limit, figures.differences),
    comparisons=comparisons,
    presets=(
        Preset(
            "spirals",
            N_("Spirals"),
            N_(
                "The dashed line is the best possible boundary. Which network bends towards it first, and does the other get there?"
            ),
            {},
        ),
        Preset(
            "moons",
            N_("Moons"),
            N_("An easy task: which network is there first, and is there a relevant difference at the end?"),
            {"source": "moons", "noise": 0.15},
        ),
        Preset(
            "much_noise",
            N_("Much noise"),
            N_(
                "Now even the best possible rule errs often, as the dashed line in the second picture says. Does a "
                "network follow single points that are only noise?"
            ),
            {"source": "circles", "noise": 0.2},
        ),
        Preset(
            "with_50_points",
            N_("50 points"),
            N_("Fifty points only: what do the networks decide where there is none?"),
            {"samples": 50, "batch_size": 16},
        ),
        Preset(
            "adam",
            N_("Adam"),
            N_("Was it the network or the optimizer? See whether both wind around the spirals with Adam."),
            {"optimizer": "adam", "learning_rate": 0.01},
        ),
        Preset(
            "all_four",
            N_("All four"),
            N_("Layer and group norm too, for 60 epochs. Which of them are through by then?"),
            {"normalizers": ("none", "batch", "layer", "group"), "epochs": 60},
        ),
    ),
    prediction=Prediction(
        N_(
            "Points of two classes; one network without a normalizer, and the same with batch norm before every activation. At the end "
            "of the training the one with batch norm …"
        ),
        (N_("errs clearly less"), N_("errs as often, or more often"), N_("too noisy to tell from these seeds")),
        outcome,
        N_(
            "Judged from the test points of every seed, in pairs: same points, same weights at the start, same batches."
        ),
        compares_batch_norm,
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        BATCH_NORM_PAPER,
        Source(
            N_("Decision boundaries to play with, without batch norm"),
            "TensorFlow Playground",
            "https://playground.tensorflow.org",
        ),
        Source(
            N_("The best possible classifier: Bayes' rule and its error"),
            "Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 2.4",
            "https://hastie.su.domains/ElemStatLearn/",
        ),
        BATCH_NORM,
    ),
    result=Result,
    cost=estimated_seconds,
    upload="classes",
)
