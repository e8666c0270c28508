"""The lab `folding`: a layer and the batch norm behind it made one layer, rightly and wrongly, by PyTorch's own functions.

Index letters: N images, C channels, H, W height and width (1 × 1 for `linear`), M = N·H·W values of a channel.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from bnviz.core.datasets import batches, digits
from bnviz.errors import BatchOfOneError
from bnviz.labs.folding.result import (
    BIAS_FORGOTTEN,
    BIAS_UNSCALED,
    DTYPES,
    EPS_FORGOTTEN,
    TRAIN_MODE,
    WRONG_AXIS,
    Floats,
    Result,
)
from bnviz.labs.folding.settings import IMAGES, Settings
from bnviz.study.cost import check_cost
from bnviz.theory.folding import folded_bias, folded_scale

Layer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
Norm = nn.BatchNorm1d | nn.BatchNorm2d

BETA_STD: Final = 0.5
VALUES: Final = 3e7  # that batch norm sees in training mode: a tenth of a second
PIXELS: Final = 64
POINTS: Final = 200  # outputs of the chosen channel that are kept


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer with batch norm behind it, both in eval mode, what enters for unseen images, and one batch in training mode."""

    layer: Layer
    norm: Norm
    unseen: Tensor
    batch_mean: Tensor
    batch_var: Tensor


@torch.no_grad()
def run(settings: Settings) -> Result:
    """Fold a layer of fixed weights whose batch norm has seen some batches, and compare on unseen images.

    Raises: CostError; BatchOfOneError (PyTorch's own words) for batches of one value per channel.
    """
    pair = trained_pair(settings)
    exact = _in_dtype(pair, torch.float64)
    x = exact.layer(exact.unseen)
    truth = exact.norm(x)
    right = _fused(exact.layer, exact.norm)
    wrong = {name: layer(exact.unseen) for name, layer in _wrong_layers(exact, right).items()}
    apart, folded = _outputs_by_dtype(pair)
    rounded = rounded_to_int8(right, exact.unseen)
    scale, own_bias = _scale_and_bias(exact)
    x_rows, truth_rows = _rows(x), _rows(truth)
    output_rms = _rms_by_channel(truth_rows)
    c = settings.channel
    return Result(
        settings=settings,
        relative_error={name: _error(folded[name], apart[name]) for name in DTYPES},
        error_apart={name: _error(apart[name], truth) for name in DTYPES},
        error_folded={name: _error(folded[name], truth) for name in DTYPES},
        pytorch_difference=_difference_to_formula(exact, right, scale, own_bias),
        largest_output=float(truth.abs().max()),
        gamma=_numbers(exact.norm.weight),
        beta=_numbers(exact.norm.bias),
        running_mean=_numbers(_buffer(exact.norm.running_mean)),
        running_var=_numbers(_buffer(exact.norm.running_var)),
        batch_mean=_numbers(exact.batch_mean),
        batch_var=_numbers(exact.batch_var),
        bias=own_bias,
        bias_after=_numbers(_buffer(right.bias)),
        largest_before=_numbers(_by_channel(exact.layer).abs().amax(dim=1)),
        largest_after=_numbers(_by_channel(right).abs().amax(dim=1)),
        input_mean=x_rows.mean(axis=1),
        input_var=x_rows.var(axis=1),
        output_rms=output_rms,
        wrong={name: _error(outputs, truth) for name, outputs in wrong.items()},
        wrong_by_channel={name: _rms_by_channel(_rows(outputs - truth)) for name, outputs in wrong.items()},
        int8={name: _error(outputs, truth) for name, outputs in rounded.items()},
        int8_by_channel={
            name: _rms_by_channel(_rows(outputs - truth)) / output_rms for name, outputs in rounded.items()
        },
        apart=_chosen(truth, c),
        folded={"right": _chosen(right(exact.unseen), c)}
        | {name: _chosen(outputs, c) for name, outputs in wrong.items()},
        multiply_adds=_by_channel(exact.layer).shape[1],
    )


def trained_pair(settings: Settings) -> _Pair:
    """The layer and its batch norm, in the order of draws that the script follows."""
    C, m = settings.channels, settings.batch_size
    positions = 1 if settings.layer == "linear" else PIXELS
    check_cost(settings.warmup * m * C * positions, VALUES, ("warmup", "batch_size", "channels"))
    generator = torch.Generator().manual_seed(settings.seed)
    images, _ = digits()
    stem: nn.Module = nn.Flatten()
    if settings.layer == "linear":
        layer: Layer = nn.Linear(PIXELS, C, bias=settings.bias, device="meta")
        norm: Norm = nn.BatchNorm1d(C, eps=settings.eps)
    else:
        first = _initialized(nn.Conv2d(1, C, 3, padding=1, device="meta"), generator)
        stem = nn.Sequential(first, nn.ReLU())
        kind = nn.Conv2d if settings.layer == "conv" else nn.ConvTranspose2d
        layer = kind(C, C, 3, padding=1, bias=settings.bias, device="meta")
        norm = nn.BatchNorm2d(C, eps=settings.eps)
    layer = _initialized(layer, generator)
    norm.weight.copy_(torch.exp(settings.gamma_spread * torch.randn(C, generator=generator)))
    norm.bias.copy_(BETA_STD * torch.randn(C, generator=generator))
    order = torch.randperm(len(images), generator=generator)
    unseen, seen = order[:IMAGES], order[IMAGES:]
    stream = seen[batches(len(seen), m, settings.warmup + 1, generator)]

    inputs = stem(images)
    through = layer(inputs)  # the layer is fixed: every image passes it once
    norm.train()
    try:
        for indices in stream[:-1]:
            norm(through[indices])
        baked = through[stream[-1]]
        copy.deepcopy(norm)(baked)  # refuses one value per channel
    except ValueError as error:
        raise BatchOfOneError(error) from error
    rows = baked.double().transpose(0, 1).flatten(1)
    return _Pair(layer, norm.eval(), inputs[unseen], rows.mean(dim=1), rows.var(dim=1, correction=0))


def _initialized(layer: Layer, generator: torch.Generator) -> Layer:
    """`layer`, made without storage, with PyTorch's own initialization from `generator`; in eval mode.

    Its constructor would draw from the generator that all sessions of a server share.
    """
    layer = layer.to_empty(device="cpu")
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    if layer.bias is not None:
        bound = layer.weight[0].numel() ** -0.5
        nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer.eval()


def _in_dtype(pair: _Pair, dtype: torch.dtype) -> _Pair:
    layer, norm = copy.deepcopy(pair.layer).to(dtype), copy.deepcopy(pair.norm).to(dtype)
    return _Pair(layer, norm, pair.unseen.to(dtype), pair.batch_mean, pair.batch_var)


def _fused(layer: Layer, norm: Norm, *, transpose: bool | None = None) -> Layer:
    """PyTorch's folding; `transpose`: whether output channels are the second axis of the weights (None: as the layer has it)."""
    if isinstance(layer, nn.Linear):
        return fuse_linear_bn_eval(layer, norm)
    return fuse_conv_bn_eval(layer, norm, isinstance(layer, nn.ConvTranspose2d) if transpose is None else transpose)


def _wrong_layers(pair: _Pair, right: Layer) -> dict[str, Layer]:
    """What comes out where PyTorch's folding is given one thing wrongly, by mistake; float64."""
    layer, norm = pair.layer, pair.norm
    no_eps, baked = copy.deepcopy(norm), copy.deepcopy(norm)
    no_eps.eps = 0.0
    _buffer(baked.running_mean).copy_(pair.batch_mean)
    _buffer(baked.running_var).copy_(pair.batch_var)
    old_bias = copy.deepcopy(right)
    old_bias.bias = None if layer.bias is None else nn.Parameter(layer.bias.clone())
    wrong = {EPS_FORGOTTEN: _fused(layer, no_eps), BIAS_FORGOTTEN: old_bias}
    if layer.bias is not None:
        unscaled, without = copy.deepcopy(right), copy.deepcopy(layer)
        without.bias = None
        unscaled.bias = nn.Parameter(layer.bias + _buffer(_fused(without, norm).bias))
        wrong[BIAS_UNSCALED] = unscaled
    wrong[TRAIN_MODE] = _fused(layer, baked)
    if isinstance(layer, nn.ConvTranspose2d):
        wrong[WRONG_AXIS] = _fused(layer, norm, transpose=False)
    return wrong


def _outputs_by_dtype(pair: _Pair) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """By dtype: outputs of layer and batch norm, and of the layer that PyTorch folded in that dtype."""
    apart, folded = {}, {}
    for name in DTYPES:
        there = _in_dtype(pair, getattr(torch, name))
        apart[name] = there.norm(there.layer(there.unseen))
        folded[name] = _fused(there.layer, there.norm)(there.unseen)
    return apart, folded


def rounded_to_int8(right: Layer, unseen: Tensor) -> dict[str, Tensor]:
    """Outputs with the folded weights rounded to 8 bits by PyTorch, one scale per channel or one for all; the rest in float32."""
    rounded = {}
    axis = _channel_axis(right)
    for name in ("per_channel", "per_tensor"):
        layer = copy.deepcopy(right).float()
        largest = _by_channel(layer).abs().amax(dim=1)
        if name == "per_channel":
            zeros = torch.zeros(len(largest), dtype=torch.int32)
            weight = torch.fake_quantize_per_channel_affine(layer.weight, largest / 127, zeros, axis, -127, 127)
        else:
            weight = torch.fake_quantize_per_tensor_affine(layer.weight, float(largest.max()) / 127, 0, -127, 127)
        layer.weight.copy_(weight)
        rounded[name] = layer(unseen.float())
    return rounded


def _scale_and_bias(pair: _Pair) -> tuple[Floats, Floats]:
    """s = γ/√(v + ε), (C,), and the layer's own bias (C,), 0 where it has none."""
    norm = pair.norm
    scale = folded_scale(_numbers(norm.weight), _numbers(_buffer(norm.running_var)), norm.eps)
    return scale, np.zeros(len(scale)) if pair.layer.bias is None else _numbers(pair.layer.bias)


def _difference_to_formula(pair: _Pair, right: Layer, scale: Floats, own_bias: Floats) -> float:
    """Largest difference of a weight or bias of PyTorch's folding to the closed form."""
    weight = _by_channel(pair.layer).numpy() * scale[:, None]
    bias = folded_bias(own_bias, _numbers(_buffer(pair.norm.running_mean)), scale, _numbers(pair.norm.bias))
    differences = (_by_channel(right).numpy() - weight, _numbers(_buffer(right.bias)) - bias)
    return max(float(np.abs(part).max()) for part in differences)


def _channel_axis(layer: Layer) -> int:
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0


def _by_channel(layer: Layer) -> Tensor:
    """Weights (C, weights behind one output)."""
    return layer.weight.detach().transpose(0, _channel_axis(layer)).flatten(1)


def _buffer(values: Tensor | None) -> Tensor:
    """A tensor that PyTorch's annotations allow to be missing, and that this lab always has."""
    assert values is not None
    return values


def _rows(values: Tensor) -> Floats:
    """(N, C, …) as (C, M)."""
    return values.double().transpose(0, 1).flatten(1).numpy()


def _rms_by_channel(rows: Floats) -> Floats:
    root: Floats = np.sqrt(np.square(rows).mean(axis=1))
    return root


def _numbers(values: Tensor) -> Floats:
    return values.detach().double().numpy().copy()


def _chosen(values: Tensor, channel: int) -> Floats:
    """Some outputs of one channel, (P,), evenly from all."""
    row: Floats = _rows(values)[channel]
    some: Floats = row[:: max(1, len(row) // POINTS)][:POINTS]
    return some


def _error(values: Tensor, reference: Tensor) -> float:
    """Root mean square of the difference, as a share of the reference's own."""
    exact = reference.double()
    return float((values.double() - exact).square().mean().sqrt() / exact.square().mean().sqrt())
