"""The formula view of the lab `folding`: the chosen channel, folded step by step."""

from __future__ import annotations

from bnviz.i18n import Language, translator
from bnviz.labs.folding.mistakes import scales
from bnviz.labs.folding.result import Result
from bnviz.plot.numbers import latex, latex_signed


def formula(result: Result, step: int, language: Language = "en") -> str:
    """Scale, bias and largest weight of the chosen channel, and one of its outputs both ways. There is one frame: `step` says nothing."""
    _ = translator(language)
    c, settings = result.settings.channel, result.settings
    s = float(scales(result)[c])
    gamma, beta, mean, var, bias, after = (
        float(values[c])
        for values in (
            result.gamma,
            result.beta,
            result.running_mean,
            result.running_var,
            result.bias,
            result.bias_after,
        )
    )
    y, w, w_after = float(result.apart[0]), float(result.largest_before[c]), float(result.largest_after[c])
    folded = float(result.folded["right"][0])
    return "\n\n".join(
        [
            _("In eval mode, μ and v are fixed numbers: batch norm is a line, and a line after a line is a line."),
            "**1.** " + _("The scale of channel {channel}:").format(channel=c),
            "$$\n"
            r"s = \frac{\gamma}{\sqrt{v + \varepsilon}} = "
            rf"\frac{{{latex(gamma)}}}{{\sqrt{{{latex(var)} + {latex(settings.eps)}}}}} = {latex(s)}"
            "\n$$",
            "**2.** " + _("Every weight is multiplied by it; the largest one:"),
            "$$\n" rf"|W'| = |s|\,|W| = {latex(abs(s))}\cdot {latex(w)} = {latex(w_after)}" "\n$$",
            "**3.** " + _("The bias: b is scaled, too, and the mean is taken off before."),
            "$$\n"
            rf"b' = \beta + s\,(b - \mu) = {latex(beta)} + {latex_signed(s)}\cdot({latex(bias)} - {latex_signed(mean)}) = {latex(after)}"
            "\n$$",
            "**4.** " + _("One output of an unseen image, by both ways, in float64:"),
            "$$\n"
            rf"\operatorname{{BN}}(Wx + b) = {latex(y)},\qquad W'x + b' = {latex(folded)},\qquad "
            rf"\text{{{_('difference')}}} = {latex(folded - y)}"
            "\n$$",
        ]
    )
