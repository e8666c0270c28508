"""The topics of the lab `noise` that train have in common as scripts."""

from __future__ import annotations

from typing import Final

from bnviz.labs.noise.shared.settings import TrainingSettings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

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


def head(settings: TrainingSettings, title: str, more: str) -> str:
    """Everything up to what the topic does; `more`: settings of its own."""
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
