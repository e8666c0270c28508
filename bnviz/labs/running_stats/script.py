"""The lab `running_stats` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.running_stats.settings import Settings

HEAD: Final = '''"""How fast do the running statistics of nn.BatchNorm1d find the truth, and how noisy do they stay?

Written by bnviz, lab running_stats.
"""

import numpy as np
import torch
{imports}from torch import nn

momentums = {momentums}  # None: the cumulative average
steps, batch_size, replicas, eps, seed = {steps}, {batch_size}, {replicas}, {eps!r}, {seed}
'''

DIGITS: Final = """
# The population: one output of a fixed nn.Linear on 1797 handwritten digits, the one whose mean is nearest to one
# standard deviation away from 0.
images = torch.from_numpy(load_digits().data.astype(np.float32) / 16)
torch.manual_seed(seed)
linear = nn.Linear(64, 16)
with torch.inference_mode():
    outputs = linear(images)
exact = outputs.double()
unit = int(((exact.mean(0) / exact.std(0)).abs() - 1).abs().argmin())
feature = outputs[:, unit].numpy()
population_mean = exact[:, unit].mean().item()
population_var = exact[:, unit].var(correction=0).item()

# Independent batches without repeats: a sample drawn twice is drawn again.
generator = np.random.default_rng(seed)
rows = np.sort(generator.integers(len(feature), size=(steps * replicas, batch_size), dtype=np.int16), axis=1)
dirty = np.flatnonzero((rows[:, 1:] == rows[:, :-1]).any(axis=1))
while dirty.size:
    part = rows[dirty]
    repeated = part[:, 1:] == part[:, :-1]
    part[:, 1:][repeated] = generator.integers(len(feature), size=repeated.sum(), dtype=np.int16)
    part.sort(axis=1)
    rows[dirty] = part
    dirty = dirty[(part[:, 1:] == part[:, :-1]).any(axis=1)]
batches = torch.from_numpy(feature[rows].reshape(steps, replicas, batch_size).transpose(0, 2, 1).copy())
"""

GAUSSIAN: Final = """
# The population: a normal feature. Each replica sees batches of its own.
population_mean, std = {mean!r}, {std!r}
population_var = std**2
generator = torch.Generator().manual_seed(seed)
batches = torch.randn(steps, batch_size, replicas, generator=generator) * std + population_mean
"""

STILL: Final = """
truth = np.full(steps + 1, population_mean)
still = steps  # batches before the mean moves
"""

DISTURBANCE: Final = """
# The disturbance: the mean moves by {size!r} standard deviations{how}.
still = {at}  # batches before the mean moves
moved = {shift}
shift = {size!r} * population_var**0.5 * moved
batches = batches + torch.from_numpy(shift.astype(np.float32))[:, None, None]
truth = population_mean + np.concatenate(([0.0], shift))
"""

RUN: Final = """

def print_first_within(share, name, average):
    reached = np.flatnonzero(np.abs(average[: still + 1] - population_mean) <= share * abs(population_mean))
    if reached.size:  # not where the run ends, or the mean moves, before that
        print(f"{name} = {reached[0]}")


print(f"population_mean = {population_mean:.9g}")
print(f"population_var = {population_var:.9g}")
for momentum in momentums:
    layer = nn.BatchNorm1d(replicas, eps=eps, momentum=momentum)  # the replicas are its channels
    means, variances = [layer.running_mean.clone()], [layer.running_var.clone()]
    for batch in batches:
        layer(batch)  # one forward pass in training mode moves the running statistics once
        means.append(layer.running_mean.clone())
        variances.append(layer.running_var.clone())
    average = torch.stack(means).double().mean(dim=1).numpy()
    name = "cumulative" if momentum is None else momentum
    print(f"running_mean[{name}] = {average[-1]:.9g}")
    print(f"running_var[{name}] = {variances[-1].double().mean():.9g}")
    print_first_within(0.05, f"steps_to_5pct[{name}]", average)
    print_first_within(0.01, f"steps_to_1pct[{name}]", average)
    if replicas > 1:
        print(f"noise[{name}] = {means[-1].double().std():.9g}")
    # Eval mode: (x - running mean) / sqrt(running var + eps), against the same with the true moments, over all x.
    scale = 1 / (variances[-1].double() + eps).sqrt()
    offset = (truth[-1] - means[-1].double()) * scale
    error = (population_var * (scale - (population_var + eps) ** -0.5) ** 2 + offset**2).mean().sqrt()
    print(f"eval_error[{name}] = {error:.9g}")
"""


def script(settings: Settings) -> str:
    """Python source that needs torch, NumPy and, for the digits, scikit-learn; it prints `name = value` lines."""
    digits = settings.source == "digits"
    momentums = ", ".join("None" if isinstance(value, str) else repr(value) for value in settings.compared)
    head = HEAD.format(
        imports="from sklearn.datasets import load_digits\n" if digits else "",
        momentums=f"[{momentums}]",
        steps=settings.steps,
        batch_size=settings.batch_size,
        replicas=settings.replicas,
        eps=settings.eps,
        seed=settings.seed,
    )
    data = DIGITS if digits else GAUSSIAN.format(mean=settings.mean, std=settings.std)
    return head + data + _disturbance(settings) + RUN


def _disturbance(settings: Settings) -> str:
    at, steps = settings.disturbance_at, settings.steps
    if settings.disturbance == "none" or at >= steps:
        return STILL
    if settings.disturbance == "jump":
        how, shift = " at once", "(np.arange(1, steps + 1) > still).astype(np.float64)"
    else:
        how, shift = ", evenly until the end", "np.maximum(np.arange(1, steps + 1) - still, 0) / (steps - still)"
    return DISTURBANCE.format(size=settings.disturbance_size, at=at, how=how, shift=shift)
