"""Execute the builder's Keras and Flax listings, and hold what they do against PyTorch's block with the same weights.

    make other_frameworks

Not part of `make test`: Keras, JAX and Flax are installed for this alone, into an environment of their own.
"""

from __future__ import annotations

import os

os.environ |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}

import itertools
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bnviz.labs.builder.experiment.modules import build
from bnviz.labs.builder.other_frameworks import flax, keras
from bnviz.labs.builder.plan import stages_of
from bnviz.labs.builder.settings import Settings

LAYERS: Final = ("linear", "conv1d", "conv2d")
NORMALIZERS: Final = ("none", "batch", "layer", "group", "instance")
CHANGES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"mode": "eval"},
    {"position": "after"},
    {"affine": False},
    {"track_running_stats": False, "mode": "eval"},
    {"momentum": "cumulative"},
    {"momentum": 0.01, "eps": 1e-3},
    {"stride": 2, "padding": 2, "kernel_size": 5},
    {"dropout": 0.3, "mode": "eval"},
    {"bias": "true"},
    *({"activation": name} for name in ("identity", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh")),
)
SMALL: Final = {"batch_size": 8, "input_height": 12, "input_width": 10, "groups": 4}
CLOSE: Final = 2e-4  # of outputs of size 1: float32, and variances as E[x²] − E[x]² in Flax

Array = NDArray[np.float32]
Arrays = Mapping[str, Array]


def main() -> None:
    """Print one line per listing that differs; the exit code says whether there is one."""
    count = different = 0
    for changes in grid():
        settings = Settings(**changes)
        block, inputs, expected = in_pytorch(settings)
        for name, take in (("Keras", in_keras), ("Flax", in_flax)):
            count += 1
            for what, value in take(settings, block, channels_last(inputs)).items():
                worst = np.abs(value - expected[what]).max() if value.shape == expected[what].shape else np.inf
                if not worst < CLOSE:
                    different += 1
                    print(f"{name}: {what} differs by {worst:.2g}: {changes}")
    print(f"{count} listings executed, {different} differences")
    sys.exit(bool(different))


def grid() -> Iterator[dict[str, Any]]:
    """Settings to try, without what has no counterpart (the listing says so): instance norm that keeps estimates, in eval mode."""
    for layer, normalizer, changes in itertools.product(LAYERS, NORMALIZERS, CHANGES):
        estimates = changes.get("track_running_stats", True) and changes.get("mode") == "eval"
        if layer == "linear" and (normalizer == "instance" or "stride" in changes):
            continue
        if not (normalizer == "instance" and estimates):
            yield {"layer": layer, "normalizer": normalizer, **SMALL, **changes}


def in_pytorch(settings: Settings) -> tuple[nn.Sequential, torch.Tensor, Arrays]:
    """The block with weights that show every mistake, its inputs, and what it makes of them."""
    generator = torch.Generator().manual_seed(0)
    block = build(stages_of(settings), generator)[0].train(settings.mode == "train")
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator) + (parameter.dim() == 1))
        norm = normalizer_of(block)
        if isinstance(norm, nn.LayerNorm):  # one per element here, one per channel in Flax, as the listing says
            for parameter in norm.parameters():
                parameter.copy_(parameter[(slice(None), *[slice(1)] * (parameter.dim() - 1))].expand_as(parameter))
        inputs = torch.randn(settings.batch_size, settings.in_channels, *settings.input_positions, generator=generator)
        outputs = block(inputs)
    estimates = {}
    if compares_estimates(settings) and isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        samples, weight = outputs.numel() // outputs.shape[1], float(norm.momentum or 0)
        start, newest = 1 - weight, norm.running_var - (1 - weight)
        biased = start + newest * (samples - 1) / samples
        estimates = {"running_mean": norm.running_mean.numpy(), "running_var": biased.numpy()}
    return block, inputs, {"outputs": channels_last(outputs), **estimates}


def in_keras(settings: Settings, block: nn.Sequential, inputs: Array) -> Arrays:
    """What the Keras listing's block makes of the inputs, with PyTorch's weights."""
    names: dict[str, Any] = {}
    source = keras(settings)
    exec(source, names)
    made = names["block"]
    weights = weights_of(block)
    layer = next(one for one in made.layers if type(one).__name__ in ("Dense", "Conv1D", "Conv2D"))
    layer.set_weights([weights[name] for name in ("kernel", "bias") if name in weights])
    norm: Any = next((one for one in made.layers if type(one).__name__.endswith("Normalization")), None)
    if norm is not None and "scale" in weights:
        norm.gamma.assign(weights["scale"])
        norm.beta.assign(weights["shift"])
    if type(norm).__name__ == "BatchNormalization":  # the listing has already sent a batch through
        norm.moving_mean.assign(np.zeros(settings.out_channels))
        norm.moving_variance.assign(np.ones(settings.out_channels))
    outputs = np.asarray(made(inputs, training="training=True" in source))
    if not compares_estimates(settings):
        return {"outputs": outputs}
    estimates = {"running_mean": norm.moving_mean, "running_var": norm.moving_variance}
    return {"outputs": outputs} | {name: np.asarray(value) for name, value in estimates.items()}


def in_flax(settings: Settings, block: nn.Sequential, inputs: Array) -> Arrays:
    """What the Flax listing's block makes of the inputs, with PyTorch's weights."""
    names: dict[str, Any] = {}
    exec(flax(settings), names)
    made = names["block"]
    weights = weights_of(block)
    layer = next(one for one in made.layers if type(one).__name__ in ("Linear", "Conv"))
    layer.kernel[...] = weights["kernel"]
    if "bias" in weights:
        layer.bias[...] = weights["bias"]
    norm: Any = next((one for one in made.layers if type(one).__name__.endswith("Norm")), None)
    if norm is not None and "scale" in weights:
        norm.scale[...], norm.bias[...] = (
            weights[name].reshape(-1, settings.out_channels)[0] for name in ("scale", "shift")
        )
    if type(norm).__name__ == "BatchNorm":
        norm.mean[...], norm.var[...] = np.zeros(settings.out_channels), np.ones(settings.out_channels)
    outputs = np.asarray(made(inputs))
    if not compares_estimates(settings):
        return {"outputs": outputs}
    return {"outputs": outputs, "running_mean": np.asarray(norm.mean[...]), "running_var": np.asarray(norm.var[...])}


def compares_estimates(settings: Settings) -> bool:
    """Whether there are running estimates that should agree: not for the plain average, which the others do not have."""
    tracked = settings.normalizer == "batch" and settings.track_running_stats
    return tracked and settings.mode == "train" and settings.momentum != "cumulative"


def weights_of(block: nn.Sequential) -> dict[str, Array]:
    """PyTorch's parameters, channels last: `kernel` and `bias` of the layer, `scale` and `shift` of the normalizer."""
    layer = next(module for module in block if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d))
    kernel = layer.weight.detach().numpy()
    found = {"kernel": np.moveaxis(kernel, (0, 1), (-1, -2))}
    if layer.bias is not None:
        found["bias"] = layer.bias.detach().numpy()
    weight, bias = (getattr(normalizer_of(block), name, None) for name in ("weight", "bias"))
    if weight is not None and bias is not None:
        found |= {
            "scale": np.moveaxis(weight.detach().numpy(), 0, -1),
            "shift": np.moveaxis(bias.detach().numpy(), 0, -1),
        }
    return found


def normalizer_of(block: nn.Sequential) -> nn.Module | None:
    """The block's normalizer, where it has one."""
    return next((module for module in block if "Norm" in type(module).__name__), None)


def channels_last(values: torch.Tensor) -> Array:
    """(N, C, …) as (N, …, C)."""
    return np.moveaxis(values.numpy(), 1, -1)


if __name__ == "__main__":
    main()
