"""The formula view of the lab `running_stats`: the update with the live numbers, and PyTorch's momentum beside Keras'."""

from __future__ import annotations

from collections.abc import Sequence

from bnviz.i18n import Language, Translate, in_brackets, translator
from bnviz.labs.running_stats.figures.momentums import momentum_name
from bnviz.labs.running_stats.result import Result
from bnviz.plot.numbers import latex, latex_signed, short, with_spread
from bnviz.settings import MomentumValue
from bnviz.theory import running


def formula(result: Result, step: int, language: Language) -> str:
    """The update with the numbers of the first momentum and the first replica at batch `step`, and the momentum table."""
    _ = translator(language)
    table = _("**The same momentum in PyTorch and in Keras**") + "\n\n" + momentum_table(result.settings.compared, _)
    t = min(max(step, 0), result.settings.steps)
    if t == 0:
        fresh = _("A fresh layer has running mean 0 and running variance 1. Move the playhead to see an update.")
        return fresh + "\n\n" + table
    momentum, size = result.settings.compared[0], result.settings.batch_size
    weight = 1 / t if isinstance(momentum, str) else momentum
    title = _("**Batch {step}, {momentum}, first replica**").format(step=t, momentum=momentum_name(momentum, _))
    if isinstance(momentum, str):
        title += "  \n" + _("`momentum=None` is the plain average: batch t gets the weight α = 1/t.")
    before, after = (result.running_mean[0, i, 0] for i in (t - 1, t))
    mean_lines = [
        r"$$\hat\mu \leftarrow (1-\alpha)\,\hat\mu + \alpha\,\bar x$$",
        f"$$(1-{latex(weight)})\\cdot {latex_signed(before)} + {latex(weight)}\\cdot {latex_signed(result.batch_mean[t - 1, 0])}"
        f" = {latex(after)}$$",
    ]
    biased = float(result.batch_var[t - 1, 0])
    unbiased = biased * size / (size - 1)
    before, after = (result.running_var[0, i, 0] for i in (t - 1, t))
    var_lines = [
        _(
            "The variance fed in is the **unbiased** one (divided by m − 1), "
            "although the batch was normalized with the biased one:"
        ),
        f"$$s^2 = \\frac{{m}}{{m-1}}\\,\\sigma_B^2 = \\frac{{{size}}}{{{size - 1}}}\\cdot {latex(biased)} = {latex(unbiased)}$$",
        r"$$\hat\sigma^2 \leftarrow (1-\alpha)\,\hat\sigma^2 + \alpha\,s^2$$",
        f"$$(1-{latex(weight)})\\cdot {latex(before)} + {latex(weight)}\\cdot {latex(unbiased)} = {latex(after)}$$",
    ]
    expected = _("Expected by the closed form: running mean {mean}, running variance {var}.").format(
        mean=with_spread(result.expected_mean[0, t], result.expected_mean_std[0, t]),
        var=short(result.expected_var[0, t]),
    )
    return "\n\n".join([title, *mean_lines, *var_lines, expected, table])


def momentum_table(momentums: Sequence[MomentumValue], _: Translate) -> str:
    """PyTorch's momentum beside Keras', with half-life, time constant and batches to 5 % and 1 %, as Markdown."""
    head = [
        "PyTorch `momentum`",
        "Keras `momentum`",
        _("half-life (batches)"),
        _("time constant (batches)"),
        _("start below 5 % after"),
        _("start below 1 % after"),
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "--:|" * len(head)]
    for momentum in momentums:
        steps = [str(running.steps_to(momentum, share)) for share in (0.05, 0.01)]
        if isinstance(momentum, str):
            cells = [in_brackets("`None`", _("cumulative"), _), _("not offered"), "–", "–", *steps]
        else:
            spans = [short(running.half_life(momentum)), short(running.time_constant(momentum))]
            cells = [f"{momentum:.6g}", f"{running.keras_momentum(momentum):.6g}", *spans, *steps]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
