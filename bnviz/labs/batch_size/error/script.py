"""The lab `batch_size`, topic `error`, as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.batch_size.error.settings import Settings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

TEMPLATE: Final = '''"""How small may a batch be? Every normalizer at every batch size, each seed with the same split, weights and batches.

Written by bnviz, lab batch_size. One network after another: slower than the page, which trains all seeds at once.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seeds = range({first}, {last})
normalizers, batch_sizes = {normalizers}, {batch_sizes}
epochs, learning_rate = {epochs}, {learning_rate!r}

{digits_and_split}

{linear}

{build}


def batches(samples, size, count, generator):
    """`count` batches of places in `samples`: epochs in random order, the short last batch dropped."""
    if size > samples:
        return torch.randint(0, samples, (count, size), generator=generator)
    per_epoch = samples // size
    rows = [torch.randperm(samples, generator=generator)[: per_epoch * size] for _ in range(-(-count // per_epoch))]
    return torch.cat(rows).view(-1, size)[:count]


{draw}

def error(network, test):
    network.eval()
    with torch.no_grad():
        logits = network(inputs[test])
    finite = math.isfinite(nn.functional.cross_entropy(logits, labels[test]).item())
    return 1 - (logits.argmax(1) == labels[test]).double().mean().item() if finite else math.nan


def train(normalizer, size, seed):
    """Test error, and the same after batch norm's statistics were recomputed over the whole training set."""
    training_set, test = split(seed, 600)
    network, generator = build(normalizer, seed), stream(seed, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr={rate})
    finite = True
    for batch in draw(training_set, size, epochs * max(1, 600 // size), generator):
        loss = nn.functional.cross_entropy(network(inputs[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        finite = finite and math.isfinite(loss.item())
    trained = error(network, test) if finite else math.nan
    for layer in network:
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.reset_running_stats()
            layer.momentum = None  # a plain average, here of one batch
    network.train()
    with torch.no_grad():
        network(inputs[training_set])
    return trained, error(network, test) if math.isfinite(trained) else math.nan


for size in batch_sizes:
    for normalizer in normalizers:
        try:
            errors = 100 * np.array([train(normalizer, size, seed) for seed in seeds])
        except ValueError as refusal:  # a batch of one
            print("#", normalizer, size, refusal)
            errors = np.full((1, 2), math.nan)
        kept = errors[np.isfinite(errors[:, 0])]
        trained, recalibrated = kept.mean(0) if len(kept) else (math.nan, math.nan)
        print(f"error_{{normalizer}}_{{size}} = {{trained}}")
        if normalizer == "batch":
            print(f"recalibrated_{{size}} = {{recalibrated}}")
'''

MLP: Final = '''\
inputs, width, groups = features, 64, {groups}


def build(normalizer, seed):
    """64-64-64-10; no bias right in front of batch norm."""
    generator = stream(seed, 0)
    normal = {{
        "none": lambda: [],
        "batch": lambda: [nn.BatchNorm1d(width)],
        "layer": lambda: [nn.LayerNorm(width)],
        "group": lambda: [nn.GroupNorm(groups, width)],
        "instance": lambda: [nn.Unflatten(1, (width, 1)), nn.InstanceNorm1d(width, affine=True), nn.Flatten(1)],
    }}[normalizer]
    modules = []
    for _ in range(2):
        modules += [linear(64, width, generator, normalizer != "batch"), *normal(), nn.ReLU()]
    return nn.Sequential(*modules, linear(width, 10, generator))'''

CNN: Final = '''\
inputs, width, groups = features.view(-1, 1, 8, 8), 16, {groups}


def convolution(channels, generator, bias):
    layer = nn.Conv2d(channels, width, 3, padding=1, bias=bias)
    nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / (9 * channels)), generator=generator)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def build(normalizer, seed):
    """Two blocks of 16 channels: 8×8, then 4×4, then 2×2; no bias right in front of batch norm."""
    generator = stream(seed, 0)
    normal = {{
        "none": lambda: [],
        "batch": lambda: [nn.BatchNorm2d(width)],
        "layer": lambda: [nn.GroupNorm(1, width)],  # layer norm over C, H and W
        "group": lambda: [nn.GroupNorm(groups, width)],
        "instance": lambda: [nn.InstanceNorm2d(width, affine=True)],
    }}[normalizer]
    modules = []
    for channels in (1, width):
        modules += [convolution(channels, generator, normalizer != "batch"), *normal(), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*modules, nn.Flatten(), linear(4 * width, 10, generator))'''

IID: Final = """\
def draw(training_set, size, count, generator):
    return training_set[batches(len(training_set), size, count, generator)]
"""

ONE_CLASS: Final = '''\
def draw(training_set, size, count, generator):
    """Every batch from a single class: per epoch each class is cut into whole batches, and all are shuffled."""
    members = [training_set[labels[training_set] == label] for label in range(10)]
    rows = []
    while len(rows) < count:
        parts = [group[batches(len(group), size, max(1, len(group) // size), generator)] for group in members]
        epoch = torch.cat(parts)
        rows += epoch[torch.randperm(len(epoch), generator=generator)]
    return torch.stack(rows[:count])
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the lesson's headline, one `name = value` per line."""
    return TEMPLATE.format(
        first=settings.seed,
        last=settings.seed + settings.seeds,
        normalizers=settings.normalizers,
        batch_sizes=settings.batch_sizes,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        rate="learning_rate * size / 64" if settings.learning_rate_rule == "linear" else "learning_rate",
        build=(MLP if settings.network == "mlp" else CNN).format(groups=settings.groups),
        draw=IID if settings.sampling == "iid" else ONE_CLASS,
        linear=linear("he"),
        digits_and_split=DIGITS_AND_SPLIT,
    )
