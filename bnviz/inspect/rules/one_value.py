"""One value per statistic: nothing is left after subtracting the mean."""

from __future__ import annotations

from collections.abc import Iterator

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.inspect import links
from bnviz.inspect.cures import DROP_LAST, in_place
from bnviz.inspect.evidence import Call, Evidence, Norm
from bnviz.inspect.finding import Finding
from bnviz.inspect.rule import Rule


def find(evidence: Evidence) -> Iterator[Finding]:
    """An error where PyTorch refuses, where a norm subtracts each value from itself, or where a loader ends in a batch of one."""
    setup = evidence.setup
    single = {
        norm.name: _per_statistic(norm, call) for norm in evidence.norms if (call := evidence.first(norm)) is not None
    }
    layers = tuple(name for name, count in single.items() if count <= 1)
    cure, code = (
        Phrase(N_("Drop the last short batch, take larger ones, or use layer norm.")),
        DROP_LAST.format(size=32),
    )
    if setup.refused is not None:
        layers = (setup.refused_layer,) if setup.refused_layer else ()
        cause = Phrase(N_("PyTorch refuses: {error}"), {"error": setup.refused})
    elif layers:
        cause = Phrase(N_("Each value is its own mean: whatever comes in, zero goes out."))
        norm = next(norm for norm in evidence.norms if norm.name == layers[0])
        if norm.kind != "batch":
            cure = Phrase(
                N_("Let more values share a mean: all channels of a sample, as in a group norm of one group.")
            )
            code = in_place(evidence, norm.name, f"torch.nn.GroupNorm(1, {norm.channels})")
    elif setup.last_batch == 1 and evidence.batch_norms:
        layers = tuple(norm.name for norm in evidence.batch_norms)
        cause = Phrase(
            N_(
                "The loader's last batch holds one sample, and drop_last is off: training stops there, or that "
                "sample counts as a batch."
            )
        )
    else:
        return
    yield Finding(
        rule=RULE.name,
        severity="error",
        layers=layers,
        quantity=Phrase(N_("values per statistic")),
        measured=1.0,
        expected=2.0,
        relation="at least",
        cause=cause,
        cure=cure,
        code=code,
        link=links.link("layer", batch_size=1),
        case="batch_of_one",
    )


def _per_statistic(norm: Norm, call: Call) -> float:
    """Values that share one mean."""
    if norm.kind == "batch":
        return call.count if norm.training else 2
    if norm.kind == "layer":
        return norm.channels
    if norm.kind == "group":
        return norm.channels / norm.groups * call.per_sample
    return call.per_sample


RULE = Rule("one_value", priority=7, find=find)
