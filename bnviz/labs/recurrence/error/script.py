"""The topic `error` of the lab `recurrence` as a standalone PyTorch script that prints the page's numbers."""

from __future__ import annotations

from typing import Final

from bnviz.labs.recurrence.error.settings import Settings
from bnviz.labs.recurrence.shared.script_snippets import common

_SCRIPT: Final = '''"""What may be normalized in a recurrent cell? Every seed is trained five times: same split, weights and batches.

Written by bnviz, lab recurrence. One network after another: slower than the page, which trains all seeds at once.
"""

{common}

seeds, epochs, learning_rate = range({first}, {last}), {epochs}, {learning_rate!r}
variants = ("none", "batch_per_step", "batch_shared", "batch_input_only", "layer")


def error(network, test):
    with torch.no_grad():
        logits = network(features[test])
    finite = math.isfinite(nn.functional.cross_entropy(logits, labels[test]).item())
    return (logits.argmax(1) != labels[test]).double().mean().item() if finite else math.nan


errors, own = {{}}, {{}}
for variant in variants:
    errors[variant], own[variant] = [], []
    for seed in seeds:
        train, test = split(seed)
        network = Recurrent(variant, seed)
        optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
        finite = True
        for batch in batches(train, batch_size, epochs * (len(train) // batch_size), stream(seed, 2)):
            loss = nn.functional.cross_entropy(network(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            finite = finite and math.isfinite(loss.item())
        # NaN: the training diverged. In training mode, the test images as one batch bring their own statistics.
        errors[variant].append(error(network.eval(), test) if finite else math.nan)
        own[variant].append(error(network.train(), test) if finite else math.nan)
    print(f"error_{{variant}} = {{100 * np.nanmean(errors[variant])}}")

for a, b in (("batch_per_step", "batch_shared"), ("none", "batch_input_only"), ("none", "layer"), ("none", "batch_per_step")):
    # Paired differences of accuracy in points.
    print(f"difference_{{b}}_{{a}} = {{100 * np.nanmean(np.array(errors[a]) - np.array(errors[b]))}}")
for variant in variants[1:4]:
    print(f"own_statistics_{{variant}} = {{100 * np.nanmean(own[variant])}}")
'''


def script(settings: Settings) -> str:
    """Python source that prints the numbers of the topic's headline, one `name = value` per line."""
    return _SCRIPT.format(
        common=common(settings, settings.momentum),
        first=settings.seed,
        last=settings.seed + settings.seeds,
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
    )
