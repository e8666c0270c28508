"""The topic `dropout` of the lab `noise` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.noise.dropout.settings import Settings
from bnviz.labs.noise.shared.script_snippets import head

_DROPOUT: Final = '''
def build(variant, seed):
    generator = stream(seed, 0)
    modules, inputs = [], features.shape[1]
    for layer in range(depth):
        norm = [] if variant == "no_norm" else [nn.BatchNorm1d(width)]
        before = [nn.Dropout(p)] if variant in ("dropout_before_norm", "no_norm") and p > 0 else []
        after = [nn.Dropout(p)] if variant == "dropout_after_norm" and layer == depth - 1 and p > 0 else []
        modules += [linear(inputs, width, generator), nn.ReLU(), *before, *norm, *after]
        inputs = width
    return nn.Sequential(*modules, linear(inputs, 10, generator))


def recalibrate(network, seed):
    """Running statistics afresh: the plain average over one epoch, Dropout off, nothing learned."""
    network.eval()
    for module in network:
        if isinstance(module, nn.BatchNorm1d):
            module.train()
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        for batch in batches(split(seed, images)[0], stream(seed, 4)):
            network(features[batch])


found = {"none": [], "dropout_after_norm": [], "dropout_before_norm": [], "no_norm": [], "recalibrated": []}
for variant in ("none", "dropout_after_norm", "dropout_before_norm", "no_norm"):
    for seed in seeds:
        network = build(variant, seed)
        finite = fit(network, seed)
        found[variant].append(accuracy(network, seed, finite))
        if variant == "dropout_before_norm":
            recalibrate(network, seed)
            found["recalibrated"].append(accuracy(network, seed, finite))
for variant, values in found.items():
    print(f"error_{variant} = {100 * (1 - np.nanmean(values))}")
print(f"after_minus_none = {points(found['none'], found['dropout_after_norm'])}")
print(f"before_minus_after = {points(found['dropout_after_norm'], found['dropout_before_norm'])}")
print(f"recovered = {points(found['dropout_before_norm'], found['recalibrated'])}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the errors of all orders and what recalibration recovers, one `name = value` per line."""
    return head(settings, "Batch norm and Dropout.", f"p = {settings.dropout!r}\n") + _DROPOUT
