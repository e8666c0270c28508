"""The topic `sweep` of the lab `training`: how large a learning rate may be, with and without a normalizer."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.training.shared.outcomes import compares_batch_norm, of_batch_norm
from bnviz.labs.training.shared.settings import applies
from bnviz.labs.training.shared.sources import BATCH_NORM, BATCH_NORM_PAPER
from bnviz.labs.training.sweep import figures
from bnviz.labs.training.sweep.experiment import estimated_seconds, run
from bnviz.labs.training.sweep.formula import formula
from bnviz.labs.training.sweep.result import Result
from bnviz.labs.training.sweep.script import script
from bnviz.labs.training.sweep.settings import Settings
from bnviz.plot.variants import normalizer_name
from bnviz.study.comparison import Comparison
from bnviz.study.figures.forest import times_within
from bnviz.study.verdict import NOISY, words
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.paired import better_or_alike
from bnviz.teaching.sources import DIGITS

LARGER, NO_LARGER, UNKNOWN = range(3)
FACTOR: Final = math.log10(3.0)
NAMES: Final = {
    "batch": N_("growth of the hidden weights ‖W‖²/‖W₀‖² under batch norm, largest rate"),
    "layer": N_("growth of the hidden weights ‖W‖²/‖W₀‖² under layer norm, largest rate"),
    "group": N_("growth of the hidden weights ‖W‖²/‖W₀‖² under group norm, largest rate"),
}


def comparisons(result: Result) -> list[Comparison]:
    """Growth of the weights against Pythagoras, exact up to rounding and ε; only for plain SGD."""
    if result.settings.optimizer != "sgd":
        return []
    rows = []
    for number, name in enumerate(result.variants):
        finite = np.flatnonzero(np.isfinite(result.end_square[number, :, 0]) & (result.end_square[number, :, 0] < 1e12))
        if name == "none" or not len(finite):
            continue
        place, start = finite[-1], float(result.start_square[number, finite[-1], 0])
        predicted = float(result.predicted_square[number, place, 0]) / start
        rows.append(
            Comparison(
                Phrase(NAMES[name]),
                float(result.end_square[number, place, 0]) / start,
                predicted,
                note=Phrase(N_("for ε and float32, one part in ten thousand is allowed")),
                # ε lets a little of the gradient point along W, and every step rounds.
                allowance=predicted * 1e-4,
            )
        )
    return rows


def headline(result: Result) -> dict[str, float]:
    """Mean final test error in % at every rate, and the largest rate that trains, by the names the script prints."""
    numbers: dict[str, float] = {}
    for number, name in enumerate(result.variants):
        for place, rate in enumerate(result.rates):
            numbers[f"error_{name}_{rate:g}"] = 100 * float(result.error.mean[number, place])
        numbers[f"largest_rate_{name}"] = float(result.largest_rate[number])
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, rate, seed and recorded point."""
    shape = result.accuracy.shape
    columns = {
        "normalizer": np.array(result.variants)[:, None, None, None],
        "learning_rate": result.rates[:, None, None],
        "seed": (np.arange(shape[2]) + result.settings.seed)[:, None],
        "step": result.steps,
        "epoch": result.epochs,
        "accuracy": result.accuracy,
        "diverged_at_step": result.diverged_at[..., None],
        "weights_square": result.end_square[..., None],
        "weights_square_predicted": result.predicted_square[..., None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def finding(result: Result, language: Language = "en") -> str:
    """How much larger the largest rate is and what is gained at the best rates, for batch norm or else the last variant."""
    _ = translator(language)
    if not result.pairs:
        return _("Choose two variants or more: there is nothing to compare.")
    shown = next((index for index, (__, second) in enumerate(result.pairs) if second == "batch"), len(result.pairs) - 1)
    first, second = (normalizer_name(name, _) for name in result.pairs[shown])
    rate = result.tolerance_findings[shown]
    text = _("Largest rate that still trains, {second} against {first}: {verdict}.").format(
        first=first, second=second, verdict=words(rate, _)
    )
    if rate.has_interval:
        text = _("Largest rate that still trains, {second} against {first}: {factor}, {verdict}.").format(
            first=first,
            second=second,
            factor=times_within(rate, _),
            verdict=words(rate, _),
        )
    return (
        text + " " + _("Each at its own best rate:") + " " + better_or_alike(first, second, result.findings[shown], _)
    )


def outcome(result: Result) -> int | None:
    """The option that the verdict on the largest rate, batch norm against none, makes right; None without that comparison."""
    finding = of_batch_norm(result.pairs, result.tolerance_findings)
    if finding is None:
        return None
    if finding.verdict == NOISY or finding.low <= FACTOR < finding.high:
        return UNKNOWN
    return LARGER if finding.low > FACTOR else NO_LARGER


TOPIC: Final = LiveTopic(
    lab="training",
    name="sweep",
    folder=Path(__file__).parent,
    title=N_("Learning rates"),
    question=N_("How large may the learning rate be, and what does a network gain by it?"),
    answer=N_(
        "Before a normalizer, too large a step makes the weights longer, and that makes the next step smaller. How "
        "much larger the rate may be for it, and what accuracy gains, each network at its own best rate, is measured "
        "here."
    ),
    finding=finding,
    findings=lambda result: (*result.tolerance_findings, *result.findings),
    settings=Settings,
    run=run,
    controls=("normalizers", "learning_rates", "activation", "depth", "epochs", "seeds"),
    more=("source", "samples", "noise", "init", "optimizer", "width", "batch_size", "seed"),
    applies=applies,
    pictures=(figures.rates, figures.claims),
    theory=(figures.lengths,),
    comparisons=comparisons,
    presets=(
        Preset(
            "relu",
            N_("ReLU"),
            N_("The dotted line is 90 %. Follow each curve to the right: which one leaves it first, which last?"),
            {},
        ),
        Preset(
            "sigmoid",
            N_("Sigmoid"),
            N_("Eight epochs of SGD on sigmoids: at which rates does each network train at all?"),
            {"activation": "sigmoid", "init": "torch", "learning_rates": (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)},
        ),
        Preset(
            "with_8_layers",
            N_("8 layers"),
            N_("Deeper: how many of these rates are left without a normalizer, and how many with batch norm?"),
            {"depth": 8, "seeds": 3},
        ),
        Preset(
            "adam",
            N_("Adam"),
            N_("Adam scales the step of every weight by itself. How much is left of the difference?"),
            {"optimizer": "adam", "learning_rates": (0.001, 0.003, 0.01, 0.03, 0.0625, 0.125, 0.25, 0.5), "seeds": 4},
        ),
    ),
    prediction=Prediction(
        N_(
            "One network without a normalizer, and the same with batch norm before every activation. The largest rate at which training "
            "still works is, with batch norm …"
        ),
        (
            N_("more than three times larger"),
            N_("larger by less, or no larger"),
            N_("too noisy to tell from these seeds"),
        ),
        outcome,
        N_(
            "For every seed, the largest rate at which it ends with 90 % or more; the second picture has the factor with its interval."
        ),
        compares_batch_norm,
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        BATCH_NORM_PAPER,
        Source(
            N_("Weights before a normalizer: the length only sets the effective learning rate"),
            "van Laarhoven 2017, arXiv:1706.05350",
            "https://arxiv.org/abs/1706.05350",
        ),
        Source(
            N_("That batch norm works by allowing larger learning rates"),
            "Bjorck, Gomes, Selman & Weinberger 2018, arXiv:1806.02375",
            "https://arxiv.org/abs/1806.02375",
        ),
        BATCH_NORM,
        DIGITS,
    ),
    result=Result,
    cost=estimated_seconds,
    upload="classes",
)
