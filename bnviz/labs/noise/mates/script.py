"""The topic `mates` of the lab `noise` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.noise.mates.settings import Settings

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


def script(settings: Settings) -> str:
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
