"""The topic `freeze_matrix` of the lab `modes`: what freezing freezes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.modes.freeze_matrix import figures
from bnviz.labs.modes.freeze_matrix.experiment import run
from bnviz.labs.modes.freeze_matrix.figures import way_name
from bnviz.labs.modes.freeze_matrix.result import Result, Way
from bnviz.labs.modes.freeze_matrix.script import script
from bnviz.labs.modes.freeze_matrix.settings import Settings
from bnviz.labs.modes.shared.sources import PYTORCH_BATCH_NORM
from bnviz.plot.numbers import alike, latex, short
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

NOTHING, STATISTICS, PARAMETERS, EVERYTHING = range(4)
NO_GRADIENT: Final = Way(requires_grad=False, eval_mode=False, track_running_stats=True)
EVAL_ONLY: Final = Way(requires_grad=True, eval_mode=True, track_running_stats=True)
BOTH: Final = Way(requires_grad=False, eval_mode=True, track_running_stats=True)
UNDONE: Final = Way(requires_grad=False, eval_mode=True, track_running_stats=True, afterwards="train")
HEADLINE_QUANTITIES: Final = ("weights", "gamma", "running_mean", "features")


def formula(result: Result, step: int, language: Language = "en") -> str:
    """How far the running statistics of a frozen layer go, with the numbers of this run."""
    _ = translator(language)
    momentum, steps = result.settings.momentum, result.settings.steps
    law = (
        f"\\frac{{N}}{{N + 100}} = {latex(float(result.drift_theory[-1]))}"
        if isinstance(momentum, str)
        else f"1 - (1 - \\alpha)^N = 1 - (1 - {latex(momentum)})^{{{steps}}} = {latex(float(result.drift_theory[-1]))}"
    )
    return "\n\n".join(
        [
            "**" + _("requires_grad=False, train(): the weights stand still, the statistics do not") + "**",
            _("A forward pass in train mode moves the running statistics, whether or not a gradient follows:"),
            "$$\n\\hat\\mu \\leftarrow (1-\\alpha)\\,\\hat\\mu + \\alpha\\,\\bar x\n$$",
            _(
                "So after N = {steps} steps they have gone this part of the way from the old images' means to those of the new:"
            ).format(steps=steps),
            f"$$\n{law}\n$$",
            _(
                "Measured in the first layer: {drift}. What the body says about the old images has changed by {features} standard "
                "deviations, with every weight as it was."
            ).format(drift=short(float(result.drift[-1])), features=short(result.cell(NO_GRADIENT, "features"))),
            "**" + _("To freeze a batch norm") + "**",
            "```python\nfor module in body.modules():\n    if isinstance(module, nn.modules.batchnorm._BatchNorm):\n"
            "        module.eval()                 # "
            + _("the statistics")
            + "\n        module.requires_grad_(False)  # γ, β\n```",
            _("and again after every call of `model.train()`."),
        ]
    )


def comparisons(result: Result) -> list[Comparison]:
    """Batches counted, and how far the running means have gone."""
    steps = result.settings.steps
    counted = Phrase(N_("batches counted, requires_grad=False, train()"))
    rows = [
        Comparison(counted, result.cell(NO_GRADIENT, "num_batches_tracked"), steps),
        Comparison(Phrase(N_("batches counted, eval()")), result.cell(EVAL_ONLY, "num_batches_tracked"), 0),
        Comparison(
            Phrase(N_("batches counted, eval() and then model.train()")),
            result.cell(UNDONE, "num_batches_tracked"),
            steps,
        ),
        Comparison(Phrase(N_("change of γ and β, requires_grad=False")), result.cell(NO_GRADIENT, "gamma"), 0),
        Comparison(
            Phrase(N_("change of the running mean, requires_grad=False and eval()")),
            result.cell(BOTH, "running_mean"),
            0,
        ),
    ]
    if math.isfinite(result.drift_error[-1]):
        rows.append(
            Comparison(
                Phrase(N_("part of the way that the first layer's running means have gone")),
                float(result.drift[-1]),
                float(result.drift_theory[-1]),
                float(result.drift_error[-1]),
            )
        )
    return rows


def headline(result: Result) -> dict[str, float]:
    """Relative changes in the eight combinations, by the names that the script prints; what is not there is left out."""
    numbers = {
        f"{quantity}[{way.requires_grad},{'eval' if way.eval_mode else 'train'},{way.track_running_stats}]": result.cell(
            way, quantity
        )
        for way in result.ways
        if not way.afterwards
        for quantity in HEADLINE_QUANTITIES
    }
    return {name: value for name, value in numbers.items() if not math.isnan(value)}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per way of freezing."""
    _ = translator("en")
    return {
        "way": np.array([way_name(way, _) for way in result.ways]),
        **{name: result.change[:, column] for column, name in enumerate(result.quantities)},
        "error_old": result.error_old,
        "error_new": result.error_new,
    }


def finding(result: Result, language: Language = "en") -> str:
    """What requires_grad=False leaves moving, and what both switches do, for the run that is shown."""
    _ = translator(language)
    first, both = alike(result.cell(NO_GRADIENT, "features"), result.cell(BOTH, "features"))
    return _(
        "After {steps} steps with requires_grad=False alone, the body's features have moved by {first} standard deviations; with eval() "
        "as well, by {both}."
    ).format(
        steps=result.settings.steps,
        first=first,
        both=both,
    )


def still(result: Result) -> bool:
    """Whether both switches together hold the features to the bit, and requires_grad=False alone does not."""
    return result.cell(BOTH, "features") == 0 < result.cell(NO_GRADIENT, "features")


def outcome(result: Result) -> int:
    """What really moved with requires_grad=False and nothing else."""
    moved = dict(zip(result.quantities, result.moved[result.ways.index(NO_GRADIENT)], strict=True))
    parameters, statistics = moved["gamma"] or moved["beta"], moved["running_mean"] or moved["running_var"]
    if parameters:
        return EVERYTHING if statistics else PARAMETERS
    return STATISTICS if statistics else NOTHING


TOPIC: Final = InstantTopic(
    lab="modes",
    name="freeze_matrix",
    folder=Path(__file__).parent,
    title=N_("Freezing"),
    question=N_("I froze the backbone with requires_grad=False. Why does it still change?"),
    answer=N_(
        "requires_grad=False stops the gradient, not the statistics: they move at every forward pass in train mode. eval() stops the "
        "statistics, not γ and β. It takes both, and model.train() undoes the eval()."
    ),
    finding=finding,
    holds=still,
    settings=Settings,
    run=run,
    controls=("frozen", "steps", "momentum", "learning_rate", "batch_size"),
    more=("depth", "width", "seed"),
    pictures=(figures.freeze_cells, figures.freeze_forgetting),
    theory=(figures.freeze_drift,),
    comparisons=comparisons,
    presets=(
        Preset(
            "batch_norms_only",
            N_("Batch norms only"),
            N_(
                "requires_grad=False on γ and β only: the weights before them learn, and the body changes in every row."
            ),
            {"frozen": "norms"},
            lambda result: all(result.cell(way, "features") > 0 for way in result.ways),
        ),
        Preset(
            "one_step",
            N_("1 step"),
            N_("One forward pass in train mode is enough: the third row has moved, by a tenth of the way."),
            {"steps": 1},
            lambda result: result.cell(NO_GRADIENT, "features") > 0 and abs(float(result.drift[-1]) - 0.1) < 0.03,
        ),
        Preset(
            "momentum_0_01",
            N_("Momentum 0.01"),
            N_("A tenth of the momentum: the statistics go the same way ten times as slowly."),
            {"momentum": 0.01},
            lambda result: abs(float(result.drift[-1]) - (1 - 0.99**result.settings.steps)) < 0.02,
        ),
        Preset(
            "hundred_steps",
            N_("100 steps"),
            N_("The running statistics of the frozen body have wholly become those of the new digits."),
            {"steps": 100},
            lambda result: abs(float(result.drift[-1]) - 1) < 0.1,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "A trained body, or its batch norms alone, get requires_grad=False. Then model.train(), and some steps of fine-tuning on other "
            "digits. What moves in the batch norms of the body?"
        ),
        options=(N_("nothing, it is frozen"), N_("the running statistics"), N_("γ and β"), N_("all of these")),
        correct=outcome,
        explanation=N_(
            "Third row of the matrix. Running mean and variance are buffers, not parameters: no gradient ever reaches them, and "
            "requires_grad means nothing to them. The mode decides."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("A request for an easy way to freeze the running statistics, after requires_grad=False did not"),
            "pytorch #86590",
            "https://github.com/pytorch/pytorch/issues/86590",
        ),
        Source(
            N_("The same in Keras: trainable=False used to leave the layer in training mode"),
            "keras #9522",
            "https://github.com/keras-team/keras/issues/9522",
        ),
        Source(
            N_("Keras since TensorFlow 2: trainable=False also means inference mode"),
            "Keras: BatchNormalization",
            "https://keras.io/api/layers/normalization_layers/batch_normalization/",
        ),
        Source(
            N_("track_running_stats set to False on a finished layer: what it then does"),
            "pytorch #37823",
            "https://github.com/pytorch/pytorch/issues/37823",
        ),
        PYTORCH_BATCH_NORM,
        DIGITS,
    ),
)
