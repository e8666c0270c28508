"""The topic `freeze_matrix` of the lab `modes` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.freeze_matrix.settings import Settings
from bnviz.labs.modes.shared.script_snippets import NETWORK, head

TEMPLATE: Final = """
def task(indices, first):
    kept = indices[(labels[indices] >= first) & (labels[indices] < first + 5)]
    return features[kept], labels[kept] - first


def fit(network, images, targets, count, purpose):
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    for batch in batches(len(targets), count, stream(seed, purpose)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images[batch]), targets[batch]).backward()
        optimizer.step()


def pretrained(track):
    norm = lambda: nn.BatchNorm1d(width, momentum=momentum, track_running_stats=track)
    network = build(seed, momentum, norm)
    fit(network, *task(train, 0), 100, 2)
    return network


def state(body, images):
    norms = norms_of(body)
    with torch.no_grad():
        told = body.eval()(images)
    return {
        "weights": [module.weight for module in body if isinstance(module, nn.Linear)],
        "gamma": [norm.weight for norm in norms],
        "beta": [norm.bias for norm in norms],
        "running_mean": [norm.running_mean for norm in norms if norm.track_running_stats],
        "running_var": [norm.running_var for norm in norms if norm.track_running_stats],
        "features": [told],
    }


def flat(tensors):
    return torch.cat([tensor.detach().flatten().double() for tensor in tensors])


train, test = split(seed)
old_images, old_labels = task(test, 0)
for track in (True, False):
    for requires_grad in (True, False):
        for eval_mode in (False, True):
            before, network = pretrained(track).eval(), pretrained(track).train()
            body = network[:-1]
            if not requires_grad:
                for module in [body] if frozen == "body" else norms_of(body):
                    module.requires_grad_(False)
            for norm in norms_of(body):
                norm.train(not eval_mode)
            fit(network, *task(train, 5), steps, 4)
            then, now = state(before[:-1], old_images), state(body, old_images)
            name = f"{requires_grad},{'eval' if eval_mode else 'train'},{track}"
            for quantity in ("weights", "gamma", "running_mean", "features"):
                if then[quantity]:
                    a, b = flat(then[quantity]), flat(now[quantity])
                    scale = a.var(correction=0).sqrt() * len(a) ** 0.5 if quantity == "features" else a.norm()
                    print(f"{quantity}[{name}] = {((b - a).norm() / scale).item()}")
"""


def script(settings: Settings) -> str:
    """The script for `settings`."""
    return head(settings, "freeze_matrix", "What does freezing freeze?", (*NETWORK, "steps", "frozen")) + TEMPLATE
