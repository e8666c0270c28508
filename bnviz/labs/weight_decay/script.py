"""The lab `weight_decay` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.weight_decay.result import DROP, WINDOW
from bnviz.labs.weight_decay.settings import Settings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

_SCRIPT: Final = '''"""What weight decay does to weights before batch norm: how far a step turns them.

Written by bnviz, lab weight_decay. One run after another: slower than the page, which trains all at once.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

learning_rates, weight_decays = {rates}, {decays}
optimizer_name, momentum = {optimizer!r}, {momentum!r}
batch_norm, decayed, schedule = {batch_norm}, {decayed!r}, {schedule!r}
steps, batch_size, depth, width, seed = {steps}, {batch_size}, {depth}, {width}, {seed}

{digits_and_split}

{linear}

def build():
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for _ in range(depth):
        modules += [linear(inputs, width, generator, not batch_norm)]
        modules += [nn.BatchNorm1d(width)] if batch_norm else []
        modules += [nn.ReLU()]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


def batches(train):
    """One batch per step: epochs of random order, the short last batch dropped."""
    order, rows = stream(seed, 2), []
    while len(rows) < steps:
        shuffled = train[torch.randperm(len(train), generator=order)]
        rows += list(shuffled[: len(train) // batch_size * batch_size].split(batch_size))
    return rows[:steps]


train, test = split(seed)
for rate in learning_rates:
    for decay in weight_decays:
        network = build()
        hidden = [layer.weight for layer in network if isinstance(layer, nn.Linear)][:-1]
        rest = [p for p in network.parameters() if not any(p is weight for weight in hidden)]
        groups = [
            {{"params": hidden, "weight_decay": decay}},
            {{"params": rest, "weight_decay": decay if decayed == "all" else 0.0}},
        ]
        if optimizer_name == "adamw":
            optimizer = torch.optim.AdamW(groups, lr=rate)
        else:
            optimizer = torch.optim.SGD(groups, lr=rate, momentum=momentum)
        weight, squares = hidden[-1], []
        for step, batch in enumerate(batches(train), start=1):
            if schedule == "drop" and step > steps // 2:
                for group in optimizer.param_groups:
                    group["lr"] = rate * {drop}
            loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            before = weight.detach().double().clone()
            optimizer.step()
            after = weight.detach().double()
            chord = (before / before.norm() - after / after.norm()).norm().item()
            squares.append((2 * math.asin(chord / 2)) ** 2)
        network.eval()
        with torch.no_grad():
            error = 100 * (network(features[test]).argmax(1) != labels[test]).double().mean().item()
        last = squares[-math.ceil({window} * steps) :]
        print(f"angle[{{rate:g}},{{decay:g}}] = {{math.sqrt(sum(last) / len(last))}}")
        print(f"length[{{rate:g}},{{decay:g}}] = {{weight.detach().double().norm().item()}}")
        print(f"error[{{rate:g}},{{decay:g}}] = {{error}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return _SCRIPT.format(
        rates=settings.learning_rates,
        decays=settings.weight_decays,
        optimizer=settings.optimizer,
        momentum=settings.momentum,
        batch_norm=settings.batch_norm,
        decayed=settings.decayed,
        schedule=settings.schedule,
        steps=settings.steps,
        batch_size=settings.batch_size,
        depth=settings.depth,
        width=settings.width,
        seed=settings.seed,
        drop=DROP,
        window=WINDOW,
        linear=linear("torch"),
        digits_and_split=DIGITS_AND_SPLIT,
    )
