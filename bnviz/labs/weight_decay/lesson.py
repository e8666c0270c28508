"""The topic `weight_decay`: what L2 does to weights whose length batch norm takes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.weight_decay import figures
from bnviz.labs.weight_decay.experiment import estimated_seconds, run
from bnviz.labs.weight_decay.formula import formula
from bnviz.labs.weight_decay.result import Result
from bnviz.labs.weight_decay.script import script
from bnviz.labs.weight_decay.settings import Settings
from bnviz.plot.numbers import short
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import LiveTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

ALIKE, BY_RATE, BY_DECAY, UNSETTLED = range(4)
CLOSE: Final = 0.05
"""How near the equilibrium a settled run is."""
SPREAD: Final = 0.1
"""Angles of settled runs with equal η·λ that differ by less are alike."""
SHOWN: Final = 8
"""Runs in the table of comparisons, at most."""


def comparisons(result: Result) -> list[Comparison]:
    """Angles of settled runs against equilibrium; length there; and the identity of every step, for plain SGD."""
    settings = result.settings
    if not settings.batch_norm:
        return []
    allowed = 2 * CLOSE if settings.optimizer == "adamw" else CLOSE
    note = None
    if settings.optimizer == "adamw" or settings.momentum:
        note = Phrase(N_("predicted for gradients of different steps that are unrelated"))
    rows = [
        _comparison(
            N_("angle per step, η = {rate}, λ = {decay}"),
            result,
            index,
            result.angle,
            result.angle_theory,
            allowed,
            note,
        )
        for index in np.flatnonzero(result.settled)[:SHOWN]
    ]
    if not result.plain:
        return rows
    rows += [
        _comparison(
            N_("length of the weights, η = {rate}, λ = {decay}"),
            result,
            index,
            result.length[:, -1],
            result.length_theory,
            2 * CLOSE,
        )
        for index in np.flatnonzero(result.settled)[:2]
    ]
    if len(result.steps) > 1:
        worst = int(np.nan_to_num(result.identity_error).argmax())
        rows.append(
            Comparison(
                Phrase(N_("angle per step over η‖g‖/‖w‖, the step that differs most")),
                1 + float(result.identity_error[worst]),
                1.0,
                note=Phrase(N_("holds at every step, settled or not; ε alone disturbs it")),
                allowance=1e-3,
            )
        )
    return rows


def _comparison(
    quantity: str,
    result: Result,
    index: int,
    measured: NDArray[np.float64],
    predicted: NDArray[np.float64],
    allowed: float,
    note: Phrase | None = None,
) -> Comparison:
    values = {"rate": short(float(result.learning_rate[index])), "decay": short(float(result.weight_decay[index]))}
    theory = float(predicted[index])
    return Comparison(Phrase(quantity, values), float(measured[index]), theory, note=note, allowance=allowed * theory)


def headline(result: Result) -> dict[str, float]:
    """Of every run the angle in the end, the length and the test error, by the names that the script prints."""
    numbers: dict[str, float] = {}
    for index in range(len(result.product)):
        pair = f"[{result.settings.learning_rates[index // len(result.settings.weight_decays)]:g},{result.weight_decay[index]:g}]"
        numbers |= {
            f"angle{pair}": float(result.angle[index]),
            f"length{pair}": float(result.length[index, -1]),
            f"error{pair}": float(result.error[index, -1]),
        }
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per run and recorded point."""
    shape = result.angle_by_point.shape
    columns = {
        "learning_rate": result.learning_rate[:, None],
        "weight_decay": result.weight_decay[:, None],
        "step": result.steps,
        "angle_radians": result.angle_by_point,
        "angle_by_gradient": result.angle_by_gradient,
        "angle_in_equilibrium": result.angle_theory[:, None],
        "length": result.length,
        "mean_abs_gamma": result.gamma,
        "error_percent": result.error,
        "settled": result.settled[:, None],
        "steps_to_settle": result.remaining[:, None],
        "diverged_at_step": result.diverged_at[:, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def outcome(result: Result) -> int:
    """What the settled runs with equal η·λ make right: their largest and smallest angle, and whose they are."""
    groups = [[run for run in runs if result.settled[run]] for runs in result.alike().values()]
    groups = [runs for runs in groups if len(runs) > 1]
    if not groups:
        return UNSETTLED
    widest = max(groups, key=lambda runs: result.angle[runs].max() / result.angle[runs].min())
    if result.angle[widest].max() < (1 + SPREAD) * result.angle[widest].min():
        return ALIKE
    most = max(widest, key=lambda run: float(result.angle[run]))
    return BY_RATE if result.learning_rate[most] == result.learning_rate[widest].max() else BY_DECAY


def finding(result: Result, language: Language = "en") -> str:
    """What this very run shows."""
    _ = translator(language)
    if not result.settings.batch_norm:
        return _(
            "Without batch norm the length of the weights counts: no angle is set by η·λ alone, and halving them changes the outputs."
        )
    settled = np.flatnonzero(result.settled)
    count = {"settled": len(settled), "runs": len(result.settled)}
    if not len(settled):
        if not result.plain:
            return _(
                "No run of {runs} has settled yet: so far no angle per step is the one that η·λ alone sets."
            ).format(**count)
        return _("No run of {runs} has settled yet: so far η‖g‖/‖w‖ sets the angle per step, and not η·λ.").format(
            **count
        )
    worst = float(np.abs(result.angle[settled] / result.angle_theory[settled] - 1).max())
    return _(
        "Batch norm takes the length of the weights away, so decay cannot make the function smaller: it sets the "
        "angle that a step turns them by. {settled} of {runs} runs settled, within {worst} % of the angle that "
        "η·λ alone sets."
    ).format(**count, worst=short(float(f"{100 * worst:.2g}")))


def settles(result: Result) -> bool:
    """Whether settled runs have the angle of equilibrium, and those of equal η·λ, two at least, fall together."""
    near = np.abs(result.angle / result.angle_theory - 1)[result.settled] <= CLOSE
    return bool(near.all() and outcome(result) == ALIKE)


def nothing_settles(result: Result) -> bool:
    """Whether no run has settled, but the identity of single steps holds in all."""
    return bool(
        not result.settled.any() and result.identity_error.max() < 1e-3 and result.remaining.max() > result.total_steps
    )


def counts_without_batch_norm(result: Result) -> bool:
    """Whether halving the weights changes the outputs much, g is not perpendicular to w, and runs of equal η·λ differ."""
    alive = result.diverged_at < 0
    apart = [result.angle[runs].max() / result.angle[runs].min() for runs in map(list, result.alike().values())]
    return bool(
        (result.halved[alive] > 0.2).all()
        and (result.cosine[np.isfinite(result.cosine)] > 0.01).all()
        and max(apart) > 1 + SPREAD
    )


def falls_below(result: Result) -> bool:
    """Whether no run has settled after the rate has dropped, and every angle is far below its new equilibrium."""
    return nothing_settles(result) and bool((result.angle < 0.6 * result.angle_theory).all())


def gamma_shrinks(result: Result) -> bool:
    """Whether more decay leaves less of γ, for every learning rate."""
    last = result.gamma[:, -1].reshape(len(result.settings.learning_rates), -1)
    return bool((np.diff(last, axis=1) < 0).all() and last[:, -1].max() < 1)


TOPIC: Final = LiveTopic(
    lab="weight_decay",
    name="weight_decay",
    folder=Path(__file__).parent,
    title=N_("Weight decay"),
    question=N_("Why does L2 not regularize a batch-normed layer?"),
    answer=N_(
        "Batch norm takes the length of the weights away, so decay cannot make the function smaller. What it sets is the angle by which a "
        "step turns them, √(2ηλ) once it has settled: η and λ count as one number."
    ),
    settings=Settings,
    run=run,
    controls=("learning_rates", "weight_decays", "optimizer", "momentum", "batch_norm", "decayed"),
    more=("schedule", "steps", "batch_size", "depth", "width", "seed"),
    applies=lambda settings, name: name != "momentum" or settings.optimizer == "sgd",
    pictures=(figures.angles, figures.courses, figures.runs),
    theory=(figures.lengths, figures.identity),
    comparisons=comparisons,
    presets=(
        Preset(
            "momentum",
            N_("With momentum 0.9"),
            N_(
                "A gradient now counts ten times, so the learning rates are a tenth. Equilibrium is √(2ηλ/(1 + β)), "
                "about a quarter of what it was without momentum."
            ),
            {"momentum": 0.9, "learning_rates": (0.01, 0.02, 0.04)},
            settles,
        ),
        Preset(
            "adamw",
            N_("AdamW"),
            N_(
                "The same law with another factor. Which runs have settled after 2000 steps, and how near to the line"
                " do they lie?"
            ),
            {"optimizer": "adamw", "learning_rates": (0.001, 0.002, 0.004), "weight_decays": (0.1, 0.25, 0.5, 1.0)},
        ),
        Preset(
            "not_settled",
            N_("Loss near zero"),
            N_(
                "Large batches learn these digits by heart; then gradients are tiny, and so are the steps. The table tells how many "
                "thousand steps equilibrium would take; single steps obey η‖g‖/‖w‖ all the same (theory view)."
            ),
            {
                "batch_size": 128,
                "width": 64,
                "steps": 500,
                "learning_rates": (0.1, 0.2),
                "weight_decays": (0.0005, 0.001, 0.0025, 0.005),
            },
            nothing_settles,
        ),
        Preset(
            "rate_drops",
            N_("Learning rate ÷ 10"),
            N_(
                "At half time every angle falls far below its new equilibrium: the weights are too long for the small rate."
            ),
            {"schedule": "drop"},
            falls_below,
        ),
        Preset(
            "no_batch_norm",
            N_("No batch norm"),
            N_(
                "Length counts: half the weights change the outputs by about a half (formula view). Runs of equal η·λ "
                "no longer fall together."
            ),
            {"batch_norm": False},
            counts_without_batch_norm,
        ),
        Preset(
            "everything_decays",
            N_("γ and β decay too"),
            N_(
                "γ has a length that counts: see in the table how it shrinks as λ grows. The angle of the weights settles where it did."
            ),
            {"decayed": "all"},
            lambda result: gamma_shrinks(result) and settles(result),
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Runs with equal η·λ: one has a large learning rate and little decay, another a small rate and much decay. Once settled, "
            "in which do the weights turn more per step? Less than a tenth counts as alike."
        ),
        options=(
            N_("alike"),
            N_("in the one with the large learning rate"),
            N_("in the one with much decay"),
            N_("no two such runs have settled"),
        ),
        correct=outcome,
        explanation=N_(
            "A step adds (η‖g‖)² to ‖w‖², decay takes 2ηλ‖w‖². Where both are equal, the angle η‖g‖/‖w‖ is √(2ηλ), whatever the length: a "
            "larger learning rate makes the weights longer until each step turns them as little as before."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("With normalization, L2 sets the effective learning rate"),
            "van Laarhoven 2017, arXiv:1706.05350",
            "https://arxiv.org/abs/1706.05350",
        ),
        Source(
            N_("The equilibrium of SGD with momentum, and how fast it is reached"),
            "Wan et al. 2020, arXiv:2006.08419",
            "https://arxiv.org/abs/2006.08419",
        ),
        Source(
            N_("The equilibrium of AdamW and other optimizers"),
            "Kosson et al. 2023, arXiv:2305.17212",
            "https://arxiv.org/abs/2305.17212",
        ),
        Source(
            N_("weight_decay adds λ·w to the gradient"),
            "torch.optim.SGD",
            "https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html",
        ),
        Source(
            N_("People who met it: regularization that does nothing to batch-normed layers"),
            "leela-zero/leela-zero #785",
            "https://github.com/leela-zero/leela-zero/issues/785",
        ),
        DIGITS,
    ),
    finding=finding,
    holds=settles,
    result=Result,
    cost=estimated_seconds,
)
