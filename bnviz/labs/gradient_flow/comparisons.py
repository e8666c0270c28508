"""The lab `gradient_flow` compared with mean-field theory. Index letters as in `bnviz.labs.gradient_flow.result`."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.gradient_flow.result import Floats, Result
from bnviz.settings import VARIANT_NAMES, ActivationName
from bnviz.study.comparison import Comparison
from bnviz.theory import activations, growth
from bnviz.theory.output_law import output_cdf

RARE: Final = 1e-4  # saturated fractions below this are not worth a row
MANY: Final = 1e6


def comparisons(result: Result) -> list[Comparison]:
    """Measured against mean-field theory, at initialization.

    The predictions hold for many units and many independent directions behind each statistic. Standard errors come from the
    scatter over units. The allowance of a normalizer is what its finite number d of directions changes in the solvable
    case (Gaussian values and identity: growth √((d − 1)/(d − 2)) times as fast, Yang 2019; the bounded law of a normalized
    output in place of the normal one).
    """
    rows: list[Comparison] = []
    for index in range(len(result.variants)):
        rows += _growth_rows(result, index)
        if max(result.saturated[index, 0].mean(), result.saturated_theory[index].mean()) > RARE:
            rows.append(_saturated_row(result, index))
    settings = result.settings
    if settings.skip:
        return rows + [_mean_square_row(result, index) for index in range(len(result.variants))]
    if len(result.variants) == 1 or settings.position != "before":
        return rows
    rows.append(_size_row(result))
    if result.variants[1] == "batch" and settings.activation in ("relu", "identity") and settings.batch_size >= 4:
        rows.append(_finite_batch_row(result))
    return rows


def finite_growth(directions: float) -> float:
    """How many times as fast gradients grow with d = `directions` as with many: √((d − 1)/(d − 2)), d at least 3."""
    return growth.growth_finite_batch("identity", min(max(directions, 3.0), MANY) + 1)


def bounded_share(activation: ActivationName, scale: Floats, directions: float) -> Floats:
    """Saturated share where z/scale (> 0) follows the law of a normalized output with d = `directions`, shape of scale."""
    samples = min(max(directions, 1.0), MANY) + 1
    ends = activations.saturated_intervals(activation)
    return np.asarray(
        sum(
            (output_cdf(high / scale, samples) - output_cdf(low / scale, samples) for low, high in ends),
            np.zeros_like(scale),
        )
    )


def _name(result: Result, index: int) -> Phrase:
    return Phrase(VARIANT_NAMES[result.variants[index]])


def _growth_rows(result: Result, index: int) -> list[Comparison]:
    """Growth per layer, and the whole way from the last layer to the first; nothing for a single layer."""
    predicted, measured = float(result.growth_theory[index]), float(result.growth[index])
    first, last = int(result.first_measurable[index]), result.settings.depth - 1
    if last == 0:
        return []
    error = float(result.growth_error[index])
    directions = float(result.directions[index])
    allowance = predicted * (finite_growth(directions) - 1) if math.isfinite(directions) else 0.0
    note = None
    if result.variants[index] == "group":
        note = Phrase(N_("predicted as for layer norm"))
    elif math.isfinite(result.directions[index]):
        note = Phrase(
            N_("predicted for many independent values per statistic; here about {count}"),
            {"count": f"{result.directions[index]:.3g}"},
        )
    rows = [
        Comparison(
            Phrase(N_("growth per layer, {variant}"), {"variant": _name(result, index)}),
            measured,
            predicted,
            error,
            note,
            allowance,
        )
    ]
    if first < last and predicted > 0:
        way = last - first
        ratio, expected = measured**way, predicted**way
        rows.append(
            Comparison(
                Phrase(
                    N_("gradient at layer {first} / layer {last}, {variant}"),
                    {"first": first + 1, "last": last + 1, "variant": _name(result, index)},
                ),
                ratio,
                expected,
                _over_layers(expected, way, error / predicted),
                allowance=_over_layers(expected, way, allowance / predicted),
            )
        )
    return rows


def _over_layers(ratio: float, layers: int, relative: float) -> float:
    """How far a product `ratio` of `layers` equal factors is off where each is off by `relative`."""
    return ratio * math.expm1(layers * relative) if layers * relative < 30 else math.inf


def _saturated_row(result: Result, index: int) -> Comparison:
    shares = result.saturated_theory[index]
    predicted, settings = float(shares.mean()), result.settings
    # Units that never saturate show no scatter: the binomial error of as many independent units is the least there is.
    chance = math.sqrt(predicted * (1 - predicted) / (settings.width * settings.depth))
    finite = 0.0
    scale = result.preactivation_rms_theory[index]
    if index > 0 and settings.position == "before" and bool((scale > 0).all()):
        bounded = bounded_share(settings.activation, scale, float(result.directions[index]))
        finite = abs(float(bounded.mean()) - predicted)
    return Comparison(
        Phrase(N_("saturated fraction, {variant}"), {"variant": _name(result, index)}),
        float(result.saturated[index, 0].mean()),
        predicted,
        max(float(result.saturated_error[index]), chance),
        Phrase(N_("predicted for normal pre-activations")),
        finite,
    )


def _size_row(result: Result) -> Comparison:
    """The normalizer's output has RMS |γ|, but for the part that ε takes, which depends on the variance divided by."""
    predicted, gamma = float(result.preactivation_rms_theory[1].mean()), abs(result.settings.gamma)
    directions = max(float(result.directions[1]), 3.0)
    # With d directions a unit's 1/variance is on average d/(d − 2) times that of many.
    finite = (gamma - predicted) * (directions / (directions - 2) - 1)
    return Comparison(
        Phrase(N_("RMS of what enters the activation, with the normalizer: |γ| but for ε")),
        float(result.preactivation_rms[1, 0].mean()),
        predicted,
        float(result.preactivation_rms_error[1]),
        allowance=finite,
    )


def _mean_square_row(result: Result, index: int) -> Comparison:
    """What the skip connections have added up in the last layer."""
    settings, predicted = result.settings, float(result.preactivation_rms_theory[index, -1] ** 2)
    finite = 0.0
    if result.variants[index] == "batch" and settings.position == "before":
        directions = max(float(result.directions[index]), 3.0)
        # What ε takes depends on the variances divided by: with d directions 1/variance is on average d/(d − 2) times that of many.
        whole = 1 + (settings.depth - 1) * settings.gamma**2
        finite = (whole - predicted) * (directions / (directions - 2) - 1)
    return Comparison(
        Phrase(
            N_("mean square of z in layer {layer}, {variant}"),
            {"layer": result.settings.depth, "variant": _name(result, index)},
        ),
        float(result.preactivation_rms[index, 0, -1] ** 2),
        predicted,
        float(result.mean_square_error[index]),
        allowance=finite,
    )


def _finite_batch_row(result: Result) -> Comparison:
    """ReLU and identity have a closed form at a finite batch, for infinitely many layers of unrelated samples."""
    settings = result.settings
    kind: Literal["identity", "relu"] = "relu" if settings.activation == "relu" else "identity"
    predicted = growth.growth_finite_batch(kind, settings.batch_size)
    large = growth.growth_batch_norm(settings.activation)
    finite = large * (finite_growth(float(result.directions[1])) - 1)
    return Comparison(
        Phrase(N_("growth per layer, batch norm, at a batch of {size}"), {"size": settings.batch_size}),
        float(result.growth[1]),
        predicted,
        float(result.growth_error[1]),
        Phrase(N_("exact for very many, very wide layers")),
        finite,
    )
