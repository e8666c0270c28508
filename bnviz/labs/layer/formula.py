"""The formula view of the lab `layer`: four steps and the update, with the live numbers of one value."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.layer.result import Result
from bnviz.plot.numbers import latex, latex_signed

ACTIVATION_LATEX: Final = {
    "identity": "{y}",
    "relu": r"\max(0, {y})",
    "leaky_relu": r"\max(0, {y}) + 0.01\,\min(0, {y})",
    "elu": r"\max(0, {y}) + \min(0, e^{{{y}}} - 1)",
    "gelu": r"{y}\cdot\Phi({y})",
    "silu": r"\frac{{{y}}}{{1 + e^{{-({y})}}}}",
    "sigmoid": r"\frac{{1}}{{1 + e^{{-({y})}}}}",
    "tanh": r"\tanh({y})",
}


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The four steps of the first sample of frame `step`, and what the running statistics make of the batch."""
    _ = translator(language)
    settings, c = result.settings, result.settings.channel
    step = min(max(step, 0), settings.steps - 1)
    x, x_hat, y, out = (float(result.sample[stage][step, c]) for stage in ("input", "normalized", "scaled", "output"))
    mean, var = float(result.used_mean[step, c]), float(result.used_var[step, c])
    parts = [
        _("One value of batch {batch}, channel {channel}, on its way through the layer: x = {x}.").format(
            batch=step + 1, channel=c, x=f"${latex(x)}$"
        ),
        "**1.** " + _statistics(result, step, _),
        "**2.** " + _("Normalize:"),
        _display(
            rf"\hat x = \frac{{x - \mu}}{{\sqrt{{\sigma^2 + \varepsilon}}}} = \frac{{{latex(x)} - {latex_signed(mean)}}}"
            rf"{{\sqrt{{{latex(var)} + {latex(settings.eps)}}}}} = {latex(x_hat)}"
        ),
    ]
    if settings.affine:
        gamma, beta = settings.gamma, settings.beta
        parts.append("**3.** " + _("Scale by γ and shift by β, which training learns:"))
        scaled = rf"{latex(gamma)}\cdot {latex_signed(x_hat)} + {latex_signed(beta)}"
        parts.append(_display(rf"y = \gamma\,\hat x + \beta = {scaled} = {latex(y)}"))
    else:
        parts.append("**3.** " + _("No γ and β here (affine is off):") + _display(rf"y = \hat x = {latex(y)}"))
    if settings.activation != "identity":
        shown = ACTIVATION_LATEX[settings.activation].format(y=latex(y))
        parts.append("**4.** " + _("The activation:") + _display(rf"\varphi(y) = {shown} = {latex(out)}"))
    if settings.track_running_stats:
        parts.append(_update(result, step, _))
    return "\n\n".join(parts)


def _display(equation: str) -> str:
    """`equation` as a paragraph of its own."""
    return f"\n\n$$\n{equation}\n$$\n\n"


def _statistics(result: Result, step: int, _: Translate) -> str:
    c = result.settings.channel
    mean, var = float(result.used_mean[step, c]), float(result.used_var[step, c])
    if result.statistics_source == "batch":
        n = result.values_per_statistic
        first = _("Mean and variance of this batch, over its n = {n} values:").format(n=n)
        return first + _display(
            rf"\mu = \frac1n\sum_i x_i = {latex(mean)}\qquad"
            rf"\sigma^2 = \frac1n\sum_i (x_i - \mu)^2 = {latex(var)}"
        )
    if result.batches_before == 0:
        first = _("Eval mode takes the running statistics, and no batch has ever updated them:")
    else:
        first = _("Eval mode takes the running statistics, as {count} batches left them:").format(
            count=result.batches_before
        )
    return first + _display(rf"\mu = {latex(mean)}\qquad\sigma^2 = {latex(var)}")


def _update(result: Result, step: int, _: Translate) -> str:
    settings, c, n = result.settings, result.settings.channel, result.values_per_statistic
    if settings.mode == "eval":
        return _("The running statistics stay as they are: only training mode moves them.")
    mean, var = float(result.batch_mean[step, c]), float(result.batch_var[step, c])
    old_mean, old_var = float(result.running_mean[step, c]), float(result.running_var[step, c])
    new_mean, new_var = float(result.running_mean[step + 1, c]), float(result.running_var[step + 1, c])
    if settings.momentum == "cumulative":
        weight = 1 / (result.batches_before + step + 1)
        first = _("Then the running statistics move, with α = 1/{count} (the plain average):").format(
            count=result.batches_before + step + 1
        )
    else:
        weight = settings.momentum
        first = _("Then the running statistics move, with momentum α = {alpha}:").format(alpha=f"{weight:.3g}")
    last = _("The variance that goes in is the unbiased one, n/(n − 1) times σ².")
    old, new = rf"(1 - {latex(weight)})", latex(weight)
    return (
        first
        + _display(
            rf"\mu_r \leftarrow {old}\cdot {latex_signed(old_mean)} + {new}\cdot {latex_signed(mean)} = {latex(new_mean)}"
        )
        + _display(
            rf"\sigma_r^2 \leftarrow {old}\cdot {latex(old_var)}"
            rf" + {new}\cdot\frac{{{n}}}{{{n - 1}}}\cdot {latex(var)} = {latex(new_var)}"
        )
        + last
    )
