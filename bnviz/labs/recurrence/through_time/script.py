"""The topic `through_time` of the lab `recurrence` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.recurrence.shared.script_snippets import common
from bnviz.labs.recurrence.through_time.settings import Settings

_SCRIPT: Final = '''"""How much of the loss's gradient reaches each time step of a fresh recurrent network?

Written by bnviz, lab recurrence.
"""

{common}

seeds = range({first}, {last})


def gradients(variant, seed):
    """RMS gradient of the loss at h_1 … h_T, one batch, training mode."""
    train, _ = split(seed)
    batch = batches(train, batch_size, 1, stream(seed, 2))[0]
    network = Recurrent(variant, seed)
    loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
    return [g.double().square().mean().sqrt().item() for g in torch.autograd.grad(loss, network.states)]


for variant in ("none", "batch_per_step", "batch_input_only", "layer"):
    found = np.array([gradients(variant, seed) for seed in seeds])
    print(f"first_over_last_{{variant}} = {{(found[:, 0] / found[:, -1]).mean()}}")

for gamma in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0):
    found = np.array([gradients("batch_per_step", seed) for seed in seeds[:3]])
    growth = (found[:, 1] / found[:, -1]) ** (1 / (T - 2))  # per step back, from h_T to h_2
    print(f"growth_gamma_{{gamma:g}} = {{growth.mean()}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return _SCRIPT.format(common=common(settings), first=settings.seed, last=settings.seed + settings.seeds)
