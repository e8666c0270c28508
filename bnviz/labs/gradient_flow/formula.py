"""The formula view of the lab `gradient_flow`: the mean-field factor per layer, without and with the normalizer."""

from __future__ import annotations

import math
from typing import Final

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.gradient_flow.result import Result
from bnviz.labs.gradient_flow.settings import Settings
from bnviz.plot.numbers import latex
from bnviz.plot.variants import normalizer_name
from bnviz.theory.activations import NormalMoments, moments_after

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


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The mean-field factor per layer with its numbers, without and with the normalizer, and what the run measured."""
    _ = translator(language)
    settings = result.settings
    point = min(max(step, 0), len(result.steps) - 1)
    parts = [
        _(
            "On its way back through one layer the gradient is multiplied by the slope of the activation, "
            "$\\varphi(z) = {activation}$, and by the weights. In a wide network only averages count."
        ).format(activation=ACTIVATION_LATEX[settings.activation]),
        f"**1. {normalizer_name('none', _)}**",
        _residual(result, 0, _) if settings.skip else _without(result, _),
    ]
    if len(result.variants) > 1:
        normalized = _residual(result, 1, _) if settings.skip else _with(result, _)
        parts += [f"**2. {normalizer_name(result.variants[1], _)}**", normalized, _backward(result, _)]
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
        text = _("The normalizer stands after φ, so what enters φ still depends on the weights' scale:")
        shown = (
            "$$\n"
            r"g^2 = \frac{\sigma_w^2\gamma^2\,\mathbb{E}[\varphi'(h)^2]}{\operatorname{Var}[\varphi(h)]},\qquad "
            f"\\mathbb{{E}}[h^2] = {latex(scale**2)},\\qquad g = {latex(growth)}\n$$"
        )
    ratio = f"$g^{{\\,{way}}} = {latex(_power(growth, way))}$"
    return f"{text}\n\n{shown}\n\n" + _("Over {count} layers the norm changes by about {ratio}.").format(
        count=way, ratio=ratio
    )


def _residual(result: Result, index: int, _: Translate) -> str:
    """The factor with skip connections at the last layer but one, and the product of all of them."""
    settings = result.settings
    layer, way = max(settings.depth - 2, 0), settings.depth - 1
    square = float(result.preactivation_rms_theory[index, layer] ** 2)
    growth = float(result.layer_growth_theory[index, -1]) if way else 1.0
    branch = r"\sigma_w^2\,\mathbb{E}[\varphi'(\sqrt q\,\zeta)^2]"
    if index and settings.position == "after":
        branch = r"\sigma_w^2\gamma^2\,\mathbb{E}[\varphi'(z)^2]\,/\operatorname{Var}[\varphi(z)]"
    elif index:
        spread = r"\operatorname{Var}[" if result.variants[1] == "batch" else r"\mathbb{E}["
        power = "" if result.variants[1] == "batch" else "^2"
        branch = (
            rf"\frac{{\gamma^2\,\mathbb{{E}}[\varphi'(\sqrt q\,\zeta)^2]}}{{{spread}\varphi(\sqrt q\,\zeta){power}]}}"
        )
    first, last = (float(result.gradient_rms_theory[index, end]) for end in (0, -1))
    text = _(
        "The skip connection carries the gradient past the branch, which adds its own part; z of layer {layer} is a sum of {layer} "
        "terms, with mean square q = {q}:"
    ).format(layer=layer + 1, q=f"${latex(square)}$")
    return f"{text}\n\n$$\ng^2 = 1 + {branch} = 1 + {latex(growth**2 - 1)},\\qquad g = {latex(growth)}\n$$\n\n" + _(
        "Nearer the input the factor is another one; all {count} together change the norm by {ratio}."
    ).format(count=way, ratio=f"$\\times {latex(first / last if last > 0 else math.nan)}$")


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
