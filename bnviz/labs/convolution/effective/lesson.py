"""The topic `effective` of the lesson `convolution`: what the numbers behind one mean are worth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.convolution.effective import figures
from bnviz.labs.convolution.effective.experiment import run
from bnviz.labs.convolution.effective.result import Result
from bnviz.labs.convolution.effective.script import script
from bnviz.labs.convolution.effective.settings import Settings
from bnviz.labs.convolution.shared.sources import BATCH_NORM, PHOTOGRAPHS
from bnviz.plot.numbers import alike, latex, latex_signed
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source

PER_IMAGE, BETWEEN, ALL, MORE = range(4)
FEW: Final = 1.5  # times N: about one number per image
NEAR: Final = 0.1


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The effective sample size of the chosen channel, measured and predicted, with its numbers."""
    _ = translator(language)
    settings, worth, c = result.settings, result.effective, result.settings.channel
    N, _C, H, W = settings.shape
    pixels = H * W
    rho = float(worth.correlation[worth.here, c])
    variance = float(worth.variance[c])
    of_mean = float(worth.spread[c]) ** 2
    return "\n\n".join(
        (
            "**1. "
            + _("Measured")
            + "** — "
            + _(
                "Channel {c}: the variance of one number in the population, over that of the batch mean in {count} batches:"
            ).format(c=c, count=len(worth.batch_means)),
            rf"$$m_\text{{eff}} = \frac{{\sigma^2}}{{\operatorname{{Var}}[\bar x]}} = \frac{{{latex(variance)}}}{{{latex(of_mean)}}} = "
            rf"{latex(float(result.effective_samples[c]))}$$",
            "**2. "
            + _("Closed form")
            + "** — "
            + _("with the mean correlation ρ̄ of two different pixels of one map, taken from the whole population:"),
            rf"$$m_\text{{eff}} = \frac{{N\cdot HW}}{{1 + (HW - 1)\bar\rho}} = "
            rf"\frac{{{N}\cdot {pixels}}}{{1 + {pixels - 1}\cdot {latex_signed(rho)}}} = "
            rf"{latex(float(result.effective_samples_theory[c]))}$$",
            _(
                "ρ̄ = 1 leaves N numbers, one per image; ρ̄ = 0 leaves all N·HW; a negative ρ̄ makes them worth more than independent ones."
            ),
        )
    )


def comparisons(result: Result) -> list[Comparison]:
    """Every channel's effective sample size, measured against the closed form."""
    return [
        Comparison(
            Phrase(N_("channel {channel}: independent numbers that N·H·W are worth"), {"channel": channel}),
            float(result.effective_samples[channel]),
            float(result.effective_samples_theory[channel]),
            float(result.effective_samples_error[channel]),
        )
        for channel in range(result.settings.channels)
        if math.isfinite(result.effective_samples[channel])
    ]


def headline(result: Result) -> dict[str, float]:
    """The chosen channel's numbers, by the names that the script prints."""
    worth, c = result.effective, result.settings.channel
    return {
        "numbers": float(worth.numbers[worth.here]),
        "mean_correlation": float(worth.correlation[worth.here, c]),
        "effective_samples": float(result.effective_samples[c]),
        "effective_samples_theory": float(result.effective_samples_theory[c]),
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per resolution and channel."""
    worth = result.effective
    R, C = worth.samples.shape
    return {
        "height": np.repeat(worth.heights, C),
        "width": np.repeat(worth.widths, C),
        "channel": np.tile(np.arange(C), R),
        "numbers": np.repeat(worth.numbers, C),
        "effective_samples": worth.samples.ravel(),
        "standard_error": worth.error.ravel(),
        "effective_samples_theory": worth.theory.ravel(),
        "mean_correlation": worth.correlation.ravel(),
    }


def outcome(result: Result) -> int:
    """How many independent numbers the chosen channel's are worth, by the closed form."""
    N, _, H, W = result.settings.shape
    share = float(result.effective_samples_theory[result.settings.channel]) / (N * H * W)
    if share > 1 + NEAR:
        return MORE
    if share >= 1 - NEAR:
        return ALL
    return PER_IMAGE if share * H * W <= FEW else BETWEEN


def finding(result: Result, language: Language = "en") -> str:
    """What the numbers behind one mean of the chosen channel are worth, for the run that is shown."""
    _ = translator(language)
    c, (N, _C, H, W) = result.settings.channel, result.settings.shape
    measured, predicted = alike(float(result.effective_samples[c]), float(result.effective_samples_theory[c]))
    return _(
        "A mean over {numbers} numbers of channel {channel} scatters as one over {measured} independent numbers "
        "would; the closed form says {predicted}. There are {images} images."
    ).format(
        numbers=N * H * W,
        channel=c,
        measured=measured,
        predicted=predicted,
        images=N,
    )


def a_blurred_map_is_worth_one_number(result: Result) -> bool:
    """Whether the blurred channel is worth little more than one number per image, and as many as the closed form says."""
    samples, theory = (float(values[0]) for values in (result.effective_samples, result.effective_samples_theory))
    return 0.8 < samples / result.settings.shape[0] < 1.3 and abs(samples / theory - 1) < 0.2


def _finer_maps_add_little(result: Result) -> bool:
    """Whether the blurred channel at 8×8 is worth hardly more than at 4×4."""
    worth = result.effective
    coarse = int(np.flatnonzero(worth.heights == worth.heights[worth.here] // 2)[0])
    return 0.8 < float(worth.samples[worth.here, 0] / worth.samples[coarse, 0]) < 1.25


TOPIC: Final = InstantTopic(
    lab="convolution",
    name="effective",
    folder=Path(__file__).parent,
    title=N_("Effective sample size"),
    question=N_("How many independent numbers are N·H·W pixels worth?"),
    answer=N_("Neighbouring pixels resemble each other: a blurred map is worth little more than one number per image."),
    settings=Settings,
    run=run,
    controls=("source", "kernels", "channel", "batch_size", "height", "width"),
    more=("channels", "seed"),
    pictures=(figures.resolution, figures.batch_means, figures.correlation),
    theory=(figures.channels,),
    comparisons=comparisons,
    finding=finding,
    holds=a_blurred_map_is_worth_one_number,
    presets=(
        Preset(
            "an_edge_detector",
            N_("An edge detector"),
            N_(
                "Bright and dark edges cancel within an image, so its mean fluctuates little: the same pixels are worth several "
                "times more than in the blurred map."
            ),
            {"channel": 1},
            holds=lambda result: result.effective_samples[1] > 3 * result.effective_samples[0],
        ),
        Preset(
            "finer_maps",
            N_("Finer maps"),
            N_("8×8 instead of 4×4: four times as many numbers, and the blurred map is worth hardly more than before."),
            {"height": 8, "width": 8},
            holds=_finer_maps_add_little,
        ),
        Preset(
            "batch_of_16",
            N_("Batch of 16"),
            N_("Other images are independent: four times as many are worth four times as much, in every channel."),
            {"batch_size": 16},
            holds=lambda result: bool(
                (abs(result.effective_samples / result.effective_samples_theory - 1) < 0.25).all()
            ),
        ),
        Preset(
            "digits",
            N_("Digits"),
            N_(
                "More than N·H·W. Every digit brings the same bright middle and dark border, as a stratified sample does, and so "
                "its mean varies less than that of pixels drawn one by one."
            ),
            {"source": "digits"},
            holds=lambda result: (
                result.effective_samples[result.settings.channel] > result.effective.numbers[result.effective.here]
            ),
        ),
        Preset(
            "random_kernels",
            N_("Random kernels"),
            N_("Eight random kernels, as an untrained network has them: which of them blur, and which find edges?"),
            {"kernels": "random"},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "One mean of batch norm is taken over N·H·W numbers of the chosen channel. How many independent numbers "
            "would give a mean that fluctuates as much from batch to batch?"
        ),
        options=(
            N_("about N: one per image"),
            N_("clearly more than N, clearly fewer than N·H·W"),
            N_("about N·H·W"),
            N_("more than N·H·W"),
        ),
        correct=outcome,
        explanation=N_(
            "What counts is the mean correlation ρ̄ of two pixels of one map. Where it is near 1, a map tells hardly more than one "
            "of its pixels; where it is negative, the errors of its pixels cancel."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    upload="images",
    sources=(
        Source(
            N_("The design effect 1 + (n − 1)ρ̄ of samples that come in clusters"),
            "Kish 1965, Survey Sampling; Design effect",
            "https://en.wikipedia.org/wiki/Design_effect",
        ),
        Source(
            N_(
                "N·H·W called the effective mini-batch size of a convolution (section 3.2): a count, which is tested here"
            ),
            BATCH_NORM.title,
            BATCH_NORM.url,
        ),
        Source(
            N_("One mean per channel over all pixels of all images"),
            "torch.nn.BatchNorm2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
        ),
        PHOTOGRAPHS,
    ),
)
