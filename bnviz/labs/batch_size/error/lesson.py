"""The lesson `batch_size`, topic `error`: test error by normalizer and batch size."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.batch_size.error import figures
from bnviz.labs.batch_size.error.experiment import Result, estimated_seconds, run
from bnviz.labs.batch_size.error.figures.differences import differences
from bnviz.labs.batch_size.error.script import script
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.shared.settings import RULE_BATCH
from bnviz.labs.batch_size.statistics.figures import fidelity, noise
from bnviz.labs.batch_size.statistics.lesson import comparisons_of
from bnviz.plot.numbers import latex
from bnviz.plot.variants import normalizer_name
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.paired import mean_and_verdict

OUTCOMES: Final = ("everywhere", "from", "nowhere", "unknown")

SOURCES: Final = (
    Source(
        N_("Batch norm at small batches, and group norm instead: ImageNet, ResNet-50"),
        "Wu & He 2018, arXiv:1803.08494",
        "https://arxiv.org/abs/1803.08494",
    ),
    Source(
        N_("Layer norm, which does not look across the batch"),
        "Ba, Kiros & Hinton 2016, arXiv:1607.06450",
        "https://arxiv.org/abs/1607.06450",
    ),
    Source(
        N_("Recomputing the statistics precisely, and what a batch can mean for batch norm"),
        "Wu & Johnson 2021, arXiv:2105.07576",
        "https://arxiv.org/abs/2105.07576",
    ),
    Source(
        N_("Learning rate in proportion to the batch size"),
        "Goyal et al. 2017, arXiv:1706.02677",
        "https://arxiv.org/abs/1706.02677",
    ),
    Source(
        N_("Why a batch of one raises an error in training"),
        "torch.nn.BatchNorm1d",
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
    ),
    Source(
        N_("Handwritten digits, 8×8, shipped with scikit-learn"),
        "UCI Optical Recognition of Handwritten Digits",
        "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    ),
)


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The paired difference at the smallest batch, the advice that follows, and why two samples lose everything but a sign."""
    _ = translator(language)
    advice = [sentence.text(language) for sentence in result.advice.sentences]
    return "\n\n".join(
        [
            "**1. " + _("Batch norm against the best of the others") + "**",
            _paired(result, _),
            "**2. " + _("What follows") + "**",
            _("Batch norm may be used from batch m on where, at m and at every larger batch size measured, the interval "
              "rules out that it is worse by a point or more."),
            *(["> " + " ".join(advice)] if advice else []),
            "**3. " + _("Why a batch of 2 is special") + "**",
            _("Two samples x₁ and x₂ with difference d: their mean lies in the middle and their standard deviation is |d|/2. "
              "Whatever they were, batch norm turns them into"),
            "$$\n\\hat x_{1,2} = \\pm\\frac{d/2}{\\sqrt{d^2/4 + \\varepsilon}} \\approx \\pm 1\n$$",
            _("Which of the two is larger is all that is left. In eval mode the running statistics give values that "
              "training never saw."),
            "**4. " + _("Learning rate") + "**",
            _rates(result, _),
        ]
    )  # fmt: skip


def _paired(result: Result, _: Translate) -> str:
    places = [place for place, match in enumerate(result.matches) if math.isfinite(match.finding.low)]
    if not places:
        return _("There are fewer than three seeds with both numbers: no interval can be given.")
    place = min(places, key=lambda place: int(result.batch_sizes[place]))
    match, values = result.matches[place], result.differences[place]
    seed = int(np.flatnonzero(np.isfinite(values))[0])
    rows = [result.normalizers.index(name) for name in ("batch", match.alternative)]
    mine, other = (100 * float(result.test_error[row, place, seed]) for row in rows)
    text = _(
        "Batch {size}, against {alternative}, the best of the others there. Seed {seed}, test error in points:"
    ).format(size=match.batch_size, alternative=normalizer_name(match.alternative, _), seed=result.settings.seed + seed)
    difference = f"$$\nd = {mine:.2f} - {other:.2f} = {100 * float(values[seed]):.2f}\n$$"
    return "\n\n".join((text, difference, mean_and_verdict(match.finding, _)))


def _rates(result: Result, _: Translate) -> str:
    settings = result.settings
    if settings.learning_rate_rule == "fixed":
        return _("The same for every batch size: {rate}.").format(rate=f"${latex(settings.learning_rate)}$")
    least = min(settings.batch_sizes)
    return (
        _("In proportion to the batch size m, so that an epoch moves the weights about as far. At the smallest:")
        + f"\n\n$$\n\\eta = {latex(settings.learning_rate)}\\cdot\\frac{{m}}{{{RULE_BATCH}}} = "
        + f"{latex(settings.learning_rate)}\\cdot\\frac{{{least}}}{{{RULE_BATCH}}} = {latex(settings.rate(least))}\n$$"
    )


def comparisons(result: Result) -> list[Comparison]:
    """Noise of the statistics of the network that was trained."""
    return comparisons_of(result.statistics)


def headline(result: Result) -> dict[str, float]:
    """Mean test errors in %, by the names that the script prints."""
    numbers: dict[str, float] = {}
    for place, size in enumerate(result.settings.batch_sizes):
        for row, normalizer in enumerate(result.normalizers):
            numbers[f"error_{normalizer}_{size}"] = 100 * float(result.error_mean[row, place])
            if normalizer == "batch":
                numbers[f"recalibrated_{size}"] = 100 * float(result.recalibrated_mean[place])
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per normalizer, batch size and seed."""
    shape = result.test_error.shape
    normalizers = np.array(result.normalizers)[:, None, None]
    columns = {
        "normalizer": normalizers,
        "batch_size": result.batch_sizes[:, None],
        "seed": np.arange(shape[2]) + result.settings.seed,
        "test_error": result.test_error,
        "test_error_recalibrated": np.where(normalizers == "batch", result.recalibrated_error, np.nan),
        "diverged_at_step": result.diverged_at,
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def outcome(result: Result) -> int:
    """The option that the advice makes right."""
    wanted = result.advice.outcome
    return OUTCOMES.index(wanted if wanted in OUTCOMES else "unknown")


TOPIC: Final = LiveTopic(
    lab="batch_size",
    name="error",
    folder=Path(__file__).parent,
    title=N_("Test error"),
    question=N_("How small may a batch be, and what to use instead?"),
    answer=N_(
        "On these digits batch norm may be used from batch 8 on. At batch 2 its error is several times that of layer and "
        "group norm, and recomputing its statistics precisely does not rescue it."
    ),
    settings=Settings,
    run=run,
    controls=("batch_sizes", "normalizers", "network", "sampling", "epochs", "seeds"),
    more=("groups", "learning_rate", "learning_rate_rule", "seed"),
    applies=lambda settings, name: name != "groups" or "group" in settings.normalizers,
    pictures=(figures.cliff, differences, figures.recalibration),
    theory=(fidelity, noise),
    comparisons=comparisons,
    presets=(
        Preset(
            "with_2_to_64",
            N_("2 to 64"),
            N_(
                "A cliff at batch 2, at most a hint at 4, nothing above. Layer and group norm do not notice the batch size."
            ),
            {},
        ),
        Preset(
            "where_it_ends",
            N_("Where it ends"),
            N_(
                "Batches of 2, 3, 4 and 6: already the third sample takes most of the loss away, and at 6 nothing of it is left."
            ),
            {"batch_sizes": (2, 3, 4, 6)},
        ),
        Preset(
            "cnn",
            N_("CNN"),
            N_(
                "The same batches in a small convolutional network: no cliff. Each mean is taken over all pixels of all "
                "images of the batch; see the topic “Noisy statistics”."
            ),
            {"network": "cnn", "batch_sizes": (2, 4, 8, 16, 32), "epochs": 5, "seeds": 6},
        ),
        Preset(
            "one_class",
            N_("One class"),
            N_(
                "Each batch holds one class only, as when the data are read sorted. In the MLP batch norm is no better than "
                "guessing at any of these batch sizes; layer norm learns."
            ),
            {"sampling": "one_class", "batch_sizes": (2, 4, 8, 16), "seeds": 6},
        ),
        Preset(
            "one_class_cnn",
            N_("One class, CNN"),
            N_(
                "The same in the CNN: batch norm learns, as the others do. A class shows in where its strokes are and hardly in a "
                "channel's mean, so that batch norm takes little of it away."
            ),
            {"network": "cnn", "sampling": "one_class", "batch_sizes": (2, 4, 8, 16), "epochs": 5, "seeds": 6},
        ),
        Preset(
            "batch_of_1",
            N_("Batch of 1"),
            N_("PyTorch refuses batch norm in the MLP: one value per channel has no variance. The others train."),
            {"batch_sizes": (1, 2), "epochs": 5, "seeds": 6},
        ),
        Preset(
            "batch_of_1_cnn",
            N_("Batch of 1, CNN"),
            N_(
                "Not refused: one image still has 8×8 values per channel, and later 4×4. Batch norm learns from single images."
            ),
            {"network": "cnn", "batch_sizes": (1, 2), "epochs": 4, "seeds": 6},
        ),
        Preset(
            "fixed_rate",
            N_("Fixed rate"),
            N_(
                "Learning rate 0.03 at every batch size instead of in proportion: the cliff at 2 stays, so it is not the rate's."
            ),
            {"learning_rate_rule": "fixed", "learning_rate": 0.03, "batch_sizes": (2, 4, 8, 16)},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The same weights, images and batches, with batch norm and with normalizers that do not look across the batch. At "
            "which of these batch sizes may batch norm be used: where is it not a point or more worse?"
        ),
        options=(
            N_("at every one of them"),
            N_("at the larger ones only"),
            N_("at none of them"),
            N_("so many seeds cannot say"),
        ),
        correct=outcome,
        explanation=N_(
            "Judged by the 95 % interval of the paired differences over seeds: batch norm may be used from the batch size on "
            "above which the interval always rules out a loss of a point or more."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=SOURCES,
    result=Result,
    cost=estimated_seconds,
)
