"""What the lab `folding` found. Index letters: C channels, P values looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.folding.settings import Settings
from bnviz.teaching.display import Displayed

Floats = NDArray[np.float64]

DTYPES: Final = ("float64", "float32", "float16", "bfloat16")
INT8: Final = ("per_channel", "per_tensor")
EPS_FORGOTTEN, BIAS_FORGOTTEN, BIAS_UNSCALED, TRAIN_MODE, WRONG_AXIS = (
    "eps_forgotten",
    "bias_forgotten",
    "bias_unscaled",
    "train_mode",
    "wrong_axis",
)


@dataclass(frozen=True, slots=True, eq=False)
class Result(Displayed):
    """One layer with batch norm behind it, folded rightly in four dtypes, rounded to int8, and folded wrongly.

    Every error is a root mean square over all outputs for unseen images, as a share of the outputs' own root mean square.
    """

    settings: Settings
    """As they were asked for."""
    relative_error: dict[str, float]
    """By dtype: the folded layer against layer and batch norm, both in that dtype, folded in it by PyTorch's own function."""
    error_apart: dict[str, float]
    """By dtype: layer and batch norm against the same two in float64: what the dtype costs without any folding."""
    error_folded: dict[str, float]
    """By dtype: the folded layer against the two in float64."""
    pytorch_difference: float
    """float64: largest difference of a weight or bias between PyTorch's folding and W′ = sW, b′ = β + s(b − μ)."""
    largest_output: float
    """Largest |output| of layer and batch norm in float64."""
    gamma: Floats
    """(C,): batch norm's weight."""
    beta: Floats
    """(C,): batch norm's bias."""
    running_mean: Floats
    """(C,): as the batches seen left it."""
    running_var: Floats
    """(C,): likewise."""
    batch_mean: Floats
    """(C,): of the batch on which the folding in train mode happens."""
    batch_var: Floats
    """(C,): its biased variance, with which training mode normalizes."""
    bias: Floats
    """(C,): the layer's own bias; 0 where it has none."""
    bias_after: Floats
    """(C,): bias of the folded layer."""
    largest_before: Floats
    """(C,): largest |weight| of the channel in front of batch norm."""
    largest_after: Floats
    """(C,): in the folded layer."""
    input_mean: Floats
    """(C,): mean of what enters batch norm for the unseen images."""
    input_var: Floats
    """(C,): its biased variance."""
    output_rms: Floats
    """(C,): root mean square of layer and batch norm's output in float64."""
    wrong: dict[str, float]
    """By mistake: the wrongly folded layer against layer and batch norm, float64."""
    wrong_by_channel: dict[str, Floats]
    """By mistake, (C,): root mean square of the difference within the channel, in units of the output."""
    int8: dict[str, float]
    """By where the scale comes from (`INT8`): the folded layer with weights rounded to int8, float32 otherwise, against float64."""
    int8_by_channel: dict[str, Floats]
    """Likewise, (C,): as a share of the channel's own output."""
    apart: Floats
    """(P,), chosen channel: outputs of layer and batch norm, float64."""
    folded: dict[str, Floats]
    """"right" and by mistake, (P,), chosen channel: outputs of the folded layer, float64."""
    multiply_adds: int
    """Multiplications with a weight behind one output of the layer; batch norm in eval mode adds one more."""
