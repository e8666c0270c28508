"""The lesson `layer`: what batch norm does to the numbers, and who supplies μ and σ²."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.layer import figures
from bnviz.labs.layer.comparisons import SWALLOWED, comparisons, rounding_error
from bnviz.labs.layer.experiment import run
from bnviz.labs.layer.figures import theory as layer_theory
from bnviz.labs.layer.formula import formula
from bnviz.labs.layer.result import Result
from bnviz.labs.layer.script import script
from bnviz.labs.layer.settings import Settings
from bnviz.plot.numbers import between, short
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

UNCHANGED, WANDERING, SQUEEZED, STANDARD = 1, 2, 3, 0
SQUEEZE: Final = 0.95  # a variance of x̂ below this is called squeezed


def applies(settings: Settings, name: str) -> bool:
    """Whether the control `name` changes anything now."""
    updates = settings.track_running_stats and (settings.mode == "train" or settings.warmup > 0)
    rules = {
        "gamma": settings.affine,
        "beta": settings.affine,
        "momentum": updates,
        "warmup": settings.track_running_stats,
    }
    return rules.get(name, True)


def headline(result: Result) -> dict[str, float]:
    """The last batch's numbers of the chosen channel, by the names that the script prints."""
    c = result.settings.channel
    numbers = {
        "batch_mean": result.batch_mean[-1, c],
        "batch_var": result.batch_var[-1, c],
        "used_mean": result.used_mean[-1, c],
        "used_var": result.used_var[-1, c],
        "normalized_mean": result.stage_mean["normalized"][-1, c],
        "normalized_std": result.stage_std["normalized"][-1, c],
        "output_mean": result.stage_mean["output"][-1, c],
        "output_std": result.stage_std["output"][-1, c],
    }
    if result.settings.track_running_stats:
        numbers |= {"running_mean": result.running_mean[-1, c], "running_var": result.running_var[-1, c]}
    return {name: float(value) for name, value in numbers.items()}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per shown batch, for the chosen channel; the running statistics as they stand after it."""
    c = result.settings.channel
    columns: dict[str, NDArray[Any]] = {
        "batch": np.arange(1, result.settings.steps + 1),
        "batch_mean": result.batch_mean[:, c],
        "batch_var": result.batch_var[:, c],
        "used_mean": result.used_mean[:, c],
        "used_var": result.used_var[:, c],
        "normalized_mean": result.stage_mean["normalized"][:, c],
        "normalized_std": result.stage_std["normalized"][:, c],
        "output_mean": result.stage_mean["output"][:, c],
        "output_std": result.stage_std["output"][:, c],
    }
    if result.settings.track_running_stats:
        columns |= {"running_mean": result.running_mean[1:, c], "running_var": result.running_var[1:, c]}
    return columns


def outcome(result: Result) -> int:
    """What became of the values in this run: the index of the right option of the prediction."""
    c = result.settings.channel
    mean, std = result.stage_mean["normalized"][:, c], result.stage_std["normalized"][:, c]
    before, spread = result.batch_mean[:, c], result.stage_std["input"][:, c]
    if np.allclose(mean, before, rtol=1e-3, atol=1e-3) and np.allclose(std, spread, rtol=1e-3, atol=1e-3):
        return UNCHANGED
    if np.abs(mean).max() > 0.01:
        return WANDERING
    return SQUEEZED if float((std**2).mean()) < SQUEEZE else STANDARD


def finding(result: Result, language: Language = "en") -> str:
    """Who normalized and what came out in the chosen channel, for the run that is shown."""
    _ = translator(language)
    if (lost := rounding_error(result)) > SWALLOWED:
        return _(
            "float32 cannot hold these values apart: rounding alone moves x̂ by up to {lost} standard deviations, so nothing here is "
            "judged. Subtract their mean before you save the file."
        ).format(lost=short(lost))
    c = result.settings.channel
    mean, std = result.stage_mean["normalized"][:, c], result.stage_std["normalized"][:, c]
    reach = {
        "mean": _between(mean),
        "std": _between(std),
        "count": result.batches_before,
        "numbers": result.values_per_statistic,
    }
    if result.statistics_source == "batch":
        return _(
            "Every batch is normalized with its own mean and variance, of {numbers} values each: x̂ has mean {mean} and "
            "standard deviation {std}."
        ).format(**reach)
    if outcome(result) == UNCHANGED:
        return _("The running statistics are still those of a fresh layer: the values leave batch norm as they came.")
    return _(
        "The running statistics of {count} earlier batches normalize every batch alike: x̂ has mean {mean} and "
        "standard deviation {std}."
    ).format(**reach)


def _between(values: NDArray[np.float64]) -> str:
    """The least and the largest of `values`, or both at once where they read the same."""
    return between(float(values.min()), float(values.max()), 1e-3)


def _nothing_is_normalized(result: Result) -> bool:
    """Whether the values leave as they came, ε aside."""
    return not result.used_mean.any() and np.allclose(
        result.stage_std["normalized"], result.stage_std["input"], rtol=1e-3
    )


def _one_mean_serves_every_batch(result: Result) -> bool:
    """Whether all batches are centred by the same mean, and scatter around 0 by more than they lie beside it."""
    left = result.stage_mean["normalized"][:, result.settings.channel]
    return float(np.ptp(result.used_mean, axis=0).max()) == 0.0 and left.std() > max(0.1, abs(left.mean()))


def _only_a_sign_is_left(result: Result) -> bool:
    """Whether x̂ is ±1 in the chosen channel of every batch whose variance is far above ε, and nowhere more."""
    far = result.batch_var[:, result.settings.channel] > 100 * result.settings.eps
    return bool((result.normalized_fourth[far] > 0.9).all() and (result.normalized_fourth < 1.001).all())


def _the_running_mean_follows_behind(result: Result) -> bool:
    """Whether the input walks, the output does not, and the running mean lags by d(1 − α)/α."""
    channel, settings = result.settings.channel, result.settings
    came, left = result.stage_mean["input"][:, channel], result.stage_mean["scaled"][:, channel]
    late = slice(len(came) // 2, None)
    lag = (result.batch_mean - result.running_mean[:-1])[late, channel].mean() - settings.drift
    return came[-1] - came[0] > 1 and float(np.ptp(left)) < 1e-3 and 0.3 < lag < 0.6


TOPIC: Final = InstantTopic(
    lab="layer",
    name="layer",
    folder=Path(__file__).parent,
    title=N_("What it does"),
    question=N_("What does batch norm do to the numbers, and who supplies μ and σ²?"),
    answer=N_(
        "It centres and scales each channel: in training by its own batch, in eval mode by running statistics of "
        "earlier batches."
    ),
    settings=Settings,
    run=run,
    controls=("batch_size", "momentum", "eps", "gamma", "beta", "mode"),
    more=(
        "warmup",
        "input_shift",
        "drift",
        "source",
        "layer",
        "input_scale",
        "affine",
        "track_running_stats",
        "activation",
        "channels",
        "channel",
        "shared_axis",
        "steps",
        "seed",
    ),
    upload="table",
    applies=applies,
    pictures=(figures.stages,),
    theory=(layer_theory.law, layer_theory.means, layer_theory.variances),
    comparisons=comparisons,
    finding=finding,
    holds=lambda result: outcome(result) == STANDARD,
    presets=(
        Preset(
            "fresh_layer_eval",
            N_("Fresh layer, eval"),
            N_(
                "Nothing is normalized: nobody has updated the running statistics, so μ = 0 and σ² = 1 are used, and the "
                "values leave as they came. Then set “Warm-up batches” to 100."
            ),
            {"mode": "eval", "input_shift": 1.0, "input_scale": 5.0},
            holds=_nothing_is_normalized,
        ),
        Preset(
            "train_or_eval",
            N_("Train or eval"),
            N_(
                "After 100 batches, switch the mode to train and back. In train every batch is centred on 0 exactly; "
                "in eval the same fixed μ and σ² serve every batch, and the batches scatter around 0."
            ),
            {"mode": "eval", "warmup": 100, "batch_size": 8},
            holds=_one_mean_serves_every_batch,
        ),
        Preset(
            "eps_as_large_as_variance",
            N_("ε as large as σ²"),
            N_(
                "The standard deviation of x̂ is σ/√(σ² + ε): read σ as s.d. in the first histogram. With ε about as large as "
                "σ², x̂ is clearly narrower than 1. ε matters where the numbers that enter the layer are small."
            ),
            {"eps": 0.04},
            holds=lambda result: (
                0.1 < result.batch_var[:, result.settings.channel].mean() / result.settings.eps < 10
                and result.stage_std["normalized"][:, result.settings.channel].mean() < 0.9
            ),
        ),
        Preset(
            "batch_of_2",
            N_("Batch of 2"),
            N_(
                "Of two values, hardly more than the sign of their difference is left: −1 and 1, nearly exactly, "
                "where they lie much farther apart than √ε."
            ),
            {"batch_size": 2, "source": "gaussian", "activation": "identity"},
            holds=_only_a_sign_is_left,
        ),
        Preset(
            "drifting_input",
            N_("Drifting input"),
            N_(
                "The input walks away; what leaves batch norm stays where it is. The running mean lags behind by "
                "d·(1 − α)/α = 0.45: switch to eval and the output walks, too."
            ),
            {"drift": 0.05},
            holds=_the_running_mean_follows_behind,
        ),
        Preset(
            "conv_or_linear",
            N_("Conv or linear"),
            N_(
                "Two images, but every pixel counts: 2·64 = 128 values share one mean, where a linear layer would have 2. "
                "Switch “Layer before it” to Linear and see ±1."
            ),
            {"layer": "conv", "batch_size": 2},
            holds=lambda result: result.values_per_statistic == 128,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The picture follows one channel over many batches. Where do the values lie after normalization (x̂)?"
        ),
        options=(
            N_("mean 0 and variance 1 in every batch"),
            N_("exactly where they were before"),
            N_("near 0, but mean and spread change from batch to batch"),
            N_("mean 0 in every batch, but variance clearly below 1"),
        ),
        correct=outcome,
        explanation=N_(
            "What decides is who supplies μ and σ². A batch's own statistics make its mean exactly 0, and its variance "
            "σ²/(σ² + ε). Running estimates fit no single batch exactly, and a fresh layer's do nothing at all."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Batch normalization, its four steps, and why inference takes fixed statistics"),
            "Ioffe & Szegedy 2015, arXiv:1502.03167",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_(
                "What PyTorch computes: biased variance to normalize, unbiased into the running variance, momentum of the new value"
            ),
            "torch.nn.BatchNorm1d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
        ),
        Source(
            N_("One mean and variance per channel over all pixels of all images"),
            "torch.nn.BatchNorm2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
        ),
        Source(
            N_("No value of a sample of n lies farther than √(n − 1) standard deviations from its mean"),
            "Samuelson’s inequality (1968)",
            "https://en.wikipedia.org/wiki/Samuelson%27s_inequality",
        ),
        Source(
            N_("The unbiased variance goes into the running variance, the biased one normalizes"),
            "pytorch/pytorch issue 19902",
            "https://github.com/pytorch/pytorch/issues/19902",
        ),
        DIGITS,
    ),
)
