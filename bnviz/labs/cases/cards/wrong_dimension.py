"""BatchNorm1d, 2d and 3d check the number of dimensions."""

from __future__ import annotations

from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, refusals
from bnviz.labs.cases.case import Case, Measured, github


def reproduce() -> Measured:
    """Forward passes that PyTorch refuses for an input (N, C) after a linear layer: BatchNorm2d, and BatchNorm1d."""
    x = gaussian_batches(32, 8)()
    return Measured(refusals(lambda: nn.BatchNorm2d(8)(x)), refusals(lambda: nn.BatchNorm1d(8)(x)))


CASE = Case(
    name="wrong_dimension",
    family="errors",
    symptom=N_("ValueError: expected 4D input (got 2D input)"),
    words=N_(
        "expected 2D or 3D input (got 4D input), got 1D input, got 3D input, got 5D input, expected 5D input, "
        "expected at least 3D input, BatchNorm1d instead of BatchNorm2d, should be BatchNorm1d, BatchNorm3d, number"
        " of dimensions, dims, cannot process input, input shape, squeeze, unsqueeze, linear layer, fc"
    ),
    threads=(
        github("pytorch/pytorch", 6316),
        github("hehai131/DANN", 3),
        github("rcdaudt/patch_based_change_detection", 1),
    ),
    look=N_("forward passes refused for an input (N, C): BatchNorm2d, and BatchNorm1d"),
    cause=N_(
        "BatchNorm1d takes (N, C) or (N, C, L), BatchNorm2d (N, C, H, W), BatchNorm3d (N, C, D, H, W). PyTorch "
        "before 0.4 did not check. A squeeze() that removes the batch axis of a batch of one has the same effect."
    ),
    cure=N_(
        "After a linear layer BatchNorm1d, after Conv2d BatchNorm2d. Replace squeeze() by flatten(1) or name its axis."
    ),
    reproduce=reproduce,
)
