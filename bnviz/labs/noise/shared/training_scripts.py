"""The topics of the lab `noise` that train as standalone PyTorch scripts that print the page's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

if TYPE_CHECKING:
    from bnviz.labs.noise.shared.settings import Settings

_HEAD: Final = '''"""{title} Every seed is trained with each variant: same split, weights and batches.

Written by bnviz, lab noise. One network after another: slower than the page, which trains all seeds at once.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seeds = range({first}, {last})
depth, width, images = {depth}, {width}, {train_size}
batch_size, learning_rate, epochs = {batch_size}, {learning_rate!r}, {epochs}
{more}
{digits_and_split}

{linear}

def batches(train, generator):
    """One epoch; where a batch is larger than the training set it draws with replacement."""
    if batch_size > len(train):
        return [train[torch.randint(0, len(train), (1, batch_size), generator=generator)[0]]]
    shuffled = train[torch.randperm(len(train), generator=generator)]
    return [shuffled[start : start + batch_size] for start in range(0, len(train) - batch_size + 1, batch_size)]


def fit(network, seed):
    """Train; whether every loss was finite."""
    train, order, finite = split(seed, images)[0], stream(seed, 2), True
    torch.manual_seed(int(np.random.SeedSequence((seed, 3)).generate_state(1)[0]))  # for nn.Dropout
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    for _ in range(epochs):
        for batch in batches(train, order):
            loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            finite = finite and math.isfinite(loss.item())
    return finite


def accuracy(network, seed, finite):
    """On the test images, in eval mode; NaN where the training diverged."""
    test = split(seed, images)[1]
    network.eval()
    with torch.no_grad():
        logits = network(features[test])
    finite = finite and math.isfinite(nn.functional.cross_entropy(logits, labels[test]).item())
    return (logits.argmax(1) == labels[test]).double().mean().item() if finite else math.nan


def points(first, second):
    """Mean paired difference of accuracy, second - first, in points."""
    differences = 100 * (np.array(second) - np.array(first))
    return differences[np.isfinite(differences)].mean()

'''

_DROPOUT: Final = '''
def build(variant, seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for layer in range(depth):
        norm = [] if variant == "no_norm" else [nn.BatchNorm1d(width)]
        before = [nn.Dropout(p)] if variant in ("dropout_before_norm", "no_norm") and p > 0 else []
        after = [nn.Dropout(p)] if variant == "dropout_after_norm" and layer == depth - 1 and p > 0 else []
        modules += [linear(inputs, width, generator), nn.ReLU(), *before, *norm, *after]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


def recalibrate(network, seed):
    """Running statistics afresh: the plain average over one epoch, Dropout off, nothing learned."""
    network.eval()
    for module in network:
        if isinstance(module, nn.BatchNorm1d):
            module.train()
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        for batch in batches(split(seed, images)[0], stream(seed, 4)):
            network(features[batch])


found = {"none": [], "dropout_after_norm": [], "dropout_before_norm": [], "no_norm": [], "recalibrated": []}
for variant in ("none", "dropout_after_norm", "dropout_before_norm", "no_norm"):
    for seed in seeds:
        network = build(variant, seed)
        finite = fit(network, seed)
        found[variant].append(accuracy(network, seed, finite))
        if variant == "dropout_before_norm":
            recalibrate(network, seed)
            found["recalibrated"].append(accuracy(network, seed, finite))
for variant, values in found.items():
    print(f"error_{variant} = {100 * (1 - np.nanmean(values))}")
print(f"after_minus_none = {points(found['none'], found['dropout_after_norm'])}")
print(f"before_minus_after = {points(found['dropout_after_norm'], found['dropout_before_norm'])}")
print(f"recovered = {points(found['dropout_before_norm'], found['recalibrated'])}")
'''

_GHOST: Final = '''
class GhostBatchNorm(nn.BatchNorm1d):
    """A batch is normalized in parts of `size`, one after another."""

    def __init__(self, features, size):
        super().__init__(features)
        self.size = size

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        parts = len(x) // self.size
        outputs = [super(GhostBatchNorm, self).forward(x[part::parts]) for part in range(parts)]
        return torch.stack(outputs, dim=1).flatten(0, 1)


def build(size, seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for _ in range(depth):
        modules += [linear(inputs, width, generator, bias=False), GhostBatchNorm(width, size), nn.ReLU()]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


found = {}
for size in sizes:
    found[size] = []
    for seed in seeds:
        network = build(size, seed)
        found[size].append(accuracy(network, seed, fit(network, seed)))
    print(f"error_{size} = {100 * (1 - np.nanmean(found[size]))}")
for size in sizes[1:]:
    print(f"gain_{size} = {points(found[sizes[0]], found[size])}")
'''


def dropout_script(settings: Settings) -> str:
    """Python source that prints the errors of all orders and what recalibration recovers, one `name = value` per line."""
    return _head(settings, "Batch norm and Dropout.", f"p = {settings.dropout!r}\n") + _DROPOUT


def ghost_script(settings: Settings, sizes: tuple[int, ...]) -> str:
    """Python source that prints the error for every ghost size and its difference from the whole batch's."""
    return _head(settings, "Batch norm over parts of the batch.", f"sizes = {sizes}\n") + _GHOST


def _head(settings: Settings, title: str, more: str) -> str:
    return _HEAD.format(
        title=title,
        first=settings.seed,
        last=settings.seed + settings.seeds,
        depth=settings.depth,
        width=settings.width,
        train_size=settings.train_size,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        epochs=settings.epochs,
        more=more,
        digits_and_split=DIGITS_AND_SPLIT,
        linear=linear("he"),
    )
