"""The instant topics of the lab `noise` as standalone PyTorch scripts that print the page's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bnviz.scripting.snippets import DIGITS_AND_SPLIT, linear

if TYPE_CHECKING:
    from bnviz.labs.noise.shared.settings import Settings

_MATES: Final = '''"""One fixed sample in batch after batch of other batch-mates: what does nn.BatchNorm1d make of it?

Written by bnviz, lab noise.
"""

import math

import numpy as np
import torch
{imports}from torch import nn

value, batch_size, draws, seed = {value!r}, {batch_size}, {draws}, {seed}

{source}

def norm(channels):
    return nn.BatchNorm1d(channels, affine=False, track_running_stats=False)


# The fixed sample is the first row; every channel is another batch.
generator = torch.Generator().manual_seed(seed)
mates = draw((batch_size - 1, draws), generator)
batch = torch.cat([torch.full((1, draws), value), mates])
output = norm(draws)(batch)[0].double()
print(f"mean = {{output.mean()}}")
print(f"std = {{output.std()}}")

# All samples random: squared correlation of the output with the true value.
batches = max(256, 32768 // batch_size)
values = draw((batch_size, batches), torch.Generator().manual_seed(seed + batch_size))
fidelity = np.corrcoef(values.double().flatten(), norm(batches)(values).double().flatten())[0, 1] ** 2
closed_form = 2 / batch_size * math.exp(2 * (math.lgamma(batch_size / 2) - math.lgamma((batch_size - 1) / 2)))
print(f"fidelity = {{fidelity}}")
print(f"fidelity_theory = {{closed_form}}")
print(f"dropout_rate = {{1 - fidelity}}")
'''

_GAUSSIAN: Final = """
def draw(shape, generator):
    return torch.randn(shape, generator=generator)

"""

_DIGITS: Final = """
# The population: one output of a fixed nn.Linear on 1797 handwritten digits{behind}, standardized: the one whose mean is
# nearest to 0.
images = torch.from_numpy(load_digits().data.astype(np.float32) / 16)
torch.manual_seed(seed)
with torch.inference_mode():
    outputs = nn.Linear(64, 16)(images).double()
feature = outputs[:, int((outputs.mean(0) / outputs.std(0)).abs().argmin())]{relu}
feature = ((feature - feature.mean()) / feature.std(correction=0)).float()


def draw(shape, generator):
    return feature.take(torch.randint(len(feature), shape, generator=generator))

"""

_SHIFT: Final = '''"""Dropout in front of batch norm: the variance in eval mode, layer by layer. In training mode it is 1.

Written by bnviz, lab noise. Fresh networks, nothing is trained.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

seeds = range({first}, {last})
depth, width, p, order = {depth}, {width}, {p!r}, {order!r}
images, passes = {images}, {passes}

{digits_and_split}

{linear}

def build(seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for layer in range(depth):
        dropout = [nn.Dropout(p)] if order != "none" and p > 0 else []
        before = dropout if order == "dropout_before_norm" else []
        after = dropout if order == "dropout_after_norm" and layer == depth - 1 else []
        modules += [linear(inputs, width, generator), nn.ReLU(), *before, nn.BatchNorm1d(width, momentum=None), *after]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


ratios, theory = [[] for _ in range(depth)], []
for seed in seeds:
    train, _ = split(seed, images)
    network, shuffle = build(seed), stream(seed, 4)
    torch.manual_seed(int(np.random.SeedSequence((seed, 3)).generate_state(1)[0]))  # for nn.Dropout
    with torch.no_grad():
        for _ in range(passes):  # momentum=None: the running statistics are the plain average of all passes
            network(features[train[torch.randperm(images, generator=shuffle)]])
        network.eval()
        x, layer = features[train], 0
        for module in network:
            if isinstance(module, nn.ReLU):
                on = (module(x) > 0).float().mean(0) >= 0.05  # units that are on for hardly any image are left out
                if layer == 0:
                    k = 1 - p if order == "dropout_before_norm" else 1
                    var, mean = torch.var_mean(module(x).double(), 0, correction=0)
                    theory += (var / ((var + mean**2) / k - mean**2 + 1e-5))[on].tolist()
            if isinstance(module, nn.BatchNorm1d):
                ratio = x.double().var(0, correction=0) / (module.running_var.double() + module.eps)
                ratios[layer] += ratio[on].tolist()
                layer += 1
            x = module(x)
for layer, values in enumerate(ratios, start=1):
    print(f"variance_ratio_{{layer}} = {{np.mean(values)}}")
print(f"theory_1 = {{np.mean(theory)}}")
'''


def mates_script(settings: Settings) -> str:
    """Python source that prints mean and s.d. of the fixed sample's output, and R², one `name = value` per line."""
    gaussian, relu = settings.source == "gaussian", settings.source == "digits_relu"
    digits = _DIGITS.format(behind=", behind ReLU" if relu else "", relu=".relu()" if relu else "")
    return _MATES.format(
        imports="" if gaussian else "from sklearn.datasets import load_digits\n",
        value=settings.sample_value,
        batch_size=settings.batch_size,
        draws=settings.draws,
        seed=settings.seed,
        source=_GAUSSIAN if gaussian else digits,
    )


def shift_script(settings: Settings, networks: int, images: int, passes: int) -> str:
    """Python source that prints the variance ratio of every layer, and the first one's theory."""
    return _SHIFT.format(
        first=settings.seed,
        last=settings.seed + networks,
        depth=settings.depth,
        width=settings.width,
        p=settings.dropout,
        order=settings.order,
        images=images,
        passes=passes,
        digits_and_split=DIGITS_AND_SPLIT,
        linear=linear("he"),
    )
