"""The topic `race` of the lab `training` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.training.race.settings import Settings
from bnviz.labs.training.shared.script_snippets import filled
from bnviz.scripting.reader import Reader

_SCRIPT: Final = '''"""Networks with and without normalizers: test error, steps to 90 %, and how far the input of one unit drifts.

Written by bnviz, lab training. One network after another: slower than the page, which trains all seeds at once.
"""

{imports}
{data}
{network}

def percentiles(network, inputs, unit):
    """15, 50, 85 % of what the unit of the last hidden layer hands to its activation; and the logits."""
    received = network[:-2](inputs)
    levels = torch.tensor([0.15, 0.5, 0.85], dtype=torch.float64)
    return torch.quantile(received[:, unit].double(), levels).numpy(), network[-2:](received)


seeds, unit, learning_rate = range({first}, {last}), {unit}, {learning_rate!r}
for normalizer in {normalizers!r}:
    errors, drifts, reached = [], [], []
    for seed in seeds:
        x, y, x_test, y_test = data(seed)
        network = build(normalizer, seed, x.shape[1])
        optimizer = optimizer_of(network, learning_rate)
        total = epochs * max(1, len(x) // batch_size)
        points = {{0, *(math.ceil(total * (place / 64) ** 1.5) for place in range(1, 65))}}
        seen, first, finite, right = {{}}, math.nan, True, math.nan

        def look(step):
            global first, finite, right
            network.eval()
            with torch.no_grad():
                seen[step], logits = percentiles(network, x_test, unit)
            network.train()
            finite = finite and math.isfinite(nn.functional.cross_entropy(logits, y_test).item())
            right = (logits.argmax(1) == y_test).double().mean().item() if finite else math.nan
            if right >= 0.9 and math.isnan(first):
                first = step

        look(0)
        for step, batch in enumerate(batches(len(x), seed), start=1):
            loss = nn.functional.cross_entropy(network(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            finite = finite and math.isfinite(loss.item())
            if step in points:
                look(step)
        medians = [median for step, (_, median, _) in seen.items() if step >= min(50, total // 2)]
        width_of_last = seen[total][2] - seen[total][0]
        drift = (max(medians) - min(medians)) / width_of_last if width_of_last else math.nan
        errors.append(100 * (1 - right))
        drifts.append(drift if math.isfinite(drift) else math.nan)
        reached.append(first)

    def mean(values):
        """Over the seeds that have a number."""
        known = [value for value in values if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan

    print(f"error_{{normalizer}} = {{mean(errors)}}")
    print(f"drift_{{normalizer}} = {{mean(drifts)}}")
    print(f"steps_to_90_{{normalizer}} = {{mean(reached)}}")
'''


def script(settings: Settings, upload: Reader | None = None) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return filled(_SCRIPT, settings, upload, unit=settings.unit, learning_rate=settings.learning_rate)
