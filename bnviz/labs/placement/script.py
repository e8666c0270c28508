"""The lab `placement` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.placement.settings import Settings
from bnviz.scripting.snippets import ACTIVATIONS, DIGITS_AND_SPLIT, linear

_SCRIPT: Final = '''"""Batch norm before or after the activation? Every seed is trained three times: same split, weights and batches.

Written by bnviz, lab placement. One network after another: slower than the page, which trains all seeds at once.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seeds = range({first}, {last})
depth, width, bias = {depth}, {width}, {bias}
batch_size, learning_rate, epochs = {batch_size}, {learning_rate!r}, {epochs}

{digits_and_split}

{linear}

def build(position, seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for _ in range(depth):
        block = [linear(inputs, width, generator, bias), {activation}]
        if position != "none":
            block.insert(1 if position == "before" else 2, nn.BatchNorm1d(width))
        modules += block
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


accuracy = {{}}
for position in ("none", "before", "after"):
    accuracy[position] = []
    for seed in seeds:
        train, test = split(seed)
        network = build(position, seed)
        optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
        order, finite = stream(seed, 2), True
        for _ in range(epochs):
            shuffled = torch.randperm(len(train), generator=order)
            for start in range(0, len(train) - batch_size + 1, batch_size):
                batch = train[shuffled[start : start + batch_size]]
                loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                finite = finite and math.isfinite(loss.item())
        network.eval()
        with torch.no_grad():
            logits = network(features[test])
        finite = finite and math.isfinite(nn.functional.cross_entropy(logits, labels[test]).item())
        right = (logits.argmax(1) == labels[test]).double().mean().item()
        accuracy[position].append(right if finite else math.nan)  # NaN: the training diverged
    print(f"error_{{position}} = {{100 * (1 - np.nanmean(accuracy[position]))}}")

# Paired differences in points: both positions had the same split, weights and batches.
differences = 100 * (np.array(accuracy["after"]) - np.array(accuracy["before"]))
differences = differences[np.isfinite(differences)]
print(f"difference = {{differences.mean()}}")
print(f"difference_deviation = {{differences.std(ddof=1) if len(differences) > 2 else math.nan}}")

# A random bias in front of batch norm, in double precision: the output stays as it is, and no gradient reaches the bias.
network = build("before", seeds[0]).double().train()
batch = features[split(seeds[0])[0][:batch_size]].double()
biases = [torch.randn(width, dtype=torch.float64, requires_grad=True) for _ in range(depth)]
shifted = iter(biases)
without = network(batch)
for layer in [module for module in network if isinstance(module, nn.Linear)][:-1]:
    layer.register_forward_hook(lambda module, arguments, output: output + next(shifted))
logits = network(batch)
nn.functional.cross_entropy(logits, torch.zeros(batch_size, dtype=torch.long)).backward()
print(f"bias_effect = {{(logits - without).abs().max().item()}}")
print(f"bias_gradient = {{max(part.grad.abs().max().item() for part in biases)}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return _SCRIPT.format(
        first=settings.seed,
        last=settings.seed + settings.seeds,
        depth=settings.depth,
        width=settings.width,
        bias=settings.bias,
        linear=linear(settings.init),
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        epochs=settings.epochs,
        activation=ACTIVATIONS[settings.activation],
        digits_and_split=DIGITS_AND_SPLIT,
    )
