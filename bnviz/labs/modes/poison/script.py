"""The topic `poison` of the lab `modes` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.poison.settings import Settings
from bnviz.labs.modes.shared.script_snippets import NETWORK, head

TEMPLATE: Final = """
poison = {"nan": math.nan, "inf": math.inf, "huge": 1e25, "large": 1e4}[poison]


def step(network, optimizer, images, targets):
    network.train()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(network(images), targets)
    if math.isfinite(loss.item()) or not skip_bad_steps:
        loss.backward()
        optimizer.step()


@torch.no_grad()
def error(network):
    logits = network(features[test])
    return 100 * (logits.argmax(1) != labels[test]).double().mean().item() if logits.isfinite().all() else math.nan


train, test = split(seed)
stock = train[batches(len(train), steps + 100, stream(seed, 2))]
network = build(seed, momentum)
optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
for number, batch in enumerate(stock[:steps], start=1):
    images = features[batch]
    if number == poison_at:
        images[0, 36] = poison  # one pixel of one image
    step(network, optimizer, images, labels[batch])

print(f"error_eval = {error(network.eval())}")
print(f"error_train = {error(copy.deepcopy(network).train())}")

cured = copy.deepcopy(network)
optimizer = torch.optim.SGD(cured.parameters(), lr=learning_rate)
for batch in stock[steps:]:
    step(cured, optimizer, features[batch], labels[batch])
print(f"cured[more_batches] = {error(cured.eval())}")

cured = copy.deepcopy(network).train()
for norm in norms_of(cured):
    norm.momentum = 1.0
with torch.no_grad():
    cured(features[stock[steps]])
print(f"cured[momentum_one] = {error(cured.eval())}")

cured = copy.deepcopy(network).eval()
for norm in norms_of(cured):
    norm.reset_running_stats()
print(f"cured[reset] = {error(cured)}")

cured = copy.deepcopy(network)
recalibrate(cured, features[train[batches(len(train), passes, stream(seed, 4))]])
print(f"cured[recalibrate] = {error(cured)}")
"""


def script(settings: Settings) -> str:
    """The script for `settings`."""
    names = (*NETWORK, "steps", "poison", "poison_at", "skip_bad_steps", "passes")
    source = head(settings, "poison", "One bad batch in train mode, and what cures it.", names)
    return source.replace("import math\n", "import copy\nimport math\n", 1) + TEMPLATE
