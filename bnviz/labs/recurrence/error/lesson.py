"""The topic `error` of the lab `recurrence`: test error by what is normalized."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.recurrence.error import figures
from bnviz.labs.recurrence.error.comparisons import comparisons
from bnviz.labs.recurrence.error.experiment import estimated_seconds, run
from bnviz.labs.recurrence.error.formula import formula
from bnviz.labs.recurrence.error.result import Result
from bnviz.labs.recurrence.error.script import script
from bnviz.labs.recurrence.error.settings import Settings
from bnviz.labs.recurrence.shared.figures import VARIANT_NAMES
from bnviz.labs.recurrence.shared.sources import BA, BATCH_NORM, COOIJMANS, LAURENT, RNN_MODULES
from bnviz.teaching.lab import LiveTopic, Prediction, Preset
from bnviz.teaching.paired import better_or_alike, right_option
from bnviz.teaching.sources import DIGITS

BETTER, ALIKE, WORSE, UNKNOWN = range(4)


def finding(result: Result, language: Language = "en") -> str:
    """What sharing statistics costs, and whether the two cheap ways are better than none, for the run that is shown."""
    _ = translator(language)
    return " ".join(
        better_or_alike(_(VARIANT_NAMES[first]), _(VARIANT_NAMES[second]), found, _)
        for (first, second), found in list(zip(result.pairs, result.findings, strict=True))[:3]
    )


def outcome(result: Result) -> int:
    """The option that the verdict on shared − per step makes right."""
    finding = result.findings[result.pairs.index(("batch_per_step", "batch_shared"))]
    return right_option(finding, more=BETTER, less=WORSE, alike=ALIKE, unknown=UNKNOWN)


def headline(result: Result) -> dict[str, float]:
    """Final errors in %, paired differences in points, and errors with the test images' statistics, by the names the script prints."""
    numbers = {
        f"error_{variant}": 100 * float(result.errors[index].mean[-1]) for index, variant in enumerate(result.variants)
    }
    for (first, second), finding in zip(result.pairs, result.findings, strict=True):
        numbers[f"difference_{second}_{first}"] = 100 * finding.mean
    for index, variant in enumerate(result.variants):
        if result.updates[index]:
            numbers[f"own_statistics_{variant}"] = 100 * float(np.nanmean(result.batch_error[index]))
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, seed and recorded point."""
    shape = result.accuracy.shape
    columns = {
        "variant": np.array(result.variants)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "step": result.steps,
        "epoch": result.epochs,
        "accuracy": result.accuracy,
        "test_loss": result.loss,
        "diverged_at_step": result.diverged_at[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


TOPIC: Final = LiveTopic(
    lab="recurrence",
    name="error",
    folder=Path(__file__).parent,
    title=N_("Test error"),
    question=N_("What may be normalized in a recurrent cell?"),
    answer=N_(
        "Whether each time step has running statistics of its own or all share one set, training is the same to the "
        "last weight; only eval mode differs. What sharing costs, and whether a normalizer is better than none, is "
        "judged over the seeds of each run."
    ),
    finding=finding,
    findings=lambda result: result.findings,
    settings=Settings,
    run=run,
    controls=("cell", "gamma", "batch_size", "momentum", "epochs", "seeds"),
    more=("sequence", "width", "learning_rate", "seed"),
    pictures=(figures.curves, figures.differences, figures.statistics),
    theory=(figures.left_over,),
    comparisons=comparisons,
    presets=(
        Preset(
            "with_8_seeds",
            N_("8 seeds"),
            N_(
                "Shared statistics against statistics per step: does the interval leave out 0? How far apart do seeds of the same "
                "LSTM end?"
            ),
            {},
        ),
        Preset(
            "with_20_seeds",
            N_("20 seeds"),
            N_(
                "More seeds, narrower intervals: what can be told now of batch norm of the input only and of layer norm?"
            ),
            {"seeds": 20},
        ),
        Preset(
            "gamma_0_1",
            N_("γ = 0.1"),
            N_(
                "Every γ starts at 0.1, as Cooijmans proposes. Does batch norm per step end above or below no normalizer? "
                "Compare with γ = 1."
            ),
            {"gamma": 0.1},
        ),
        Preset(
            "batch_of_4",
            N_("Batch of 4"),
            N_(
                "Four values per statistic with batch norm per step, 4 · 8 = 32 on the input only: which of them can take it?"
            ),
            {"batch_size": 4, "epochs": 2},
        ),
        Preset(
            "momentum_0_01",
            N_("Momentum 0.01"),
            N_(
                "One module per step is updated once per training step and still remembers its start; the shared one "
                "is updated eight times as often. Is the verdict reversed?"
            ),
            {"momentum": 0.01},
        ),
        Preset(
            "gru",
            N_("GRU"),
            N_("Another cell, another order? Compare the normalizers with none."),
            {"cell": "gru"},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Batch norm at every time step: once with running statistics of its own for each step, once with one set "
            "for all. In training mode both use the batch. Which has the lower test error in eval mode? Less than one "
            "point counts as alike."
        ),
        options=(
            N_("the shared set: it averages over more values"),
            N_("no relevant difference: training is the same"),
            N_("one set per step"),
            N_("too noisy to tell with this many seeds"),
        ),
        correct=outcome,
        explanation=N_(
            "Training never looks at running statistics, so both are the same network. Eval mode does: one mean and "
            "one variance for all steps are a compromise, one set per step needs enough batches. The interval tells "
            "which matters more."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(COOIJMANS, LAURENT, BA, BATCH_NORM, RNN_MODULES, DIGITS),
    result=Result,
    cost=estimated_seconds,
)
