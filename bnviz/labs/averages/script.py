"""The lab `averages` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.averages.result import WATCHED
from bnviz.labs.averages.settings import Settings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

_SCRIPT: Final = '''"""An averaged model with batch norm, its buffers left, averaged, copied or refilled.

Written by bnviz, lab averages. One network after another: slower than the page, which trains all seeds at once.
"""

import copy
import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

seeds = range({first}, {last})
depth, width = {depth}, {width}
batch_size, learning_rate, epochs = {batch_size}, {learning_rate!r}, {epochs}
average, decay, start = {average!r}, {decay!r}, {start!r}
refill_batches = {refill_batches}

{digits_and_split}

{linear}

def build(seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for _ in range(depth):
        modules += [linear(inputs, width, generator, False), nn.BatchNorm1d(width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


def batches(train, count, order):
    """`count` batches: epochs of random order, the short last batch dropped."""
    rows = []
    while len(rows) < count:
        shuffled = torch.randperm(len(train), generator=order)
        rows += [train[shuffled[i : i + batch_size]] for i in range(0, len(train) - batch_size + 1, batch_size)]
    return rows[:count]


@torch.no_grad()
def error(model):
    model.eval()
    return 100 * (model(features[test]).argmax(1) != labels[test]).double().mean().item()


names = ("raw", "parameters_only", "buffers_averaged", "buffers_copied", "refilled")
errors = {{name: [] for name in names}}
for seed in seeds:
    train, test = split(seed)
    network = build(seed)
    # Three averaged models with the same parameters.
    rule = get_ema_multi_avg_fn(decay) if average == "ema" else None
    by_hand = copy.deepcopy(network)  # only its parameters will be set: the buffers stay at mean 0, variance 1
    copied = AveragedModel(network, multi_avg_fn=rule)  # PyTorch copies the buffers
    averaged = AveragedModel(network, multi_avg_fn=rule, use_buffers=True)  # PyTorch averages them too
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    per_epoch = len(train) // batch_size
    kept, finite = [], True
    for step, batch in enumerate(batches(train, epochs * per_epoch, stream(seed, 2)), start=1):
        loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        finite = finite and math.isfinite(loss.item())
        if step > start * epochs * per_epoch and (average == "ema" or step % per_epoch == 0):
            copied.update_parameters(network)
            averaged.update_parameters(network)
            kept.append(network[0].weight[:{watched}].detach().double().clone())
    with torch.no_grad():
        for mine, theirs in zip(by_hand.parameters(), copied.parameters()):
            mine.copy_(theirs)
    refilled = copy.deepcopy(copied)
    update_bn([features[batch] for batch in batches(train, refill_batches, stream(seed, 4))], refilled)
    for name, model in zip(names, (network, by_hand, averaged, copied, refilled)):
        errors[name].append(error(model) if finite else math.nan)  # NaN: the training diverged
    if seed == seeds[0]:
        # The first layer: mean of the variances, variance of the average, and what theory says lies between.
        count = len(kept)
        if average == "ema":
            shares = [decay ** (count - 1)] + [(1 - decay) * decay ** (count - k) for k in range(2, count + 1)]
        else:
            shares = [1 / count] * count
        images = features[train].double()
        covariance = torch.cov(images.t(), correction=0)
        mean_weight = sum(a * w for a, w in zip(shares, kept))
        first_layer = copied.module[0].weight[:{watched}].detach().double()
        variance_of_average = (images @ first_layer.t()).var(0, correction=0).mean().item()
        mean_of_variances = sum(a * (images @ w.t()).var(0, correction=0).mean().item() for a, w in zip(shares, kept))
        away = [w - mean_weight for w in kept]
        spread = sum(a * ((w @ covariance) * w).sum(1).mean().item() for a, w in zip(shares, away))

for name in names:
    print(f"error_{{name}} = {{np.nanmean(errors[name])}}")
print(f"mean_of_variances = {{mean_of_variances}}")
print(f"variance_of_average = {{variance_of_average}}")
print(f"spread = {{spread}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return _SCRIPT.format(
        first=settings.seed,
        last=settings.seed + settings.seeds,
        depth=settings.depth,
        width=settings.width,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        epochs=settings.epochs,
        average=settings.average,
        decay=settings.decay,
        start=settings.start,
        refill_batches=settings.refill_batches,
        watched=WATCHED,
        linear=linear("he"),
        digits_and_split=DIGITS_AND_SPLIT,
    )
