"""The lab `adaptation` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.adaptation.result import GRID
from bnviz.labs.adaptation.settings import Settings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

_SCRIPT: Final = '''"""New camera: statistics from training, from the test batch, or mixed. Written by bnviz, lab adaptation."""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seeds = range({first}, {last})
contrast, brightness, noise, blur = {contrast!r}, {brightness!r}, {noise!r}, {blur!r}
batch_size = {batch_size}
source_weights = {weights}

{digits_and_split}

{linear}

def change(images, generator):
    square = images.view(-1, 1, 8, 8)
    near = nn.functional.avg_pool2d(nn.functional.pad(square, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    blurred = ((1 - blur) * square + blur * near).flatten(1)
    return contrast * blurred + brightness + noise * torch.randn(images.shape, generator=generator)


def batches(count, order):
    """`count` batches of the test images: epochs of random order, the short last batch dropped."""
    if batch_size > 450:
        return list(torch.randint(0, 450, (count, batch_size), generator=order))
    rows = []
    while len(rows) < count:
        shuffled = torch.randperm(450, generator=order)
        rows += [shuffled[i : i + batch_size] for i in range(0, 450 - batch_size + 1, batch_size)]
    return rows[:count]


@torch.no_grad()
def wrong(batch, source_weight):
    """Share of wrong predictions, with statistics mixed by PyTorch's own momentum."""
    norm.load_state_dict(trained)
    norm.momentum = batch_size / (source_weight + batch_size)
    norm.train()
    norm(network[0](images[batch]))  # moves the running statistics towards the batch
    norm.eval()
    return (network(images[batch]).argmax(1) != targets[batch]).double().mean().item()


errors = {{(order, weight): [] for order in ("random", "sorted") for weight in source_weights}}
unshifted, source, best = [], [], []
for seed in seeds:
    train, test = split(seed)
    generator = stream(seed, 0)
    norm = nn.BatchNorm1d(64)
    network = nn.Sequential(linear(64, 64, generator, False), norm, nn.ReLU(), linear(64, 10, generator))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    order = stream(seed, 2)
    for epoch in range(5):
        shuffled = train[torch.randperm(len(train), generator=order)]
        for start in range(0, len(train) - 63, 64):
            batch = shuffled[start : start + 64]
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(features[batch]), labels[batch]).backward()
            optimizer.step()
    network.eval()
    trained = {{name: value.clone() for name, value in norm.state_dict().items()}}
    plain, targets = features[test], labels[test]
    images = change(plain, stream(seed, 5))
    with torch.no_grad():
        unshifted.append((network(plain).argmax(1) != targets).double().mean().item())
        source.append((network(images).argmax(1) != targets).double().mean().item())
        first = network[0](images).double()
        ratio = first.var(0, correction=0) / (first.mean(0) - norm.running_mean.double()) ** 2
        best.append(ratio.log().mean().item())
    random = batches(max(1, 900 // batch_size), stream(seed, 4))
    drawn = torch.arange(450) if batch_size <= 450 else random[0]
    stable = drawn[targets[drawn].argsort(stable=True)]
    in_order = list(stable[: len(stable) // batch_size * batch_size].view(-1, batch_size))
    for weight in source_weights:
        errors["random", weight].append(np.mean([wrong(batch, weight) for batch in random]))
        errors["sorted", weight].append(np.mean([wrong(batch, weight) for batch in in_order]))

for (order, weight), values in errors.items():
    print(f"error_{{order}}[{{weight:g}}] = {{100 * np.mean(values)}}")
print(f"error_unshifted = {{100 * np.mean(unshifted)}}")
print(f"error_source = {{100 * np.mean(source)}}")
print(f"best_theory = {{math.exp(np.mean(best))}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return _SCRIPT.format(
        first=settings.seed,
        last=settings.seed + settings.seeds,
        contrast=settings.contrast,
        brightness=settings.brightness,
        noise=settings.noise,
        blur=settings.blur,
        batch_size=settings.batch_size,
        weights=sorted({*GRID, settings.source_weight}),
        digits_and_split=DIGITS_AND_SPLIT,
        linear=linear("he"),
    )
