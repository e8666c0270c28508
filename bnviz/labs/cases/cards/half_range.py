"""Variances beyond 65504 become infinite in float16."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from bnviz.i18n import N_
from bnviz.labs.cases.cards._batches import after_batches, gaussian_batches
from bnviz.labs.cases.case import Case, Measured, github


@torch.no_grad()
def reproduce() -> Measured:
    """Share of eval outputs that are exactly 0, inputs of standard deviation 400: `model.half()`, and batch norm in float32."""
    batch = gaussian_batches(64, 8, mean=0, std=400)
    norm = after_batches(nn.BatchNorm1d(8), batch, 100)
    x = batch().half()
    return Measured(
        float((deepcopy(norm).half()(x) == 0).float().mean()),
        float((norm(x) == 0).float().mean()),
    )


CASE = Case(
    name="half_range",
    family="porting",
    symptom=N_("In half precision (float16) batch norm gives zeros, inf or a dtype error"),
    words=N_(
        "half precision, half, .half(), float16, FP16, fp16, out of range, 65504, overflow, expected scalar type "
        "Half but found Float, HalfTensor, bfloat16, BF16, AMP, input dtype, dtype mismatch, float64, "
        "network_to_half, keep_batchnorm_fp32, apex, TensorRT, batch norm in fp32, affine=False error"
    ),
    threads=(github("pytorch/pytorch", 90342), github("NVIDIA/apex", 121), github("fastai/fastai", 507)),
    look=N_(
        "share of outputs that are exactly 0, inputs of standard deviation 400: model.half(), and batch norm kept "
        "in float32"
    ),
    cause=N_(
        "float16 ends at 65504. A standard deviation of 256 already has a larger variance: the running variance "
        "becomes inf, and x / √inf is 0. Other kernels refuse mixed types instead."
    ),
    cure=N_(
        "Keep batch norm in float32 (autocast does; after model.half(), call .float() on every batch norm), or use "
        "bfloat16, which has the range of float32."
    ),
    reproduce=reproduce,
)
