"""The lesson `batch_size`, topic `error`: test error by normalizer and batch size."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, clauses, in_brackets, translator
from bnviz.labs.batch_size.error import figures
from bnviz.labs.batch_size.error.experiment import estimated_seconds, run
from bnviz.labs.batch_size.error.formula import formula
from bnviz.labs.batch_size.error.result import Result
from bnviz.labs.batch_size.error.script import script
from bnviz.labs.batch_size.error.settings import Settings
from bnviz.labs.batch_size.shared.comparisons import comparisons_of
from bnviz.plot.numbers import interval, points_alike
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import Finding, words
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

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
    DIGITS,
)


def comparisons(result: Result) -> list[Comparison]:
    """Noise of the statistics of the network that was trained."""
    return comparisons_of(result.statistics)


def headline(result: Result) -> dict[str, float]:
    """Mean test errors in %, by the names that the script prints."""
    numbers: dict[str, float] = {}
    for column, size in enumerate(result.settings.batch_sizes):
        for row, normalizer in enumerate(result.normalizers):
            numbers[f"error_{normalizer}_{size}"] = 100 * float(result.error_mean[row, column])
            if normalizer == "batch":
                numbers[f"recalibrated_{size}"] = 100 * float(result.recalibrated_mean[column])
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


def finding(result: Result, language: Language = "en") -> str:
    """The advice that follows from the run that is shown, and what is left at its smallest batch with recomputed statistics."""
    _ = translator(language)
    if not result.advice.sentences:
        return _("There is nothing to compare yet.")
    smallest = min(
        (
            (match.batch_size, found)
            for match, found in zip(result.matches, result.remaining, strict=True)
            if math.isfinite(found.low)
        ),
        default=None,
        key=lambda pair: pair[0],
    )
    told = [sentence.text(language) for sentence in result.advice.sentences[:2]]
    if smallest is not None:
        size, left = smallest
        mean, low, high = points_alike(left.mean, left.low, left.high)
        numbers = in_brackets(mean, interval(low, high), _)
        told.append(
            _(
                "At batch {size} with recomputed statistics, batch norm's error minus the best other's is {left} points."
            ).format(size=size, left=numbers)
        )
        if left.refused:
            told[-1] = clauses(told[-1][:-1], words(left, _), _) + told[-1][-1]
    return (" " if language == "en" else "").join(told)


def findings(result: Result) -> list[Finding]:
    """Every verdict on the page: at each batch size, and on recalibration at the smallest."""
    judged = [match.finding for match in result.matches]
    if result.rescued is not None:
        judged += [result.rescues[result.rescued], result.remaining[result.rescued]]
    return judged


TOPIC: Final = LiveTopic(
    lab="batch_size",
    name="error",
    folder=Path(__file__).parent,
    title=N_("Test error"),
    question=N_("How small may a batch be, and what to use instead?"),
    answer=N_(
        "It depends on how many values share a mean. Two samples leave the MLP's batch norm hardly more than a sign; "
        "layer and group norm do not look across the batch."
    ),
    findings=findings,
    settings=Settings,
    run=run,
    controls=("batch_sizes", "normalizers", "network", "sampling", "epochs", "seeds"),
    more=("groups", "learning_rate", "learning_rate_rule", "seed"),
    applies=lambda settings, name: name != "groups" or "group" in settings.normalizers,
    pictures=(figures.cliff, figures.differences, figures.recalibration),
    theory=(figures.fidelity, figures.noise),
    comparisons=comparisons,
    finding=finding,
    presets=(
        Preset(
            "with_2_to_64",
            N_("2 to 64"),
            N_(
                "From which batch size on does batch norm keep up with the others? Do layer and group norm notice the batch size?"
            ),
            {},
        ),
        Preset(
            "where_it_ends",
            N_("Where it ends"),
            N_(
                "Batches of 2, 3, 4 and 6: how much of batch norm's extra error does the third sample take away, and "
                "what is left at 6?"
            ),
            {"batch_sizes": (2, 3, 4, 6)},
        ),
        Preset(
            "cnn",
            N_("CNN"),
            N_(
                "The same batches in a small convolutional network, where each mean is taken over all pixels of all images of the "
                "batch: is there still a cliff? See the topic “Noisy statistics”."
            ),
            {"network": "cnn", "batch_sizes": (2, 4, 8, 16, 32), "epochs": 5, "seeds": 6},
        ),
        Preset(
            "one_class",
            N_("One class"),
            N_(
                "Each batch holds one class only, as when the data are read sorted. Is batch norm better than guessing (90 % error) "
                "at any of these batch sizes, and which normalizers learn?"
            ),
            {"sampling": "one_class", "batch_sizes": (2, 4, 8, 16), "seeds": 6},
        ),
        Preset(
            "one_class_cnn",
            N_("One class, CNN"),
            N_(
                "The same in the CNN, where a class shows in where its strokes are and less in a channel's mean: how much of it does "
                "batch norm take away here?"
            ),
            {"network": "cnn", "sampling": "one_class", "batch_sizes": (2, 4, 8, 16), "epochs": 5, "seeds": 6},
        ),
        Preset(
            "batch_of_1",
            N_("Batch of 1"),
            N_("PyTorch refuses batch norm in the MLP: one value per channel has no variance. Do the others train?"),
            {"batch_sizes": (1, 2), "epochs": 5, "seeds": 6},
        ),
        Preset(
            "batch_of_1_cnn",
            N_("Batch of 1, CNN"),
            N_(
                "Not refused: one image still has 8×8 values per channel, and later 4×4. Does batch norm learn from single images?"
            ),
            {"network": "cnn", "batch_sizes": (1, 2), "epochs": 4, "seeds": 6},
        ),
        Preset(
            "fixed_rate",
            N_("Fixed rate"),
            N_(
                "Learning rate 0.03 at every batch size instead of in proportion: does the cliff at 2 stay? Then it "
                "does not come from the rate."
            ),
            {"learning_rate_rule": "fixed", "learning_rate": 0.03, "batch_sizes": (2, 4, 8, 16)},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The same weights, images and batches, with batch norm and with normalizers that do not look across the "
            "batch. At which of these batch sizes may batch norm be used: where is it not worse by a point or more?"
        ),
        options=(
            N_("at every one of them"),
            N_("at the larger ones only"),
            N_("at none of them"),
            N_("this many seeds cannot tell"),
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
