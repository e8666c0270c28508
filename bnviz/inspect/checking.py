"""`bnviz.check`: one model, one batch or a loader, now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from bnviz.errors import Phrase, shortened
from bnviz.i18n import N_
from bnviz.inspect.batches import Batch, read_batches
from bnviz.inspect.borrowing import borrowed, random_states_kept
from bnviz.inspect.errors import InspectionError
from bnviz.inspect.evidence import Evidence
from bnviz.inspect.layers import bare, norm_modules
from bnviz.inspect.measuring import gather
from bnviz.inspect.refilling import refilled
from bnviz.inspect.report import Report
from bnviz.inspect.rule import judge

MAX_REFILL_BATCHES = 64


def check(
    model: nn.Module,
    inputs: Any,
    *,
    targets: Any = None,
    loss: Callable[[Any, Any], torch.Tensor] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    recalibrate: Iterable[Any] | None = None,
) -> Report:
    """Look at every normalization layer of `model` with `inputs`, and say what is wrong.

    `inputs`: a tensor, a dictionary of keyword arguments, a tuple of arguments, or a loader (its first batches are used).
    `targets` belong to a single batch; a loader brings its own. `loss(outputs, targets)` lets `recalibrate`, a loader of
    training batches, be judged by the loss. `optimizer` tells of weight decay and of steps done.
    Weights, buffers, modes, gradients and random-number states are afterwards bitwise what they were.
    Raises: InspectionError where there is no normalization layer, no batch, or where the model refuses the batch.
    """
    if not isinstance(model, nn.Module):
        raise InspectionError(N_("Expected a torch.nn.Module; got {given}."), given=type(model).__name__)
    names = tuple(_seen_into(norm_modules(bare(model))))
    with random_states_kept():
        batches = read_batches(model, inputs, targets)
        with borrowed(model) as twin:
            evidence = gather(model, twin, batches, optimizer)
        evidence = replace(evidence, setup=replace(evidence.setup, last_batch=_last_batch(inputs)))
        if recalibrate is not None and evidence.setup.refused is None:
            again = read_batches(model, recalibrate, most=MAX_REFILL_BATCHES)
            with borrowed(model) as twin:
                evidence = replace(evidence, refill=refilled(twin, batches, again, loss))
    untried = not (evidence.refill and evidence.refill.is_loss) and any(norm.estimates for norm in evidence.batch_norms)
    return Report(judge(evidence), names, _looked(evidence, batches), untried=untried)


def _seen_into(norms: Mapping[str, nn.Module]) -> Mapping[str, nn.Module]:
    """`norms`. Raises: InspectionError where one is compiled by TorchScript, which admits no hooks."""
    scripted = next((name for name, module in norms.items() if isinstance(module, torch.jit.ScriptModule)), None)
    if scripted is not None:
        raise InspectionError(
            N_("{layer} is TorchScript, which nothing can look into: hand in the Python model that it was made from."),
            layer=shortened(scripted),
        )
    return norms


def _last_batch(inputs: Any) -> int | None:
    """Size of the last batch of a `DataLoader` where it is shorter than the others and not dropped."""
    if not isinstance(inputs, torch.utils.data.DataLoader) or inputs.drop_last or not inputs.batch_size:
        return None
    try:
        return len(inputs.dataset) % inputs.batch_size or None  # type: ignore[arg-type]
    except TypeError:
        return None


def _looked(evidence: Evidence, batches: Sequence[Batch]) -> Phrase:
    """What was looked at; the samples of a batch that no layer took are counted at the batch."""
    told = {"layers": len(evidence.norms), "batches": len(batches)}
    samples = evidence.batch_size or batches[0].size
    if samples is None:
        return Phrase(N_("Looked at: normalization layers {layers}, batches {batches}."), told)
    return Phrase(
        N_("Looked at: normalization layers {layers}, batches {batches}, samples per batch {samples}."),
        {**told, "samples": samples},
    )
