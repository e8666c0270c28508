"""Topic `through_time` of the lab `recurrence`: how much of the loss's gradient reaches each time step of a fresh network.

Index letters: V variants (`SHOWN`), S replicas, T time steps, B samples, H units, K values of γ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnviz.core.recurrent import GATES, RecurrentLayer, VariantName
from bnviz.core.recurrent_networks import build_recurrent, recurrent_parts
from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.core.replicas import Replicas
from bnviz.core.training import replica_losses
from bnviz.errors import BatchOfOneError
from bnviz.experiments.cost import check_cost
from bnviz.experiments.over_seeds import OverSeeds, over_seeds
from bnviz.experiments.recurrence_settings import PIXELS, Settings
from bnviz.experiments.recurrence_steps import plan_of
from bnviz.theory.growth import growth_recurrent_tanh, growth_without_normalizer
from bnviz.theory.recurrence import recurrent_tanh_factors

Floats = NDArray[np.float64]

SHOWN: Final[tuple[VariantName, ...]] = ("none", "batch_per_step", "batch_input_only", "layer")
NORMALIZED: Final = ("batch_per_step", "layer")  # W_h h has a normalizer
GAMMAS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0)
GAMMA_REPLICAS: Final = 3
SIGMA_W: Final = 3**-0.5  # nn.RNN draws its weights from ±1/√H: H times their variance is 1/3
SECONDS: Final = 1.5


@dataclass(frozen=True, slots=True)
class ThroughTimeResult:
    """One batch per replica through fresh networks in training mode, and the gradient back.

    `variants` (V,). `gradient` (V, S, T): RMS over samples and units of ∂loss/∂h_t, loss the mean cross-entropy of the batch
    after the last step. `growth` (V, S, T − 1): gradient at h_t over that at h_(t+1), t = 1 … T − 1; NaN where the latter is 0.
    `growth_theory` (V, T − 1): the closed form of the tanh cell; `growth_unequal` (V, T − 1): the same for the variances that
    the units have over the batch, which are not all equal; both NaN for gated cells. `relative_theory` (V, T): the gradient
    relative to the last step's that `growth_theory` gives.
    `gammas` (K,), `gamma_growth` (K, S′): batch norm per step, growth per step from h_T to h_2, geometric mean;
    `gamma_growth_theory` (K,) its closed form; `gamma_growth_alone` (K,) the same cell without input.
    `same`: largest difference, relative to the largest gradient, between statistics per step and shared ones: 0, because in
    training mode both normalize with the batch.
    """

    settings: Settings
    variants: tuple[VariantName, ...]
    gradient: Floats
    growth: Floats
    growth_theory: Floats
    growth_unequal: Floats
    relative_theory: Floats
    gammas: Floats
    gamma_growth: Floats
    gamma_growth_theory: Floats
    gamma_growth_alone: Floats
    same: float

    @property
    def relative(self) -> OverSeeds:
        """Gradient relative to the last step's, over replicas, each (V, T)."""
        last = self.gradient[..., -1:]
        return over_seeds(np.where(last > 0, self.gradient / np.where(last > 0, last, 1), np.nan))

    @property
    def growth_over_seeds(self) -> OverSeeds:
        """`growth` over replicas, each (V, T − 1)."""
        return over_seeds(self.growth)

    @property
    def gamma_over_seeds(self) -> OverSeeds:
        """`gamma_growth` over replicas, each (K,)."""
        return over_seeds(self.gamma_growth)

    @property
    def per_step(self) -> Floats:
        """Growth per step from h_T to h_1, geometric mean, (V, S)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((self.gradient[..., 0] / self.gradient[..., -1]) ** (1 / (self.gradient.shape[-1] - 1)))


@dataclass(frozen=True, slots=True)
class _Seen:
    """`gradient` (S, T); `slopes` (T,): E[tanh′²] at each step; `scales` (T − 1,): mean over units of 1/(variance that W_h h is
    divided by), 1 where there is no normalizer; `input_vars` (T,): mean square of what the input adds, less its square mean for
    batch norm; `squares` (T,): mean square of tanh's input."""

    gradient: Floats
    slopes: Floats
    scales: Floats
    input_vars: Floats
    squares: Floats


def run(settings: Settings, on_update: Any = None) -> ThroughTimeResult:
    """Send the batches through the fresh networks and back.

    Raises: CostError where the settings ask for too much; BatchOfOneError for batches of one.
    """
    check_cost(estimated_seconds(settings), SECONDS, ("seeds", "width", "batch_size"))
    seeds = tuple(range(settings.seed, settings.seed + settings.seeds))
    seen = {variant: _seen(settings, variant, seeds) for variant in (*SHOWN, "batch_shared")}
    gradient = np.stack([seen[variant].gradient for variant in SHOWN])
    theory = np.stack([_theory(settings, variant, seen[variant]) for variant in SHOWN])
    few = seeds[:GAMMA_REPLICAS]
    swept = [_seen(settings.replace(gamma=gamma), "batch_per_step", few) for gamma in GAMMAS]
    kept = seen["batch_per_step"].gradient
    tanh = settings.cell == "rnn"
    return ThroughTimeResult(
        settings=settings,
        variants=SHOWN,
        gradient=gradient,
        growth=_ratios(gradient),
        growth_theory=theory,
        growth_unequal=np.stack([_unequal(settings, variant, seen[variant]) for variant in SHOWN]),
        relative_theory=_relative(theory),
        gammas=np.array(GAMMAS),
        gamma_growth=np.stack([_long_run(entry.gradient) for entry in swept]),
        gamma_growth_theory=np.array(
            [
                _steady(recurrent_tanh_factors(gamma, entry.input_vars)) if tanh else math.nan
                for gamma, entry in zip(GAMMAS, swept, strict=True)
            ]
        ),
        gamma_growth_alone=np.array([growth_recurrent_tanh(gamma) if tanh else math.nan for gamma in GAMMAS]),
        same=float(np.abs(kept - seen["batch_shared"].gradient).max() / max(kept.max(), 1e-300)),
    )


def estimated_seconds(settings: Settings) -> float:
    """About how long a run takes, in seconds."""
    gates = GATES[settings.cell] * settings.width
    per_sample = 1e-10 * gates * (settings.width + PIXELS / settings.steps) + 1.5e-8 * gates
    replicas = (len(SHOWN) + 1) * settings.seeds + len(GAMMAS) * min(settings.seeds, GAMMA_REPLICAS)
    calls = len(SHOWN) + 1 + len(GAMMAS)
    return 0.02 + settings.steps * (calls * 6e-4 + replicas * settings.batch_size * per_sample)


def _seen(settings: Settings, variant: VariantName, seeds: tuple[int, ...]) -> _Seen:
    """One batch forwards and backwards through the fresh networks of `variant`."""
    data = digits_data(seeds)
    network = build_recurrent(plan_of(settings, variant), seeds)
    samples, labels = data.samples(batch_indices(data, settings.batch_size, 1)[0])
    try:
        states, gradient = _backwards(network, samples, labels)
    except ValueError as error:
        raise BatchOfOneError(error) from error
    layer, _ = recurrent_parts(network)
    with torch.no_grad():
        terms = layer.input_terms(samples)
        over_batch = variant != "layer"
        input_vars = [
            float(term.var(1, unbiased=False).mean() if over_batch else term.square().mean()) for term in terms
        ]
        if settings.cell != "rnn":
            nothing = np.full(settings.steps, math.nan)
            return _Seen(gradient, nothing, nothing[1:], np.array(input_vars), nothing)
        slopes = [float((1 - state.square()).square().mean()) for state in states]
        squares = [float(torch.atanh(state.double().clamp(-1 + 1e-12, 1 - 1e-12)).square().mean()) for state in states]
        scales = [_scale(layer, variant, state) for state in states[:-1]]
    return _Seen(gradient, np.array(slopes), np.array(scales), np.array(input_vars), np.array(squares))


def _backwards(network: Replicas, samples: Tensor, labels: Tensor) -> tuple[list[Tensor], Floats]:
    """The states, detached, T times (S, B, H), and the RMS gradient (S, T) at each."""
    layer, output = recurrent_parts(network)
    states = layer.states(samples)
    loss = replica_losses(output(states[-1]), labels).sum()
    gradients = torch.autograd.grad(loss, states)
    rms = [gradient.double().square().mean(dim=(1, 2)).sqrt() for gradient in gradients]
    return [state.detach() for state in states], torch.stack(rms, dim=1).numpy()


def _scale(layer: RecurrentLayer, variant: VariantName, state: Tensor) -> float:
    """Mean of 1/(v + ε) over units (batch norm) or samples (layer norm), v the variance of W_h h there; 1 without a normalizer."""
    if variant not in NORMALIZED:
        return 1.0
    values = layer.hidden(state).double()
    eps = 1e-5
    return float((1 / (values.var(1 if variant == "batch_per_step" else 2, unbiased=False) + eps)).mean())


def _theory(settings: Settings, variant: VariantName, seen: _Seen) -> Floats:
    """Growth of the norm from h_(t+1) to h_t, (T − 1,), by the closed form; NaN for gated cells."""
    if settings.cell != "rnn":
        return np.full(settings.steps - 1, math.nan)
    if variant in NORMALIZED:
        return np.sqrt(recurrent_tanh_factors(settings.gamma, seen.input_vars))
    return np.array([growth_without_normalizer("tanh", SIGMA_W, 0.0, float(square)) for square in seen.squares[1:]])


def _unequal(settings: Settings, variant: VariantName, seen: _Seen) -> Floats:
    """The same with the slopes and the variances that were measured."""
    gamma = abs(settings.gamma) if variant in NORMALIZED else 1.0
    return SIGMA_W * gamma * np.sqrt(seen.slopes[1:] * seen.scales)


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


def _steady(factors: Floats) -> float:
    """Growth of the norm per step, geometric mean of all factors but the first."""
    with np.errstate(divide="ignore"):
        return math.exp(0.5 * float(np.log(factors[1:]).mean()))
