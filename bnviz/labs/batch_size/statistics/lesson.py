"""The lesson `batch_size`, topic `statistics`: why small batches hurt the MLP and not the CNN."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.batch_size.shared.comparisons import comparisons_of
from bnviz.labs.batch_size.statistics import figures
from bnviz.labs.batch_size.statistics.experiment import run
from bnviz.labs.batch_size.statistics.formula import formula
from bnviz.labs.batch_size.statistics.result import CloseStatistics, Result
from bnviz.labs.batch_size.statistics.script import script
from bnviz.labs.batch_size.statistics.settings import Settings
from bnviz.plot.numbers import alike
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.paired import between

KEPT: Final = 0.9
LOST_FIRST: Final = 1.5 / 100
"""What a batch of a hundred samples loses: more than the first layer of the CNN does with two images, and less than the second."""
SCATTER: Final = 0.005
"""By how much the share that is kept may differ between seeds, near that border: three times its s.d."""
NEITHER, ONLY_CNN, BOTH = range(3)


def comparisons(result: Result) -> list[Comparison]:
    """Both networks'."""
    return [row for part in result.both_statistics().values() for row in comparisons_of(part)]


def headline(result: Result) -> dict[str, float]:
    """Error of the batch mean and R² of both networks, by the names that the script prints."""
    numbers: dict[str, float] = {}
    for network, part in result.both_statistics().items():
        for column, size in enumerate(result.settings.batch_sizes):
            numbers[f"{network}_mean_noise_{size}"] = float(part.mean_noise[column])
            numbers[f"{network}_fidelity_{size}"] = float(part.fidelity[column])
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per network and batch size."""
    parts = list(result.both_statistics().values())
    columns: dict[str, NDArray[Any]] = {
        "network": np.repeat([part.network for part in parts], [len(part.batch_sizes) for part in parts]),
        "batch_size": np.concatenate([part.batch_sizes for part in parts]),
        "values_per_channel": np.concatenate([part.batch_sizes * part.pixels for part in parts]),
    }
    for name in ("mean_noise", "variance_noise", "fidelity", "effective", "effective_variance"):
        for ending in ("", "_theory"):
            columns[name + ending] = np.concatenate([getattr(part, name + ending) for part in parts])
    return columns


def outcome(result: Result) -> int | None:
    """Which of the two keeps 90 % of the variation in batches of the chosen size; None where another seed may say otherwise."""
    kept = {
        network: 0 if math.isnan(part.batch_fidelity) else between(part.batch_fidelity, (KEPT,), SCATTER)
        for network, part in result.both_statistics().items()
    }
    if None in kept.values():
        return None
    return BOTH if kept["mlp"] and kept["cnn"] else ONLY_CNN if kept["cnn"] else NEITHER


def finding(result: Result, language: Language = "en") -> str:
    """How much of the variation each network's batch norm keeps at the chosen batch size, for the run that is shown."""
    _ = translator(language)
    kept = {network: part.batch_fidelity for network, part in result.both_statistics().items()}
    told = {
        network: _("nothing, PyTorch refuses it") if math.isnan(share) else f"{percent}\N{NO-BREAK SPACE}%"
        for (network, share), percent in zip(
            kept.items(), alike(*(100 * share for share in kept.values())), strict=True
        )
    }
    return _(
        "What a batch of {size} keeps of the variation between the digits: in the MLP {mlp}, in the CNN {cnn}."
    ).format(size=result.statistics.batch_size, **told)


def _thin(statistics: CloseStatistics) -> bool:
    """Whether the outputs lie along the dashed line."""
    return statistics.batch_fidelity > 0.85


def _dense_at_the_ends(result: Result) -> bool:
    """Whether the MLP's outputs stay within ±√(m − 1) and are densest there."""
    bound = np.sqrt(result.settings.batch_size - 1)
    counts, _ = np.histogram(abs(result.statistics.output), bins=10, range=(0, bound * 1.001))
    return abs(result.statistics.output).max() < bound * 1.001 and int(counts.argmax()) == len(counts) - 1


def the_images_are_worth_more_than_their_values(result: Result) -> bool:
    """Whether the opening shows what the answer and the text say.

    The MLP keeps hardly more than a sign and the CNN as much as a batch of a hundred samples would; for the mean the CNN's
    batch is worth more than its values.
    """
    images = result.other_statistics
    numbers = images.batch_sizes * images.pixels
    return bool(
        result.statistics.batch_fidelity < 0.4
        and images.batch_fidelity > 1 - LOST_FIRST
        and images.correlation < 0
        and (images.effective > numbers).all()
    )


def _flattens(result: Result) -> bool:
    """Whether the MLP's curve hardly rises any more between its last sizes, and ends far below 1; a CNN's channel tells less of a class."""
    kept = result.statistics.fidelity
    less = result.other_statistics.class_share < result.statistics.class_share
    return bool(kept[-1] < 0.9 and kept[-1] - kept[-2] < 0.05 and less)


TOPIC: Final = InstantTopic(
    lab="batch_size",
    name="statistics",
    folder=Path(__file__).parent,
    title=N_("Noisy statistics"),
    question=N_("What does a small batch do to a value, and why is the CNN spared?"),
    answer=N_(
        "In batches of 2 the MLP's batch norm leaves hardly more than a sign. In the CNN the same two images bring 128 values "
        "to every mean, and nearly all of a value survives."
    ),
    settings=Settings,
    run=run,
    controls=("batch_size", "batch_sizes", "sampling", "hidden_layer"),
    more=("seed",),
    pictures=(figures.outputs, figures.fidelity),
    theory=(figures.noise, figures.effective),
    comparisons=comparisons,
    finding=finding,
    holds=the_images_are_worth_more_than_their_values,
    presets=(
        Preset(
            "batch_of_2",
            N_("Batch of 2"),
            N_("MLP: nearly every output is +1 or −1. CNN: the outputs lie along the dashed line."),
            {},
            holds=lambda result: (
                float((abs(abs(result.statistics.output) - 1) < 0.05).mean()) > 0.8 and _thin(result.other_statistics)
            ),
        ),
        Preset(
            "batch_of_3",
            N_("Batch of 3"),
            N_("MLP: no output beyond ±√2, the bound √(m − 1), and nowhere are they denser than at these two ends."),
            {"batch_size": 3, "batch_sizes": (2, 3, 4, 8, 16, 32, 64)},
            holds=_dense_at_the_ends,
        ),
        Preset(
            "batch_of_32",
            N_("Batch of 32"),
            N_(
                "Both clouds lie along the dashed line: 32 samples are enough for the MLP too, though the CNN's line is still "
                "the thinner one."
            ),
            {"batch_size": 32},
            holds=lambda result: (
                _thin(result.statistics) and result.other_statistics.batch_fidelity > result.statistics.batch_fidelity
            ),
        ),
        Preset(
            "one_image",
            N_("One image"),
            N_(
                "PyTorch refuses the MLP's batch of one. The CNN's has 64 values per channel, and nearly all of a value "
                "survives."
            ),
            {"batch_size": 1, "batch_sizes": (1, 2, 4, 8, 16, 32, 64)},
            holds=lambda result: (
                bool(result.statistics.refusal)
                and not result.other_statistics.refusal
                and result.other_statistics.batch_fidelity > 0.9
            ),
        ),
        Preset(
            "from_one_class",
            N_("From one class"),
            N_(
                "The MLP's curve flattens: what tells the classes apart is the same in the whole batch, and batch norm "
                "takes it away, however large the batch."
            ),
            {"sampling": "one_class", "batch_size": 32},
            holds=_flattens,
        ),
        Preset(
            "second_layer",
            N_("Second layer"),
            N_(
                "Only 4×4 values per image and channel are left in the CNN: more is lost than in the first layer, and still less than a "
                "tenth of what the MLP loses."
            ),
            {"hidden_layer": 2},
            holds=lambda result: (
                LOST_FIRST < 1 - result.other_statistics.batch_fidelity < 0.1 * (1 - result.statistics.batch_fidelity)
            ),
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Batches of the chosen size pass through the first batch norm of an MLP, and of a CNN. Which of them keeps at least "
            "90 % of a value's variation (R² of its output and the true value)?"
        ),
        options=(N_("neither"), N_("only the CNN"), N_("both")),
        correct=outcome,
        explanation=N_(
            "It depends on how many values share a mean: m in the MLP, N·H·W in the CNN, and how independent they are."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Batch norm as PyTorch computes it: one mean per channel over N, H and W"),
            "torch.nn.BatchNorm2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
        ),
        Source(
            N_("Design effect: what correlated values are worth"),
            "Kish 1965, Survey Sampling; see Wikipedia",
            "https://en.wikipedia.org/wiki/Design_effect",
        ),
        Source(
            N_("Degrees of freedom that a variance is worth"),
            "Satterthwaite 1946, Biometrics Bulletin 2",
            "https://doi.org/10.2307/3002019",
        ),
        Source(
            N_("Batch norm in the first place"),
            "Ioffe & Szegedy 2015, arXiv:1502.03167",
            "https://arxiv.org/abs/1502.03167",
        ),
    ),
)
