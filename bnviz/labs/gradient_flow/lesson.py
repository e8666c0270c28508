"""The topic `gradient_flow`: when gradients vanish, and what batch norm changes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, translator
from bnviz.labs.gradient_flow import figures
from bnviz.labs.gradient_flow.comparisons import comparisons
from bnviz.labs.gradient_flow.experiment import run
from bnviz.labs.gradient_flow.formula import formula
from bnviz.labs.gradient_flow.result import Result
from bnviz.labs.gradient_flow.script import script
from bnviz.labs.gradient_flow.settings import Settings
from bnviz.plot.numbers import short
from bnviz.plot.variants import normalizer_name
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.paired import between

SMALLER, ALIKE, LARGER, MUCH_LARGER = range(4)
BORDERS: Final = (-1.0, 1.0, 3.0)
"""Of the options, as powers of ten."""


def skips_tame_the_explosion(result: Result) -> bool:
    """Whether with skip connections, batch norm in the branches, z grows like the layer's number and the gradient little."""
    depth = result.settings.depth
    added = float(result.preactivation_rms[1, 0, -1] ** 2)
    ratio = float(result.gradient_rms[1, 0, 0] / result.gradient_rms[1, 0, -1])
    return abs(added - depth) < 0.1 * depth and 14 < ratio < 20


def skips_double_without_normalizer(result: Result) -> bool:
    """Whether z's mean square grows by powers of two without a normalizer, and by one per layer with it."""
    added = result.preactivation_rms[:, 0, -1] ** 2
    ratio = result.gradient_rms[:, 0, 0] / result.gradient_rms[:, 0, -1]
    return bool(
        added[0] > 1000 and added[1] < 20 and ratio[0] > 100 and ratio[1] < 10 and not np.isfinite(result.loss[0, -1])
    )


def applies(settings: Settings, name: str) -> bool:
    """Whether the control `name` changes anything now; the way back from "none" stays open."""
    normalized = settings.normalizer != "none" and settings.position != "none"
    rules = {
        "normalizer": settings.position != "none" or settings.normalizer == "none",
        "position": settings.normalizer != "none",
        "gamma": normalized,
        "eps": normalized,
        "weight_gain": settings.init == "scaled",
        "bias_std": settings.init == "scaled",
        "learning_rate": settings.steps > 0,
    }
    return rules.get(name, True)


def headline(result: Result) -> dict[str, float]:
    """Growth, gradients at both ends, saturation of the fresh network and the last loss, by the names the script prints."""
    numbers: dict[str, float] = {}
    for index, variant in enumerate(result.variants):
        numbers |= {
            f"growth_{variant}": float(result.growth[index]),
            f"first_gradient_{variant}": float(result.gradient_rms[index, 0, 0]),
            f"last_gradient_{variant}": float(result.gradient_rms[index, 0, -1]),
            f"saturated_{variant}": float(result.saturated[index, 0].mean()),
            f"loss_{variant}": float(result.loss[index, -1]),
        }
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per variant, recorded step and layer; the prediction holds for the fresh network (step 0) only."""
    shape = result.gradient_rms.shape

    def fresh_only(theory: NDArray[np.float64]) -> NDArray[np.float64]:
        rows = np.full(shape, np.nan)
        rows[:, 0] = theory
        return rows

    columns = {
        "variant": np.array(result.variants)[:, None, None],
        "step": result.steps[:, None],
        "layer": np.arange(1, shape[2] + 1),
        "gradient_rms": result.gradient_rms,
        "gradient_rms_theory": fresh_only(result.gradient_rms_theory),
        "weight_gradient_rms": result.weight_gradient_rms,
        "preactivation_rms": result.preactivation_rms,
        "preactivation_rms_theory": fresh_only(result.preactivation_rms_theory),
        "saturated": result.saturated,
        "loss": result.loss[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def outcome(result: Result) -> int | None:
    """How the fresh network's first-layer gradient with the normalizer compares to the one without: the right option.

    The borders are powers of ten, named beforehand. None where one lies within two standard errors of the ratio, by the scatter of
    the units: other weights may then give another option.
    """
    if len(result.variants) == 1:
        return ALIKE
    with np.errstate(all="ignore"):
        ratio = float(np.diff(np.log10(result.gradient_rms[:, 0, 0]))[0])
    return between(ratio, BORDERS, 2 * ratio_error(result))


def ratio_error(result: Result) -> float:
    """Standard error of log₁₀ of the ratio of both first-layer gradients, from those of the growth per layer."""
    layers = result.settings.depth - 1 - result.first_measurable
    with np.errstate(all="ignore"):
        relative = np.where(result.growth > 0, layers * result.growth_error / result.growth, 0.0)
    return float(np.sqrt(np.square(relative).sum())) / math.log(10)


def finding(result: Result, language: Language = "en") -> str:
    """By what a layer multiplies the gradient with each variant, and what layer 1 gets of it, for the run that is shown."""
    _ = translator(language)
    parts = []
    for index, variant in enumerate(result.variants):
        first, last = (float(result.gradient_rms[index, 0, layer]) for layer in (0, -1))
        arrives = first / last if last > 0 else math.nan
        parts.append(
            _("{variant} ×{growth} per layer, ×{arrives} in all").format(
                variant=normalizer_name(variant, _),
                growth=short(float(result.growth[index])),
                arrives=short(arrives),
            )
        )
    return _("Fresh networks, from the last layer back to layer 1: {parts}.").format(parts=_("; ").join(parts))


def _first_of_last(result: Result, variant: int) -> float:
    """Layer 1's gradient in that of the last layer, fresh network."""
    return float(result.gradient_rms[variant, 0, 0] / result.gradient_rms[variant, 0, -1])


def _as_predicted(result: Result) -> bool:
    """Whether the factor under batch norm is that of the theory, in which the scale of the weights has cancelled."""
    return abs(float(result.growth[1] / result.growth_theory[1]) - 1) < 0.05


def _vanishes_unsaturated(result: Result) -> bool:
    """Whether the gradient is gone without batch norm and a saturated unit, and with it the line is nearly flat and the loss falls."""
    gone = float(result.saturated[:, 0].max()) < 0.01 and 1e-8 < _first_of_last(result, 0) < 4e-8
    return gone and 0.8 < float(result.growth[1]) < 1.2 and bool(result.loss[1, -1] < result.loss[1, 0])


def _explodes_and_is_bent(result: Result) -> bool:
    """Whether the gradient grows by 1.21 per layer, after a few training steps by less, and the loss hardly falls."""
    grows = abs(float(result.growth[1]) - 1.21) < 0.02 and 3e3 < _first_of_last(result, 1) < 3e4
    return grows and bool(
        result.growth_by_step[1, -1] < result.growth[1] and result.loss[1, -1] > 0.9 * result.loss[1, 0]
    )


TOPIC: Final = InstantTopic(
    lab="gradient_flow",
    name="gradient_flow",
    folder=Path(__file__).parent,
    title=N_("Gradient flow"),
    question=N_("When do gradients vanish, and what does batch norm change?"),
    answer=N_(
        "Layer by layer the gradient is multiplied by weights and slopes, and a sigmoid's slope is at most ¼: it vanishes. "
        "Batch norm cures that, and makes gradients grow instead: with ReLU ×1.21 per layer, whatever the weights' scale."
    ),
    settings=Settings,
    run=run,
    controls=("activation", "depth", "normalizer", "position", "init", "weight_gain"),
    more=("skip", "steps", "learning_rate", "width", "batch_size", "gamma", "bias_std", "source", "eps", "seed"),
    applies=applies,
    pictures=(figures.flow, figures.activation_window, figures.heat),
    theory=(figures.layer_growth, figures.mean_square, figures.growth_by_step),
    comparisons=comparisons,
    finding=finding,
    holds=lambda result: bool(result.growth[0] < 0.7 and 1 < result.growth[1] < 1.1),
    presets=(
        Preset(
            "sigmoid_vanishes",
            N_("Sigmoid"),
            N_(
                "PyTorch's own weights: no unit is saturated, and yet each layer lets only a seventh of the gradient through; layer "
                "1 gets 2×10⁻⁸ of it. With batch norm the line is nearly flat, and the loss falls."
            ),
            {"init": "torch"},
            holds=_vanishes_unsaturated,
        ),
        Preset(
            "with_50_relu_layers_explode",
            N_("50 layers"),
            N_(
                "The blue line rises towards layer 1: ×1.21 per layer is ×10⁴ over 50 layers. Ten training steps bend"
                " it down, and the loss hardly falls in them. Would skip connections help?"
            ),
            {"activation": "relu", "init": "torch", "depth": 50, "steps": 10},
            holds=_explodes_and_is_bent,
        ),
        Preset(
            "tiny_weights",
            N_("Tiny weights"),
            N_(
                "σ_w = 0.1: without normalization the gradient is gone after a few layers. With batch norm the line lies "
                "where it lay before: the scale of the weights cancels."
            ),
            {"activation": "tanh", "init": "scaled", "weight_gain": 0.1, "bias_std": 0.0},
            holds=lambda result: _first_of_last(result, 0) < 1e-6 and _as_predicted(result),
        ),
        Preset(
            "huge_weights",
            N_("Huge weights"),
            N_(
                "σ_w = 3: without normalization a third of the units saturate, and the gradient explodes all the same: the "
                "weights win. With batch norm, line and histograms are those of tiny weights."
            ),
            {"activation": "tanh", "init": "scaled", "weight_gain": 3.0, "bias_std": 0.0},
            holds=lambda result: (
                0.2 < result.saturated[0, 0].mean() < 0.5 and _first_of_last(result, 0) > 10 and _as_predicted(result)
            ),
        ),
        Preset(
            "well_set_tanh",
            N_("Tanh"),
            N_(
                "σ_w = 1, Glorot's choice: ten layers lose little without any normalization. Batch norm does not save "
                "anything here; it grows the gradient a little instead."
            ),
            {"activation": "tanh", "init": "scaled", "weight_gain": 1.0, "bias_std": 0.0},
            holds=lambda result: _first_of_last(result, 0) > 0.1 and result.growth[1] > 1,
        ),
        Preset(
            "layer_norm",
            N_("Layer norm"),
            N_(
                "Layer norm divides by the spread across units, and cannot remove what all samples share: with sigmoid the "
                "gradient still vanishes, only more slowly."
            ),
            {"normalizer": "layer", "init": "torch"},
            holds=lambda result: result.growth[0] < result.growth[1] < 0.6,
        ),
        Preset(
            "skip_connections",
            N_("50 + skips"),
            N_(
                "The same 50 ReLU layers with skip connections: ×17 in all in place of ×10⁴. Each branch adds 1 to "
                "the variance of z, which reaches 50 (theory view): ever less of the gradient comes from the "
                "branches."
            ),
            {"activation": "relu", "init": "torch", "depth": 50, "steps": 10, "skip": True},
            skips_tame_the_explosion,
        ),
        Preset(
            "skips_without_normalizer",
            N_("Skips only"),
            N_(
                "He's weights: without a normalizer every branch doubles the mean square of z, by 2¹⁶ over 17 layers, and the first "
                "training step blows up. Batch norm in the branches makes 2ˡ into l + 1 (theory view)."
            ),
            {
                "activation": "relu",
                "init": "scaled",
                "weight_gain": 1.41,
                "bias_std": 0.0,
                "depth": 17,
                "steps": 10,
                "skip": True,
            },
            skips_double_without_normalizer,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Two fresh networks with the same weights, one with the chosen normalizer, one without. How large is the "
            "gradient that reaches layer 1 with it, compared to without?"
        ),
        options=(
            N_("less than a tenth"),
            N_("about the same, within a factor of ten"),
            N_("ten to a thousand times larger"),
            N_("more than a thousand times larger"),
        ),
        correct=outcome,
        explanation=N_(
            "Every layer multiplies, so small differences per layer become powers of ten. Without a normalizer the "
            "factor is √χ = σ_w·√E[φ′²]; with batch norm before φ it is √(E[φ′²]/Var[φ]), never below 1. The answer "
            "is that of these two networks; where it lies within two standard errors of a border, by the scatter of "
            "their units, nothing is asked."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Batch normalization, against saturation in particular"),
            "Ioffe & Szegedy 2015, arXiv:1502.03167",
            "https://arxiv.org/abs/1502.03167",
        ),
        Source(
            N_("Vanishing gradients after saturating activations, and an initialization against it"),
            "Glorot & Bengio 2010, AISTATS",
            "https://proceedings.mlr.press/v9/glorot10a.html",
        ),
        Source(
            N_("How the mean square of pre-activations goes from layer to layer"),
            "Poole et al. 2016, arXiv:1606.05340",
            "https://arxiv.org/abs/1606.05340",
        ),
        Source(
            N_("The factor χ by which squared gradients change per layer"),
            "Schoenholz et al. 2017, arXiv:1611.01232",
            "https://arxiv.org/abs/1611.01232",
        ),
        Source(
            N_("Batch norm makes gradients explode in deep networks without skips: ×1.21 per ReLU layer"),
            "Yang et al. 2019, arXiv:1902.08129",
            "https://arxiv.org/abs/1902.08129",
        ),
        Source(
            N_(
                "With skip connections the variance doubles per block, and grows like the depth with batch norm in the branches"
            ),
            "De & Smith 2020, arXiv:2002.10444",
            "https://arxiv.org/abs/2002.10444",
        ),
        Source(
            N_("How nn.Linear draws its weights"),
            "torch.nn.Linear",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html",
        ),
        Source(
            N_("Batch norm as PyTorch computes it"),
            "torch.nn.BatchNorm1d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html",
        ),
    ),
)
