"""What each wrong folding of the lab `folding` costs by closed form. Index letter: C channels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from bnviz.i18n import N_
from bnviz.labs.folding.result import (
    BIAS_FORGOTTEN,
    BIAS_UNSCALED,
    EPS_FORGOTTEN,
    TRAIN_MODE,
    WRONG_AXIS,
    Floats,
    Result,
)
from bnviz.theory.folding import affine_rms, folded_bias, folded_scale

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        EPS_FORGOTTEN: N_("ε forgotten"),
        BIAS_FORGOTTEN: N_("bias left as it was"),
        BIAS_UNSCALED: N_("bias not scaled"),
        TRAIN_MODE: N_("folded in train mode"),
        WRONG_AXIS: N_("wrong axis"),
    }
)


def scales(result: Result) -> Floats:
    """s = γ/√(v + ε), (C,)."""
    return folded_scale(result.gamma, result.running_var, result.settings.eps)


def predicted_by_channel(result: Result) -> dict[str, Floats]:
    """By mistake, (C,): root mean square of wrong − right in the channel; none for the wrong axis, which mixes channels.

    Every other mistake leaves another scale s′ and bias b″: the outputs differ by (s′ − s)·w + (b″ − b′), w being the layer's output
    without its bias.
    """
    s, eps = scales(result), result.settings.eps
    bias, beta = result.bias, result.beta
    right = folded_bias(bias, result.running_mean, s, beta)
    no_eps = folded_scale(result.gamma, result.running_var, 0.0)
    baked = folded_scale(result.gamma, result.batch_var, eps)
    found = {
        EPS_FORGOTTEN: (no_eps, folded_bias(bias, result.running_mean, no_eps, beta)),
        BIAS_FORGOTTEN: (s, bias),
        BIAS_UNSCALED: (s, bias + folded_bias(0.0, result.running_mean, s, beta)),
        TRAIN_MODE: (baked, folded_bias(bias, result.batch_mean, baked, beta)),
    }
    return {
        name: affine_rms(scale - s, offset - right, result.input_mean - bias, result.input_var)
        for name, (scale, offset) in found.items()
        if name in result.wrong
    }


def predicted(result: Result) -> dict[str, float]:
    """By mistake: the same over all channels, as a share of the outputs' root mean square."""
    size = float(np.sqrt(np.square(result.output_rms).mean()))
    by_channel = predicted_by_channel(result)
    return {name: float(np.sqrt(np.square(values).mean())) / size for name, values in by_channel.items()}
