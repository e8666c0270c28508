"""The topic `adaptation`: statistics from training, from the test batch, or mixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.adaptation import figures
from bnviz.labs.adaptation.experiment import run
from bnviz.labs.adaptation.result import Result
from bnviz.labs.adaptation.script import script
from bnviz.labs.adaptation.settings import Settings
from bnviz.plot.numbers import alike, latex, short
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import NOISY, SHOWS, judge
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

TRAINING, BATCH, MIXED, ALIKE = range(4)
MATTERS: Final = 1.0  # points


def comparisons(result: Result) -> list[Comparison]:
    """Squared error of the typical unit's mean, by source weight."""
    return [
        Comparison(
            Phrase(N_("squared error of the mean / σ², source weight {weight}"), {"weight": short(float(weight))}),
            float(result.mean_error[index]),
            float(result.mean_error_theory[index]),
            float(np.nan_to_num(result.mean_error_error[index], nan=np.inf)),
        )
        for index, weight in enumerate(result.source_weights)
    ]


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The mixed mean, its error, and where that is least, with the first seed's typical unit."""
    _ = translator(language)
    variance, shift = result.typical
    size, weight = result.settings.batch_size, result.settings.source_weight
    momentum = size / (size + weight)
    return "\n\n".join(
        [
            "**1. " + _("The mixture is PyTorch's own update of the running statistics") + "**",
            f"$$\n\\mu = \\frac{{N\\mu_s + n\\mu_t}}{{N+n}},\\qquad \\text{{momentum}} = \\frac{{n}}{{N+n}} = "
            f"\\frac{{{size}}}{{{latex(weight)}+{size}}} = {latex(momentum)}\n$$",
            "**2. " + _("Its squared error: the shift that is kept, and the noise of the batch") + "**",
            "$$\n\\mathbb{E}(\\mu-\\mu_t)^2 = \\frac{N^2\\Delta^2 + n\\sigma^2}{(N+n)^2}\n$$",
            "**3. " + _("It is least at, in a typical unit of the first seed") + "**",
            f"$$\nN^* = \\frac{{\\sigma^2}}{{\\Delta^2}} = \\frac{{{latex(variance)}}}{{({latex(shift)})^2}} = "
            f"{latex(variance / shift**2)}\n$$",
            _("Geometric mean over all units and seeds: {star}. The test error is least at N = {best}.").format(
                star=f"${latex(result.best_theory)}$", best=f"${latex(result.best_measured)}$"
            ),
        ]
    )


def headline(result: Result) -> dict[str, float]:
    """Errors in % and N*, by the names the script prints."""
    rows = (("random", result.error), ("sorted", result.error_sorted))
    errors = {
        f"error_{order}[{weight:g}]": float(values[index])
        for order, values in rows
        for index, weight in enumerate(result.source_weights)
    }
    return {
        **errors,
        "error_unshifted": result.error_unshifted,
        "error_source": result.error_source,
        "best_theory": result.best_theory,
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per source weight."""
    return {
        "source_weight": result.source_weights,
        "error_random_percent": result.error,
        "error_sorted_percent": result.error_sorted,
        "mean_error": result.mean_error,
        "mean_error_theory": result.mean_error_theory,
    }


def outcome(result: Result) -> int | None:
    """The option that the errors make right: whether those from training and those of the batch alone are worse than the best mixture.

    Both are judged over the seeds; None where these cannot tell.
    """
    best = result.error_by_seed[int(result.error.argmin())]
    worse = {}
    for option, error in ((TRAINING, result.error_source_by_seed), (BATCH, result.error_by_seed[0])):
        found = judge(error - best, MATTERS)
        if found.verdict == NOISY and (error != best).any():
            return None
        worse[option] = found.verdict == SHOWS
    if worse[TRAINING]:
        return MIXED if worse[BATCH] else BATCH
    return TRAINING if worse[BATCH] else ALIKE


def finding(result: Result, language: Language = "en") -> str:
    """The errors with either statistics and with the best mixture, for the run that is shown."""
    _ = translator(language)
    source, batch, least = (
        f"{error}\N{NO-BREAK SPACE}%"
        for error in alike(result.error_source, float(result.error[0]), float(result.error.min()))
    )
    best, star = alike(result.best_measured, result.best_theory)
    return _(
        "Test error: {source} with the statistics from training, {batch} with those of a batch of {size} alone, and "
        "{least} at best, with N = {best}; N* is {star}."
    ).format(
        source=source,
        batch=batch,
        size=result.settings.batch_size,
        least=least,
        best=best,
        star=star,
    )


def the_batch_repairs(result: Result) -> bool:
    """Whether the opening shows what the answer and the text say.

    The change does harm, a mixed batch's statistics repair most of it and one class's make it worse; the best weight lies near N*,
    where a factor of two costs less than a point.
    """
    harm = result.error_source - result.error_unshifted
    near = (result.source_weights >= result.best_measured / 2) & (result.source_weights <= 2 * result.best_measured)
    return bool(
        harm > 10
        and result.error[0] - result.error_unshifted < harm / 3
        and result.error_sorted[0] > result.error_source + 10
        and 0.25 <= result.best_measured / result.best_theory <= 4
        and result.error[near].max() - result.error.min() < MATTERS
    )


def _a_mixture_beats_both(result: Result) -> bool:
    """Whether the best weight beats the batch alone and the statistics from training, and lies near N*."""
    return (
        result.error.min() < min(result.error[0], result.error_source) - 3
        and 0.25 <= result.best_measured / result.best_theory <= 4
    )


TOPIC: Final = InstantTopic(
    lab="adaptation",
    name="adaptation",
    folder=Path(__file__).parent,
    title=N_("New camera"),
    question=N_("New camera: may I let batch norm re-learn?"),
    answer=N_(
        "Statistics of the test images repair most of what another contrast or brightness breaks, if the batch mixes "
        "the classes. A small batch is noisy, and gains from some weight on the statistics from training; a batch of "
        "one class collapses."
    ),
    settings=Settings,
    run=run,
    controls=("contrast", "brightness", "noise", "blur", "batch_size", "source_weight"),
    more=("seeds", "seed"),
    pictures=(figures.errors,),
    theory=(figures.mean_error, figures.units),
    comparisons=comparisons,
    finding=finding,
    holds=the_batch_repairs,
    presets=(
        Preset(
            "batch_of_4",
            N_("Batches of four"),
            N_("The batch alone is noisy, the statistics from training are wrong: a mixture beats both, near N*."),
            {"batch_size": 4},
            holds=_a_mixture_beats_both,
        ),
        Preset(
            "batch_of_64",
            N_("Batches of 64"),
            N_(
                "Random batches hardly need the training statistics. Sorted by class the batch alone fails all the same."
            ),
            {"batch_size": 64},
            holds=lambda result: (
                result.error[0] - result.error.min() < 1 and result.error_sorted[0] > 10 * result.error[0]
            ),
        ),
        Preset(
            "brighter",
            N_("A little brighter"),
            N_("A small shift: N* is larger, and forgetting the training statistics costs more than it gains."),
            {"contrast": 1.0, "brightness": 0.2, "batch_size": 4},
            holds=lambda result: result.best_theory > 3 and result.error[0] > 2 * result.error_source,
        ),
        Preset(
            "dark",
            N_("Contrast 0.3"),
            N_(
                "A large shift: N* is below one image. The statistics from training are worth less than one test image."
            ),
            {"contrast": 0.3, "brightness": 0.0, "batch_size": 4},
            holds=lambda result: result.best_theory < 1,
        ),
        Preset(
            "noise",
            N_("Noise only"),
            N_(
                "Noise leaves the means where they were: N* is huge, and re-learning repairs next to nothing. The images "
                "themselves have become harder."
            ),
            {"contrast": 1.0, "brightness": 0.0, "noise": 0.3},
            holds=lambda result: (
                result.best_theory > 300
                and result.error_source - result.error_target < 2
                and result.error_target > 3 * result.error_unshifted
            ),
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The test images are of another camera than those of the training. With which statistics is the test error least? The "
            "batches are drawn at random; less than one point counts as alike."
        ),
        options=(
            N_("those from training"),
            N_("those of the test batch alone"),
            N_("a mixture of both"),
            N_("all alike"),
        ),
        correct=outcome,
        explanation=N_(
            "The batch has the right mean but little of it: noise of σ²/n. Training has a precise mean of the wrong images: a shift Δ. "
            "N* = σ²/Δ² weighs one against the other."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Mixing the statistics of training and test batch, with a weight N"),
            "Schneider et al. 2020, arXiv:2006.16971",
            "https://arxiv.org/abs/2006.16971",
        ),
        Source(
            N_("Adapting batch norm to the test batch"),
            "Wang et al. 2021 (Tent), arXiv:2006.10726",
            "https://arxiv.org/abs/2006.10726",
        ),
        Source(
            N_("How batch norm updates its running statistics"),
            "torch.nn.BatchNorm1d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
        ),
        DIGITS,
    ),
)
