"""The topic `gap` of the lab `modes` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.gap.settings import Settings
from bnviz.labs.modes.shared.script_snippets import NETWORK, head

TEMPLATE: Final = """
train, test = split(seed)
network = build(seed, momentum)
optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
for batch in train[batches(len(train), steps, stream(seed, 2))]:
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(features[batch]), labels[batch]).backward()
    optimizer.step()

# The same weights and the same test images in both modes.
count = min(16, max(1, 450 // batch_size))
compared = test[batches(len(test), count, stream(seed, 2))]
seen = {}
first = norms_of(network)[0]
first.register_forward_hook(lambda module, arguments, output: seen["first"].append(output))


@torch.no_grad()
def answers(batched):
    seen["first"] = []
    logits = torch.cat([network(features[batch]) for batch in batched])
    return torch.cat(seen["first"]), logits


def gap(train_mode, other):
    spread = train_mode.double().var(0, correction=0).mean()
    return ((train_mode - other).double().square().mean() / spread).sqrt().item()


def wrong(logits):
    return 100 * (logits.argmax(1) != labels[compared.flatten()]).double().mean().item()


network.eval()
in_eval = answers(compared.flatten()[None])
recalibrate(network, features[train[batches(len(train), passes, stream(seed, 4))]])
recalibrated = answers(compared.flatten()[None])
network.train()
in_train = answers(compared)
print(f"gap_first_layer = {gap(in_train[0], in_eval[0])}")
print(f"gap_logits = {gap(in_train[1], in_eval[1])}")
print(f"gap_logits_recalibrated = {gap(in_train[1], recalibrated[1])}")
print(f"changed = {100 * (in_train[1].argmax(1) != in_eval[1].argmax(1)).double().mean().item()}")
print(f"error_train = {wrong(in_train[1])}")
print(f"error_eval = {wrong(in_eval[1])}")
print(f"error_recalibrated = {wrong(recalibrated[1])}")
"""


def script(settings: Settings) -> str:
    """The script for `settings`."""
    names = (*NETWORK, "steps", "passes")
    return head(settings, "gap", "The same weights and images, in train() and in eval().", names) + TEMPLATE
