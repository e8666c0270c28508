"""The topic `influence` of the lab `modes`: which samples an answer depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.modes.influence import figures
from bnviz.labs.modes.influence.experiment import run
from bnviz.labs.modes.influence.result import Result
from bnviz.labs.modes.influence.script import script
from bnviz.labs.modes.influence.settings import Settings
from bnviz.plot.numbers import latex, latex_signed, short
from bnviz.settings import NORMALIZERS
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

OWN, BATCH, ALL, OTHER = range(4)


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The Jacobian of one batch norm, one entry on the diagonal and one off it with their numbers."""
    _ = translator(language)
    size = len(result.values)
    scale = result.slope
    own, other = (f"${latex(float(result.jacobian[0, index]))}$" for index in (0, -1))
    if result.settings.mode == "eval":
        return "\n\n".join(
            [
                "**" + _("eval(): every sample by itself") + "**",
                "$$\n\\frac{\\partial y_i}{\\partial x_j} = \\frac{\\gamma}{\\sqrt{\\hat\\sigma^2 + \\varepsilon}}\\,"
                f"\\delta_{{ij}} = {latex(scale)}\\,\\delta_{{ij}}\n$$",
                _(
                    "The running statistics are constants. Autograd gives {measured} on the diagonal and exactly {off} beside it."
                ).format(measured=own, off=other),
            ]
        )
    normal = (result.values - result.values.mean()) / np.sqrt(result.variance + result.eps)
    first, last = float(normal[0]), float(normal[-1])
    return "\n\n".join(
        [
            "**" + _("train(): every sample is in the mean and in the variance") + "**",
            "$$\n\\frac{\\partial y_i}{\\partial x_j} = \\frac{\\gamma}{\\sqrt{\\sigma_B^2 + \\varepsilon}}"
            "\\left(\\delta_{ij} - \\frac1m - \\frac{\\hat x_i\\hat x_j}{m}\\right)\n$$",
            _("First unit of the first layer, samples 1 and {size}:").format(size=size),
            f"$$\n\\frac{{\\partial y_1}}{{\\partial x_1}} = {latex(scale)}\\left(1 - \\tfrac1{{{size}}} - "
            f"\\tfrac{{{latex_signed(first)}^2}}{{{size}}}\\right) = {latex(float(result.jacobian_theory[0, 0]))}\n$$",
            f"$$\n\\frac{{\\partial y_1}}{{\\partial x_{{{size}}}}} = {latex(scale)}\\left(- \\tfrac1{{{size}}} - "
            f"\\tfrac{{{latex_signed(first)}\\cdot{latex_signed(last)}}}{{{size}}}\\right) = "
            f"{latex(float(result.jacobian_theory[0, -1]))}\n$$",
            _(
                "Autograd: {own} and {other}. The rows sum to 0: shifting the whole batch changes nothing. Each other sample's part is "
                "of the order 1/m."
            ).format(own=own, other=other),
        ]
    )


def comparisons(result: Result) -> list[Comparison]:
    """Samples that move, and the identities of one batch norm's Jacobian."""
    size, training = len(result.values), result.settings.mode == "train"
    rows = [
        Comparison(
            Phrase(
                N_("other samples that an image moves, on average: {normalizer}"),
                {"normalizer": Phrase(NORMALIZERS[name])},
            ),
            float(result.others_that_move[index]),
            size - 1 if name == "batch" and training else 0,
        )
        for index, name in enumerate(result.normalizers)
    ]
    scale = result.slope
    kept = result.variance / (result.variance + result.eps) if training else 0.0
    predicted = size - 1 - 2 * kept + kept**2 if training else size
    rows += [
        Comparison(
            Phrase(N_("largest difference between autograd and closed form, one batch norm")),
            float(np.abs(result.jacobian - result.jacobian_theory).max()),
            0,
        ),
        Comparison(
            Phrase(N_("sum of a row of the Jacobian, in units of γ/σ")),
            float(result.jacobian[0].sum() / scale),
            0 if training else 1,
        ),
        Comparison(
            Phrase(N_("sum of all squared entries, in units of γ²/σ²: m − 2 in train mode, m in eval mode")),
            float(np.square(result.jacobian / scale).sum()),
            predicted,
        ),
    ]
    return rows


def headline(result: Result) -> dict[str, float]:
    """Share of the influence that comes from others, and how many others move, by the names that the script prints."""
    numbers: dict[str, float] = {}
    for index, name in enumerate(result.normalizers):
        numbers[f"from_others[{name}]"] = float(result.from_others[index])
        numbers[f"others_that_move[{name}]"] = float(result.others_that_move[index])
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per pair of samples: the Jacobian's block norms."""
    shape = result.influence.shape[1:]
    numbers = np.arange(1, shape[0] + 1)
    columns = {
        "answer_of": np.broadcast_to(numbers[:, None], shape).ravel(),
        "image_of": np.broadcast_to(numbers, shape).ravel(),
    }
    blocks = {f"influence[{name}]": result.influence[index].ravel() for index, name in enumerate(result.normalizers)}
    return {**columns, **blocks}


def finding(result: Result, language: Language = "en") -> str:
    """How many other images' outputs depend on an image, in the mode that is set."""
    _ = translator(language)
    others = len(result.values) - 1
    moved = dict(zip(result.normalizers, result.others_that_move, strict=True))
    rest = max((float(count) for name, count in moved.items() if name != "batch"), default=0.0)
    return _(
        "In {mode} mode an image influences {batch} of {others} other images with batch norm, {rest} with the other normalizers."
    ).format(mode=result.settings.mode, batch=short(float(moved["batch"])), others=others, rest=short(rest))


def outcome(result: Result) -> int:
    """Whose answers really moved when one sample was replaced."""
    moved = {
        name: bool(np.delete(result.output_change[index], result.changed).any())
        for index, name in enumerate(result.normalizers)
    }
    if all(moved.values()):
        return ALL
    if not any(moved.values()):
        return OWN
    return BATCH if moved["batch"] and sum(moved.values()) == 1 else OTHER


TOPIC: Final = InstantTopic(
    lab="modes",
    name="influence",
    folder=Path(__file__).parent,
    title=N_("Batch-mates"),
    question=N_("Does the output for my image depend on the other images in the batch?"),
    answer=N_(
        "In train mode with batch norm, yes: every sample contributes to mean and variance. With layer or group norm the influence is "
        "exactly zero; in eval mode also with batch norm."
    ),
    finding=finding,
    holds=lambda result: outcome(result) == BATCH,
    settings=Settings,
    run=run,
    controls=("mode", "batch_size", "sample", "groups", "depth", "learning_rate"),
    more=("momentum", "width", "seed"),
    pictures=(figures.influence_matrices, figures.influence_changes),
    theory=(figures.influence_jacobian,),
    comparisons=comparisons,
    presets=(
        Preset(
            "eval_mode",
            N_("eval()"),
            N_("The running statistics are constants: off the diagonal everything is exactly zero."),
            {"mode": "eval"},
            lambda result: outcome(result) == OWN,
        ),
        Preset(
            "batch_of_2",
            N_("Batch of 2"),
            N_("With two images each output depends on the other image as much as on its own."),
            {"batch_size": 2},
            lambda result: abs(float(result.from_others[result.normalizers.index("batch")]) - 0.5) < 0.05,
        ),
        Preset(
            "batch_of_32",
            N_("Batch of 32"),
            N_("Each other image has a small part, but there are 31 of them."),
            {"batch_size": 32},
            lambda result: float(result.others_that_move[result.normalizers.index("batch")]) == len(result.values) - 1,
        ),
        Preset(
            "one_layer",
            N_("1 layer"),
            N_("A single batch norm is enough: the matrix is full."),
            {"depth": 1},
            lambda result: float(result.others_that_move[result.normalizers.index("batch")]) == len(result.values) - 1,
        ),
    ),
    prediction=Prediction(
        question=N_("One image of the batch is replaced by another. Whose outputs change, in the mode that is set?"),
        options=(
            N_("only its own, with every normalizer"),
            N_("all of them with batch norm, only its own with the others"),
            N_("all of them, with every normalizer"),
            N_("something else"),
        ),
        correct=outcome,
        explanation=N_(
            "Blank cells are exactly zero, not small: no path leads from one sample to the other. Batch norm in train mode is the only one "
            "that makes such a path, and the gradient takes it too."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Which information leaks through batch norm when a model is to tell samples of a batch apart?"),
            "moco #137",
            "https://github.com/facebookresearch/moco/issues/137",
        ),
        Source(
            N_("The leak, and batches shuffled between devices against it (section 3.3)"),
            "He et al. 2020, MoCo, arXiv:1911.05722",
            "https://arxiv.org/abs/1911.05722",
        ),
        Source(
            N_("The gradient of batch norm, which goes through mean and variance"),
            "Ioffe & Szegedy 2015, arXiv:1502.03167, section 3",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_("Statistics of each sample by itself: layer norm and group norm"),
            "Wu & He 2018, arXiv:1803.08494",
            "https://arxiv.org/abs/1803.08494",
        ),
        DIGITS,
    ),
)
