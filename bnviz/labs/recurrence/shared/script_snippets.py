"""What the three scripts of the lab `recurrence` have in common: the data, and the cell with its normalizers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.recurrence.shared.settings import RecurrentSettings
from bnviz.scripting.snippets import DIGITS_AND_SPLIT
from bnviz.settings import MomentumValue

_GATES: Final = {"rnn": 1, "lstm": 4, "gru": 3}

_STEP: Final = {
    "rnn": """\
            state = torch.tanh(x + h)""",
    "lstm": """\
            write, keep, news, show = (x + h).chunk(4, dim=1)  # i, f, g, o
            memory = torch.sigmoid(keep) * memory + torch.sigmoid(write) * torch.tanh(news)
            state = torch.sigmoid(show) * torch.tanh(apply(self.cell_norms, memory, t))""",
    "gru": """\
            (reset_x, keep_x, news_x), (reset_h, keep_h, news_h) = x.chunk(3, dim=1), h.chunk(3, dim=1)  # r, z, n
            news = torch.tanh(news_x + torch.sigmoid(reset_x + reset_h) * news_h)
            keep = torch.sigmoid(keep_x + keep_h)
            state = news + keep * (state - news)""",
}

_COMMON: Final = '''\
import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

T, width, batch_size = {steps}, {width}, {batch_size}
gamma, momentum = {gamma!r}, {momentum}

{digits_and_split}

def linear(inputs, outputs, generator, bias):
    """As in nn.LSTM: weights and biases uniform on ±1/√width. A bias is drawn even where none is kept."""
    layer, bound = nn.Linear(inputs, outputs, bias=bias), width**-0.5
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        drawn = torch.empty(outputs).uniform_(-bound, bound, generator=generator)
        if bias:
            layer.bias.copy_(drawn)
    return layer


def norms(variant, channels):
    """One module per time step with one γ and β for all ("batch_per_step"), or one for all steps."""
    copies = T if variant == "batch_per_step" else 1
    if variant == "layer":
        made = [nn.LayerNorm(channels)]
    else:
        made = [nn.BatchNorm1d(channels, momentum=momentum) for _ in range(copies)]
    nn.init.constant_(made[0].weight, gamma)
    for norm in made[1:]:
        norm.weight, norm.bias = made[0].weight, made[0].bias
    return nn.ModuleList(made)


def apply(modules, values, t):
    return modules[min(t, len(modules) - 1)](values) if len(modules) else values


class Recurrent(nn.Module):
    """{module} with normalizers inside, and a linear layer on its last state."""

    def __init__(self, variant, seed):
        super().__init__()
        self.variant, generator = variant, stream(seed, 0)
        self.inputs = linear(64 // T, {gates} * width, generator, variant == "none")
        self.hidden = linear(width, {gates} * width, generator, variant in ("none", "batch_input_only"))
        self.output = linear(width, 10, generator, True)
        empty = nn.ModuleList()
        self.input_norms = empty if variant == "none" else norms(variant, {gates} * width)
        inside = variant not in ("none", "batch_input_only")
        self.hidden_norms = norms(variant, {gates} * width) if inside else empty
        self.cell_norms = norms(variant, width) if inside and {gates} == 4 else empty

    def forward(self, pixels):
        self.input_terms, self.hidden_terms, self.states = [], [], []
        steps = pixels.view(len(pixels), T, -1).transpose(0, 1)  # (T, B, inputs)
        terms = self.inputs(steps)
        self.input_terms = terms
        if self.variant == "batch_input_only":
            terms = self.input_norms[0](terms.flatten(0, 1)).view(T, len(pixels), -1)
        state = memory = torch.zeros(len(pixels), width)
        for t, x in enumerate(terms):
            if self.variant != "batch_input_only":
                x = apply(self.input_norms, x, t)
            h = self.hidden(state)
            self.hidden_terms.append(h)
            h = apply(self.hidden_norms, h, t)
{step}
            self.states.append(state)
        return self.output(state)


def batches(train, size, count, generator):
    """`count` batches: shuffled epochs, the short last batch dropped."""
    rows = []
    while len(rows) < count:
        shuffled = train[torch.randperm(len(train), generator=generator)]
        rows += [shuffled[start : start + size] for start in range(0, len(train) - size + 1, size)]
    return rows[:count]
'''

_MODULES: Final = {"rnn": "nn.RNN", "lstm": "nn.LSTM", "gru": "nn.GRU"}


def common(settings: RecurrentSettings, momentum: MomentumValue = 0.1) -> str:
    """Imports, data, the cell with its normalizers, whose batch norm has that `momentum`, and the batches."""
    return _COMMON.format(
        steps=settings.steps,
        width=settings.width,
        batch_size=settings.batch_size,
        gamma=settings.gamma,
        momentum="None" if isinstance(momentum, str) else repr(momentum),
        digits_and_split=DIGITS_AND_SPLIT,
        module=_MODULES[settings.cell],
        gates=_GATES[settings.cell],
        step=_STEP[settings.cell],
    )
