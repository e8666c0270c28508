"""The topic `averages`: EMA and SWA of the weights, and what becomes of the buffers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.averages import figures
from bnviz.labs.averages.experiment import estimated_seconds, run
from bnviz.labs.averages.formula import formula
from bnviz.labs.averages.result import Result
from bnviz.labs.averages.script import script
from bnviz.labs.averages.settings import Settings
from bnviz.plot.numbers import alike
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.paired import right_option
from bnviz.teaching.sources import DIGITS

LOWER, ALIKE, SOMEWHAT, GUESSES, UNKNOWN = range(5)
FAR: Final = 0.1  # a share: ten points
SHOWN: Final = 4  # units in the table


def comparisons(result: Result) -> list[Comparison]:
    """Variance after the averaged first layer, over the mean of the variances less the spread of the weights."""
    return [
        Comparison(
            Phrase(N_("variance after the averaged first layer, unit {unit}"), {"unit": unit + 1}),
            float(result.averaged_variance[unit]),
            float(result.mean_variance[unit] - result.spread[unit]),
        )
        for unit in range(min(SHOWN, len(result.spread)))
    ]


def headline(result: Result) -> dict[str, float]:
    """Final errors in %, and the first layer's variances (mean over the watched units), by the names the script prints."""
    errors = {f"error_{name}": float(result.over.mean[index, -1]) for index, name in enumerate(result.variants)}
    return {
        **errors,
        "mean_of_variances": float(result.mean_variance.mean()),
        "variance_of_average": float(result.averaged_variance.mean()),
        "spread": float(result.spread.mean()),
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, seed and recorded point."""
    shape = result.error_by_point.shape
    columns = {
        "variant": np.array(result.variants)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "step": result.steps,
        "epoch": result.epochs,
        "error_percent": result.error_by_point,
        "diverged_at_step": result.diverged_at[:, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def outcome(result: Result) -> int:
    """The option that the verdict on "parameters only" makes right; its whole interval must lie on one side of ten points."""
    finding = result.findings[0]
    higher = UNKNOWN if finding.low <= FAR < finding.high else GUESSES if finding.low > FAR else SOMEWHAT
    return right_option(finding, more=higher, less=LOWER, alike=ALIKE, unknown=UNKNOWN)


def finding(result: Result, language: Language = "en") -> str:
    """The test errors so far, for the run that is shown."""
    _ = translator(language)
    told = alike(*map(float, result.over.mean[: len(result.variants), -1]))
    errors = {name: f"{error}\N{NO-BREAK SPACE}%" for name, error in zip(result.variants, told, strict=True)}
    if int(result.averaged) == 0:
        return _("The trained model has {raw} test error; averaging has not begun.").format(raw=errors["raw"])
    return _(
        "Test error: trained model {raw}; its average with the buffers of the start {parameters_only}, with averaged buffers "
        "{buffers_averaged}, copied {buffers_copied}, refilled {refilled}."
    ).format(**errors)


TOPIC: Final = LiveTopic(
    lab="averages",
    name="averages",
    folder=Path(__file__).parent,
    title=N_("Averaged weights"),
    question=N_("My averaged model guesses. Why?"),
    answer=N_(
        "Batch norm's running mean and variance are buffers, not parameters: whoever averages only the parameters "
        "leaves them at 0 and 1. Copy the trained model's buffers, or refill them with a few training batches."
    ),
    settings=Settings,
    run=run,
    controls=("average", "decay", "start", "refill_batches", "learning_rate", "seeds"),
    more=("batch_size", "epochs", "depth", "width", "seed"),
    applies=lambda settings, name: name != "decay" or settings.average == "ema",
    pictures=(figures.curves, figures.differences, figures.refill),
    theory=(figures.held, figures.spread),
    comparisons=comparisons,
    finding=finding,
    findings=lambda result: result.findings,
    presets=(
        Preset(
            "ema",
            N_("EMA, decay 0.99"),
            N_(
                "The same averaged parameters four times: what do the buffers of the start cost, and is there any "
                "difference from the trained model with averaged, copied or refilled ones?"
            ),
            {},
        ),
        Preset(
            "swa",
            N_("SWA of the second half"),
            N_("The average of the last eight epochs' ends, all counting alike: the same failure, and the same cure?"),
            {"average": "swa", "start": 0.5},
        ),
        Preset(
            "memory_longer_than_training",
            N_("Decay 0.999"),
            N_(
                "A memory of 1000 steps in a training of 315: the average still holds the fresh network. Which buffers fail now, which "
                "help most, and are the averaged weights themselves as good as the trained model's?"
            ),
            {"decay": 0.999},
        ),
        Preset(
            "one_refill_batch",
            N_("One refill batch"),
            N_(
                "64 images for the statistics of all layers: is that close already? In the third picture see how few batches are enough."
            ),
            {"refill_batches": 1},
        ),
        Preset(
            "too_few_seeds",
            N_("Three seeds"),
            N_(
                "Do three seeds show what the buffers of the start cost? And do they tell whether averaging gains anything?"
            ),
            {"seeds": 3},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "A loop over `model.parameters()` keeps an average of the weights, in a copy made before training. How "
            "high is the copy's test error, compared with that of the trained model? Less than one point counts as "
            "alike."
        ),
        options=(
            N_("lower: averaging smooths the noise"),
            N_("alike"),
            N_("higher, by less than ten points"),
            N_("higher, by more than ten points"),
            N_("too noisy to tell with this many seeds"),
        ),
        correct=outcome,
        explanation=N_(
            "The loop over parameters never reaches the running statistics, which are buffers. The copy normalizes "
            "with mean 0 and variance 1, so that nothing is normalized, and layers get inputs that they were never "
            "trained on."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Averaged models in PyTorch: buffers copied, or averaged with use_buffers=True; update_bn refills them"),
            "torch.optim.swa_utils",
            "https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema",
        ),
        Source(
            N_("Stochastic weight averaging, and that batch norm's statistics must be re-estimated"),
            "Izmailov et al. 2018, arXiv:1803.05407",
            "https://arxiv.org/abs/1803.05407",
        ),
        Source(
            N_("A mean teacher whose batch norm buffers were not looked after"),
            "CuriousAI/mean-teacher #9",
            "https://github.com/CuriousAI/mean-teacher/issues/9",
        ),
        Source(
            N_("Buffers in a model's moving average"),
            "pytorch/ignite #2590",
            "https://github.com/pytorch/ignite/issues/2590",
        ),
        DIGITS,
    ),
    result=Result,
    cost=estimated_seconds,
)
