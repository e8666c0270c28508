"""The topic `sweep` of the lab `training` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.training.shared.script_snippets import filled
from bnviz.labs.training.sweep.settings import Settings
from bnviz.scripting.reader import Reader

_SCRIPT: Final = '''"""Every network with every learning rate: test errors, and the largest rate at which every seed ends with 90 %.

Written by bnviz, lab training. One network after another: slower than the page, which trains all at once.
"""

{imports}
{data}
{network}

def final_accuracy(normalizer, seed, learning_rate):
    """On the test samples, in eval mode; NaN if the training diverged."""
    x, y, x_test, y_test = data(seed)
    network = build(normalizer, seed, x.shape[1])
    optimizer = optimizer_of(network, learning_rate)
    for batch in batches(len(x), seed):
        loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
        if not math.isfinite(loss.item()):
            return math.nan
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        logits = network(x_test)
    if not math.isfinite(nn.functional.cross_entropy(logits, y_test).item()):
        return math.nan
    return (logits.argmax(1) == y_test).double().mean().item()


seeds, rates = range({first}, {last}), {rates!r}
for normalizer in {normalizers!r}:
    largest = math.nan
    for rate in rates:
        accuracies = [final_accuracy(normalizer, seed, rate) for seed in seeds]
        known = [accuracy for accuracy in accuracies if math.isfinite(accuracy)]
        print(f"error_{{normalizer}}_{{rate:g}} = {{100 * (1 - sum(known) / len(known)) if known else math.nan}}")
        if all(accuracy >= 0.9 for accuracy in accuracies):
            largest = rate
    print(f"largest_rate_{{normalizer}} = {{largest}}")
'''


def script(settings: Settings, upload: Reader | None = None) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return filled(_SCRIPT, settings, upload, rates=settings.learning_rates)
