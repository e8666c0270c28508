"""The topic `race` of the lab `training`: networks with and without normalizers side by side, and the paper's Figure 1."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, clauses, translator
from bnviz.labs.training.race import figures
from bnviz.labs.training.race.experiment import estimated_seconds, run
from bnviz.labs.training.race.formula import formula
from bnviz.labs.training.race.result import Result
from bnviz.labs.training.race.script import script
from bnviz.labs.training.race.settings import Settings
from bnviz.labs.training.shared.outcomes import compares_batch_norm, of_batch_norm
from bnviz.labs.training.shared.settings import applies
from bnviz.labs.training.shared.sources import BATCH_NORM, BATCH_NORM_PAPER, SANTURKAR
from bnviz.plot.variants import normalizer_name
from bnviz.study.comparison import Comparison
from bnviz.study.figures.forest import times_within
from bnviz.study.verdict import MIN_PAIRS, NOISY, SHOWS, words
from bnviz.teaching.lab import LiveTopic, Prediction, Preset
from bnviz.teaching.sources import DIGITS
from bnviz.theory.gradient import first_length, linear_default_variances, mean_field_lengths

SOONER, NO_SOONER, UNKNOWN = range(3)
TENFOLD: Final = 1.0
"""log10 of a factor of ten."""


def comparisons(result: Result) -> list[Comparison]:
    """Mean and s.d. behind batch norm against γ and β, and the mean square in the fresh network without a normalizer."""
    rows: list[Comparison] = []
    if "batch" in result.variants:
        moments = result.moments[result.variants.index("batch")]
        alive = np.flatnonzero(np.isfinite(moments.mean))[:1]
        for seed in alive:
            rows += [
                Comparison(
                    Phrase(N_("mean of the unit's input over a training batch, batch norm: β")),
                    float(moments.mean[seed]),
                    float(moments.expected_mean[seed]),
                ),
                Comparison(
                    Phrase(N_("its standard deviation: |γ|·√(v/(v + ε))")),
                    float(moments.deviation[seed]),
                    float(moments.expected_deviation[seed]),
                ),
            ]
    if "none" in result.variants:
        squares = result.fresh[result.variants.index("none")]
        measured = squares.mean_square
        # Units of one network share what the layers in front drew: only the scatter over networks counts it.
        if len(measured) >= MIN_PAIRS:
            rows.append(
                Comparison(
                    Phrase(N_("mean square of the last activation's input, fresh network, no normalizer")),
                    float(measured.mean()),
                    _fresh_square(result, squares.input_square),
                    float(measured.std(ddof=1) / math.sqrt(len(measured))),
                    Phrase(N_("mean-field theory, exact for infinitely many units")),
                )
            )
    return rows


def _fresh_square(result: Result, input_square: float) -> float:
    """Mean square of the last hidden layer's pre-activations before training, by mean-field theory."""
    settings, inputs = result.settings, result.inputs

    def variances(fan_in: int) -> tuple[float, float]:
        if settings.init == "torch":
            return linear_default_variances(fan_in)
        return (2.0 if settings.init == "he" else 0.01 * fan_in), 0.0

    first = first_length(input_square, *variances(inputs))
    lengths = mean_field_lengths(settings.activation, *variances(settings.width), first, settings.depth)
    return float(lengths[-1])


def headline(result: Result) -> dict[str, float]:
    """Final test errors in %, drift of the watched unit and steps to 90 %, means over seeds, by the names the script prints."""
    numbers: dict[str, float] = {}
    for index, name in enumerate(result.variants):
        there = result.steps_to_goal[index][np.isfinite(result.steps_to_goal[index])]
        numbers[f"error_{name}"] = 100 * float(result.error.mean[index, -1])
        numbers[f"drift_{name}"] = float(result.drift_mean[index])
        numbers[f"steps_to_90_{name}"] = float(there.mean()) if len(there) else math.nan
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, seed and recorded point."""
    shape = result.accuracy.shape
    columns = {
        "normalizer": np.array(result.variants)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "step": result.steps,
        "epoch": result.epochs,
        "accuracy": result.accuracy,
        "test_loss": result.loss,
        "input_15": result.percentiles[..., 0],
        "input_50": result.percentiles[..., 1],
        "input_85": result.percentiles[..., 2],
        "gamma": result.scale,
        "beta": result.shift,
        "diverged_at_step": result.diverged_at[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def finding(result: Result, language: Language = "en") -> str:
    """How much sooner each normalizer gets to 90 %, for the run that is shown."""
    _ = translator(language)
    parts = []
    for (first, second), found in zip(result.pairs, result.speed_findings, strict=True):
        names = {"first": normalizer_name(first, _), "second": normalizer_name(second, _)}
        if found.verdict != SHOWS:
            parts.append(_("{second} against {first}: {verdict}").format(verdict=words(found, _), **names))
            continue
        told = _("{second} against {first}: {factor}").format(factor=times_within(found, _), **names)
        parts.append(clauses(told, _(found.reason), _) if found.reason else told)
    if not parts:
        return _("Choose two variants or more: there is nothing to compare.")
    return _("How many times faster 90 % is reached: {parts}.").format(parts=_("; ").join(parts))


def outcome(result: Result) -> int | None:
    """The option that the verdict on steps to 90 %, batch norm against none, makes right; None without that comparison."""
    finding = of_batch_norm(result.pairs, result.speed_findings)
    if finding is None:
        return None
    if finding.verdict == NOISY or finding.low < TENFOLD <= finding.high:
        return UNKNOWN
    return SOONER if finding.low >= TENFOLD else NO_SOONER


TOPIC: Final = LiveTopic(
    lab="training",
    name="race",
    folder=Path(__file__).parent,
    title=N_("Race"),
    question=N_("How much faster does the network train, and do its activations stay put?"),
    answer=N_(
        "Each run counts the steps to 90 %, and how far a unit of the last hidden layer drifts. These are two "
        "questions: does a network have to stay put to be fast?"
    ),
    finding=finding,
    findings=lambda result: (*result.speed_findings, *result.drift_findings, *result.findings),
    settings=Settings,
    run=run,
    controls=("normalizers", "optimizer", "learning_rate", "activation", "epochs", "seeds"),
    more=("source", "samples", "noise", "init", "depth", "width", "batch_size", "unit", "seed"),
    applies=applies,
    pictures=(figures.curves, figures.received, figures.claims),
    theory=(figures.learned,),
    comparisons=comparisons,
    presets=(
        Preset(
            "figure_1_of_the_paper",
            N_("Figure 1 of the paper"),
            N_(
                "Compare the second picture with the speeds: whose unit stays put, whose drifts, and which network "
                "is fast all the same?"
            ),
            {},
        ),
        Preset(
            "adam",
            N_("Adam"),
            N_(
                "Does a sigmoid network need batch norm, or does plain SGD? See how the network without a normalizer does with Adam."
            ),
            {"optimizer": "adam", "learning_rate": 0.01, "epochs": 20},
        ),
        Preset(
            "pytorch_s_initialization",
            N_("PyTorch's initialization"),
            N_(
                "nn.Linear's own, smaller weights: does the sigmoid network without batch norm ever leave chance (90 % error)?"
            ),
            {"init": "torch"},
        ),
        Preset(
            "relu",
            N_("ReLU"),
            N_("ReLU and He's initialization: how much is left for batch norm to gain, in time and in final accuracy?"),
            {"activation": "relu", "init": "he", "learning_rate": 0.1, "epochs": 15},
        ),
        Preset(
            "too_fast",
            N_("Too fast"),
            N_(
                "A learning rate that is too high: crosses mark the step at which a loss is no longer a number. Who survives?"
            ),
            {"activation": "relu", "init": "he", "learning_rate": 5.0, "epochs": 10},
        ),
    ),
    prediction=Prediction(
        N_(
            "One network without a normalizer, and the same with batch norm before every activation, trained alike. With batch norm it "
            "reaches 90 % on the test data …"
        ),
        (
            N_("at least ten times faster"),
            N_("not that much faster, or no faster at all"),
            N_("too noisy to tell from these seeds"),
        ),
        outcome,
        N_(
            "Judged from the steps to 90 %, seed by seed; the third picture has the factor, its interval and the verdict."
        ),
        compares_batch_norm,
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(BATCH_NORM_PAPER, SANTURKAR, BATCH_NORM, DIGITS),
    result=Result,
    cost=estimated_seconds,
    upload="classes",
)
