"""The topic `ghost` of the lab `noise`: more noise from the same batch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.noise.ghost import figures
from bnviz.labs.noise.ghost.experiment import estimated_seconds, run
from bnviz.labs.noise.ghost.result import Result
from bnviz.labs.noise.ghost.script import script
from bnviz.labs.noise.ghost.settings import Settings
from bnviz.labs.noise.shared.findings import in_words
from bnviz.labs.noise.shared.sources import BATCH_NORM, EQUIVALENCE
from bnviz.plot.numbers import latex, short
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import NOISY, SHOWS, SMALLEST_EFFECT, Finding, judge
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.paired import better_or_alike
from bnviz.teaching.sources import DIGITS

OPTIONS: Final[dict[int, int]] = {
    8: 1,
    4: 2,
    2: 3,
}  # the option of the prediction for each ghost size
NONE, UNKNOWN = 0, 4


def finding(result: Result, language: Language = "en") -> str:
    """What normalizing in parts does, for the run that is shown."""
    _ = translator(language)
    whole = _("the whole batch")
    return " ".join(
        better_or_alike(whole, _("ghost size {size}").format(size=size), found, _)
        for size, found in zip(result.sizes[1:], result.findings, strict=True)
    )


def outcome(result: Result) -> int:
    """The option of the prediction that the run makes right: the ghost size whose gain shows, and over every other gain, too."""
    gains = [finding.mean if _gains(finding) else -math.inf for finding in result.findings]
    best = max(range(len(gains)), key=gains.__getitem__)
    if gains[best] == -math.inf:
        return UNKNOWN if any(finding.verdict == NOISY for finding in result.findings) else NONE
    over = [
        judge(result.differences[best] - other, SMALLEST_EFFECT) for other in np.delete(result.differences, best, 0)
    ]
    return OPTIONS[result.sizes[1:][best]] if all(map(_gains, over)) else UNKNOWN


def _gains(finding: Finding) -> bool:
    return finding.verdict == SHOWS and finding.mean > 0


def formula(result: Result, step: int, language: Language) -> str:
    """What a ghost batch is, how noisy it is, and what that did."""
    _ = translator(language)
    whole, *ghosts = result.sizes
    smallest = ghosts[-1]
    cut = (
        _(
            "A batch of {whole} is cut into {count} parts of {size}; each is normalized with its own mean and variance. The gradient is "
            "still that of the whole batch."
        ).format(whole=whole, count=whole // smallest, size=smallest)
        + f"\n\n$$\n\\hat x_{{i}} = \\frac{{x_i - \\mu_{{g(i)}}}}{{\\sqrt{{\\sigma_{{g(i)}}^2 + \\varepsilon}}}},\\qquad "
        f"g(i) = i \\bmod {whole // smallest}\n$$"
    )
    noise = ",\\quad ".join(
        f"R^2({size}) = {latex(float(value))}" for size, value in zip(result.sizes, result.fidelity_theory, strict=True)
    )
    findings = "\n".join(
        "- " + in_words(_("ghosts of {size} against the whole batch").format(size=size), finding, _)
        for size, finding in zip(ghosts, result.findings, strict=True)
    )
    return "\n\n".join(
        [
            "**1. " + _("Ghost batches") + "**",
            cut,
            "**2. " + _("How much noise that is") + "**",
            f"$$\n{noise}\n$$",
            _("Measured after real ghost batch norm: {numbers}.").format(
                numbers=_(", ").join(short(float(value)) for value in result.fidelity)
            ),
            "**3. " + _("What it did to the test accuracy") + "**",
            _("Differences of test accuracy in points, seed by seed, with the 95 % interval of their mean:"),
            findings,
            _afresh(result, _),
        ]
    )


def _afresh(result: Result, _: Translate) -> str:
    rows = []
    for size, trained, afresh in zip(result.sizes, result.courses.error.mean[:, -1], result.recalibrated, strict=True):
        alive = afresh[np.isfinite(afresh)]
        mean = 100 * (1 - float(alive.mean())) if alive.size else math.nan
        rows.append(f"{size}: {short(100 * float(trained))} → {short(mean)} %")
    return _("With re-estimated running statistics the errors become, by samples per statistic: {rows}.").format(
        rows=_("; ").join(rows)
    )


def comparisons(result: Result) -> list[Comparison]:
    """R² after ghost batch norm against R²(m), by ghost size."""
    return [
        Comparison(
            Phrase(N_("R² after ghost batch norm, {size} samples per statistic"), {"size": size}),
            float(seen),
            float(predicted),
            float(error),
        )
        for size, seen, predicted, error in zip(
            result.sizes, result.fidelity, result.fidelity_theory, result.fidelity_error, strict=True
        )
    ]


def headline(result: Result) -> dict[str, float]:
    """Final errors in % and gains in points, by the names that the script prints."""
    errors = {
        f"error_{size}": 100 * float(value)
        for size, value in zip(result.sizes, result.courses.error.mean[:, -1], strict=True)
    }
    gains = {
        f"gain_{size}": 100 * finding.mean for size, finding in zip(result.sizes[1:], result.findings, strict=True)
    }
    return errors | gains


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per ghost size, seed and recorded point."""
    courses = result.courses
    shape = courses.accuracy.shape
    columns = {
        "samples_per_statistic": np.array(result.sizes)[:, None, None],
        "seed": (np.arange(shape[1]) + result.settings.seed)[:, None],
        "step": courses.steps,
        "epoch": courses.epochs,
        "accuracy": courses.accuracy,
        "test_loss": courses.loss,
        "diverged_at_step": courses.diverged_at[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


TOPIC: Final = LiveTopic(
    lab="noise",
    name="ghost",
    folder=Path(__file__).parent,
    title=N_("Ghost batches"),
    question=N_("Is the noise of small batches good for anything?"),
    answer=N_(
        "It is a regularizer, and the number of samples in each mean sets its strength. How much of it helps, and "
        "does that depend on how few images there are?"
    ),
    finding=finding,
    findings=lambda result: result.findings,
    settings=Settings,
    run=run,
    controls=("train_size", "epochs", "batch_size", "learning_rate", "width", "seeds"),
    more=("depth", "seed"),
    pictures=(figures.curves, figures.differences, figures.sizes),
    theory=(figures.noise,),
    comparisons=comparisons,
    presets=(
        Preset(
            "with_200_images",
            N_("200 images"),
            N_("Which parts beat the whole batch, with an interval that leaves out 0? Which break?"),
            {},
        ),
        Preset(
            "with_100_images",
            N_("100 images"),
            N_("Fewer images, larger gains? Compare parts of 8 and parts of 4 with the run of 200 images."),
            {"train_size": 100},
        ),
        Preset(
            "all_images",
            N_("All images"),
            N_("With all images: is there anything left to gain from more noise, or does it cost already?"),
            {"train_size": 1347, "epochs": 15},
        ),
        Preset(
            "with_20_seeds",
            N_("20 seeds"),
            N_("Four more seeds: are the intervals narrower, and can it be told now what parts of 4 bring?"),
            {"seeds": 20},
        ),
        Preset(
            "too_few_seeds",
            N_("Too few seeds"),
            N_("Four seeds, a fifth of the epochs: which of the three verdicts can four seeds still give?"),
            {"seeds": 4, "epochs": 20},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Batches of the same images, but batch norm takes its mean and variance from parts of 8, 4 or 2. Which "
            "of them gains the most test accuracy over the whole batch in this run?"
        ),
        options=(
            N_("none is better than the whole batch"),
            N_("parts of 8"),
            N_("parts of 4"),
            N_("parts of 2"),
            N_("too noisy to tell from these seeds"),
        ),
        correct=outcome,
        explanation=N_(
            "In parts of 8 about a fifth of the output's variance is noise, in parts of 2 two thirds: there only the "
            "sign of a difference is left to learn from. Is the answer another one with fewer or more images?"
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Ghost batch norm: small statistics in large batches, proposed to close the generalization gap"),
            "Hoffer, Hubara & Soudry 2017, arXiv:1705.08741",
            "https://arxiv.org/abs/1705.08741",
        ),
        BATCH_NORM,
        EQUIVALENCE,
        DIGITS,
    ),
    result=Result,
    cost=estimated_seconds,
)
