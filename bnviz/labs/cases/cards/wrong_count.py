"""num_features must be the number of channels of the input."""

from __future__ import annotations

from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import gaussian_batches, refusals
from bnviz.labs.cases.case import Case, Measured, github


def reproduce() -> Measured:
    """Forward passes that PyTorch refuses for 8 channels: num_features 16, and 8."""
    x = gaussian_batches(32, 8)()
    return Measured(refusals(lambda: nn.BatchNorm1d(16)(x)), refusals(lambda: nn.BatchNorm1d(8)(x)))


CASE = Case(
    name="wrong_count",
    family="errors",
    symptom=N_("RuntimeError: running_mean should contain 256 elements not 512"),
    words=N_(
        "should contain elements not, running_mean should contain, weight should contain, num_features, number of "
        "channels, channel mismatch, size mismatch for bn, concatenation, skip connection, pruning, input features "
        "changed"
    ),
    threads=(
        github("tteepe/GaitGraph2", 11),
        github("Namkyeong/BGRL_Pytorch", 1),
        github("dreamquark-ai/tabnet", 276),
    ),
    look=N_("forward passes refused for an input of 8 channels: num_features = 16, and 8"),
    cause=N_(
        "The first number is the size of axis 1 of the input, the second the num_features of the layer. Usual "
        "reasons: a concatenation, another number of input features or joints, pruned channels, a transposed "
        "tensor."
    ),
    cure=N_(
        "Print x.shape before the layer and set num_features to its axis 1, or use LazyBatchNorm, which takes the "
        "number from the first input."
    ),
    reproduce=reproduce,
    common=True,
)
