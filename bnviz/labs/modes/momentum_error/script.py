"""The topic `momentum_error` of the lab `modes` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.modes.momentum_error.settings import Settings, compared
from bnviz.labs.modes.shared.script_snippets import head

TEMPLATE: Final = """
# The slow and plain way: one network per momentum and seed. The weights come out the same for every momentum.
errors = {momentum: [] for momentum in momentums}
recalibrated = []
for momentum in momentums:
    for replica in range(seed, seed + seeds):
        train, test = split(replica)
        network = build(replica, momentum)
        optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
        for batch in train[batches(len(train), steps, stream(replica, 2))]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(features[batch]), labels[batch]).backward()
            optimizer.step()
        network.eval()
        errors[momentum].append(100 * (network(features[test]).argmax(1) != labels[test]).double().mean().item())
        if momentum == momentums[0]:
            recalibrate(network, features[train[batches(len(train), passes, stream(replica, 4))]])
            recalibrated.append(100 * (network(features[test]).argmax(1) != labels[test]).double().mean().item())
    print(f"error[{'cumulative' if momentum is None else momentum}] = {np.mean(errors[momentum])}")
print(f"error_recalibrated = {np.mean(recalibrated)}")
"""


def script(settings: Settings) -> str:
    """The script for `settings`."""
    names = ("batch_size", "depth", "width", "learning_rate", "steps", "passes", "seeds")
    numbers = [repr(momentum) for momentum in compared(settings.momentum)[:-1]]
    momentums = f"momentums = [{', '.join(numbers)}, None]  # None: the cumulative average\n"
    return (
        head(settings, "momentum_error", "Test error in eval mode against the momentum.", names) + momentums + TEMPLATE
    )
