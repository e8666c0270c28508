"""The topic `ghost` of the lab `noise` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.noise.ghost.result import ghost_sizes
from bnviz.labs.noise.ghost.settings import Settings
from bnviz.labs.noise.shared.script_snippets import head

_GHOST: Final = '''
class GhostBatchNorm(nn.BatchNorm1d):
    """A batch is normalized in parts of `size`, one after another."""

    def __init__(self, features, size):
        super().__init__(features)
        self.size = size

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        parts = len(x) // self.size
        outputs = [super(GhostBatchNorm, self).forward(x[part::parts]) for part in range(parts)]
        return torch.stack(outputs, dim=1).flatten(0, 1)


def build(size, seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for _ in range(depth):
        modules += [linear(inputs, width, generator, bias=False), GhostBatchNorm(width, size), nn.ReLU()]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


found = {}
for size in sizes:
    found[size] = []
    for seed in seeds:
        network = build(size, seed)
        found[size].append(accuracy(network, seed, fit(network, seed)))
    print(f"error_{size} = {100 * (1 - np.nanmean(found[size]))}")
for size in sizes[1:]:
    print(f"gain_{size} = {points(found[sizes[0]], found[size])}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the error for every ghost size and its difference from the whole batch's."""
    return (
        head(settings, "Batch norm over parts of the batch.", f"sizes = {ghost_sizes(settings.batch_size)}\n") + _GHOST
    )
