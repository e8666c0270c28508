"""Checkpoints with and without `num_batches_tracked`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnviz.i18n import N_
from bnviz.labs.cases.case import Case, Measured, github


def reproduce() -> Measured:
    """Keys that `load_state_dict` refuses in a checkpoint that lost its integer buffer: as it is, and with the key put back."""

    def refused(state: dict[str, Tensor]) -> float:
        try:
            nn.BatchNorm1d(8).load_state_dict(state)
        except RuntimeError as error:
            return float(str(error).count("num_batches_tracked"))
        return 0.0

    state = nn.BatchNorm1d(8).state_dict()
    del state["num_batches_tracked"]  # as a loop over floating-point tensors does
    return Measured(refused(state), refused(state | {"num_batches_tracked": torch.tensor(0)}))


CASE = Case(
    name="missing_key",
    family="copies",
    symptom=N_("Missing or unexpected key(s) in state_dict: num_batches_tracked"),
    words=N_(
        "Error(s) in loading state_dict, missing key, unexpected key, num_batches_tracked, load_state_dict, "
        "checkpoint, pretrained weights, strict=False, PyTorch 0.4, old version, old checkpoints broken, save and "
        "load, model and loaded state dict do not match, retrocompatibility, backward compatibility, running_mean "
        "missing in checkpoint, module. prefix"
    ),
    threads=(github("pytorch/pytorch", 8430), github("pytorch/pytorch", 8481)),
    look=N_("keys that load_state_dict refuses: key missing, and key put back"),
    cause=N_(
        "num_batches_tracked came with PyTorch 0.4.1. Today's load_state_dict fills it in where a checkpoint is "
        "older or says nothing of versions, but not where it got lost: tools that convert or average floating-point "
        "tensors drop it. Versions before 0.4.1 do not know it."
    ),
    cure=N_(
        "Add the key with tensor(0), or delete it for older versions. It matters only with momentum=None. "
        "strict=False also hides keys that do matter: print what it skipped."
    ),
    reproduce=reproduce,
)
