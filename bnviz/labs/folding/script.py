"""The lab `folding` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.folding.settings import IMAGES, Settings

_SCRIPT: Final = '''"""Where did batch norm go in the export? A layer and the batch norm behind it, folded rightly and wrongly.

Written by bnviz, lab folding.
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.utils.fusion import {fuse}

torch.set_grad_enabled(False)
torch.manual_seed({seed})
channels, batch_size, warmup = {channels}, {batch_size}, {warmup}

# 1797 handwritten digits, pixels scaled to [0, 1].
images = torch.tensor(load_digits().images / 16, dtype=torch.float32).unsqueeze(1)
stem = {stem}
layer = {layer}
norm = nn.{norm}(channels, eps={eps!r})
norm.weight.copy_(torch.exp({gamma_spread!r} * torch.randn(channels)))
norm.bias.copy_(0.5 * torch.randn(channels))

# {images} images are kept for the comparison; batches of the others feed the running statistics.
order = torch.randperm(len(images))
unseen, seen = order[:{images}], order[{images}:]
if batch_size > len(seen):
    stream = seen[torch.randint(0, len(seen), (warmup + 1, batch_size))]
else:
    per_epoch = len(seen) // batch_size
    rows = [torch.randperm(len(seen))[: per_epoch * batch_size] for _ in range(-(-(warmup + 1) // per_epoch))]
    stream = seen[torch.cat(rows).view(-1, batch_size)[: warmup + 1]]
inputs = stem(images)
through = layer(inputs)
norm.train()
for indices in stream[:-1]:
    norm(through[indices])
last = through[stream[-1]].double().transpose(0, 1).flatten(1)  # the batch that an export in train mode bakes in
layer.eval(), norm.eval()
inputs = inputs[unseen]


def fold(layer, norm):
    return {fold}


def error(values, reference):
    """Root mean square of the difference, as a share of the reference's own."""
    reference = reference.double()
    return ((values.double() - reference).square().mean().sqrt() / reference.square().mean().sqrt()).item()


def converted(dtype):
    return copy.deepcopy(layer).to(dtype), copy.deepcopy(norm).to(dtype), inputs.to(dtype)


# The right folding, in four dtypes.
for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
    a, b, x = converted(dtype)
    print(f"relative_error_{{str(dtype).removeprefix('torch.')}} = {{error(fold(a, b)(x), b(a(x)))}}")

a, b, x = converted(torch.float64)
truth, right = b(a(x)), fold(a, b)

# Weights rounded to int8, everything else in float32.
axis = {axis}
single = copy.deepcopy(right).float()
largest = single.weight.transpose(0, axis).flatten(1).abs().amax(dim=1)
zeros = torch.zeros(channels, dtype=torch.int32)
for name, weight in {{
    "per_channel": torch.fake_quantize_per_channel_affine(single.weight, largest / 127, zeros, axis, -127, 127),
    "per_tensor": torch.fake_quantize_per_tensor_affine(single.weight, float(largest.max()) / 127, 0, -127, 127),
}}.items():
    rounded = copy.deepcopy(single)
    rounded.weight.copy_(weight)
    print(f"int8_{{name}} = {{error(rounded(inputs), truth)}}")

# The wrong foldings.
no_eps = copy.deepcopy(b)
no_eps.eps = 0.0
print(f"eps_forgotten = {{error(fold(a, no_eps)(x), truth)}}")

old_bias = copy.deepcopy(right)
old_bias.bias = copy.deepcopy(a.bias)  # None where the layer has none
print(f"bias_forgotten = {{error(old_bias(x), truth)}}")
{unscaled}
baked = copy.deepcopy(b)
baked.running_mean.copy_(last.mean(dim=1))
baked.running_var.copy_(last.var(dim=1, correction=0))
print(f"train_mode = {{error(fold(a, baked)(x), truth)}}")
{wrong_axis}'''
_UNSCALED: Final = """
without, unscaled = copy.deepcopy(a), copy.deepcopy(right)
without.bias = None
unscaled.bias = nn.Parameter(a.bias + fold(without, b).bias)
print(f"bias_unscaled = {error(unscaled(x), truth)}")
"""
_WRONG_AXIS: Final = """
print(f"wrong_axis = {error(fuse_conv_bn_eval(a, b, transpose=False)(x), truth)}")
"""


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the lab's headline, one `name = value` per line."""
    linear, transpose = settings.layer == "linear", settings.layer == "conv_transpose"
    kind = {"conv": "Conv2d", "conv_transpose": "ConvTranspose2d"}.get(settings.layer, "")
    fold = f"fuse_conv_bn_eval(layer, norm, transpose={transpose})"
    return _SCRIPT.format(
        fuse="fuse_linear_bn_eval" if linear else "fuse_conv_bn_eval",
        seed=settings.seed,
        channels=settings.channels,
        batch_size=settings.batch_size,
        warmup=settings.warmup,
        stem="nn.Flatten()" if linear else "nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU())",
        layer=f"nn.Linear(64, channels, bias={settings.bias})"
        if linear
        else f"nn.{kind}(channels, channels, 3, padding=1, bias={settings.bias})",
        norm="BatchNorm1d" if linear else "BatchNorm2d",
        eps=settings.eps,
        gamma_spread=settings.gamma_spread,
        images=IMAGES,
        fold="fuse_linear_bn_eval(layer, norm)" if linear else fold,
        axis=1 if transpose else 0,
        unscaled=_UNSCALED if settings.bias else "",
        wrong_axis=_WRONG_AXIS if transpose else "",
    )
