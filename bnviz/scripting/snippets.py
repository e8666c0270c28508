"""What the scripts of several labs have in common, as Python source. Not templates: braces stand for themselves.

`DIGITS_AND_SPLIT` wants `import math`, `numpy as np`, `torch` and `load_digits` above it, `linear(INIT)` also `from torch import nn`.
"""

from __future__ import annotations

from typing import Final

DIGITS_AND_SPLIT: Final = '''\
torch.set_num_threads(1)

# 1797 handwritten digits, pixels scaled to [0, 1].
digits = load_digits()
features = torch.from_numpy(digits.data).float() / 16
labels = torch.from_numpy(digits.target).long()


def stream(seed, purpose):
    """A generator of its own for each purpose: 0 weights, 1 split, 2 order of batches."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence((seed, purpose)).generate_state(1)[0]))


def quota(counts, total):
    """`total` shared out in proportion to `counts`, by largest remainder."""
    exact = counts.double() * total / counts.sum()
    shares = exact.floor().long()
    rest = (exact - shares).argsort(descending=True, stable=True)[: total - int(shares.sum())]
    shares[rest] += 1
    return shares


def split(seed, size=None):
    """Three quarters to train on (or `size` of them), one to test on, stratified by class."""
    counts = torch.bincount(labels)
    held_out = math.ceil(len(labels) * 0.25)
    for_test = quota(counts, held_out)
    for_training = quota(counts - for_test, size or len(labels) - held_out)
    generator = stream(seed, 1)
    train, test = [], []
    for label, (m, n) in enumerate(zip(for_test, for_training)):
        members = (labels == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        test.append(members[:m])
        train.append(members[m : m + n])
    return torch.cat(train), torch.cat(test)
'''

ACTIVATIONS: Final = {
    "identity": "nn.Identity()",
    "relu": "nn.ReLU()",
    "leaky_relu": "nn.LeakyReLU()",
    "elu": "nn.ELU()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
    "sigmoid": "nn.Sigmoid()",
    "tanh": "nn.Tanh()",
}

_INIT: Final = {
    "he": """\
    nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / inputs), generator=generator)
    biases = torch.zeros(outputs)""",
    "normal": """\
    nn.init.normal_(layer.weight, 0.0, 0.1, generator=generator)
    biases = torch.zeros(outputs)""",
    "torch": """\
    # What nn.Linear does by default, from a generator of our own; a bias is drawn even where none is kept.
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    biases = torch.empty(outputs).uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator)""",
}


def linear(init: str) -> str:
    """The function `linear(inputs, outputs, generator, bias=True)`, drawing the weights that the page's networks start with."""
    return f"""\
def linear(inputs, outputs, generator, bias=True):
    layer = nn.Linear(inputs, outputs, bias=bias)
{_INIT[init]}
    if bias:
        with torch.no_grad():
            layer.bias.copy_(biases)
    return layer
"""
