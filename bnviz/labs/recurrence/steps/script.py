"""The topic `steps` of the lab `recurrence` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.recurrence.shared.script_snippets import common
from bnviz.labs.recurrence.steps.settings import Settings

_SCRIPT: Final = '''"""How do the statistics in front of a recurrent cell's gates differ from time step to time step?

Written by bnviz, lab recurrence.
"""

{common}

seed, passes, padding = {seed}, 100, {padding!r}
train, _ = split(seed)
network = Recurrent({normalizer!r}, seed)
if {warmup}:
    optimizer = torch.optim.Adam(network.parameters(), lr={learning_rate!r})
    for batch in batches(train, 64, {warmup}, stream(seed, 2)):
        loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def terms(indices):
    """{formula} at every step, (T, B, gates), and W_x x."""
    with torch.no_grad():
        network(features[indices])
    return {term}, network.input_terms


population, _ = terms(train)
mean, var = population.mean(1), population.var(1, unbiased=False)
spread = var.sqrt().sum(0) / (var > 0).sum(0).clamp(min=1)
moved = mean.std(0, unbiased=False) / spread.clamp(min=1e-30)
unit = int(moved.argsort()[len(moved) // 2])  # moves from step to step as much as the median unit
print(f"unit = {{unit}}")
print(f"drift = {{moved.median()}}")

# One module that is called at every step; beside it one with a channel per step, at whose own step 1 is added.
shared = nn.BatchNorm1d(population.shape[2], momentum=momentum, affine=False)
probe = nn.BatchNorm1d(T + 1, momentum=momentum, affine=False).double()
lengths = torch.full((len(labels),), T)
if padding > 0:
    uniform = torch.rand(len(labels), generator=stream(seed, 6), dtype=torch.float64)
    lengths = T - ((T - 1) * uniform ** ((T - 1) / (padding * T) - 1)).round().long()
padded = [nn.BatchNorm1d(1, momentum=None, affine=False) for _ in range(T)]
masked = [nn.BatchNorm1d(1, momentum=None, affine=False) for _ in range(T)]
zero = network.inputs(torch.zeros(1, 64 // T))[0, unit].item()
share, means = torch.zeros(T), []
for batch in batches(train, batch_size, passes, stream(seed, 2)):
    values, inputs = terms(batch)
    means.append(values.mean(1))
    for t in range(T):
        shared(values[t])
        probe(values[t, :, unit].double().unsqueeze(1) + torch.eye(T, T + 1)[t])
        real = t < lengths[batch]
        share[t] += 1 - real.float().mean()
        x = inputs[t, :, unit].unsqueeze(1)
        if real.sum() > 1:
            padded[t](torch.where(real.unsqueeze(1), x, zero))
            masked[t](x[real])
if var[-1].max() > 1e-12:
    alive = var[-1] > 1e-12
    distance = (torch.stack(means)[:, -1] - mean[-1])[:, alive] / var[-1, alive].sqrt()
    print(f"fluctuation = {{distance.square().mean().sqrt()}}")
print(f"shared_mean = {{shared.running_mean[unit]}}")
print(f"shared_var = {{shared.running_var[unit]}}")
weights = probe.running_mean[:-1] - probe.running_mean[-1]
print(f"weight_first = {{weights[0]}}")
print(f"weight_last = {{weights[-1]}}")
last = max(t for t in range(T) if 2 * padded[t].num_batches_tracked >= passes)
print(f"padded_share = {{share[last] / passes}}")
print(f"padded_var = {{padded[last].running_var.item()}}")
print(f"real_var = {{masked[last].running_var.item()}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    hidden = settings.term == "hidden"
    return _SCRIPT.format(
        common=common(settings, settings.momentum),
        seed=settings.seed,
        padding=settings.padding,
        normalizer=settings.normalizer,
        warmup=settings.warmup,
        learning_rate=settings.learning_rate,
        formula="W_h h" if hidden else "W_x x",
        term="torch.stack(network.hidden_terms)" if hidden else "network.input_terms",
    )
