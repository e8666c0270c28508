"""The lab `batch_size`, topic `statistics`, as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.batch_size.statistics.settings import Settings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

TEMPLATE: Final = '''"""How noisy is batch norm's mean, and what is left of a value? An MLP and a CNN, batch size by batch size.

Written by bnviz, lab batch_size.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seed, hidden_layer, batch_sizes = {seed}, {hidden_layer}, {batch_sizes}

{digits_and_split}

{linear}

def convolution(channels, generator):
    layer = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
    nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / (9 * channels)), generator=generator)
    return layer


{draw}

for name in ("mlp", "cnn"):
    generator = stream(seed, 0)
    if name == "mlp":
        images, kind = features, nn.BatchNorm1d
        first, second = linear(64, 64, generator, False), linear(64, 64, generator, False)
        between = nn.Sequential(nn.BatchNorm1d(64), nn.ReLU())
    else:
        images, kind = features.view(-1, 1, 8, 8), nn.BatchNorm2d
        first, second = convolution(1, generator), convolution(16, generator)
        between = nn.Sequential(nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))
    with torch.no_grad():
        values = first(images)
        if hidden_layer == 2:
            values = second(between(values))  # all digits at once: the population's statistics
    flat = values.double().numpy().reshape(len(values), values.shape[1], -1)
    mean, std, pixels = flat.mean((0, 2)), flat.std((0, 2)), flat.shape[2]
    for size in batch_sizes:
        one = size * pixels
        channels = max(1, min(values.shape[1], 256 // pixels, 3_000_000 // (100 * one)))
        count = min(400, max(100, 3_000_000 // (one * channels)))
        batch = values[:, :channels][draw(count, size)].transpose(0, 1).flatten(1, 2)  # every batch has channels of its own
        norm = kind(count * channels, momentum=1.0, affine=False)  # with momentum 1 it keeps the newest batch's statistics
        try:
            output = norm(batch)
        except ValueError:  # one value per channel
            print(f"{{name}}_mean_noise_{{size}} = nan")
            print(f"{{name}}_fidelity_{{size}} = nan")
            continue
        noise = (norm.running_mean.double().numpy().reshape(count, channels) - mean[:channels]) / std[:channels]
        print(f"{{name}}_mean_noise_{{size}} = {{math.sqrt((noise**2).mean())}}")
        pairs = [
            part.double().numpy().reshape(size, count, channels, -1).transpose(2, 0, 1, 3).reshape(channels, -1)
            for part in (output, batch)
        ]
        print(f"{{name}}_fidelity_{{size}} = {{np.mean([np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(*pairs)])}}")
'''

IID: Final = '''\
def draw(count, size):
    """`count` batches, drawn with replacement."""
    return torch.randint(0, len(labels), (count, size), generator=stream(seed, 2))
'''

ONE_CLASS: Final = '''\
def draw(count, size):
    """`count` batches, each drawn with replacement from the class of a random image."""
    generator = stream(seed, 2)
    by_class, sizes = labels.argsort(stable=True), torch.bincount(labels)
    chosen = labels[torch.randint(0, len(labels), (count, 1), generator=generator)]
    place = (torch.rand(count, size, generator=generator) * sizes[chosen]).long()
    return by_class[(sizes.cumsum(0) - sizes)[chosen] + place]
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the lesson's headline, one `name = value` per line."""
    return TEMPLATE.format(
        seed=settings.seed,
        hidden_layer=settings.hidden_layer,
        batch_sizes=settings.batch_sizes,
        linear=linear("he"),
        draw=IID if settings.sampling == "iid" else ONE_CLASS,
        digits_and_split=DIGITS_AND_SPLIT,
    )
