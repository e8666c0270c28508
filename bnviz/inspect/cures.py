"""Pieces of code that cures are made of: with the names of the layers that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bnviz.inspect.evidence import Evidence

BATCH_NORMS = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm")
"""Classes below PyTorch's `_BatchNorm`, lazy ones included, as the names of theirs end."""

DROP_LAST: Final = (
    "loader = torch.utils.data.DataLoader(loader.dataset, batch_size={size}, shuffle=True, drop_last=True)"
)
"""To be formatted with the size."""
UPDATE_BN: Final = "torch.optim.swa_utils.update_bn(loader, model)"
COUNT_AGAIN: Final = """model.eval()  # all but the batch norms
for module in model.modules():
    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
        module.train().reset_running_stats()
        module.momentum = None  # a plain average; set yours again before you train on
with torch.no_grad():
    for batch, *_ in loader:
        model(batch)
model.eval()"""
"""Count the statistics again as the experiment does. `UPDATE_BN` has Dropout and what a model draws by
itself switched on meanwhile, which leaves other statistics."""


def root(evidence: Evidence) -> str:
    """The model that the names of layers start from."""
    return "model.module" if evidence.setup.wrapper else "model"


def on_each(evidence: Evidence, layers: Sequence[str], *statements: str) -> str:
    """A loop over `layers` with `statements` about `norm`; where they are all batch norms of the model, without their names."""
    body = "\n".join(f"    {line}" for statement in statements for line in statement.splitlines())
    norms = evidence.batch_norms
    if (
        len(layers) > 1
        and {norm.name for norm in norms} == set(layers)
        and all(norm.type_name.endswith(BATCH_NORMS) for norm in norms)
    ):
        body = "\n".join(f"    {line}" for line in body.splitlines())
        return "for norm in model.modules():\n    if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):\n" + body
    return f"for name in {list(layers)!r}:\n    norm = {root(evidence)}.get_submodule(name)\n{body}"


def in_place(evidence: Evidence, layer: str, replacement: str) -> str:
    """`replacement`, an expression, in the place of `layer`."""
    return f"{root(evidence)}.set_submodule({layer!r}, {replacement})"
