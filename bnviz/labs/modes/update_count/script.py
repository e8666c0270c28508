"""The topic `update_count` of the lab `modes` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.shared.script_snippets import NETWORK, head
from bnviz.labs.modes.update_count.settings import Settings

TEMPLATE: Final = """
train, test = split(seed)
stock = train[batches(len(train), steps * accumulation + 1, stream(seed, 2))]
validation = test[batches(len(test), 1, stream(seed, 2))[0]]


def loss_of(network, batch, logits=None):
    return nn.functional.cross_entropy(network(features[batch]) if logits is None else logits, labels[batch])


def checkpointed(network, batch, use_reentrant):
    values = features[batch].clone().requires_grad_()
    for start in range(0, len(network) - 1, 3):
        values = checkpoint(network[start : start + 3], values, use_reentrant=use_reentrant)
    return loss_of(network, batch, network[-1](values))


def step(network, way, parts):
    if way.startswith("checkpoint"):
        checkpointed(network, parts[0], way == "checkpoint_reentrant").backward()
        return
    passes = parts * 2 if way == "second_pass" else parts
    sum(loss_of(network, batch) for batch in passes).div(len(passes)).backward()


for way in ("plain", "accumulation", "second_pass", "checkpoint", "checkpoint_reentrant", "validation"):
    # Two networks that differ in the running means that they start with, 0 and 1: their difference is the old value's weight.
    networks = [build(seed, momentum), build(seed, momentum)]
    for norm in norms_of(networks[1]):
        norm.running_mean.fill_(1.0)
    optimizers = [torch.optim.SGD(network.parameters(), lr=learning_rate) for network in networks]
    at = 0
    for number in range(steps):
        count = accumulation if way == "accumulation" else 1
        parts, at = list(stock[at : at + count]), at + count
        for network, optimizer in zip(networks, optimizers):
            optimizer.zero_grad()
            step(network, way, parts)
            optimizer.step()
            if way == "validation":
                with torch.no_grad():
                    network(features[validation])  # nobody called eval()
        if number == 0:
            first, second = (norms_of(network)[0].running_mean.double() for network in networks)
            old_weight = (second - first).mean().item()
    print(f"updates[{way}] = {norms_of(networks[0])[0].num_batches_tracked.item() / steps}")
    print(f"momentum[{way}] = {1 - old_weight}")
"""


def script(settings: Settings) -> str:
    """The script for `settings`."""
    imports = "from torch.utils.checkpoint import checkpoint\n"
    question = "How often do the running statistics move per optimizer step?"
    return head(settings, "update_count", question, (*NETWORK, "steps", "accumulation"), imports) + TEMPLATE
