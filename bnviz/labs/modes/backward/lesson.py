"""The topic `backward` of the lab `modes`: the same outputs in both modes, and another gradient."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.modes.backward import figures
from bnviz.labs.modes.backward.experiment import run
from bnviz.labs.modes.backward.result import WAYS, Result
from bnviz.labs.modes.backward.script import script
from bnviz.labs.modes.backward.settings import Settings
from bnviz.labs.modes.shared.sources import PYTORCH_BATCH_NORM
from bnviz.plot.numbers import alike, latex, short
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.paired import between
from bnviz.teaching.sources import DIGITS

SAME, NEARLY, ANOTHER = range(3)
ALIKE: Final = 0.99
NEAR: Final = 0.9  # cosines
BORDER: Final = 0.2  # of what is missing to a cosine of 1: nearer to a border nothing is asked
TRAIN, CONSTANTS = range(len(WAYS))
MAX_ROWS: Final = 4


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The backward pass in both modes, and with the run's numbers what the second misses."""
    _ = translator(language)
    return "\n\n".join(
        (
            "**" + _("eval(): mean and variance are constants") + "**",
            r"$$" + "\n" + r"\frac{\partial L}{\partial x_i} = \frac{\gamma}{\sqrt{v + \varepsilon}}\; g_i" + "\n$$",
            "**" + _("train(): they depend on every sample of the batch") + "**",
            r"$$" + "\n" + r"\frac{\partial L}{\partial x_i} = \frac{\gamma}{\sqrt{v + \varepsilon}}"
            r"\Bigl(g_i - \frac1m\sum_j g_j - \hat x_i\,\frac1m\sum_j g_j\hat x_j\Bigr)" + "\n$$",
            _(
                "The path through the mean takes away what all samples of the batch agree on, the path through the variance what is "
                "proportional to x̂. In layer 1, of the squared gradient:"
            ),
            f"$$\n1 - {latex(result.removed_mean[0])} - {latex(result.removed_var[0])} \\approx {latex(result.kept[0])}\n$$",
            _(
                "A gradient in a random direction has m components, and loses two: 1 − 2/m = {share} for m = {size}."
            ).format(share=short(result.kept_anywhere), size=result.settings.batch_size),
            "**" + _("And the weights before it") + "**",
            _(
                "Their gradient in train mode is at right angles to them: cosine {train}, and {eval} in eval mode with the same statistics."
            ).format(train=short(result.overlap[TRAIN, 0], 1e-6), eval=short(result.overlap[CONSTANTS, 0], 1e-6)),
        )
    )


def comparisons(result: Result) -> list[Comparison]:
    """The loss that may not change, what passes each batch norm, and weights at right angles to their gradient."""
    rows = [
        Comparison(
            Phrase(N_("loss in eval mode with the statistics of the batch, against train mode")),
            result.batch_loss_same,
            result.batch_loss,
        )
    ]
    for index in range(min(result.settings.depth, MAX_ROWS)):
        number = {"number": index + 1}
        rows.append(
            Comparison(
                Phrase(N_("share of the squared gradient that passes the batch norm of layer {number}"), number),
                float(result.kept[index]),
                float(result.kept_theory[index]),
            )
        )
        rows.append(
            Comparison(
                Phrase(N_("cosine between the weights of layer {number} and their gradient, train mode"), number),
                float(result.overlap[TRAIN, index]),
                float(result.overlap_theory[index]),
            )
        )
    return rows


def headline(result: Result) -> dict[str, float]:
    """Loss, cosines and courses, by the names that the script prints."""
    numbers = {
        "batch_loss": result.batch_loss,
        "batch_loss_same": result.batch_loss_same,
        "cosine_same_first_layer": float(result.cosine_same[0]),
        "cosine_same_last_layer": float(result.cosine_same[-1]),
        "cosine_running_first_layer": float(result.cosine_running[0]),
        "kept_first_layer": float(result.kept[0]),
    }
    for way, loss, norm in zip(WAYS, result.loss_end, result.weight_norm[:, -1], strict=True):
        numbers |= {f"loss_end[{way}]": float(loss), f"weight_norm[{way}]": float(norm)}
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per training step: the loss before it, and the length of the first layer's weights behind it."""
    columns: dict[str, NDArray[Any]] = {"step": np.arange(1, result.settings.steps + 1)}
    for way, loss, norm in zip(WAYS, result.loss, result.weight_norm, strict=True):
        columns |= {f"loss[{way}]": loss, f"weight_norm[{way}]": norm[1:]}
    return columns


def finding(result: Result, language: Language = "en") -> str:
    """How far apart the gradients are, and what either of them trains, for the run that is shown."""
    _ = translator(language)
    cosine = float(result.cosine_same[0])
    if not math.isfinite(cosine):
        return _("The training diverged, so there is nothing to compare. Lower the learning rate.")
    train, constants = alike(result.loss_end[TRAIN], result.loss_end[CONSTANTS])
    return _(
        "Same outputs, same loss: the gradients of the first layer have a cosine of {cosine}. After {steps} steps the loss is about "
        "{train} with the gradient of train mode and {constants} with that of eval mode."
    ).format(
        cosine=short(cosine),
        steps=result.settings.steps,
        train=train,
        constants=constants,
    )


def outcome(result: Result) -> int | None:
    """The option that the first layer's cosine makes right; None where it is near a border."""
    cosine = float(result.cosine_same[0])
    above = between(cosine, (NEAR, ALIKE), BORDER * (1 - cosine))
    return None if above is None else (ANOTHER, NEARLY, SAME)[above]


def holds(result: Result) -> bool:
    """Whether the run shows what the answer says."""
    return (
        outcome(result) == ANOTHER
        and math.isclose(result.batch_loss, result.batch_loss_same, rel_tol=1e-9)
        and bool(result.loss_end[CONSTANTS] > result.loss_end[TRAIN])
        and bool(result.weight_norm[CONSTANTS, -1] > result.weight_norm[TRAIN, -1])
    )


TOPIC: Final = InstantTopic(
    lab="modes",
    name="backward",
    folder=Path(__file__).parent,
    title=N_("Gradient"),
    question=N_("If both modes give the same outputs, do they give the same gradients?"),
    answer=N_(
        "No. In train mode mean and variance depend on the batch, and the gradient goes through them, too: it loses what would only move "
        "or stretch the values. In eval mode they are constants, and the gradient pushes where batch norm lets nothing move."
    ),
    finding=finding,
    holds=holds,
    settings=Settings,
    run=run,
    controls=("batch_size", "steps", "learning_rate", "depth"),
    more=("momentum", "width", "seed"),
    pictures=(figures.backward_cosine, figures.backward_loss, figures.backward_weights),
    theory=(figures.backward_kept,),
    comparisons=comparisons,
    presets=(
        Preset(
            "batch_of_4",
            N_("Batch of 4"),
            N_(
                "Four directions, and two of them are gone: every batch norm takes more than a tenth of the squared gradient."
            ),
            {"batch_size": 4},
            lambda result: bool(result.kept.max() < 0.9),
        ),
        Preset(
            "batch_of_512",
            N_("Batch of 512"),
            N_(
                "This is not the noise of small batches: nearly all of the gradient passes the batch norms, and yet "
                "the weights' gradient is another one."
            ),
            {"batch_size": 512},
            lambda result: bool(result.kept.min() > 0.9 and result.cosine_same[0] < NEAR),
        ),
        Preset(
            "one_layer",
            N_("1 layer"),
            N_("A single batch norm is enough."),
            {"depth": 1},
            lambda result: outcome(result) == ANOTHER,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The running statistics are set to exactly the mean and variance of a batch: eval mode then gives the "
            "outputs of train mode, and the same loss. How do the two gradients of the first layer's weights compare?"
        ),
        options=(
            N_("the same, as the loss is"),
            N_("nearly the same direction: a cosine above 0.9"),
            N_("another direction: a cosine below 0.9"),
        ),
        correct=outcome,
        explanation=N_(
            "Outputs agree at this one point; when the weights move, the statistics of train mode move along, those of eval mode stay. A "
            "gradient speaks of moving."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Gradient steps that take the statistics for constants: parameters grow, the loss stays (section 2)"),
            "Ioffe & Szegedy 2015, arXiv:1502.03167",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_("The gradient without the mean and without x̂, and why that makes training smoother (section 4)"),
            "Santurkar et al. 2018, arXiv:1805.11604",
            "https://arxiv.org/abs/1805.11604",
        ),
        PYTORCH_BATCH_NORM,
        DIGITS,
    ),
)
