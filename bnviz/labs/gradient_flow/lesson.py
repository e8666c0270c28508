"""The lesson `gradient_flow`: when gradients vanish, and what batch norm changes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.gradient_flow import figures
from bnviz.labs.gradient_flow.experiment import Result, Settings, run
from bnviz.labs.gradient_flow.experiment.theory import comparisons
from bnviz.labs.gradient_flow.figures import growth as growth_figures
from bnviz.labs.gradient_flow.figures import window as window_figures
from bnviz.labs.gradient_flow.script import script
from bnviz.plot.numbers import latex
from bnviz.plot.variants import normalizer_name
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.theory.activations import NormalMoments, moments_after

SMALLER, ALIKE, LARGER, MUCH_LARGER = range(4)
ACTIVATION_LATEX: Final = {
    "identity": "z",
    "relu": r"\max(0, z)",
    "leaky_relu": r"\max(0, z) + 0.01\min(0, z)",
    "elu": r"\max(0, z) + \min(0, e^z - 1)",
    "gelu": r"z\,\Phi(z)",
    "silu": r"z/(1 + e^{-z})",
    "sigmoid": r"1/(1 + e^{-z})",
    "tanh": r"\tanh z",
}


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


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The mean-field factor per layer with its numbers, without and with the normalizer, and what the run measured."""
    _ = translator(language)
    settings = result.settings
    point = min(max(step, 0), len(result.steps) - 1)
    parts = [
        _("On its way back through one layer the gradient is multiplied by the slope of the activation, "
          "$\\varphi(z) = {activation}$, and by the weights. In a wide network only averages count.").format(
            activation=ACTIVATION_LATEX[settings.activation]
        ),
        f"**1. {normalizer_name('none', _)}**",
        _without(result, _),
    ]  # fmt: skip
    if len(result.variants) > 1:
        parts += [f"**2. {normalizer_name(result.variants[1], _)}**", _with(result, _), _backward(result, _)]
    rows = [
        _(
            "- {variant}: measured {measured}, predicted {predicted} per layer; after {step} training steps {now}"
        ).format(
            variant=normalizer_name(variant, _),
            measured=f"$\\times {latex(float(result.growth[index]))}$",
            predicted=f"$\\times {latex(float(result.growth_theory[index]))}$",
            step=int(result.steps[point]),
            now=f"$\\times {latex(float(result.growth_by_step[index, point]))}$",
        )
        for index, variant in enumerate(result.variants)
    ]
    return "\n\n".join([*parts, _("**Over all layers of the fresh network**"), "\n".join(rows)])


def _weights(settings: Settings) -> float:
    return 1 / 3 if settings.init == "torch" else settings.weight_gain**2


def _without(result: Result, _: Translate) -> str:
    """χ at the last layer but one, whose gradient is one factor away from the last."""
    settings = result.settings
    layer = max(settings.depth - 2, 0)
    scale = float(result.preactivation_rms_theory[0, layer])
    sigma, moments = _weights(settings), moments_after(settings.activation, scale)
    chi = sigma * moments.mean_squared_slope
    way = settings.depth - 1
    text = _("z of layer {layer} has mean square q = {q}; weights have variance σ_w²/n with σ_w² = {sigma}:").format(
        layer=layer + 1, q=f"${latex(scale**2)}$", sigma=f"${latex(sigma)}$"
    )
    return (
        f"{text}\n\n$$\n\\chi = \\sigma_w^2\\,\\mathbb{{E}}[\\varphi'(\\sqrt q\\,\\zeta)^2] = {latex(sigma)}\\cdot"
        f" {latex(moments.mean_squared_slope)} = {latex(chi)},\\qquad \\sqrt\\chi = {latex(math.sqrt(chi))}\n$$\n\n"
        + _("Over {count} layers the norm changes by about {ratio}.").format(
            count=way, ratio=f"$\\sqrt\\chi^{{\\,{way}}} = {latex(_power(math.sqrt(chi), way))}$"
        )
    )


def _with(result: Result, _: Translate) -> str:
    settings, variant = result.settings, result.variants[1]
    layer = max(settings.depth - 2, 0)
    scale = float(result.preactivation_rms_theory[1, layer])
    moments = moments_after(settings.activation, scale)
    way = settings.depth - 1
    growth = float(result.layer_growth_theory[1, -1]) if way else 1.0
    if variant == "batch" and settings.position == "before":
        text = _("Batch norm divides by the spread that φ itself left, so the weights' scale σ_w cancels:")
        growth, shown = _ratio(moments, settings.gamma)
    elif settings.position == "before":
        text = _(
            "The normalizer divides by the spread across units; the weights' scale σ_w cancels, and what is left is:"
        )
        growth, shown = _second_moment(moments, settings.gamma)
    else:
        text = _("The normalizer stands behind φ, so what enters φ still depends on the weights' scale:")
        shown = (
            "$$\n"
            r"g^2 = \frac{\sigma_w^2\gamma^2\,\mathbb{E}[\varphi'(h)^2]}{\operatorname{Var}[\varphi(h)]},\qquad "
            f"\\mathbb{{E}}[h^2] = {latex(scale**2)},\\qquad g = {latex(growth)}\n$$"
        )
    ratio = f"$g^{{\\,{way}}} = {latex(_power(growth, way))}$"
    return f"{text}\n\n{shown}\n\n" + _("Over {count} layers the norm changes by about {ratio}.").format(
        count=way, ratio=ratio
    )


def _ratio(moments: NormalMoments, gamma: float) -> tuple[float, str]:
    growth = _root(gamma**2 * moments.mean_squared_slope, moments.variance)
    return growth, (
        "$$\n"
        r"g^2 = \frac{\gamma^2\,\mathbb{E}[\varphi'(\gamma\zeta)^2]}{\operatorname{Var}[\varphi(\gamma\zeta)]} = "
        f"\\frac{{{latex(gamma**2)}\\cdot {latex(moments.mean_squared_slope)}}}{{{latex(moments.variance)}}},\\qquad "
        f"g = {latex(growth)}\n$$"
    )


def _second_moment(moments: NormalMoments, gamma: float) -> tuple[float, str]:
    growth = _root(gamma**2 * moments.mean_squared_slope, moments.second_moment)
    return growth, (
        "$$\n"
        r"g^2 \approx \frac{\gamma^2\,\mathbb{E}[\varphi'(\gamma\zeta)^2]}{\mathbb{E}[\varphi(\gamma\zeta)^2]} = "
        f"\\frac{{{latex(gamma**2)}\\cdot {latex(moments.mean_squared_slope)}}}{{{latex(moments.second_moment)}}},\\qquad "
        f"g = {latex(growth)}\n$$"
    )


def _root(numerator: float, denominator: float) -> float:
    return math.sqrt(numerator / denominator) if denominator > 0 else 0.0


def _backward(result: Result, _: Translate) -> str:
    if result.variants[1] != "batch":
        return ""
    return _(
        "Backwards, batch norm takes two parts out of the gradient g of its output, the mean and what points along x̂, "
        "and divides by the spread:"
    ) + (
        "\n\n$$\n"
        r"\frac{\partial L}{\partial x} = \frac{\gamma}{\sqrt{\sigma_B^2 + \varepsilon}}"
        r"\left(g - \overline{g} - \hat x\,\overline{g\hat x}\right)"
        "\n$$"
    )


def _power(base: float, exponent: int) -> float:
    return math.exp(exponent * math.log(base)) if base > 0 else float(exponent == 0)


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
    fresh = np.full(shape, np.nan)
    fresh[:, 0] = result.gradient_rms_theory
    columns = {
        "variant": np.array(result.variants)[:, None, None],
        "step": result.steps[:, None],
        "layer": np.arange(1, shape[2] + 1),
        "gradient_rms": result.gradient_rms,
        "gradient_rms_theory": fresh,
        "weight_gradient_rms": result.weight_gradient_rms,
        "preactivation_rms": result.preactivation_rms,
        "saturated": result.saturated,
        "loss": result.loss[:, :, None],
    }
    return {name: np.broadcast_to(values, shape).ravel() for name, values in columns.items()}


def outcome(result: Result) -> int:
    """How the fresh network's first-layer gradient with the normalizer compares to the one without: the right option."""
    if len(result.variants) == 1:
        return ALIKE
    without, normalized = (float(result.gradient_rms[index, 0, 0]) for index in range(2))
    ratio = normalized / without if without > 0 else math.inf
    if ratio < 0.1:
        return SMALLER
    if ratio <= 10:
        return ALIKE
    return LARGER if ratio <= 1000 else MUCH_LARGER


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
    more=("steps", "learning_rate", "width", "batch_size", "gamma", "bias_std", "source", "eps", "seed"),
    applies=applies,
    pictures=(figures.flow, window_figures.activation_window, figures.heat),
    theory=(growth_figures.layer_growth, growth_figures.growth_by_step),
    comparisons=comparisons,
    presets=(
        Preset(
            "sigmoid_vanishes",
            N_("Sigmoid vanishes"),
            N_(
                "Without normalization each layer lets a seventh of the gradient through, and layer 1 gets 2·10⁻⁸ of it, "
                "though no unit is saturated. With batch norm the line is nearly flat, and the loss falls."
            ),
            {},
        ),
        Preset(
            "with_50_relu_layers_explode",
            N_("50 ReLU layers explode"),
            N_(
                "The blue line rises towards layer 1: ×1.21 per layer is ×10⁴ over 50 layers. A few training steps bend it "
                "down; without skip connections such a network hardly trains."
            ),
            {"activation": "relu", "depth": 50, "steps": 10},
        ),
        Preset(
            "tiny_weights",
            N_("Tiny weights"),
            N_(
                "σ_w = 0.1: without normalization the gradient is gone after a few layers. With batch norm the line lies "
                "where it lay before: the scale of the weights cancels."
            ),
            {"activation": "tanh", "init": "scaled", "weight_gain": 0.1},
        ),
        Preset(
            "huge_weights",
            N_("Huge weights"),
            N_(
                "σ_w = 3: without normalization a third of the units saturate, and the gradient explodes all the same: the "
                "weights win. With batch norm, line and histograms are those of tiny weights."
            ),
            {"activation": "tanh", "init": "scaled", "weight_gain": 3.0},
        ),
        Preset(
            "well_set_tanh",
            N_("Well-set tanh"),
            N_(
                "σ_w = 1, Glorot's choice: ten layers lose little without any normalization. Batch norm does not save "
                "anything here; it grows the gradient a little instead."
            ),
            {"activation": "tanh", "init": "scaled", "weight_gain": 1.0},
        ),
        Preset(
            "layer_norm",
            N_("Layer norm"),
            N_(
                "Layer norm divides by the spread across units, and cannot remove what all samples share: with sigmoid the "
                "gradient still vanishes, only more slowly."
            ),
            {"normalizer": "layer"},
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
            "Every layer multiplies, so small differences per layer become powers of ten. Without a normalizer the factor "
            "is √χ = σ_w·√E[φ′²]; with batch norm in front of φ it is √(E[φ′²]/Var[φ]), never below 1."
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
            N_("Vanishing gradients behind saturating activations, and an initialization against it"),
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
