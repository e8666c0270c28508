"""The lab `gradient_flow` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.gradient_flow.settings import Settings
from bnviz.scripting.snippets import ACTIVATIONS

HEAD: Final = '''"""When do gradients vanish, and what does a normalizer change?

Written by bnviz, lab gradient_flow.
"""

import math

import torch
{imports}from torch import nn

depth, width = {depth}, {width}
batch_size, steps, learning_rate, seed = {batch_size}, {steps}, {learning_rate!r}, {seed}

torch.set_num_threads(1)
torch.set_flush_denormal(True)  # gradients below 1.2e-38 count as 0: a processor is slow with them
data_generator = torch.Generator().manual_seed(seed + 2**31)
'''

DIGITS: Final = """
# 1797 handwritten digits, pixels scaled to [0, 1].
digits = load_digits()
features = torch.from_numpy(digits.data).float() / 16
labels = torch.from_numpy(digits.target).long()
"""

SYNTHETIC: Final = """
# 2048 samples of 64 independent features, mean 0 and variance 1, with random labels.
shape = (2048, 64)
{features}
labels = torch.randint(0, 10, (2048,), generator=data_generator)
"""

FEATURES: Final = {
    "gaussian": "features = torch.randn(shape, generator=data_generator)",
    "skewed": "features = -torch.log1p(-torch.rand(shape, generator=data_generator)) - 1",
    "uniform": "features = (torch.rand(shape, generator=data_generator) * 2 - 1) * 3**0.5",
    "bimodal": "side = torch.randint(0, 2, shape, generator=data_generator) * 2 - 1\n"
    "features = 0.9 * side + 0.19**0.5 * torch.randn(shape, generator=data_generator)",
}

ORDER: Final = """
# One batch per step, and one more for the look after the last: epochs without replacement.
per_epoch = len(features) // batch_size
epochs = -(-(steps + 1) // per_epoch)
shuffled = [torch.randperm(len(features), generator=data_generator)[: per_epoch * batch_size] for _ in range(epochs)]
order = torch.cat(shuffled).view(-1, batch_size)[: steps + 1]


def linear(inputs, outputs, generator, bias=True, hidden=True):
    layer = nn.Linear(inputs, outputs, bias=bias)
    biases = torch.empty(outputs)
    with torch.no_grad():
{init}
        if bias:
            layer.bias.copy_(biases)
    return layer


def build(normalized):
    generator = torch.Generator().manual_seed(seed)  # the same weights for every variant
    modules, activations, inputs = [], [], features.shape[1]
    for _ in range(depth):
{block}
        inputs = width
    {assembled}


{network}def rms(tensor):
    return (torch.linalg.vector_norm(tensor, dtype=torch.float64) / math.sqrt(tensor.numel())).item()


def slope(values):
    values = values.detach().clone().requires_grad_()
    return torch.autograd.grad({activation}(values).sum(), values)[0].abs()


largest_slope = slope(torch.linspace(-10, 10, 20001)).max()

for name, normalized in {variants}:
    network, activations = build(normalized)
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    entering = []

    def keep(module, arguments):
        arguments[0].retain_grad()
        entering.append(arguments[0])

    hooks = [activation.register_forward_pre_hook(keep) for activation in activations]
    for step, batch in enumerate(order):
        loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
        loss.backward()
        if step == 0:  # the fresh network: what enters each activation, and the gradient there
            for hook in hooks:
                hook.remove()
            gradients = [rms(values.grad) for values in entering]
            saturated = torch.stack([(slope(values) < 0.05 * largest_slope).double().mean() for values in entering])
            # Layers whose gradient is too small for float32 tell nothing.
            lost = [layer for layer, value in enumerate(gradients) if value < torch.finfo(torch.float32).tiny]
            first, last = (lost[-1] + 1 if lost else 0), depth - 1
            growth = (gradients[first] / gradients[last]) ** (1 / (last - first)) if first < last else float(last == 0)
            print(f"growth_{{name}} = {{growth}}")
            print(f"first_gradient_{{name}} = {{gradients[0]}}")
            print(f"last_gradient_{{name}} = {{gradients[-1]}}")
            print(f"saturated_{{name}} = {{saturated.mean().item()}}")
        if step < steps:
            optimizer.step()
            optimizer.zero_grad()
    print(f"loss_{{name}} = {{loss.item()}}")
"""

INIT: Final = {
    "torch": """\
        # What nn.Linear does by default, from a generator of our own.
        nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
        nn.init.uniform_(biases, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=generator)""",
    "scaled": """\
        if hidden:  # weights from N(0, σ_w²/inputs), biases from N(0, σ_b²)
            nn.init.normal_(layer.weight, 0.0, {gain!r} / math.sqrt(inputs), generator=generator)
            nn.init.normal_(biases, 0.0, {bias!r}, generator=generator)
        else:  # what nn.Linear does by default
            nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
            nn.init.uniform_(biases, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs), generator=generator)""",
}

NORMALIZERS: Final = {
    "batch": "nn.BatchNorm1d(width, eps={eps!r})",
    "layer": "nn.LayerNorm(width, eps={eps!r})",
    "group": "nn.GroupNorm(groups, width, eps={eps!r})",
    "instance": "nn.InstanceNorm1d(width, eps={eps!r}, affine=True)",
}


PLAIN: Final = "return nn.Sequential(*modules, linear(inputs, 10, generator, hidden=False)), activations"
ADDING: Final = "return Adding([*modules, linear(inputs, 10, generator, hidden=False)], activations), activations"
NETWORK: Final = """class Adding(nn.Module):
    \"\"\"A skip connection around all that stands between two activations.\"\"\"

    def __init__(self, modules, activations):
        super().__init__()
        self.chain, self.activations = nn.ModuleList(modules), activations
        # A normalizer that stands in no branch, in front of the first activation or behind the last, keeps γ = 1.
        first, last = modules.index(activations[0]), modules.index(activations[-1])
        for module in modules[:first] + modules[last + 1 : -1]:
            if not isinstance(module, nn.Linear):
                nn.init.ones_(next(module.parameters()))

    def forward(self, values):
        entered = None  # what entered the activation before
        for module in self.chain:
            if module in self.activations:
                values = values if entered is None else entered + values
                entered = values
            values = module(values)
        return values


"""

GROUPS: Final = ["    groups = max(g for g in range(1, 9) if width % g == 0 and width // g >= 4)"]


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the lesson's headline, one `name = value` per line."""
    digits = settings.source == "digits"
    head = HEAD.format(
        imports="from sklearn.datasets import load_digits\n" if digits else "",
        depth=settings.depth,
        width=settings.width,
        batch_size=settings.batch_size,
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
    )
    data = DIGITS if digits else SYNTHETIC.format(features=FEATURES[settings.source])
    normalized = settings.normalizer != "none" and settings.position != "none"
    return (
        head
        + data
        + ORDER.format(
            init=INIT[settings.init].format(gain=settings.weight_gain, bias=settings.bias_std),
            block=_block(settings) if normalized else _plain_block(settings),
            activation=ACTIVATIONS[settings.activation],
            network=NETWORK if settings.skip else "",
            assembled=ADDING if settings.skip else PLAIN,
            variants=f'(("none", False), ("{settings.normalizer}", True))' if normalized else '(("none", False),)',
        )
    )


def _plain_block(settings: Settings) -> str:
    return (
        f"        activations.append({ACTIVATIONS[settings.activation]})\n"
        "        modules += [linear(inputs, width, generator), activations[-1]]"
    )


def _block(settings: Settings) -> str:
    """One hidden layer; a linear layer right in front of batch norm needs no bias."""
    normalizer = NORMALIZERS[settings.normalizer].format(eps=settings.eps)
    redundant = settings.normalizer == "batch" and settings.position == "before"
    bias = ", bias=not normalized" if redundant else ""
    lines = [
        f"activations.append({ACTIVATIONS[settings.activation]})",
        f"modules += [linear(inputs, width, generator{bias}), activations[-1]]",
        "if normalized:",
        *GROUPS[: settings.normalizer == "group"],
        f"    normalizer = {normalizer}",
        f"    nn.init.constant_(normalizer.weight, {settings.gamma!r})",
    ]
    if settings.normalizer == "instance":
        # Given (N, C), nn.InstanceNorm1d would take N for the channels.
        lines.append("    normalizer = nn.Sequential(nn.Unflatten(1, (width, 1)), normalizer, nn.Flatten(1))")
    place = "len(modules) - 1" if settings.position == "before" else "len(modules)"
    lines.append(f"    modules.insert({place}, normalizer)")
    return "\n".join(f"        {line}" for line in lines)
