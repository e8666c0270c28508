"""The topic `running_stats`: how fast the running statistics find the truth, and how noisy they stay."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, in_brackets, translator
from bnviz.labs.running_stats import figures
from bnviz.labs.running_stats.comparisons import comparisons
from bnviz.labs.running_stats.experiment import run
from bnviz.labs.running_stats.figures.momentums import momentum_name
from bnviz.labs.running_stats.formula import formula
from bnviz.labs.running_stats.result import Result
from bnviz.labs.running_stats.script import script
from bnviz.labs.running_stats.settings import Settings
from bnviz.plot.numbers import alike, short
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source

SMALLEST, LARGEST, CUMULATIVE, BETWEEN = range(4)
FULL_SENTENCES: Final = 2  # for more momentums the line above the picture would be a paragraph


def applies(settings: Settings, name: str) -> bool:
    """Whether the control `name` has an effect now."""
    if name in {"momentum", "compare"}:
        return not settings.momentums
    if name in {"mean", "std"}:
        return settings.source == "gaussian"
    if name in {"disturbance_at", "disturbance_size"}:
        return settings.disturbance != "none"
    return True


def closest(result: Result) -> int | None:
    """Which option of the prediction is right: whose eval output is nearest to the truth after the last batch.

    None where the next is within two standard errors of it, an RMS over R replicas being uncertain by its part 1/√(2R).
    """
    momentums = result.settings.compared
    errors = np.sort(result.eval_error[:, -1])
    if len(errors) > 1 and errors[1] - errors[0] <= 2 * math.hypot(*errors[:2]) / math.sqrt(
        2 * result.settings.replicas
    ):
        return None
    best = momentums[int(np.argmin(result.eval_error[:, -1]))]
    constant = [momentum for momentum in momentums if not isinstance(momentum, str)]
    if isinstance(best, str):
        return CUMULATIVE
    if best == min(constant):
        return SMALLEST
    return LARGEST if best == max(constant) else BETWEEN


def headline(result: Result) -> dict[str, float]:
    """The numbers that the script prints, by its names; what the run did not reach is left out."""
    numbers = {"population_mean": result.population_mean, "population_var": result.population_var}
    measured = {
        "running_mean": result.mean_spread.average[:, -1],
        "running_var": result.var_spread.average[:, -1],
        "steps_to_5pct": result.steps_to_5pct,
        "steps_to_1pct": result.steps_to_1pct,
        "noise": result.noise,
        "eval_error": result.eval_error[:, -1],
    }
    for index, momentum in enumerate(result.settings.compared):
        numbers |= {f"{name}[{momentum}]": float(values[index]) for name, values in measured.items()}
    return {name: value for name, value in numbers.items() if not math.isnan(value)}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """Everything that the curves show, one row per batch (row 0: the fresh layer)."""
    columns: dict[str, NDArray[Any]] = {
        "batches_seen": np.arange(result.settings.steps + 1),
        "truth_mean": result.truth_mean,
    }
    for index, momentum in enumerate(result.settings.compared):
        values_by_name = {
            "running_mean": result.mean_spread.average,
            "running_mean_15pct": result.mean_spread.low,
            "running_mean_85pct": result.mean_spread.high,
            "expected_mean": result.expected_mean,
            "expected_mean_std": result.expected_mean_std,
            "running_var": result.var_spread.average,
            "running_var_15pct": result.var_spread.low,
            "running_var_85pct": result.var_spread.high,
            "expected_var": result.expected_var,
            "expected_var_std": result.expected_var_std,
            "eval_error": result.eval_error,
        }
        columns |= {f"{name}[{momentum}]": values[index] for name, values in values_by_name.items()}
    return columns


def finding(result: Result, language: Language = "en") -> str:
    """How soon each momentum finds the truth and how much it scatters after the last batch, for the run that is shown."""
    _ = translator(language)
    if result.settings.disturbance != "none":
        return _behind(result, _)
    soon = _("{momentum} is within 5 % of the truth after {batches}")
    never = _("{momentum} does not come within 5 % of the truth")
    head = ""
    if len(result.settings.compared) > FULL_SENTENCES:
        head = _("Batches until within 5 % of the truth, by momentum: ")
        soon, never = "{value}" + _(": ") + "{count}", "{value}" + _(": ") + _("not reached")
    parts, scatter = [], alike(*map(float, result.noise))
    for index, momentum in enumerate(result.settings.compared):
        name, steps = momentum_name(momentum, _), float(result.steps_to_5pct[index])
        found = (soon if math.isfinite(steps) else never).format(
            momentum=name,
            value=name if isinstance(momentum, str) else short(momentum),
            batches=_batches(steps, _),
            count=short(steps),
        )
        noise = math.isfinite(float(result.noise[index]))
        parts.append(in_brackets(found, f"± {scatter[index]}", _) if noise else found)
    text = head + _("; ").join(parts)
    return _("{parts}. In brackets: how much the running mean scatters at the end.").format(
        parts=text[:1].upper() + text[1:]
    )


def _behind(result: Result, _: Translate) -> str:
    """Where the truth moves, how far from it each momentum ends: that one was near it before says nothing of that."""
    off = abs(result.mean_spread.average[:, -1] - result.truth_mean[-1])
    parts = [
        (_("cumulative") if isinstance(momentum, str) else short(momentum)) + _(": ") + short(float(f"{distance:.2g}"))
        for momentum, distance in zip(result.settings.compared, off, strict=True)
    ]
    return _("How far from the truth the running mean is after the last batch, by momentum: {parts}.").format(
        parts=_("; ").join(parts)
    )


def _batches(count: float, _: Translate) -> str:
    if not math.isfinite(count):
        return ""
    return _("{count} batches").format(count=int(count))


def the_start_goes_and_the_noise_stays(result: Result) -> bool:
    """Whether 3/α batches leave about a twentieth of the start, and √(α/(2 − α)) of the noise of one batch stays."""
    left = abs(result.mean_spread.average - result.truth_mean) / abs(result.truth_mean[0])
    alphas = np.array(result.settings.compared, dtype=float)
    forgotten = [
        float(line[round(3 / alpha)]) for line, alpha in zip(left, alphas, strict=True) if 3 / alpha < len(line)
    ]
    kept = result.noise / result.batch_mean.std()
    return max(forgotten) < 0.12 and bool((abs(kept / np.sqrt(alphas / (2 - alphas)) - 1) < 0.4).all())


def _ten_times_as_fast_and_three_times_as_noisy(result: Result) -> bool:
    """Momentum 0.1 against 0.01, by the weight of the initial value and by the scatter over replicas."""
    fast, slow = (result.settings.momentums.index(momentum) for momentum in (0.1, 0.01))
    faster = float(result.steps_to_5pct_theory[slow] / result.steps_to_5pct_theory[fast])
    return 7 < faster < 14 and 2 < float(result.noise[fast] / result.noise[slow]) < 4.5


def _lag(result: Result, momentum: int) -> float:
    """By how much the running mean stands behind the truth after the last batch."""
    return float(result.truth_mean[-1] - result.mean_spread.average[momentum, -1])


def _a_third_of_the_jump_is_left(result: Result) -> bool:
    """Of the cumulative average, after the last batch."""
    return 0.27 < _lag(result, 2) / float(result.truth_mean[-1] - result.truth_mean[0]) < 0.4


def _every_line_trails(result: Result) -> bool:
    """By d(1 − α)/α, as far as the replicas can tell; the smallest momentum by far the most."""
    lags = [_lag(result, momentum) for momentum in range(3)]
    errors = 4 * result.noise / np.sqrt(result.settings.replicas)
    return lags[0] > 3 * max(lags[1:]) and all(
        abs(lag - result.drift * (1 - float(alpha)) / float(alpha)) < 0.05 * lags[0] + error
        for lag, alpha, error in zip(lags, result.settings.momentums, errors, strict=True)
    )


def _half_lives(result: Result) -> bool:
    """Batches until half of the way to the truth is gone: about 7 and 69."""
    left = abs(result.mean_spread.average - result.truth_mean) / abs(result.truth_mean[0])
    fast, slow = (int(np.argmax(line < 0.5)) for line in left)
    return abs(fast - 7) <= 1 and abs(slow - 69) <= 6


PRESETS: Final = (
    Preset(
        "momentum_race",
        N_("Momentum race"),
        N_("Ten times the momentum: ten times as fast, and about three times as noisy ever after."),
        {"momentums": (0.001, 0.01, 0.1, 0.5, 1.0, "cumulative"), "batch_size": 8},
        holds=_ten_times_as_fast_and_three_times_as_noisy,
    ),
    Preset(
        "still_data",
        N_("Still data"),
        N_("While nothing moves, the cumulative average wins: its noise falls as 1/√t, that of α = 0.1 stays."),
        {"momentums": (0.1, "cumulative"), "batch_size": 8, "steps": 500},
        holds=lambda result: (
            result.noise[1] < 0.5 * result.noise[0] and result.noise[1] < 0.7 * result.replica_std[1, 125]
        ),
    ),
    Preset(
        "a_jump",
        N_("A jump"),
        N_(
            "The mean jumps after batch 100. The cumulative average gives old batches their full weight: at batch 300 it still lags by "
            "a third of the jump."
        ),
        {"momentums": (0.01, 0.1, "cumulative"), "disturbance": "jump", "steps": 300},
        holds=_a_third_of_the_jump_is_left,
    ),
    Preset(
        "a_drift",
        N_("A drift"),
        N_(
            "Every line trails the moving truth by d(1 − α)/α, d being the drift per batch: the small momentum by far "
            "the most."
        ),
        {
            "momentums": (0.02, 0.1, 0.5),
            "disturbance": "ramp",
            "disturbance_at": 100,
            "disturbance_size": 5.0,
            "steps": 500,
        },
        holds=_every_line_trails,
    ),
    Preset(
        "batch_of_2",
        N_("Batch of 2"),
        N_("The noise of a batch mean is σ/√m: with two samples the band is four times as wide as with 32."),
        {"batch_size": 2},
        holds=lambda result: abs(result.noise[0] / result.noise_theory[0] - 1) < 0.35,
    ),
    Preset(
        "pytorch_or_keras",
        N_("PyTorch or Keras?"),
        N_(
            "Keras' default 0.99 is PyTorch's 0.01, PyTorch's default 0.1 is Keras' 0.9: half-lives of 69 and 7 batches."
        ),
        {"momentums": (0.1, 0.01), "steps": 300},
        holds=_half_lives,
    ),
)


TOPIC: Final = InstantTopic(
    lab="running_stats",
    name="running_stats",
    folder=Path(__file__).parent,
    title=N_("Running statistics"),
    question=N_("How fast do the running statistics find the truth, and how noisy do they stay?"),
    answer=N_(
        "Momentum sets both: with momentum α the start is forgotten after about 3/α batches, and √(α/(2 − α)) of the "
        "noise of a single batch stays for good."
    ),
    settings=Settings,
    run=run,
    controls=("momentum", "compare", "batch_size", "steps", "disturbance", "disturbance_size"),
    more=("momentums", "disturbance_at", "source", "mean", "std", "replicas", "eps", "seed"),
    applies=applies,
    pictures=(figures.convergence, figures.spread, figures.trade_off),
    theory=(figures.variance, figures.eval_error),
    comparisons=comparisons,
    finding=finding,
    holds=the_start_goes_and_the_noise_stays,
    presets=PRESETS,
    prediction=Prediction(
        N_("After the last batch of this run, which momentum gives the eval output that is nearest to the truth?"),
        (
            N_("The smallest: it is the calmest"),
            N_("The largest: it is the fastest"),
            N_("The cumulative average, if it takes part: it forgets nothing"),
            N_("One in between, if there are more than two"),
        ),
        closest,
        N_(
            "A momentum that is too small has not arrived yet; one that is too large keeps the noise of the last few "
            "batches. The cumulative average wins while the data stay still, and falls behind once they move."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_(
                "PyTorch's momentum is the weight of the newest batch, None the cumulative average; the running variance is "
                "fed with the unbiased variance, training normalizes with the biased one."
            ),
            "PyTorch: BatchNorm1d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
        ),
        Source(
            N_("Keras' momentum is the weight of the old value: 1 − PyTorch's; its default is 0.99."),
            "Keras: BatchNormalization",
            "https://keras.io/api/layers/normalization_layers/batch_normalization/",
        ),
        Source(
            N_("Inference uses population statistics, with the unbiased variance m/(m − 1)·E[σ²]."),
            "Ioffe & Szegedy 2015, arXiv:1502.03167",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_("The two variances confuse people: eval with momentum 1 does not give back the training output."),
            "pytorch #19902",
            "https://github.com/pytorch/pytorch/issues/19902",
        ),
    ),
)
