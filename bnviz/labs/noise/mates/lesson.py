"""The topic `mates` of the lab `noise`: one sample, many batches."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.noise.mates import figures
from bnviz.labs.noise.mates.experiment import run
from bnviz.labs.noise.mates.result import Result
from bnviz.labs.noise.mates.script import script
from bnviz.labs.noise.mates.settings import Settings
from bnviz.labs.noise.shared.sources import BATCH_NORM, DROPOUT_PAPER
from bnviz.plot.numbers import latex, latex_signed, short, with_spread
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.paired import between
from bnviz.theory import output_law

LITTLE, MUCH = 0.1, 0.4  # s.d. between which the answers of the prediction change
SMALLEST_SERIES: Final = 32  # from this batch size on the delta method is near enough
DISTANCE_ERROR: Final = 0.56  # four times this over √R is exceeded by chance once in ten thousand times
EPS: Final = 1e-5


def finding(result: Result, language: Language = "en") -> str:
    """How much the fixed sample's output varies and how much Dropout that is worth, for the run that is shown."""
    _ = translator(language)
    size = list(result.sizes).index(result.settings.batch_size)
    return _(
        "A sample at z = {value} comes out at {mean} in batches of {size}: noise with the energy of Dropout at "
        "p = {rate}."
    ).format(
        value=short(result.settings.sample_value),
        mean=with_spread(result.mean, result.std),
        size=result.settings.batch_size,
        rate=short(float(result.rate[size])),
    )


def outcome(result: Result) -> int | None:
    """The option of the prediction that the s.d. makes right; None within two standard errors of a border."""
    option = between(result.std, (LITTLE, MUCH), 2 * result.std / math.sqrt(2 * result.settings.draws))
    return None if option is None else option + 1


def formula(result: Result, step: int, language: Language) -> str:
    """Three batches by hand, the law with its numbers, and the Dropout rate of equal noise energy."""
    _ = translator(language)
    return "\n\n".join(
        [
            "**1. " + _("The same sample in three batches") + "**",
            _batches(result),
            "**2. " + _("The law of its output") + "**",
            _law(result, _),
            "**3. " + _("How much noise that is") + "**",
            _energy(result, _),
        ]
    )


def _batches(result: Result) -> str:
    value = result.settings.sample_value
    rows = [
        f"\\hat x &= \\frac{{{latex(value)} - {latex_signed(float(mean))}}}{{\\sqrt{{{latex(float(var))} + 10^{{-5}}}}}} = "
        f"{latex((value - float(mean)) / math.sqrt(float(var) + EPS))}"
        for mean, var in zip(result.batch_mean, result.batch_var, strict=True)
    ]
    head = "\\hat x &= \\frac{z - \\mu_B}{\\sqrt{\\sigma_B^2 + \\varepsilon}}"
    return "$$\n\\begin{aligned}\n" + " \\\\[4pt]\n".join([head, *rows]) + "\n\\end{aligned}\n$$"


def _law(result: Result, _: Translate) -> str:
    settings = result.settings
    size, value = settings.batch_size, settings.sample_value
    if size == 2:
        shape = _("In a batch of two the output is +1 or −1: all that is left is which of the two is larger.")
    else:
        shape = (
            _("For normal batch-mates, with T from the noncentral t distribution:")
            + f"\n\n$$\n\\hat x = \\frac{{\\sqrt{{m-1}}\\,T}}{{\\sqrt{{m(m-2)+T^2}}}},\\qquad "
            f"T \\sim t_{{m-2}}\\!\\left(z\\sqrt{{m-1}}\\right) = t_{{{size - 2}}}({latex(value * math.sqrt(size - 1))})\n$$"
        )
    return (
        shape
        + "\n\n"
        + _(
            "The law's mean is {law_mean} and its s.d. {law_std}; measured over {draws} batches: {mean} and {std}."
        ).format(
            law_mean=short(result.mean_theory, 1e-6),
            law_std=short(result.std_theory),
            draws=settings.draws,
            mean=short(result.mean, 1e-6),
            std=short(result.std),
        )
    )


def _energy(result: Result, _: Translate) -> str:
    size = result.settings.batch_size
    index = list(result.sizes).index(size)
    exact, seen = float(result.fidelity_theory[index]), float(result.fidelity[index])
    return (
        f"$$\nR^2(m) = \\frac 2m\\left[\\frac{{\\Gamma(m/2)}}{{\\Gamma((m-1)/2)}}\\right]^2,\\qquad R^2({size}) = {latex(exact)}"
        f"\\quad({latex(seen)})\n$$\n\n"
        + _(
            "In brackets: measured, all samples random. Dropout of rate p adds noise of energy p/(1 − p), relative to the signal; "
            "batch norm's is (1 − R²)/R². They are equal for"
        )
        + f"\n\n$$\np = 1 - R^2 = {latex(1 - exact)} \\approx \\frac{{1.5}}{{m}} = {latex(1.5 / size)}\n$$\n\n"
        + _(
            "Equal in energy only: Dropout's noise is drawn for every unit by itself, batch norm's is one shift and one scale for "
            "all samples of a batch."
        )
    )


def comparisons(result: Result) -> list[Comparison]:
    """Mean, s.d., distribution function and R², measured against the closed forms."""
    settings = result.settings
    draws, size = settings.draws, settings.batch_size
    exact = result.samples.astype(np.float64) - result.mean
    kurtosis = float((exact**4).mean() / max((exact**2).mean() ** 2, 1e-300))
    std_error = result.std * max(math.sqrt(max(kurtosis - 1, 0) / (4 * draws)), 1 / draws)
    note = None if settings.source == "gaussian" else Phrase(N_("the law is for normal batch-mates; these are not"))
    index = list(result.sizes).index(size)
    rows = [
        Comparison(
            Phrase(N_("mean of the fixed sample's output")),
            result.mean,
            result.mean_theory,
            result.std / math.sqrt(draws),
            note,
        ),
        Comparison(Phrase(N_("s.d. of the fixed sample's output")), result.std, result.std_theory, std_error, note),
        Comparison(
            Phrase(N_("largest distance of the two distribution functions")),
            result.distance,
            0.0,
            DISTANCE_ERROR / math.sqrt(draws),
            note,
        ),
        Comparison(
            Phrase(N_("R² of output and true value, batches of {size}"), {"size": size}),
            float(result.fidelity[index]),
            float(result.fidelity_theory[index]),
            float(result.fidelity_error[index]),
            note,
        ),
    ]
    if size >= SMALLEST_SERIES:
        estimate = float(output_law.fixed_sample_std_estimate(settings.sample_value, size))
        approximate = Phrase(N_("an approximation, for m of 32 or more"))
        rows.append(
            Comparison(Phrase(N_("s.d. by the delta method")), result.std, estimate, std_error, note or approximate)
        )
    return rows


def headline(result: Result) -> dict[str, float]:
    """The numbers that the script prints, by its names."""
    index = list(result.sizes).index(result.settings.batch_size)
    return {
        "mean": result.mean,
        "std": result.std,
        "fidelity": float(result.fidelity[index]),
        "fidelity_theory": float(result.fidelity_theory[index]),
        "dropout_rate": float(result.rate[index]),
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """The histogram and its law, one row per bin."""
    return {
        "output": result.law_x,
        "count": result.counts.counts,
        "density": result.counts.density(),
        "law_density": result.law_pdf,
    }


TOPIC: Final = InstantTopic(
    lab="noise",
    name="mates",
    folder=Path(__file__).parent,
    title=N_("Batch noise"),
    question=N_("Why does the same sample come out differently in every batch?"),
    answer=N_(
        "Because its mean and variance come from whoever else is in the batch. That is noise, its law is known exactly, and it falls "
        "as the batch grows: in energy like Dropout with p ≈ 1.5/m."
    ),
    finding=finding,
    holds=lambda result: abs(result.std / result.std_theory - 1) < 0.05,
    settings=Settings,
    run=run,
    controls=("batch_size", "sample_value", "source", "draws"),
    more=("seed",),
    pictures=(figures.law, figures.rates, figures.values),
    theory=(figures.distribution, figures.fidelity),
    comparisons=comparisons,
    presets=(
        Preset(
            "batch_of_32",
            N_("Batch of 32"),
            N_(
                "One sample, 4000 batches, 4000 outputs: a bell around its true value, exactly as wide as the law says."
            ),
            {},
            lambda result: abs(result.std / result.std_theory - 1) < 0.05,
        ),
        Preset(
            "batch_of_4",
            N_("Batch of 4"),
            N_(
                "The bell is gone: the output runs up against its bound √(m − 1), and its noise has the energy of Dropout with p ≈ 0.36."
            ),
            {"batch_size": 4},
            lambda result: abs(float(result.rate[list(result.sizes).index(4)]) - 0.36) < 0.02,
        ),
        Preset(
            "batch_of_2",
            N_("Batch of 2"),
            N_("Only +1 and −1 are left: batch norm keeps which of the two is larger, and nothing else."),
            {"batch_size": 2},
            lambda result: bool((abs(abs(result.samples) - 1) < 0.01).mean() > 0.95),
        ),
        Preset(
            "batch_of_512",
            N_("Batch of 512"),
            N_("A needle at the true value: in a large batch the batch-mates hardly matter."),
            {"batch_size": 512},
            lambda result: result.std < 0.1,
        ),
        Preset(
            "an_outlier",
            N_("An outlier"),
            N_("A sample at 3 σ among eight is pulled in: it makes the very standard deviation that it is divided by."),
            {"batch_size": 8, "sample_value": 3.0},
            lambda result: result.mean < 2.5,
        ),
        Preset(
            "real_features",
            N_("Real features"),
            N_("Digits after ReLU are not normal: the dashed line is only an approximation. How far off is it?"),
            {"source": "digits_relu"},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "One and the same sample is put into many batches with other random batch-mates. By how much does its output vary "
            "(standard deviation)?"
        ),
        options=(N_("not at all"), N_("by less than 0.1"), N_("by 0.1 to 0.4"), N_("by more than 0.4")),
        correct=outcome,
        explanation=N_(
            "The batch's mean varies by σ/√m and its standard deviation by about σ/√(2m); both reach every sample of the batch. "
            "A fixed sample therefore varies by about √((1 + z²/2)/m)."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_(
                "A training example is seen together with others, and the network no longer gives fixed values for it: this regularizes"
            ),
            "Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.4",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_("No output of a batch of m can exceed √(m − 1)"),
            "Samuelson 1968, J. American Statistical Association 63",
            "https://doi.org/10.1080/01621459.1968.10480944",
        ),
        DROPOUT_PAPER,
        BATCH_NORM,
    ),
)
