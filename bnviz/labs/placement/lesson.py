"""The topic `placement`: batch norm before or after the activation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.placement import figures
from bnviz.labs.placement.experiment import estimated_seconds, run
from bnviz.labs.placement.formula import formula
from bnviz.labs.placement.result import POSITIONS, Result
from bnviz.labs.placement.script import script
from bnviz.labs.placement.settings import Settings
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.paired import better_or_alike, right_option
from bnviz.teaching.sources import DIGITS
from bnviz.theory.activations import moments_after

BEFORE, ALIKE, AFTER, UNKNOWN = range(4)


def comparisons(result: Result) -> list[Comparison]:
    """Bias in front of batch norm, and the moments of what the next layer receives in the fresh networks."""
    activation, before, after = result.settings.activation, *map(POSITIONS.index, ("before", "after"))
    # Where the variance is small, ε takes its part of it: what enters φ has this spread and not 1.
    scale = math.sqrt(float(result.received_variance[before, -1]))
    known = moments_after(activation, round(scale, 6))
    normal = Phrase(N_("predicted for normal pre-activations, which those of digits nearly are"))
    return [
        Comparison(Phrase(N_("change of the output by a bias before batch norm")), result.bias_effect, 0.0),
        Comparison(Phrase(N_("gradient of a bias before batch norm")), result.bias_gradient, 0.0),
        Comparison(
            Phrase(N_("mean of what the last layer receives, batch norm before the activation")),
            float(result.passed_mean[before, -1]),
            known.mean,
            float(result.passed_mean_error[before, -1]),
            normal,
        ),
        Comparison(
            Phrase(N_("variance of what the last layer receives, batch norm before the activation")),
            float(result.passed_variance[before, -1]),
            known.variance,
            float(result.passed_variance_error[before, -1]),
            normal,
        ),
        Comparison(
            Phrase(N_("mean of what the last layer receives, batch norm after the activation")),
            float(result.passed_mean[after, -1]),
            0.0,
        ),
    ]


def headline(result: Result) -> dict[str, float]:
    """Final errors in %, the paired difference after − before in points, and the bias check, by the names the script prints."""
    finding = result.findings[0]
    errors = {
        f"error_{position}": 100 * float(result.error.mean[index, -1])
        for index, position in enumerate(result.positions)
    }
    return {
        **errors,
        "difference": 100 * finding.mean,
        "difference_deviation": 100 * finding.deviation,
        "bias_effect": result.bias_effect,
        "bias_gradient": result.bias_gradient,
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per position, seed and recorded point."""
    shape = result.accuracy.shape
    seeds = np.arange(shape[1]) + result.settings.seed
    columns = {
        "position": np.array(result.positions)[:, None, None],
        "seed": seeds[:, None],
        "step": result.steps,
        "epoch": result.epochs,
        "accuracy": result.accuracy,
        "test_loss": result.loss,
        "diverged_at_step": result.diverged_at[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


NAMES: Final = {
    "none": N_("no batch norm"),
    "before": N_("batch norm before the activation"),
    "after": N_("batch norm after the activation"),
}


def finding(result: Result, language: Language = "en") -> str:
    """Whether before and after differ, and what batch norm gains at all, for the run that is shown."""
    _ = translator(language)
    parts = []
    for (first, second), found in zip(result.pairs, result.findings, strict=True):
        parts.append(better_or_alike(_(NAMES[first]), _(NAMES[second]), found, _))
    return " ".join(parts[:2])


def outcome(result: Result) -> int:
    """The option that the verdict on after − before makes right."""
    return right_option(result.findings[0], more=AFTER, less=BEFORE, alike=ALIKE, unknown=UNKNOWN)


TOPIC: Final = LiveTopic(
    lab="placement",
    name="placement",
    folder=Path(__file__).parent,
    title=N_("Before or after"),
    question=N_("Batch norm before or after the activation?"),
    answer=N_(
        "Does that depend on the activation and on the initialization? And how large is the difference beside that of"
        " having it at all? Each run judges both over its seeds."
    ),
    finding=finding,
    findings=lambda result: result.findings,
    settings=Settings,
    run=run,
    controls=("activation", "learning_rate", "epochs", "batch_size", "depth", "seeds"),
    more=("init", "width", "bias", "seed"),
    pictures=(figures.curves, figures.differences, figures.signals),
    theory=(figures.moments, figures.bias),
    comparisons=comparisons,
    presets=(
        Preset(
            "relu",
            N_("ReLU"),
            N_(
                "Look at the first panel of the second picture: does the interval of after − before lie within one point?"
            ),
            {},
        ),
        Preset(
            "sigmoid",
            N_("Sigmoid"),
            N_(
                "A sigmoid passes on numbers around ½ with little spread, and batch norm after it centers them. Does after win here?"
            ),
            {"activation": "sigmoid"},
        ),
        Preset(
            "tanh",
            N_("tanh"),
            N_("tanh is centered on 0 already. Is there any relevant difference left between before and after?"),
            {"activation": "tanh"},
        ),
        Preset(
            "pytorch_s_initialization",
            N_("PyTorch's initialization"),
            N_(
                "nn.Linear's own, smaller weights, with tanh. Is the answer the same as with He's initialization? Two experiments "
                "that contradict each other may both be right."
            ),
            {"activation": "tanh", "init": "torch"},
        ),
        Preset(
            "too_few_seeds",
            N_("Too few seeds"),
            N_(
                "Four seeds and three epochs: how wide is the interval? How often would one run each have named the wrong winner?"
            ),
            {"seeds": 4, "epochs": 3},
        ),
        Preset(
            "learning_rate_10",
            N_("Learning rate 10"),
            N_(
                "A rate a hundred times as high. Crosses mark where a loss is no longer a number. Which position survives, and does it "
                "learn anything?"
            ),
            {"learning_rate": 10.0, "epochs": 5},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The same weights, images and batches, batch norm once before and once after the chosen activation. "
            "Which has the lower final test error? Less than one point counts as alike."
        ),
        options=(
            N_("before is better"),
            N_("no relevant difference"),
            N_("after is better"),
            N_("too noisy to tell with this many seeds"),
        ),
        correct=outcome,
        explanation=N_(
            "Judged by the 95 % interval of the paired differences over seeds, not by one run. Where the interval lies within "
            "one point, there is no relevant difference; where it leaves out 0, there is one."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Batch norm proposed before the activation, and the bias left out there"),
            "Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_(
                "Where to place it compared on ImageNet, one run each: after ReLU better there by 1.5 points with γ and β (47.8 → 49.3 %), "
                "by 2.5 without (47.4 → 49.9 %)"
            ),
            "Mishkin, Sergievskiy & Matas 2017 (arXiv:1606.02228), their benchmark's table",
            "https://github.com/ducha-aiki/caffenet-benchmark/blob/master/batchnorm.md",
        ),
        Source(
            N_("Two one-sided tests: how to say that there is no relevant difference"),
            "Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15",
            "https://doi.org/10.1007/BF01068419",
        ),
        Source(
            N_("Batch norm as PyTorch computes it"),
            "torch.nn.BatchNorm1d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
        ),
        DIGITS,
    ),
    result=Result,
    cost=estimated_seconds,
)
