"""So few independent values per statistic that batch-mates are a large part of every output."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import DROP_LAST, root
from bnviz.inspect.evidence import Evidence, Norm, full_batches
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule, worst_first
from bnviz.inspect.sampling import fidelity

# Below it more than a quarter of an output's variance is noise of the batch, as with Dropout of rate ¼. No theory gives this number.
LEAST = 0.75


def find(evidence: Evidence) -> Iterator[Finding]:
    """A warning where the model is in train mode (the batch is then one that it trains on), else a note.

    A note too where so few samples are enough only because each brings many values that differ. Where the batches are large
    enough, the same of an epoch's last one, which is shorter.
    """
    values: dict[str, float] = {}
    sizes: dict[str, float] = {}
    for norm in evidence.batch_norms:
        calls = full_batches(evidence.calls.get(norm.name, ()))
        if calls and (norm.training or not evidence.setup.training):
            sizes[norm.name] = float(np.median([call.effective for call in calls])) / evidence.setup.replicas
            values[norm.name] = fidelity(sizes[norm.name])
    poor = {name: value for name, value in values.items() if value < LEAST}
    if not poor:
        yield from _last(evidence, sizes)
        yield from _rescued(evidence, sizes)
        return
    layers, worst = worst_first(poor.items(), smallest=True)
    n = evidence.calls[layers[0]][0].n
    replicas = evidence.setup.replicas
    yield _poor(
        evidence,
        layers,
        worst,
        n,
        cause=Phrase(
            N_("{n} samples per batch on {replicas} devices are worth {effective} independent values per statistic.")
            if replicas > 1
            else N_("{n} samples per batch are worth {effective} independent values per statistic."),
            {"n": n, "replicas": replicas, "effective": f"{sizes[layers[0]]:.3g}"},
        ),
        cure=Phrase(N_("Take larger batches, synchronize the statistics over devices, or use group norm.")),
        code=_group_norms(evidence, layers) + "\n# or: model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)",
    )


def _poor(
    evidence: Evidence, layers: tuple[str, ...], worst: float, n: int, *, cause: Phrase, cure: Phrase, code: str
) -> Finding:
    """Of `layers` of which one has an R² of `worst` alone, with batches of n."""
    return Finding(
        rule=RULE.name,
        severity="warning" if evidence.setup.training else "note",
        layers=layers,
        quantity=Phrase(N_("R²: share of an output's variance that is the sample's own")),
        measured=worst,
        expected=LEAST,
        relation="at least",
        cause=cause,
        cure=cure,
        code=code,
        link=links.link("batch_size", topic="statistics", batch_size=links.batch_size(n)),
        case="small_batches",
    )


def _last(evidence: Evidence, sizes: dict[str, float]) -> Iterator[Finding]:
    """Of the layers with so many effective values in a full batch: those that get too few of the last one, which is not dropped."""
    last, usual = evidence.setup.last_batch, _usual(evidence)
    if last is None or not last < usual:
        return
    # As many values of each sample count; a batch norm may take another number of samples than the model.
    left = {name: max(size * last / usual, last / evidence.setup.replicas) for name, size in sizes.items()}
    poor = {name: value for name, size in left.items() if (value := fidelity(size)) < LEAST}
    if not poor:
        return
    layers, worst = worst_first(poor.items(), smallest=True)
    norm = next(norm for norm in evidence.batch_norms if norm.name == layers[0])
    yield _poor(
        evidence,
        layers,
        worst,
        last,
        cause=Phrase(
            N_(
                "The last batch of an epoch holds {n} samples, the others {usual}, and drop_last is off: it is worth {effective} "
                "independent values per statistic, and weighs {share} of the running statistics like a full one."
            ),
            {"n": last, "usual": usual, "effective": f"{left[layers[0]]:.3g}", "share": _weight(evidence, norm)},
        ),
        cure=Phrase(N_("Drop the last short batch, or deal its samples out among the others.")),
        code=DROP_LAST.format(size=usual),
    )


def _usual(evidence: Evidence) -> int:
    """Samples of a full batch."""
    if evidence.course is not None:
        return evidence.course.usual
    return max((call.n for calls in evidence.calls.values() for call in calls[:1]), default=0)


def _weight(evidence: Evidence, norm: Norm) -> str:
    """α of the newest batch; of a plain average its part."""
    return f"{norm.momentum if norm.momentum is not None else 1 / max(evidence.final_updates(norm) or 1, 1):.2g}"


def _rescued(evidence: Evidence, sizes: dict[str, float]) -> Iterator[Finding]:
    """Of the layers with so many effective values each: those whose samples would not be enough by their number."""
    replicas = evidence.setup.replicas
    few = {name: size for name, size in sizes.items() if fidelity(evidence.calls[name][0].n / replicas) < LEAST}
    if not few:
        return
    layers, fewest = worst_first(few.items(), smallest=True)
    n = evidence.calls[layers[0]][0].n / replicas
    yield Finding(
        rule=RULE.name,
        severity="note",
        layers=layers,
        quantity=Phrase(N_("samples per statistic")),
        measured=n,
        expected=float(next(size for size in range(2, 100) if fidelity(size) >= LEAST)),
        relation="at least",
        cause=Phrase(
            N_(
                "Each sample brings {values} values, so that they are worth {effective} independent ones here (R² {fidelity}): "
                "enough as long as the values within a sample differ that much."
            ),
            {
                "values": evidence.calls[layers[0]][0].per_sample,
                "effective": f"{fewest:.3g}",
                "fidelity": f"{fidelity(fewest):.2f}",
            },
        ),
        cure=Phrase(N_("Take larger batches where memory allows, or use group norm, which needs none.")),
        code=_group_norms(evidence, layers),
        link=links.link("batch_size", topic="statistics", batch_size=links.batch_size(max(round(n), 1))),
        case="small_batches",
    )


def _group_norms(evidence: Evidence, layers: tuple[str, ...]) -> str:
    """Group norm, of as many groups up to 32 as share out the channels, in the place of each of the `layers`."""
    model = root(evidence)
    return (
        f"import math\n\nfor name in {list(layers)!r}:\n"
        f"    channels = {model}.get_submodule(name).num_features\n"
        f"    {model}.set_submodule(name, torch.nn.GroupNorm(math.gcd(channels, 32), channels))"
    )


RULE = Rule("batch_too_small", priority=33, find=find, explained_by=frozenset({"one_value", "wrong_axis"}))
