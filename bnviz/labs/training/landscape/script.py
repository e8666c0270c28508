"""The topic `landscape` of the lab `training` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.training.landscape.settings import Settings
from bnviz.labs.training.shared.script_snippets import filled
from bnviz.scripting.reader import Reader

_SCRIPT: Final = '''"""How far the gradient may be trusted: range of the loss along it, and how much the gradient changes on the way.

Written by bnviz, lab training. Trained in float32; looked at in double precision, on a copy, in training mode.
"""

import copy
{imports}
{data}
{network}

def look(network, x, y, sizes):
    """Range of the loss along the gradient, largest change of the gradient, and the same over the gradient's length."""
    network, x = copy.deepcopy(network).double().train(), x.double()
    parameters = list(network.parameters())
    start = [parameter.detach().clone() for parameter in parameters]

    def loss_and_gradient():
        loss = nn.functional.cross_entropy(network(x), y)
        gradients = torch.autograd.grad(loss, parameters)
        return loss.item(), torch.cat([gradient.flatten() for gradient in gradients])

    first, direction = loss_and_gradient()
    losses, changes = [first], []
    pieces = direction.split([parameter.numel() for parameter in parameters])
    for size in sizes:
        with torch.no_grad():
            for parameter, origin, piece in zip(parameters, start, pieces):
                parameter.copy_(origin - size * piece.view_as(origin))
        loss, gradient = loss_and_gradient()
        losses.append(loss)
        changes.append((gradient - direction).norm().item())
    return max(losses) - min(losses), max(changes), max(changes) / direction.norm().item()


learning_rate = {learning_rate!r}
sizes = learning_rate * np.geomspace(0.5, {reach!r}, 8)
for normalizer in {normalizers!r}:
    found = []
    for seed in range({first}, {last}):
        x, y, _, _ = data(seed)
        network = build(normalizer, seed, x.shape[1])
        optimizer = optimizer_of(network, learning_rate)
        order = list(batches(len(x), seed))
        total = len(order)
        looks = {{math.ceil(total * (place / 19) ** 2) for place in range(20)}}
        # The look after the last step takes the first batch of one more epoch.
        generator = stream(seed, 2)
        if batch_size > len(x):
            order.append(torch.randint(0, len(x), (total + 1, batch_size), generator=generator)[-1])
        else:
            order.append([torch.randperm(len(x), generator=generator) for _ in range(epochs + 1)][-1][:batch_size])
        for step, batch in enumerate(order):
            if step in looks:
                found.append(look(network, x[batch], y[batch], sizes))
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
            if step == total or not math.isfinite(loss.item()):
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for name, values in zip(("range", "change", "relative"), zip(*found)):
        logs = [math.log(value) for value in values if math.isfinite(value) and value > 0]
        print(f"{{name}}_{{normalizer}} = {{math.exp(sum(logs) / len(logs)) if logs else math.nan}}")
'''


def script(settings: Settings, upload: Reader | None = None) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return filled(_SCRIPT, settings, upload, learning_rate=settings.learning_rate, reach=settings.reach)
