"""The topic `boundaries` of the lab `training` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.training.boundaries.settings import HALF_WIDTHS, Settings
from bnviz.labs.training.shared.script_snippets import filled
from bnviz.scripting.reader import Reader

_SCRIPT: Final = '''"""Small networks of two inputs, with and without normalizers: test errors, and a drawing of what they decide.

Written by bnviz, lab training. One network after another; the page trains all seeds at once.
"""

{imports}
{data}
{network}

def trained(normalizer, seed, learning_rate):
    """The network, and its accuracy on the test points in eval mode; NaN if the training diverged."""
    x, y, x_test, y_test = data(seed)
    network, finite = build(normalizer, seed, x.shape[1]), True
    optimizer = optimizer_of(network, learning_rate)
    for batch in batches(len(x), seed):
        loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        finite = finite and math.isfinite(loss.item())
    network.eval()
    with torch.no_grad():
        logits = network(x_test)
    finite = finite and math.isfinite(nn.functional.cross_entropy(logits, y_test).item())
    return network, (logits.argmax(1) == y_test).double().mean().item() if finite else math.nan


def drawing(network, half, places=33):
    """What the network decides in the square of that half width, as characters; the top line is the largest y."""
    line = torch.linspace(-half, half, places)
    y, x = torch.meshgrid(line.flip(0), line, indexing="ij")
    with torch.no_grad():
        decided = network(torch.stack([x, y], dim=-1).view(-1, 2)).argmax(1).view(places, places)
    return "\\n".join("# " + "".join(".o"[label] for label in row) for row in decided.tolist())


learning_rate = {learning_rate!r}
for normalizer in {normalizers!r}:
    networks, accuracies = zip(*(trained(normalizer, seed, learning_rate) for seed in range({first}, {last})))
    known = [accuracy for accuracy in accuracies if math.isfinite(accuracy)]
    print(f"error_{{normalizer}} = {{100 * (1 - sum(known) / len(known)) if known else math.nan}}")
    # print(drawing(networks[0], {half!r}))  # take the mark away to see it
'''


def script(settings: Settings, upload: Reader | None = None) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return filled(
        _SCRIPT, settings, upload, learning_rate=settings.learning_rate, half=HALF_WIDTHS.get(settings.source, 3.0)
    )
