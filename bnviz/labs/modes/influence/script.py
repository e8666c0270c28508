"""The topic `influence` of the lab `modes` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.influence.settings import Settings
from bnviz.labs.modes.shared.script_snippets import NETWORK, head

TEMPLATE: Final = """
kinds = {
    "batch": None,
    "layer": lambda: nn.LayerNorm(width),
    "group": lambda: nn.GroupNorm(groups, width),
    "none": nn.Identity,
}
train, _ = split(seed)
stock = train[batches(len(train), 22, stream(seed, 2))]
for name, norm in kinds.items():
    network = build(seed, momentum, norm)
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    for batch in stock[:20]:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(features[batch]), labels[batch]).backward()
        optimizer.step()
    network.train(mode == "train")
    images = features[stock[21]]
    # jacobian[i, k, j]: how logit k of sample i answers to the image of sample j.
    jacobian = torch.autograd.functional.jacobian(network, images)
    influence = jacobian.double().square().sum((1, 3)).sqrt()
    own = influence.diagonal()
    print(f"from_others[{name}] = {(1 - own.square() / influence.square().sum(1)).mean().item()}")
    print(f"others_that_move[{name}] = {((influence != 0).sum(0) - (own != 0).long()).double().mean().item()}")
"""


def script(settings: Settings) -> str:
    """The script for `settings`."""
    return (
        head(settings, "influence", "Which samples does an answer depend on?", (*NETWORK, "mode", "groups")) + TEMPLATE
    )
