"""What a block is made of, as plain data: one stage per PyTorch module, in order.

The module that the page measures and the code that it prints are both read off these stages, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.labs.builder.settings import LayerKind, Settings
from bnviz.labs.builder.stage import Stage
from bnviz.theory import noise

LAYERS: Final[Mapping[LayerKind, str]] = {"linear": "Linear", "conv1d": "Conv1d", "conv2d": "Conv2d"}
ACTIVATIONS: Final[Mapping[str, str]] = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
}
BIAS_EATERS: Final = ("batch", "instance")  # what subtracts one mean per channel takes any bias before it away


def stages_of(settings: Settings) -> tuple[Stage, ...]:
    """The stages of the block in the order in which the data pass them."""
    layer, norm, activation = _layer(settings), _normalizer(settings), _activation(settings)
    after = settings.position == "after"
    dropout = [Stage("dropout", "Dropout", (), {"p": settings.dropout})] if settings.dropout else []
    at = settings.dropout_place if norm or settings.dropout_place != "before_norm" else "end"
    stages = [*(dropout if at == "input" else []), layer]
    stages += activation if after else []
    stages += [*(dropout if at == "before_norm" else []), *norm]
    stages += [] if after else activation
    return tuple(stages + (dropout if at == "end" else []))


def has_bias(settings: Settings) -> bool:
    """Whether the layer gets a bias: as asked for, or (`auto`) everywhere but right before what subtracts its mean."""
    return not norm_follows(settings) if settings.bias == "auto" else settings.bias == "true"


def norm_follows(settings: Settings) -> bool:
    """Whether the layer's output goes straight into a normalizer that takes one mean per channel away."""
    dropout_between = settings.dropout > 0 and settings.dropout_place == "before_norm"
    direct = settings.position == "before" or (settings.position == "after" and settings.activation == "identity")
    return direct and settings.normalizer in BIAS_EATERS and not dropout_between


def output_positions(settings: Settings) -> tuple[int, ...]:
    """Positions per channel after the layer: () for `linear`, (L,) for `conv1d`, (H, W) for `conv2d`.

    Source: the shape section of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html, with dilation 1.
    """
    reach = 2 * settings.padding - settings.kernel_size
    return tuple((size + reach) // settings.stride + 1 for size in settings.input_positions)


def expected_variance(settings: Settings, variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance (C,) after a fresh batch norm with γ = 1, of values that enter with `variance` (C,).

    σ²/(σ² + ε) by the batch's own statistics; σ²/(1 + ε) by running statistics that no batch has moved.
    """
    if settings.mode == "eval" and settings.track_running_stats:
        return np.asarray(variance / (1 + settings.eps))
    return noise.output_variance(variance, settings.eps)


def _layer(settings: Settings) -> Stage:
    arguments: tuple[Any, ...] = (settings.in_channels, settings.out_channels)
    options: dict[str, Any] = {}
    if settings.layer != "linear":
        options = {"kernel_size": settings.kernel_size, "stride": settings.stride, "padding": settings.padding}
    return Stage("layer", LAYERS[settings.layer], arguments, {**options, "bias": has_bias(settings)})


def _activation(settings: Settings) -> list[Stage]:
    return [Stage("activation", ACTIVATIONS[settings.activation])] if settings.activation in ACTIVATIONS else []


def _normalizer(settings: Settings) -> list[Stage]:
    channels, dimensions = settings.out_channels, "2d" if settings.layer == "conv2d" else "1d"
    if not settings.normalizes:
        return []
    if settings.normalizer == "layer":
        # Where the kernel does not fit, the layer in front is refused before this shape matters.
        positions = tuple(max(size, 1) for size in output_positions(settings))
        shape = (channels, *positions) if positions else channels
        options: dict[str, Any] = {"eps": settings.eps, "elementwise_affine": settings.affine}
        return [Stage("normalizer", "LayerNorm", (shape,), options)]
    if settings.normalizer == "group":
        options = {"eps": settings.eps, "affine": settings.affine}
        return [Stage("normalizer", "GroupNorm", (settings.groups, channels), options)]
    momentum = None if settings.momentum == "cumulative" else settings.momentum
    options = {
        "eps": settings.eps,
        **({"momentum": momentum} if settings.track_running_stats else {}),  # else there is nothing for it to move
        "affine": settings.affine,
        "track_running_stats": settings.track_running_stats,
    }
    kind = "BatchNorm" if settings.normalizer == "batch" else "InstanceNorm"
    return [Stage("normalizer", f"{kind}{dimensions}", (channels,), options)]
