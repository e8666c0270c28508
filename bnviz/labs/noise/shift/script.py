"""The topic `shift` of the lab `noise` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.noise.shift.result import IMAGES, NETWORKS, PASSES
from bnviz.labs.noise.shift.settings import Settings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

_SHIFT: Final = '''"""Dropout in front of batch norm: the variance in eval mode, layer by layer. In training mode it is 1.

Written by bnviz, lab noise. Fresh networks, nothing is trained.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seeds = range({first}, {last})
depth, width, p, order = {depth}, {width}, {p!r}, {order!r}
images, passes = {images}, {passes}

{digits_and_split}

{linear}

def build(seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for layer in range(depth):
        dropout = [nn.Dropout(p)] if order != "none" and p > 0 else []
        before = dropout if order == "dropout_before_norm" else []
        after = dropout if order == "dropout_after_norm" and layer == depth - 1 else []
        modules += [linear(inputs, width, generator), nn.ReLU(), *before, nn.BatchNorm1d(width, momentum=None), *after]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


ratios, theory = [[] for _ in range(depth)], []
for seed in seeds:
    train, _ = split(seed, images)
    network, shuffle = build(seed), stream(seed, 4)
    torch.manual_seed(int(np.random.SeedSequence((seed, 3)).generate_state(1)[0]))  # for nn.Dropout
    with torch.no_grad():
        for _ in range(passes):  # momentum=None: the running statistics are the plain average of all passes
            network(features[train[torch.randperm(images, generator=shuffle)]])
        network.eval()
        x, layer = features[train], 0
        for module in network:
            if isinstance(module, nn.ReLU):
                on = (module(x) > 0).float().mean(0) >= 0.05  # units that are on for hardly any image are left out
                if layer == 0:
                    k = 1 - p if order == "dropout_before_norm" else 1
                    var, mean = torch.var_mean(module(x).double(), 0, correction=0)
                    theory += (var / ((var + mean**2) / k - mean**2 + 1e-5))[on].tolist()
            if isinstance(module, nn.BatchNorm1d):
                ratio = x.double().var(0, correction=0) / (module.running_var.double() + module.eps)
                ratios[layer] += ratio[on].tolist()
                layer += 1
            x = module(x)
for layer, values in enumerate(ratios, start=1):
    print(f"variance_ratio_{{layer}} = {{np.mean(values)}}")
print(f"theory_1 = {{np.mean(theory)}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the variance ratio of every layer, and the first one's theory."""
    return _SHIFT.format(
        first=settings.seed,
        last=settings.seed + NETWORKS,
        depth=settings.depth,
        width=settings.width,
        p=settings.dropout,
        order=settings.order,
        images=IMAGES,
        passes=PASSES,
        digits_and_split=DIGITS_AND_SPLIT,
        linear=linear("he"),
    )
