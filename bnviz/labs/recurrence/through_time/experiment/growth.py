"""The run of the topic `through_time` of the lab `recurrence`: how much of the loss's gradient reaches each time step of a fresh network.

Index letters: V variants (`SHOWN`), S replicas, T time steps, B samples, H units, K values of γ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.recurrent import GATES
from bnviz.core.recurrent_networks import build_recurrent, layer_and_output, set_gamma
from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.core.replicas import Replicas
from bnviz.labs.recurrence.shared.network import plan_of
from bnviz.labs.recurrence.shared.parameters import PIXELS
from bnviz.labs.recurrence.through_time.experiment.gradient import NORMALIZED, input_vars, scales, send, slopes, squares
from bnviz.labs.recurrence.through_time.result import Result
from bnviz.labs.recurrence.through_time.settings import Settings
from bnviz.settings import RecurrentVariantName
from bnviz.study.cost import check_cost
from bnviz.theory.growth import growth_recurrent_tanh, growth_without_normalizer
from bnviz.theory.recurrence import recurrent_tanh_factors

Floats = NDArray[np.float64]

SHOWN: Final[tuple[RecurrentVariantName, ...]] = ("none", "batch_per_step", "batch_input_only", "layer")
GAMMAS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0)
GAMMA_REPLICAS: Final = 3
SIGMA_W: Final = 3**-0.5  # nn.RNN draws its weights from ±1/√H: H times their variance is 1/3
SECONDS: Final = 0.75


def run(settings: Settings) -> Result:
    """Send the batches through the fresh networks and back.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    check_cost(estimated_seconds(settings), SECONDS, ("seeds", "width", "batch_size"))
    data = digits_data(tuple(range(settings.seed, settings.seed + settings.seeds)))
    batch = data.samples(batch_indices(data, settings.batch_size, 1)[0])
    gradients, theory, unequal = [], [], []
    for variant in SHOWN:
        network = build_recurrent(plan_of(settings, variant), data.seeds)
        passed = send(network, *batch)
        gradients.append(passed.gradient)
        theory.append(_theory(settings, variant, passed.terms, passed.states))
        unequal.append(_unequal(settings, variant, network, passed.states))
    gradient, growth_theory = np.stack(gradients), np.stack(theory)
    shared = send(build_recurrent(plan_of(settings, "batch_shared"), data.seeds), *batch).gradient
    kept = gradient[SHOWN.index("batch_per_step")]
    gamma_growth, gamma_growth_theory = _sweep(settings, data.seeds[:GAMMA_REPLICAS], *batch)
    alone = [growth_recurrent_tanh(gamma) if settings.cell == "rnn" else math.nan for gamma in GAMMAS]
    return Result(
        settings=settings,
        variants=SHOWN,
        gradient=gradient,
        growth=_ratios(gradient),
        growth_theory=growth_theory,
        growth_unequal=np.stack(unequal),
        relative_theory=_relative(growth_theory),
        gammas=np.array(GAMMAS),
        gamma_growth=gamma_growth,
        gamma_growth_theory=gamma_growth_theory,
        gamma_growth_alone=np.array(alone),
        same=float(np.abs(kept - shared).max() / max(kept.max(), 1e-300)),
    )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes, in seconds."""
    gates, few = GATES[settings.cell] * settings.width, min(settings.seeds, GAMMA_REPLICAS)
    weights = gates * (settings.width + PIXELS // settings.steps)
    replicas = (len(SHOWN) + 1) * settings.seeds + len(GAMMAS) * few
    per_step = 6e-10 * weights + settings.batch_size * (5e-11 * weights + 1.8e-8 * gates)
    return replicas * (6e-4 + 5e-9 * weights) + settings.steps * (4e-3 + replicas * per_step)


def _sweep(settings: Settings, seeds: tuple[int, ...], samples: Tensor, labels: Tensor) -> tuple[Floats, Floats]:
    """Growth per step (K, S′) of the first `seeds` with batch norm per step, and its closed form (K,), for each of `GAMMAS`."""
    network = build_recurrent(plan_of(settings, "batch_per_step"), seeds)
    growth, theory = [], []
    for gamma in GAMMAS:
        set_gamma(network, gamma)
        passed = send(network, samples[: len(seeds)], labels[: len(seeds)])
        growth.append(_long_run(passed.gradient))
        theory.append(_steady(_theory(settings.replace(gamma=gamma), "batch_per_step", passed.terms)))
    return np.stack(growth), np.array(theory)


def _theory(
    settings: Settings, variant: RecurrentVariantName, terms: Sequence[Tensor], states: Sequence[Tensor] = ()
) -> Floats:
    """Growth of the norm from h_(t+1) to h_t, (T − 1,), by the closed form; NaN for gated cells.

    With normalizers it follows from the input's `terms`, without from the `states`.
    """
    if settings.cell != "rnn":
        return np.full(settings.steps - 1, math.nan)
    if variant in NORMALIZED:
        return np.sqrt(recurrent_tanh_factors(settings.gamma, input_vars(variant, terms)))
    return np.array([growth_without_normalizer("tanh", SIGMA_W, 0.0, square) for square in squares(states[1:])])


def _unequal(settings: Settings, variant: RecurrentVariantName, network: Replicas, states: Sequence[Tensor]) -> Floats:
    """The same with the slopes and the variances that were measured."""
    if settings.cell != "rnn":
        return np.full(settings.steps - 1, math.nan)
    gamma = abs(settings.gamma) if variant in NORMALIZED else 1.0
    measured = slopes(states[1:]) * scales(layer_and_output(network)[0], variant, states[:-1])
    return np.asarray(SIGMA_W * gamma * np.sqrt(measured))


def _ratios(gradient: Floats) -> Floats:
    later = gradient[..., 1:]
    return np.where(later > 0, gradient[..., :-1] / np.where(later > 0, later, 1), np.nan)


def _relative(growth: Floats) -> Floats:
    """Gradient (V, T) relative to the last step's."""
    steps = np.concatenate((growth, np.ones((len(growth), 1))), axis=1)
    return np.asarray(np.cumprod(steps[:, ::-1], axis=1)[:, ::-1], dtype=np.float64)


def _long_run(gradient: Floats) -> Floats:
    """Growth per step (S,) from h_T to h_2, geometric mean: at h_1 the state comes from the input alone."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((gradient[:, 1] / gradient[:, -1]) ** (1 / (gradient.shape[1] - 2)))


def _steady(growth: Floats) -> float:
    """Growth of the norm per step, geometric mean of all but the first."""
    with np.errstate(divide="ignore"):
        return math.exp(float(np.log(growth[1:]).mean()))
