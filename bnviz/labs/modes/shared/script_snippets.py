"""What the scripts of the lab `modes` have in common, as Python source."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.shared.settings import NetworkSettings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

NETWORK: Final = ("batch_size", "depth", "width", "learning_rate", "momentum")

IMPORTS: Final = """\
import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
"""

BATCHES: Final = '''
def batches(samples, count, generator):
    """`count` rows of sample numbers: epochs in random order, the short last batch dropped."""
    if batch_size > samples:
        return torch.randint(0, samples, (count, batch_size), generator=generator)
    whole = samples // batch_size
    rows = [torch.randperm(samples, generator=generator)[: whole * batch_size] for _ in range(-(-count // whole))]
    return torch.cat(rows).view(-1, batch_size)[:count]
'''

BUILD: Final = """
def build(seed, momentum, norm=None):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for _ in range(depth):
        normalizer = nn.BatchNorm1d(width, momentum=momentum) if norm is None else norm()
        bias = not isinstance(normalizer, nn.BatchNorm1d)  # batch norm would take it away again
        modules += [linear(inputs, width, generator, bias), normalizer, nn.ReLU()]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


def norms_of(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]


def recalibrate(network, inputs):
    for module in norms_of(network):
        module.reset_running_stats()
        module.momentum = None  # the plain average
    network.train()
    with torch.no_grad():
        for batch in inputs:
            network(batch)
    network.eval()

"""


def head(settings: NetworkSettings, topic: str, question: str, names: tuple[str, ...], imports: str = "") -> str:
    """Docstring, imports, the settings called `names`, the digits, and how the network of the lab is built."""
    values = {
        name: None if getattr(settings, name) == "cumulative" else getattr(settings, name) for name in ("seed", *names)
    }
    lines = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    return (
        f'"""{question}\n\nWritten by bnviz, lab modes, topic {topic}.\n"""\n\n'
        f"{IMPORTS}{imports}\n{lines}\n\n{DIGITS_AND_SPLIT}\n\n{linear('he')}\n{BATCHES}\n{BUILD}"
    )
