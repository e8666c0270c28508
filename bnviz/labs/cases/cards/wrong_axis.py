"""Batch norm over an (N, L, C) tensor takes the positions for channels."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """Standard deviation of the channels' means after batch norm of (N, L, C) = (64, 8, 8): as it is, and transposed."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 8, 8, generator=generator) + torch.arange(8.0)  # channel c has mean c
    norm = nn.BatchNorm1d(8)
    as_it_is, transposed = norm(x), norm(x.transpose(1, 2)).transpose(1, 2)
    return Measured(float(as_it_is.mean((0, 1)).std(correction=0)), float(transposed.mean((0, 1)).std(correction=0)))


CASE = Case(
    name="wrong_axis",
    family="porting",
    symptom=N_("Batch norm over the wrong axis: channels last, or (batch, time, features)"),
    words=N_(
        "axis, wrong axis, axis=1, axis=-1, channel axis, channels first, channels last, channels_first, "
        "data_format, NHWC, NCHW, NLC, (N, L, C), batch_first, time steps, features last, transformer, LSTM output,"
        " transpose, permute, 1D convolution, Conv1D, frequency axis, dim"
    ),
    threads=(
        github("sharathadavanne/seld-dcase2021", 8),
        github("keras-team/keras", 4316),
        github("pytorch/pytorch", 76613),
    ),
    look=N_(
        "standard deviation of the channels' means after batch norm of an (N, L, C) tensor: as it is, and transposed"
    ),
    cause=N_(
        "PyTorch takes axis 1 as the channels, Keras the last one. Where sequence length and number of channels "
        "agree there is no error: each position gets a mean of its own, and the channels keep theirs."
    ),
    cure=N_(
        "PyTorch: norm(x.transpose(1, 2)).transpose(1, 2). Keras with channels first: BatchNormalization(axis=1). "
        "Or layer norm, whose axis is the last."
    ),
    reproduce=reproduce,
)
