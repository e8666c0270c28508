"""The formula view of the page `builder`: shapes, parameters and momentum, with the numbers of this block."""

from __future__ import annotations

import math

from bnviz.i18n import Language, Translate, translator
from bnviz.labs.builder.plan import output_positions
from bnviz.labs.builder.result import Result
from bnviz.plot.numbers import latex
from bnviz.theory.running import initial_weight, keras_momentum


def formula(result: Result, step: int, language: Language = "en") -> str:
    """How the shape, the counts and the momentum of this block come about."""
    _ = translator(language)
    parts = [_shape(result, _), _parameters(result, _), _statistics(result, _), _momentum(result, _)]
    return "\n\n".join(f"**{number}. {part}" for number, part in enumerate(filter(None, parts), start=1))


def _display(equation: str) -> str:
    return f"\n\n$$\n{equation}\n$$\n\n"


def _shape(result: Result, _: Translate) -> str:
    s = result.settings
    if s.layer == "linear":
        return ""
    lines = [
        rf"{name} = \left\lfloor\frac{{{size} + 2\cdot{s.padding} - {s.kernel_size}}}{{{s.stride}}}\right\rfloor + 1 = {out}"
        for name, size, out in zip(
            ("L",) if s.layer == "conv1d" else ("H", "W"), s.input_positions, output_positions(s), strict=True
        )
    ]
    head = _("The shape after the convolution") + "** " + _("with padding p, kernel k and stride s:")
    general = r"\text{out} = \left\lfloor\frac{\text{in} + 2p - k}{s}\right\rfloor + 1"
    return head + _display(general) + "".join(map(_display, lines))


def _parameters(result: Result, _: Translate) -> str:
    s, terms = result.settings, []
    for entry in result.tensors:
        if entry.trained:
            terms.append(rf"\underbrace{{{entry.count}}}_{{\text{{{entry.name}}}}}")
    if not terms:
        return ""
    powers = {"linear": ("", ""), "conv1d": (r"\cdot k", rf"\cdot {s.kernel_size}")}
    symbol, number = powers.get(s.layer, (r"\cdot k^2", rf"\cdot {s.kernel_size}^2"))
    weights = rf"C_\text{{out}}\cdot C_\text{{in}}{symbol} = {s.out_channels}\cdot {s.in_channels}{number}"
    count = f"{weights} = {result.expected[0]}"
    head = _("What the optimizer moves") + "** " + _("The layer's weights, and then all together:")
    return head + _display(count) + _display(" + ".join(terms) + f" = {result.trained}")


def _statistics(result: Result, _: Translate) -> str:
    n, s = result.values_per_statistic, result.settings
    if not n:
        return ""
    positions = math.prod(output_positions(s))
    equation = {
        "batch": rf"n = N\cdot P = {s.batch_size}\cdot{positions} = {n}",
        "instance": rf"n = P = {n}",
        "layer": rf"n = C\cdot P = {s.out_channels}\cdot{positions} = {n}",
        "group": rf"n = \frac{{C}}{{G}}\cdot P = \frac{{{s.out_channels}}}{{{s.groups}}}\cdot{positions} = {n}",
    }[s.normalizer]
    return _("How many values share one mean") + "** " + _("P positions per channel:") + _display(equation)


def _momentum(result: Result, _: Translate) -> str:
    s = result.settings
    if not s.keeps_estimates:
        return ""
    head = _("Momentum") + "** "
    if s.momentum == "cumulative":
        return head + _("None is the plain average of all batches. Keras and Flax have no such setting.")
    left = float(initial_weight(s.momentum, s.training_steps))
    moved = rf"\mu_r \leftarrow (1 - {latex(s.momentum)})\,\mu_r + {latex(s.momentum)}\,\mu"
    kept = rf"(1 - {latex(s.momentum)})^{{{s.training_steps}}} = {latex(left)}"
    return (
        head
        + _("PyTorch weighs the newest batch; Keras and Flax write the weight of the old estimate, {other}.").format(
            other=f"{keras_momentum(s.momentum):.6g}"
        )
        + _display(moved)
        + _("After {steps} batches the initial 0 and 1 still weigh").format(steps=s.training_steps)
        + _display(kept)
    )
